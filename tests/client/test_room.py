"""What the other side sends fills no place of others, and what confirms a visit is kept."""

from dataclasses import replace

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, Line, Pointer, Profile, TheirLetter, with_contact
from ojak_client.room import (
    MOST_BEFORE_A_HELD_VISIT,
    MOST_LEFT_BEHIND,
    MOST_THAT_STAY,
    MOST_UNREAD,
    Sender,
    has_room,
    has_room_for,
    has_room_for_visits,
    sender_of,
    without_left_behind,
)
from ojak_client.sharing import Share
from ojak_protocol import conversation as talk
from ojak_protocol.letters import Body, Kind
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    letter,
    line_of,
    moment,
)
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.client.timed import DAY, writes
from tests.people import CLOCK, ENTROPY, KEM, meet

LATER_VERSION = 77


def meets(host: Person, *, keeps: bool) -> Person:
    guest = guest_of(host.relay, host.clock, keeps=keeps)
    guest.write("da")
    for _ in range(3):
        host.sync()
        guest.sync()
    return guest


def floods(guest: Person, host: Person, count: int = 2 * MOST_UNREAD) -> None:
    """Somebody sends more letters of a later version than are kept of anybody."""

    def more(contact: Contact) -> Contact:
        (line,) = contact.lines
        state = line.conversation
        for _ in range(12):
            state = talk.write(state, Body(LATER_VERSION), reference=0, entropy=ENTROPY, kem=KEM)
        return replace(contact, lines=(replace(line, conversation=state),))

    for _ in range(count // 12):
        guest.change(more)
        for person in (guest, host, guest, host):
            person.sync()
        host.clock.now += 5


@pytest.mark.parametrize("keeps", [False, True])
def test_b1_who_sends_what_no_reading_clears_takes_no_room_of_the_family(
    relay: SimulatedRelay, clock: Clock, *, keeps: bool
) -> None:
    """Neither at a borrowed device nor at his own."""
    host = host_of(relay, clock)
    family = meets(host, keeps=True)
    other = meets(host, keeps=keeps)
    floods(other, host, 24)
    stays = MOST_THAT_STAY[sender_of(host.contact.lines[-1])]
    assert sum(one.kind == LATER_VERSION for one in host.contact.theirs) == stays
    writes(family, after=3600)
    for _ in range(3):
        family.sync()
        host.sync()
    assert len(host.contact.pointers) == 1
    # Nor once his line is forgotten; who came last at an own device is the one written to.
    clock.now += 2 * DAY
    for _ in range(3):
        host.sync()
        family.sync()
    assert (family.contact.lines[0].conversation.outbox == ()) is not keeps


def of(line: Line, count: int, **changes: object) -> tuple[TheirLetter, ...]:
    """So many letters of a later version that came through *line*."""
    one = letter(kind=LATER_VERSION)
    return tuple(
        replace(one, reference=n, written=(line.number, 0, n), **changes)  # type: ignore[arg-type] # of each field its own type
        for n in range(count)
    )


def test_each_sender_has_room_of_its_own() -> None:
    state = meet().host
    family, another = line_of(state), line_of(state)
    visit, held = line_of(state, kept=False), line_of(state, kept=False, held=True)
    alarm = line_of(state, alarm=True)
    body = Body(LATER_VERSION)
    lines = (family, another, visit, held, alarm)
    assert [sender_of(line) for line in lines] == [
        Sender.FAMILY,
        Sender.FAMILY,
        Sender.VISIT,
        Sender.HELD,
        Sender.FAMILY,
    ]
    for full, left in (
        ((another,), (family, visit, held, alarm)),
        ((visit,), (family, another, held, alarm)),
        ((held,), (family, another, visit, alarm)),
        ((alarm,), (family, another, visit, held)),
    ):
        most = MOST_THAT_STAY[sender_of(full[0])]
        contact = Contact(NAME, RELAY, lines=lines, theirs=of(full[0], most))
        assert [line for line in lines if has_room_for(contact, line, body)] == list(left)
        assert all(has_room_for(contact, line, Body(Kind.TEXT, "x")) for line in full)
        one_less = replace(contact, theirs=contact.theirs[1:])
        assert all(has_room_for(one_less, line, body) for line in full)
        pointers = tuple(Pointer(b"", CLOCK, line=full[0].number) for _ in range(most))
        announced = replace(contact, theirs=(), pointers=pointers)
        assert not any(has_room_for(announced, line, body) for line in full)


def test_whatever_stays_half_of_the_room_is_for_what_a_reading_clears() -> None:
    line = line_of(meet().host)
    staying = of(line, MOST_UNREAD)
    plain = tuple(letter(reference=n) for n in range(MOST_UNREAD))
    contact = Contact(NAME, RELAY, lines=(line,))
    half = MOST_UNREAD // 2
    assert has_room(replace(contact, theirs=staying + plain[: half - 1]), Share())
    assert not has_room(replace(contact, theirs=staying + plain[:half]), Share())
    assert has_room(replace(contact, theirs=plain[1:]), Share())
    assert not has_room(replace(contact, theirs=plain), Share())
    # How much is left of lines that are gone depends on the word that was typed there.
    behind = of(replace(line, number=line.number + 99), 2 * MOST_LEFT_BEHIND)
    assert has_room(replace(contact, theirs=behind + plain[1:]), Share())
    assert not has_room(replace(contact, theirs=behind + plain), Share())


def test_of_lines_that_are_gone_the_newest_that_stay_are_left_and_the_marked_apart() -> None:
    """A letter of a family that came on a borrowed device is not lost with its line."""
    there, gone, stranger = (line_of(meet().host) for _ in range(3))
    most = MOST_LEFT_BEHIND
    text = replace(letter(), written=(gone.number, 0, 99))
    theirs = (
        *of(there, 20),
        *of(gone, most + 2),
        text,
        *of(stranger, most + 3, held=True),
        *of(replace(gone, number=0), 20),
    )
    pointers = tuple(Pointer(bytes([n]), CLOCK, line=gone.number) for n in range(most + 1))
    contact = Contact(NAME, RELAY, lines=(there,), theirs=theirs, pointers=pointers)
    left = without_left_behind(contact)
    assert left.theirs == (
        *of(there, 20),
        *of(gone, most + 2)[2:],
        text,
        *of(stranger, most + 3, held=True)[3:],
        *of(replace(gone, number=0), 20),
    )
    assert left.pointers == pointers[1:]
    assert without_left_behind(left) is left
    profile = with_contact(Profile(), contact)
    assert prepare(profile, RELAY, moment())[0].contacts[0].theirs == left.theirs


@pytest.mark.parametrize("timed", [False, True])
def test_what_the_box_says_that_confirms_a_visit_is_kept_though_there_is_no_room(
    relay: SimulatedRelay, clock: Clock, *, timed: bool
) -> None:
    """It is acknowledged by being taken: what is not kept then is lost, and nobody is told."""
    host = host_of(relay, clock)
    other = line_of(meet().host, kept=False, confirmed_at=clock.now)
    full = of(other, MOST_THAT_STAY[Sender.VISIT])
    host.change(lambda contact: replace(contact, lines=(other,), theirs=full, arrivals=99))
    guest = guest_of(relay, clock, keeps=False)
    if timed:
        writes(guest)
    else:
        guest.change(lambda contact: replace(contact, ours=(our(kind=LATER_VERSION),)))
    for person in (host, guest, host, guest, host):
        person.sync()
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()
    (_, line) = host.contact.lines
    came = [one for one in host.contact.theirs if one.written[0] == line.number]
    came_later = [one for one in host.contact.pointers if one.line == line.number]
    assert (len(came), len(came_later)) == ((0, 1) if timed else (1, 0))
    # One for each confirmation, and no more.
    floods(guest, host, 24)
    assert sum(one.written[0] == line.number for one in host.contact.theirs) == len(came)


def test_the_letter_that_confirms_a_visit_is_kept_though_nobody_read_the_others(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    unread = tuple(letter(reference=n) for n in range(MOST_UNREAD))
    host.change(lambda contact: replace(contact, theirs=unread, arrivals=MOST_UNREAD))
    assert not has_room(host.contact, Share())
    guest = guest_of(relay, clock, keeps=False)
    guest.write("온 편지")
    for person in (host, guest, host, guest, host):
        person.sync()
    assert NoticeKind.GUEST_CONFIRMED in host.kinds()
    assert host.texts[MOST_UNREAD:] == ["온 편지"]


def test_c7_who_comes_every_day_with_answers_that_were_seen_does_not_fill_the_vault(
    relay: SimulatedRelay, clock: Clock
) -> None:
    """Twelve visits a day, each with a letter that is kept in any case, and nobody reads."""
    host = host_of(relay, clock)
    before = tuple(letter(reference=n) for n in range(MOST_BEFORE_A_HELD_VISIT - 8))
    host.change(lambda contact: replace(contact, theirs=before, arrivals=len(before)))
    for _ in range(2):
        host.sync()
        for _ in range(12):
            guest = guest_of(relay, clock, keeps=False)
            guest.write("x" * 1490)
            for person in (guest, host, guest, host):
                person.sync()
                clock.now += 5
        assert len(host.contact.theirs) == MOST_BEFORE_A_HELD_VISIT
        clock.now += DAY
    # The family comes with new answers all the same, and with any once our person has read.
    point = host.contact.sets[0].point
    assert (point.spent, point.unconfirmed) == (True, 0)
    assert not has_room_for_visits(host.contact, point, Share())
    assert has_room_for_visits(host.contact, replace(point, spent=False), Share())
    host.change(lambda contact: replace(contact, theirs=()))
    again = guest_of(relay, clock, keeps=False)
    again.write("나야")
    for _ in range(4):
        host.sync()
        again.sync()
        clock.now += 5
    assert host.texts[-1:] == ["나야"]

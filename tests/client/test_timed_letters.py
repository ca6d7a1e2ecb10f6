"""Timed letters from writer to reader: shown when due and not before, and nothing is lost."""

from dataclasses import replace

import pytest

from ojak_client.errors import ContactGone
from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState
from ojak_client.room import MOST_UNREAD
from ojak_client.rounds import run_errands
from ojak_client.taking_back import take_back
from ojak_client.timed_parts import LIES_SECONDS, MOST_PARTS, with_timed_letter
from ojak_client.timed_pointers import GONE, keep_pointer
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.details import Parcel
from ojak_protocol.letters import Body, Kind, details_of, encode_details
from ojak_protocol.parcels import pack_timed
from tests.client.persons import (
    NAME,
    Clock,
    Killed,
    Person,
    host_of,
    kept_pair,
    letter,
    line_of,
    moment,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.client.timed import (
    DAY,
    DUE,
    TEXT,
    deposits_at,
    part,
    place_of,
    pointer,
    polled,
    state_of,
    writes,
)
from tests.people import ENTROPY, holds, meet


@pytest.fixture
def pair(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person]:
    """A writer and a reader who are in touch."""
    writer, reader = kept_pair(relay, clock)
    for person in (reader, writer, reader):
        person.sync()
    return writer, reader


@pytest.fixture
def announced(pair: tuple[Person, Person]) -> tuple[Person, Person]:
    """The same, after a timed letter was written and its pointer came."""
    writer, reader = pair
    writes(writer)
    for person in pair:
        person.sync()
    assert pointer(reader)
    return writer, reader


def test_a_timed_letter_is_read_when_it_is_due_and_then_deleted(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = announced
    place = place_of(writer)
    clock.now += DUE
    reader.sync()
    assert [(one.kind, one.text) for one in reader.contact.theirs] == [(Kind.TEXT, TEXT)]
    assert reader.kinds().count(NoticeKind.LETTER_ARRIVED) == 1
    assert (reader.contact.pointers, reader.contact.part_deletes) == ((), ())
    assert not relay.holds(place)


def test_its_place_is_not_looked_at_and_shows_nothing_before_it_is_due(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = announced
    for _ in range(2):
        reader.sync()
        clock.now += DUE // 2 - 1
    reader.sync()
    assert place_of(writer) not in polled(relay)
    assert not relay.holds(place_of(writer))
    clock.now += 2
    reader.sync()
    assert place_of(writer) in polled(relay)


def test_neither_its_text_nor_its_key_stays_with_the_writer_once_the_pointer_came(
    announced: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = announced
    key = writer.contact.ours[0].details
    assert key
    reader.write("답")
    for person in (reader, writer):
        person.sync()
    assert state_of(writer, 1) is LetterState.COLLECTED
    assert not holds(writer.contact, key[10:40])
    assert NoticeKind.POINTER_COLLECTED in writer.kinds()
    assert NoticeKind.LETTER_COLLECTED not in writer.kinds()
    clock.now += DUE
    reader.sync()
    assert TEXT in reader.texts


@pytest.mark.parametrize("off", [-5 * 3600, 0, 5 * 3600])
def test_it_is_released_by_the_relays_clock_when_it_is_due_and_lies_for_seven_days(
    off: int, pair: tuple[Person, Person], relay: SimulatedRelay
) -> None:
    writer, _ = pair
    writes(writer)
    with relay.clock_off(off):
        writer.sync()
    (deposit,) = deposits_at(relay, place_of(writer))
    assert (deposit.after_seconds, deposit.ttl_seconds) == (DUE - off, LIES_SECONDS)


def test_it_is_deposited_again_at_every_third_until_seven_days_after_it_was_due(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, _ = announced
    place, due_at = place_of(writer), part(writer).due_at
    for _ in range(40):
        clock.now += DAY // 4
        writer.sync()
    made = deposits_at(relay, place)
    # After 0, 2.5, 5 and 7.5 days; it was due after three and lies until the tenth is over.
    assert len(made) == 4
    assert len({one.box for one in made}) == 1
    begun = due_at - DUE
    assert all(
        begun <= due_at - one.after_seconds and one.ttl_seconds <= LIES_SECONDS for one in made
    )
    assert made[-1].after_seconds == 0
    assert made[-1].ttl_seconds < LIES_SECONDS
    assert writer.contact.parts == ()


def test_what_a_relay_lost_is_there_again_for_the_reader(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = announced
    relay.store._records.clear()  # noqa: SLF001 - a relay that loses everything
    clock.now += DUE
    for person in (writer, reader):
        person.sync()
    assert reader.texts == [TEXT]


def test_what_a_full_relay_did_not_take_is_deposited_later(
    pair: tuple[Person, Person], relay: SimulatedRelay
) -> None:
    writer, _ = pair
    writes(writer)
    with relay.full():
        writer.sync()
    assert not part(writer).deposited_at
    writer.sync()
    assert part(writer).deposited_at
    assert len(deposits_at(relay, place_of(writer))) == 2


def test_other_bytes_in_its_place_are_replaced_by_its_delete_key(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    writes(writer)
    with relay.occupied():
        writer.sync()
    for person in (writer, reader):
        person.sync()
    assert deposits_at(relay, place_of(writer))[-1].delete_key is not None
    assert not part(writer).replaces
    clock.now += DUE
    reader.sync()
    assert reader.texts == [TEXT]


def test_garbage_in_its_place_is_left_alone_until_the_letter_itself_is_there(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = announced
    clock.now += DUE
    with relay.shows({place_of(writer): bytes(4000)}):
        reader.sync()
    assert not reader.contact.theirs
    reader.sync()
    assert reader.texts == [TEXT]


def test_a_letter_that_is_not_what_its_pointer_tells_is_damaged(
    announced: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = announced
    clock.now += DUE
    # A writer that lies about its own letter: the length in the pointer is another one.
    lying = _with_size(pointer(reader).details, 5)
    reader.change(
        lambda contact: replace(contact, pointers=(replace(pointer(reader), details=lying),))
    )
    reader.sync()
    assert [one.kind for one in reader.contact.theirs] == [UNREADABLE]
    assert reader.contact.pointers == ()
    assert writer.contact.parts


def _with_size(details: bytes, size: int) -> bytes:
    parcel = details_of(Kind.PARCEL, details)
    assert isinstance(parcel, Parcel)
    return encode_details(replace(parcel, size=size))


def test_what_never_lies_there_is_given_up_seven_days_after_it_was_due_and_told_once(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    _, reader = announced
    relay.store._records.clear()  # noqa: SLF001 - as above
    clock.now += DUE + LIES_SECONDS - 1
    reader.sync()
    assert not reader.contact.theirs
    assert NoticeKind.LETTER_GONE not in reader.kinds()
    clock.now += 1
    for _ in range(2):
        reader.sync()
    assert [one.kind for one in reader.contact.theirs] == [GONE]
    assert reader.kinds().count(NoticeKind.LETTER_GONE) == 1
    assert reader.contact.pointers == ()


def test_an_exchange_that_began_before_a_letter_was_announced_gives_it_up_as_well(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    stays = reader.exchange()
    run_errands(stays)
    writes(writer)
    writer.sync()
    run_errands(stays)
    assert reader.contact.pointers
    relay.store._records.clear()  # noqa: SLF001 - as above
    clock.now += DUE + LIES_SECONDS - 1
    run_errands(stays)  # so that nothing else is left to be said
    assert not reader.contact.theirs
    clock.now += 1
    run_errands(stays)
    assert [one.kind for one in reader.contact.theirs] == [GONE]


@pytest.mark.parametrize("garbage", [True, False])
def test_a_device_that_was_off_for_long_looks_once_before_it_gives_up(
    garbage: bool,  # noqa: FBT001 - pytest gives it by name
    announced: tuple[Person, Person],
    relay: SimulatedRelay,
    clock: Clock,
) -> None:
    writer, reader = announced
    clock.now += DUE + LIES_SECONDS - 60
    if garbage:
        clock.now += 120
        with relay.shows({place_of(writer): bytes(4000)}):
            reader.sync()
        assert [one.kind for one in reader.contact.theirs] == [GONE]
    else:
        reader.sync()
        assert reader.texts == [TEXT]


def test_a_device_whose_clock_runs_ahead_gives_nothing_up_before_the_relay_could_show_it(
    announced: tuple[Person, Person], clock: Clock
) -> None:
    _, reader = announced
    reader.clock = Clock(clock.now + DUE + LIES_SECONDS + DAY)
    reader.sync()
    assert NoticeKind.LETTER_GONE not in reader.kinds()
    clock.now += DUE
    reader.clock.now += DUE
    reader.sync()
    assert reader.texts == [TEXT]


def test_a_letter_that_says_it_is_due_in_a_hundred_years_is_given_up_like_others(
    announced: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    _, reader = announced
    assert pointer(reader).due_at == clock.now + DUE
    parcel = replace(
        pack_timed(b"x", due_at=clock.now + 5, now=clock.now, entropy=ENTROPY), due_at=1 << 31
    )
    reader.change(
        lambda contact: keep_pointer(
            contact,
            Body(Kind.PARCEL, details=parcel),
            moment(clock.now),
            through=line_of(meet().host),
        )[0]
    )
    clock.now += 38 * DAY
    relay.store._records.clear()  # noqa: SLF001 - nothing lies there
    reader.sync()
    assert reader.contact.pointers == ()


def test_a_letter_taken_back_before_its_pointer_came_is_deleted_at_once_and_never_read(
    pair: tuple[Person, Person], relay: SimulatedRelay, clock: Clock
) -> None:
    writer, reader = pair
    reference = writes(writer)
    writer.sync()
    place = place_of(writer)
    writer.change(lambda contact: take_back(contact, reference))
    assert (state_of(writer, reference), writer.contact.parts) == (LetterState.ASKED_BACK, ())
    writer.sync()
    assert writer.contact.part_deletes == ()
    reader.sync()
    reader.write("답")
    for person in (reader, writer):
        person.sync()
    clock.now += DUE
    assert not relay.holds(place)
    reader.sync()
    assert (reader.texts, reader.contact.pointers) == ([], ())
    assert state_of(writer, reference) is LetterState.TAKEN_BACK


@pytest.mark.parametrize("acknowledged", [True, False])
def test_a_letter_taken_back_after_its_pointer_came_is_never_said_to_be_taken_back(
    acknowledged: bool,  # noqa: FBT001 - pytest gives it by name
    announced: tuple[Person, Person],
    clock: Clock,
) -> None:
    writer, reader = announced
    if acknowledged:
        reader.write("답")
        for person in (reader, writer):
            person.sync()
        assert state_of(writer, 1) is LetterState.COLLECTED
    writer.change(lambda contact: take_back(contact, 1))
    writer.sync()
    reader.write("또")
    for person in (reader, writer):
        person.sync()
    assert state_of(writer, 1) is LetterState.ASKED_BACK
    assert NoticeKind.LETTER_TAKEN_BACK not in writer.kinds()
    assert (NoticeKind.POINTER_NOT_TAKEN_BACK in writer.kinds()) is not acknowledged
    clock.now += DUE + LIES_SECONDS
    reader.sync()
    assert reader.texts == [""]
    assert reader.contact.theirs[-1].kind == GONE


def test_a_letter_asked_for_by_nobody_is_taken_back_with_its_box(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    reference = writes(host)
    host.sync()
    place = place_of(host)
    host.change(lambda contact: take_back(contact, reference))
    host.sync()
    assert state_of(host, reference) is LetterState.TAKEN_BACK
    clock.now += DUE
    assert not relay.holds(place)


def test_only_so_many_wait_at_a_time(pair: tuple[Person, Person]) -> None:
    writer, _ = pair
    for _ in range(MOST_PARTS):
        writes(writer)
    profile, now = writer.store.read(), writer.clock.now
    more = with_timed_letter(profile, NAME, TEXT, due_at=now + 60, now=now, entropy=ENTROPY)
    assert more is None
    other = replace(profile, contacts=())
    with pytest.raises(ContactGone):
        with_timed_letter(other, NAME, TEXT, due_at=now + 60, now=now, entropy=ENTROPY)


def test_letters_for_later_count_among_those_that_fill_the_vault(
    announced: tuple[Person, Person],
) -> None:
    writer, reader = announced
    full = tuple(letter(reference=number) for number in range(MOST_UNREAD - 1))
    reader.change(lambda contact: replace(contact, theirs=full))
    writer.write("one more")
    for person in (writer, reader):
        person.sync()
    assert reader.contact.theirs == full
    reader.change(lambda contact: replace(contact, theirs=full[1:]))
    reader.sync()
    assert "one more" in reader.texts


def test_a_timed_letter_which_may_be_longer_than_others_is_left_where_half_as_many_wait(
    announced: tuple[Person, Person], clock: Clock
) -> None:
    _, reader = announced
    half = tuple(letter(reference=number) for number in range(MOST_UNREAD // 2))
    reader.change(lambda contact: replace(contact, theirs=half))
    clock.now += DUE
    reader.sync()
    assert reader.contact.theirs == half
    reader.change(lambda contact: replace(contact, theirs=half[1:]))
    reader.sync()
    assert TEXT in reader.texts


@pytest.mark.parametrize("save", range(5))
@pytest.mark.parametrize("who", ["writer", "reader"])
def test_a_process_killed_at_any_save_loses_no_timed_letter_and_shows_it_once(
    who: str, save: int, pair: tuple[Person, Person], clock: Clock
) -> None:
    writer, reader = pair
    writes(writer)
    dying = writer if who == "writer" else reader
    dying.store.killed_at = dying.store.saves + save
    for step in range(3):
        for person in (writer, reader):
            for _ in range(2):
                try:
                    person.sync()
                except Killed:
                    continue
        clock.now += DUE if not step else 3600
    assert reader.texts == [TEXT]

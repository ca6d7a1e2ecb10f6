"""Timed letters for visits: nothing is used up by who forgets, nothing shows the alarm word."""

from dataclasses import replace

from ojak_client.notices import NoticeKind
from ojak_client.profile import LetterState, Role, with_point
from ojak_client.timed_pointers import due_places
from ojak_protocol.letters import Kind
from tests.client.persons import (
    Clock,
    Person,
    guest_of,
    host_of,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.client.timed import (
    DAY,
    DUE,
    TEXT,
    part,
    place_of,
    pointer,
    polled,
    state_of,
    writes,
)
from tests.people import ALARM

# A guest on a borrowed device, which remembers nothing after its visit.


def visits(relay: SimulatedRelay, clock: Clock, host: Person) -> Person:
    """A guest comes, is confirmed, reads and acknowledges what it can."""
    # The answers were typed on a borrowed device before, and the host said yes to it.
    point = host.contact.sets[0].point
    host.change(lambda contact: with_point(contact, replace(point, spent=False)))
    guest = guest_of(relay, clock, keeps=False)
    for _ in range(3):
        guest.sync()
        host.sync()
    for _ in range(2):
        # What was shown is gone; what is owed goes out.
        guest.change(
            lambda contact: replace(
                contact,
                theirs=tuple(one for one in contact.theirs if one.kind != Kind.TEXT),
                lines=tuple(replace(line, receipt_due_at=clock.now) for line in contact.lines),
            )
        )
        guest.sync()
        host.sync()
    return guest


def read_by(guest: Person) -> int:
    return guest.kinds().count(NoticeKind.LETTER_ARRIVED)


def test_a_guest_that_forgets_is_told_once_of_a_letter_for_later_and_does_not_use_it_up(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    reference = writes(host)
    other = host.write("heute", at_once=False)
    host.sync()
    guest = visits(relay, clock, host)
    assert [one.count for one in guest.told if one.kind is NoticeKind.LETTER_FOR_LATER] == [
        clock.now + DUE
    ]
    assert read_by(guest) == 1
    # What stands before it is acknowledged all the same.
    assert state_of(host, other) is LetterState.READ
    assert state_of(host, reference) is LetterState.WAITING

    clock.now += DAY + 60
    host.sync()
    again = visits(relay, clock, host)
    assert NoticeKind.LETTER_FOR_LATER in again.kinds()
    assert read_by(again) == 0

    clock.now += DUE
    host.sync()
    last = visits(relay, clock, host)
    assert read_by(last) == 1
    assert state_of(host, reference) is LetterState.COLLECTED
    assert part(host)


def test_what_comes_behind_a_letter_for_later_is_still_found(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    writes(host)
    host.sync()
    guest = guest_of(relay, clock, keeps=False)
    for person in (guest, host, guest, host, guest):
        person.sync()
    assert pointer(guest).place is not None
    before = len(relay.arrived)
    texts = [f"{n}" for n in range(7)]
    for text in texts:
        host.write(text)
    host.sync()
    for _ in range(3):
        guest.sync()
    assert guest.texts == texts
    # To fetch it again would take the room of what is news.
    assert pointer(guest).place not in polled(relay, before)


def test_a_pointer_is_acknowledged_by_a_guest_that_forgets_only_with_its_letter_in_hand(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock)
    reference = writes(host, after=60)
    host.sync()
    place = place_of(host)
    clock.now += 3600
    lost = relay.store._records.pop(place)  # noqa: SLF001 - a relay that has lost it for a while
    guest = visits(relay, clock, host)
    assert due_places(guest.contact, clock.now) == (place,)
    assert state_of(host, reference) is LetterState.WAITING
    relay.store._records[place] = lost  # noqa: SLF001 - and found it again
    before = len(relay.arrived)
    guest.sync()
    assert guest.texts == [TEXT]
    guest.sync()
    # Nothing is deleted before it was shown: nobody else remembers it.
    assert part(host).delete_key not in {k for made in relay.arrived[before:] for k in made.deletes}
    guest.change(
        lambda contact: replace(
            contact,
            theirs=(),
            lines=tuple(replace(line, receipt_due_at=clock.now) for line in contact.lines),
        )
    )
    for person in (guest, host):
        person.sync()
    assert not relay.holds(place)
    assert state_of(host, reference) is LetterState.COLLECTED


# Where there is an alarm word.


def test_no_visit_at_a_point_with_an_alarm_word_gets_a_timed_letter(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host = host_of(relay, clock, alarm=ALARM)
    reference = writes(host, after=60)
    host.write("echt", at_once=False)
    for text in ("harmlos", "auch"):
        host.write(text, role=Role.COUNTERPART)
    host.sync()
    clock.now += 3600
    guest = visits(relay, clock, host)
    assert [one.count for one in guest.told if one.kind is NoticeKind.HOST_CONFIRMED] == [1]
    assert read_by(guest) == 1
    assert state_of(host, reference) is LetterState.WAITING
    assert place_of(host) not in polled(relay)


def test_no_borrowed_device_gets_a_timed_letter_that_was_written_after_it_was_confirmed(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock, alarm=ALARM), guest_of(relay, clock, keeps=False)
    for person in (host, guest, host, guest, host):
        person.sync()
    assert host.contact.lines
    reference = writes(host)
    for person in (host, guest):
        person.sync()
    assert guest.contact.pointers == ()
    assert state_of(host, reference) is LetterState.WAITING


def test_a_side_that_stays_gets_its_timed_letters_a_day_after_the_meeting(
    relay: SimulatedRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock, alarm=ALARM), guest_of(relay, clock)
    writes(host)
    host.sync()
    for person in (guest, host, guest, host, guest):
        person.sync()
    assert guest.contact.pointers == ()
    clock.now += DAY
    for person in (host, guest):
        person.sync()
    assert pointer(guest)

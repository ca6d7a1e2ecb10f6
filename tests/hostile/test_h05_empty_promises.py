"""H5: a relay that never gives anything out, stores nothing it said it stored, deletes nothing.

What was sealed once is sent again as the same bytes and never sealed anew. To the person a
letter stays on its way until the other side itself says, sealed, that it came.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.profile import Contact, LetterState
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import LETTER_TTL_SECONDS
from ojak_protocol.meeting_places import RUNS, seen_place
from ojak_protocol.sync import SyncRequest
from tests.client.devices import Device
from tests.client.persons import NAME, Clock, Person, guest_of, host_of, kept_pair, line_of
from tests.hostile.relays import HostileRelay
from tests.people import SEED, boxes_of, collected, meet, receipt

HOUR = 3600
Lie = Callable[[HostileRelay], AbstractContextManager[None]]


LIES: dict[str, Lie] = {
    "always empty": HostileRelay.finds_nothing,
    "stored without storing": HostileRelay.stores_nothing,
    "done without deleting": HostileRelay.keeps_what_is_deleted,
}


def deposited(requests: list[SyncRequest]) -> dict[MailboxId, list[bytes]]:
    """What was deposited at each place, in order."""
    found: dict[MailboxId, list[bytes]] = {}
    for request in requests:
        for deposit in request.deposits:
            found.setdefault(deposit.id, []).append(deposit.box)
    return found


@pytest.mark.parametrize("lie", LIES)
def test_h5_what_goes_again_goes_as_the_same_bytes(
    lie: str, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("하나")
    host.write("답")
    with LIES[lie](relay):
        for _ in range(6):
            for person in (guest, host):
                person.sync()
            clock.now += LETTER_TTL_SECONDS // 3 + 1
    for _ in range(4):
        for person in (guest, host):
            person.sync()
        clock.now += HOUR + 1
    boxes = deposited(relay.arrived)
    assert all(len(set(sent)) == 1 for sent in boxes.values())
    assert len({box for sent in boxes.values() for box in sent}) == len(boxes)
    if lie != "done without deleting":
        assert max(len(sent) for sent in boxes.values()) > 3
    assert (host.texts, guest.texts) == (["하나"], ["답"])


@pytest.mark.parametrize("lie", ["always empty", "stored without storing"])
def test_h5_nothing_is_called_collected_that_nobody_collected(
    lie: str, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    with LIES[lie](relay):
        for _ in range(6):
            for person in (guest, host):
                person.sync()
            clock.now += LETTER_TTL_SECONDS // 3 + 1
        assert [one.state for one in guest.contact.ours] == [LetterState.WAITING]
        assert NoticeKind.LETTER_COLLECTED not in guest.kinds()
        assert host.texts == []


def test_h5_what_was_read_and_not_deleted_is_not_shown_again(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    with relay.keeps_what_is_deleted():
        for number in range(4):
            guest.write(f"{number}")
            host.write(f"답 {number}")
            for _ in range(4):
                for person in (guest, host):
                    person.sync()
                clock.now += HOUR + 1
    assert host.texts == ["0", "1", "2", "3"]
    assert guest.texts == [f"답 {number}" for number in range(4)]
    assert host.kinds().count(NoticeKind.LETTER_ARRIVED) == 4
    for person in (host, guest):
        assert NoticeKind.COPY_DETECTED not in person.kinds()
        assert person.contact.lines[0].conversation.deletes == ()


@pytest.mark.parametrize("lie", ["always empty", "done without deleting"])
def test_h5_a_meeting_that_was_lied_to_goes_on_with_the_same_answer_and_offers(
    lie: str, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    host.sync()
    guest.sync()
    with LIES[lie](relay):
        for _ in range(3):
            for person in (host, guest):
                person.sync()
            clock.now += 600
    for _ in range(4):
        for person in (host, guest):
            person.sync()
    assert guest.texts == ["편지"]
    assert_each_place_had_one_box(host, relay)


def test_h5_a_relay_that_forgot_the_answer_confirms_nobody_and_a_later_visit_meets(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("편지")
    with relay.stores_nothing():
        for _ in range(3):
            for person in (host, guest):
                person.sync()
    assert NoticeKind.HOST_CONFIRMED not in guest.kinds()
    assert [one.state for one in host.contact.ours] == [LetterState.WAITING]
    clock.now += 7 * HOUR
    later = guest_of(relay, clock)
    for _ in range(4):
        for person in (host, later):
            person.sync()
    assert later.texts == ["편지"]
    assert_each_place_had_one_box(host, relay)


def assert_each_place_had_one_box(host: Person, relay: HostileRelay) -> None:
    """But for "seen" boxes, which say nothing and are sealed for each deposit."""
    point = host.contact.point
    assert point is not None
    seen = {seen_place(SEED, laid.nonce, run) for laid in point.offers for run in range(RUNS)}
    for place, boxes in deposited(relay.arrived).items():
        assert place in seen or len(set(boxes)) == 1


def counts(device: Device) -> dict[str, int]:
    ran = device.run("status")
    return {one["event"]: one["n"] for one in ran.events if "n" in one}


def test_h5_the_sender_reads_not_yet_confirmed_and_never_delivered(
    device: Device, near_relay: HostileRelay, url: str
) -> None:
    pair = meet()
    device.keep_contact(Contact(NAME, url, lines=(line_of(pair.host),)))
    with near_relay.stores_nothing():
        assert device.run("send", NAME, typed="편지").said == ["left"]
        device.run("sync")
        told = counts(device)
    assert told["status-unacknowledged"] == 1
    assert told["status-collected"] == 0
    # The other side's own word is what changes that.
    line = device.profile.contacts[0].lines[0].conversation
    guest, _ = collected(pair.guest, line)
    for place, box in boxes_of(receipt(guest)).items():
        near_relay.put(MailboxId(place), box)
    device.run("sync")
    told = counts(device)
    assert (told["status-unacknowledged"], told["status-collected"]) == (0, 1)

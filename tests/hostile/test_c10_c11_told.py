"""C10, C11: after a device was restored from a copy, or used twice at once, everybody is told.

Either the copy missed nothing that matters, and every letter comes; or the person at each device
that is still used is told, by the second letter of each. Only where a copy lays a box within the
hour in which the relay stores nothing, because another box was deleted there, may it take until
that box was laid once more. In none of them a letter is called collected that nobody collected.
"""

from collections.abc import Callable

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.requests import Shape
from ojak_client.taking_back import take_back
from ojak_protocol import conversation, ratchet
from ojak_protocol.acknowledgement import Acknowledgement, Outcome, Writing
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import AGAIN_SECONDS, Conversation, Event
from ojak_protocol.letters import Kind, decode_body
from ojak_protocol.ratchet import Opened
from ojak_protocol.values import replace
from tests.client.persons import Clock, kept_pair
from tests.client.simulated_relay import SimulatedRelay
from tests.hostile.copied_devices import PAIR, Owner, Run, new_owner, run_once
from tests.hostile.relays import HostileRelay, flipped

SEED = 20_261_129
RUNS = 30
MOST_RUNS_WITH_A_BUG = 80


def violations(ran: Run) -> list[str]:
    """Say what must not be in any run."""
    wrong = list(ran.false)
    if not ran.is_clone and not ran.diverged and (ran.told_by or ran.unacknowledged):
        wrong.append("nothing was copied that matters, and it did not simply go on")
    if ran.all_told:
        if max(ran.told_by.values()) > 2 and not ran.hidden:
            wrong.append(f"told late: {ran.told_by}")
    elif ran.is_clone or ran.told_by:
        wrong.append(f"somebody was not told: {ran.devices - ran.told_by.keys()}")
    elif ran.unacknowledged:
        wrong.append("letters did not come, and nobody was told")
    return [f"{ran.seed}: {one}" for one in wrong]


def test_c10_c11_whoever_goes_on_with_a_copy_or_beside_one_is_told_and_nothing_false_is_said() -> (
    None
):
    told = 0
    for n in range(RUNS):
        ran = run_once((SEED, n))
        assert violations(ran) == []
        told += ran.all_told
    assert told > RUNS // 5


# The same, with a fault in what notices a copy


def tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes on where a conversation is noticed to be a copy's, and says nothing."""
    monkeypatch.setattr(conversation, "_break", lambda state, *_: (state, ()))


def believes_every_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that takes each acknowledgement for one of the boxes that it wrote."""

    def heard(
        writing: Writing, told: Acknowledgement, *, chain: int, index: int
    ) -> tuple[Writing, tuple[Outcome, ...]]:
        gained = min(max(0, told.count - writing.count), len(writing.places))
        left = replace(
            writing,
            count=writing.count + gained,
            places=writing.places[gained:],
            heard_at=(chain, index),
        )
        return left, (Outcome.ARRIVED,) * gained

    monkeypatch.setattr(conversation, "heard", heard)


def looks_nowhere_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that looks at no place where it has read a box."""
    monkeypatch.setattr(conversation, "count_again", lambda _: 0)


def looks_beside_no_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is told by what lies in the other side's chain alone."""
    monkeypatch.setattr(ratchet, "end_keys", lambda _: ())


def tells_none_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that only tells of the copies that it noticed itself, and removes what told it."""

    accept = conversation._accept  # noqa: SLF001 - a fault is put where it would be made

    def told(
        state: Conversation, where: MailboxId, box: bytes, opened: Opened
    ) -> tuple[Conversation, tuple[Event, ...]]:
        later, events = accept(state, where, box, opened)
        if decode_body(opened.body).kind == Kind.ENDED:
            deletes = (*later.deletes, opened.place.delete_key)
            later = replace(later, deletes=deletes, owes_end=False)
        return later, events

    monkeypatch.setattr(conversation, "_accept", told)


@pytest.mark.parametrize(
    "bug",
    [
        tells_nobody,
        believes_every_word,
        looks_nowhere_again,
        looks_beside_no_chain,
        tells_none_in_turn,
    ],
)
def test_c10_c11_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    assert any(violations(run_once((SEED, n))) for n in range(MOST_RUNS_WITH_A_BUG))


# What is told of a box that does not open


def test_h1_a_box_whose_body_was_damaged_is_told_and_opens_when_it_comes_whole(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    before = host.contact.lines[0].conversation.ratchet
    with relay.changes(lambda box: flipped(box, 3000)):
        exchange = host.exchange()
        for _ in range(3):
            exchange.round(Shape(room=1))
        assert host.kinds() == [NoticeKind.BOX_SHUT], "once in one run"
    assert host.contact.lines[0].conversation.ratchet == before
    host.sync()
    assert host.texts == ["편지"]


@pytest.mark.parametrize("position", [0, 30, 2000])
def test_h1_what_nobody_of_the_two_sealed_is_told_of_by_no_word(
    position: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    guest.write("편지")
    guest.sync()
    with relay.changes(lambda box: flipped(box, position)):
        host.sync()
    with relay.shows_noise():
        host.sync()
    assert host.kinds() == []


# Each thing that it rests on


def met(relay: SimulatedRelay, clock: Clock) -> tuple[Owner, Owner, Owner]:
    """Host and guest who have written to each other, and a second device of the host's."""
    host, guest = (
        new_owner(name, side, relay, clock)
        for name, side in (("host", PAIR.host), ("guest", PAIR.guest))
    )
    for who in (guest, host, guest):
        who.sync()
    return host, guest, host.copy(0)


def test_c11_who_finds_a_copys_box_at_its_own_place_is_told_in_the_same_run(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest, copy = met(relay, clock)
    for who in (host, copy):
        who.write(who.name)
        who.sync()
    assert copy.was_told
    for who in (guest, host):
        who.sync()
        assert who.was_told


def test_c10_what_a_relay_did_not_keep_where_another_was_deleted_is_laid_once_more(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest, copy = met(relay, clock)
    host.write("read and deleted")
    host.sync()
    guest.sync()
    copy.write("not kept")
    copy.sync()
    guest.sync()
    assert not copy.was_told
    assert not guest.was_told
    clock.now += AGAIN_SECONDS
    copy.sync()
    for who in (guest, host, copy):
        who.sync()
        assert who.was_told


# What is no copy's


@pytest.mark.parametrize("after_seconds", [60, 4000])
def test_a_letter_asked_back_after_it_was_read_is_no_copys(
    after_seconds: int, relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    for who in (guest, host):
        who.sync()
    host.write("편지")
    for who in (host, guest):
        who.sync()
    assert guest.texts == ["편지"]
    clock.now += after_seconds
    host.change(lambda contact: take_back(contact, contact.ours[-1].reference))
    for _ in range(6):
        for who in (host, guest):
            who.sync()
        clock.now += 3000
    for who in (host, guest):
        assert not who.contact.lines[0].conversation.broken
    assert NoticeKind.LETTER_NOT_TAKEN_BACK in host.kinds()


def test_h2_a_relay_that_shows_what_was_deleted_ends_no_conversation(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = kept_pair(relay, clock)
    with relay.keeps_what_is_deleted():
        for number in range(8):
            host.write(f"host {number}")
            guest.write(f"guest {number}")
            for who in (host, guest, host):
                who.sync()
            clock.now += 2000
    for who, other in ((host, "guest"), (guest, "host")):
        assert not who.contact.lines[0].conversation.broken
        assert who.texts == [f"{other} {number}" for number in range(8)]

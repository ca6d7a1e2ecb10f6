"""C10, C11: after a device was restored from a copy, or used twice at once, people are told.

A copy as old as the newest save goes on as if nothing had been. Where a copy is of the present turn
and the two devices cannot both go on, both people are told by the second letter of each. Where
it is older than a chain of its own, its own person is told, and the other one mostly. Two devices
that go on at once from one vault are noticed often and not always, and a copy from before chains of
both sides seldom: docs/known-weaknesses.md has the figures. In all of them no letter is called
collected that nobody collected, and each that did not come is shown as such by `ojak status`.
"""

from collections.abc import Callable

import pytest

from ojak_client.notices import NoticeKind
from ojak_client.requests import Shape
from ojak_protocol import conversation
from ojak_protocol.acknowledgement import Acknowledgement, Outcome, Writing
from ojak_protocol.values import replace
from tests.client.persons import Clock, kept_pair
from tests.hostile.copied_devices import Run, run_once
from tests.hostile.relays import HostileRelay, flipped

SEED = 20_261_129
RUNS = 30


def violations(ran: Run) -> list[str]:
    """Say what must not be in any run."""
    wrong = list(ran.false)
    if ran.is_clone:
        return wrong
    is_told = {"copy", "other"} <= ran.told_by.keys()
    if not ran.diverged and (ran.told_by or ran.unacknowledged):
        wrong.append("nothing was copied that matters, and it did not simply go on")
    if ran.own_chains == ran.their_chains == 0 and ran.unacknowledged:
        if not is_told:
            wrong.append("letters did not come, and nobody was told")
        elif max(ran.told_by.values()) > 2:
            wrong.append(f"told late: {ran.told_by}")
    if ran.own_chains and not ran.their_chains and ran.told_by.get("copy", 9) > 2:
        wrong.append(f"older than a chain of its own, and its person was not told: {ran.told_by}")
    return [f"{ran.seed}: {one}" for one in wrong]


def test_c10_c11_what_a_copy_breaks_is_told_and_nothing_false_is_said() -> None:
    told = 0
    for n in range(RUNS):
        ran = run_once((SEED, n))
        assert violations(ran) == []
        told += {"copy", "other"} <= ran.told_by.keys()
    assert told > RUNS // 5


# The same, with a fault in what notices a copy


def tells_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes on where a conversation is noticed to be a copy's, and says nothing."""
    monkeypatch.setattr(conversation, "_break", lambda state: (state, ()))
    monkeypatch.setattr(conversation, "is_shut", lambda *_: False)


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


@pytest.mark.parametrize("bug", [tells_nobody, believes_every_word])
def test_c10_c11_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    assert any(violations(run_once((SEED, n))) for n in range(RUNS))


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

"""How rounds follow each other, and that no relay makes them endless."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import cast
from unittest.mock import create_autospec

import pytest

from ojak_client.errors import NotAllKept, NotAllSealed, VaultFull
from ojak_client.exchange import Exchange, Round
from ojak_client.profile import Contact
from ojak_client.requests import Shape, make_request
from ojak_client.rounds import MOST_ROUNDS, goes_on, keeping_shape, room_for, run_errands
from ojak_protocol.addresses import ID_BYTES, MailboxId
from tests.client.persons import RELAY, Clock, guest_of, host_of, kept_pair
from tests.client.simulated_relay import SimulatedRelay

DAY = 86_400


def after(
    *,
    left_behind: int = 0,
    found: int = 0,
    errands: bool = False,
    full: bool = False,
    moved: bool = True,
    room: int = 1,
    kept_out: bool = False,
    unsealed: bool = False,
) -> Round:
    done = Round((), left_behind, found, errands, full, moved, room)
    return replace(done, kept_out=kept_out, unsealed=unsealed)


def scripted(rounds: list[Round], looks: list[Round]) -> Exchange:
    """Return what answers with *rounds*, and with *looks* at one place after the other."""
    exchange = create_autospec(Exchange, instance=True)
    exchange.round.side_effect = rounds
    exchange.places.return_value = (MailboxId(bytes(ID_BYTES)),) if looks else ()
    exchange.look.side_effect = looks
    return cast("Exchange", exchange)


@pytest.mark.parametrize(
    ("boxes", "room"), [(0, 0), (1, 1), (2, 4), (4, 4), (5, 16), (16, 16), (64, 16)]
)
def test_the_room_is_the_smallest_that_holds_all_or_the_largest(boxes: int, room: int) -> None:
    assert room_for(boxes) == room


@pytest.mark.parametrize(
    ("last", "on"),
    [
        (after(), False),
        (after(errands=True), True),
        (after(errands=True, full=True), False),
        (after(errands=True, full=True, found=1), True),
        (after(errands=True, full=True, found=1, moved=False), False),
        (after(left_behind=2, found=1, full=True), True),
        (after(errands=True, moved=False), False),
        (after(left_behind=1), True),
        (after(left_behind=1, moved=False), False),
        (after(left_behind=2, found=1, moved=False), True),
        (after(left_behind=2, moved=False), False),
        (after(left_behind=2, moved=False, room=0), True),
        (after(left_behind=1, found=1, moved=False), True),
        (after(left_behind=1, found=4, moved=False, room=4), True),
        (after(left_behind=9, found=16, moved=False, room=16), False),
    ],
)
def test_a_round_follows_at_once_only_if_it_may_get_somewhere(last: Round, *, on: bool) -> None:
    assert goes_on(last) is on


def test_a_host_waits_when_there_is_nothing_else_to_do() -> None:
    assert keeping_shape(None, wait_seconds=25, older=True).wait_seconds == 0
    assert keeping_shape(after(), wait_seconds=99, older=False).wait_seconds == 25
    assert keeping_shape(after(errands=True), wait_seconds=25, older=False).wait_seconds == 0
    fetching = keeping_shape(after(left_behind=3), wait_seconds=25, older=False)
    assert (fetching.room, fetching.wait_seconds) == (4, 0)
    full = keeping_shape(after(errands=True, full=True), wait_seconds=25, older=False)
    assert full.wait_seconds == 25


def test_a_relay_that_had_room_left_and_gave_nothing_is_asked_for_none() -> None:
    vain = after(left_behind=32, moved=False, room=16)
    shape = keeping_shape(vain, wait_seconds=25, older=False)
    assert (shape.room, shape.wait_seconds) == (0, 25)


def test_a_light_request_deposits_nothing_asks_for_one_box_and_waits() -> None:
    busy = after(left_behind=9, errands=True)
    shape = keeping_shape(busy, wait_seconds=25, older=False, light=True)
    assert (shape.room, shape.wait_seconds, shape.bare) == (1, 25, True)
    # Also where no round has succeeded yet.
    assert keeping_shape(None, wait_seconds=25, older=False, light=True).bare


def test_boxes_that_stay_where_they_lie_keep_out_none_behind_them() -> None:
    """A reply of room for four holds four that are left there, and one is behind them."""
    last = after(left_behind=1, found=4, moved=False, room=4)
    assert keeping_shape(last, wait_seconds=25, older=False).room == 16
    assert (
        keeping_shape(after(left_behind=1, found=4, room=4), wait_seconds=25, older=False).room == 1
    )


def test_errands_end_when_everything_is_deposited_fetched_and_deleted() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    for number in range(10):
        guest.write(f"{number}")
    guest.sync()
    rounds = run_errands(host.exchange())
    assert host.texts == [f"{number}" for number in range(10)]
    assert not (rounds[-1].errands)
    assert not (rounds[-1].left_behind)
    assert relay.store.boxes == 0


def test_a_look_that_brings_something_says_what_is_to_be_deleted_now() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    exchange = host.exchange()
    run_errands(exchange)
    known, shape = host.store.read(), Shape(guest=True)
    places = make_request(known, RELAY, exchange.moment, turn=0, shape=shape).polls
    assert not exchange.look(known, places, room=1).errands
    guest.write("편지")
    guest.sync()
    found = exchange.look(known, places, room=1)
    assert (found.found, found.moved, found.errands) == (1, True, True)
    # What was brought is still to be deleted.
    assert exchange.look(found.profile, places, room=1).errands


def test_at_a_full_relay_all_that_came_is_fetched_and_deleted_at_once() -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host, guest = kept_pair(relay, clock)
    for number in range(10):
        guest.write(f"{number}")
    guest.sync()
    host.write("편지")
    with relay.full():
        rounds = run_errands(host.exchange())
    assert rounds[-1].full
    assert host.texts == [f"{number}" for number in range(10)]
    assert relay.store.boxes == 0
    assert len(rounds) < 8


@pytest.mark.parametrize(
    ("lie", "most"),
    [
        (SimulatedRelay.full, 2),
        (SimulatedRelay.has_no_room, 4),
        (SimulatedRelay.stores_nothing, 4),
        (SimulatedRelay.finds_nothing, 4),
        (SimulatedRelay.occupied, 4),
        (SimulatedRelay.swaps, 4),
    ],
)
def test_no_relay_makes_errands_endless(
    lie: Callable[[SimulatedRelay], AbstractContextManager[None]], most: int
) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    host.write("편지")
    with lie(relay):
        run_errands(host.exchange())
    assert len(relay.arrived) <= most <= MOST_ROUNDS


def looking_for_a_week(contact: Contact) -> Contact:
    assert contact.visiting is not None
    return replace(contact, visiting=replace(contact.visiting, look_seconds=7 * DAY))


@pytest.mark.parametrize("older", [False, True])
def test_a_host_that_only_syncs_finds_an_answer_of_some_days_ago(*, older: bool) -> None:
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    host.sync()
    guest = guest_of(relay, clock, keeps=True)
    guest.change(looking_for_a_week)
    guest.sync()
    clock.now += 3 * DAY
    for _ in range(4):
        run_errands(host.exchange(), older=older)
        guest.sync()
    assert bool(guest.contact.lines) is older


SHORT = after(kept_out=True)
IDLE = after(moved=False)


@pytest.mark.parametrize(
    ("first", "older", "looks", "behind", "error"),
    [
        (IDLE, IDLE, [], [], None),
        (SHORT, IDLE, [], [], NotAllKept),
        (IDLE, SHORT, [], [], NotAllKept),
        (IDLE, SHORT, [IDLE], [], NotAllKept),
        (IDLE, IDLE, [SHORT, IDLE], [IDLE], None),
        (SHORT, IDLE, [IDLE], [], NotAllKept),
        (SHORT, after(), [IDLE], [], None),
        (SHORT, IDLE, [after(), IDLE], [IDLE], None),
        (SHORT, IDLE, [replace(IDLE, kept_out=True)], [], NotAllKept),
        (SHORT, IDLE, [after(), IDLE], [SHORT], None),
        (after(unsealed=True), IDLE, [], [], None),
        (IDLE, after(unsealed=True), [], [], NotAllSealed),
        (IDLE, after(unsealed=True, kept_out=True), [], [], NotAllKept),
        (IDLE, IDLE, [replace(IDLE, unsealed=True)], [], NotAllSealed),
        (IDLE, IDLE, [after(unsealed=True), IDLE], [IDLE], None),
    ],
)
def test_what_had_no_room_is_told_unless_a_later_round_of_the_run_had(
    first: Round,
    older: Round,
    looks: list[Round],
    behind: list[Round],
    error: type[VaultFull] | None,
) -> None:
    exchange = scripted([first, older, *behind], looks)
    with nullcontext() if error is None else pytest.raises(error):
        run_errands(exchange, older=True, everybody=True)

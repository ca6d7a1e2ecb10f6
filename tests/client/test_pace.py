"""Whatever a relay answers, `ojak keep` costs no more data a day than docs/keeping.md says."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from ojak_client import watching
from ojak_client.errors import RelayRefused, VaultFull
from ojak_client.exchange import Round
from ojak_client.lookout import Lookout
from ojak_client.output import Output
from ojak_client.pace import FREELY, IDLE_BYTES, LARGEST_BYTES, METERED, Allowance, Pace
from ojak_client.pauses import LONGEST_PAUSE_SECONDS
from ojak_client.profile import Contact, Profile, QuestionSet
from ojak_client.rounds import MOST_ROUNDS
from ojak_client.service_manager import ServiceManager
from ojak_client.voice import Voice
from ojak_client.watching import WAIT_SECONDS, Keeping, Watch
from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Writing
from ojak_protocol.addresses import MailboxId
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from ojak_protocol.sync import (
    REPLY_BYTES,
    Deposit,
    DepositOutcome,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncClass,
    SyncReply,
    SyncRequest,
)
from tests.client.persons import NAME, RELAY, Clock, JournalStore, Person, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import KEM, RIGHT, SEED, meet

T = TypeVar("T")
DAY = 86_400
IDLE_A_DAY = 7_000_000
"""What docs/keeping.md says of a day on which nothing is carried."""
SMALL = Allowance(at_once=400_000, a_second=FREELY.a_second)
"""As FREELY, so that little has to be spent before only time gives more."""
EARLY_SECONDS = 1.05


class Hostile:
    """A relay that answers as *lie* says after *seconds*, in a time of its own."""

    def __init__(self, relay: SimulatedRelay, clock: Clock) -> None:
        self.relay = relay
        self.clock = clock
        self.seconds = EARLY_SECONDS
        self.day = 0
        self.answers = 0

    def reply(
        self,
        request: SyncRequest,
        result: Callable[[int], PollResult],
        outcome: DepositOutcome,
    ) -> SyncReply:
        """Say the same of every place."""
        self.clock.now += self.seconds  # type: ignore[assignment] # of a second parts as well
        self.answers += 1
        polls = tuple(result(position) for position in range(len(request.polls)))
        clock = int(self.clock.now) + self.day * DAY
        return SyncReply(clock, polls, (outcome,) * len(request.deposits))


Lie = Callable[[Hostile, SyncRequest], SyncReply]


def has_no_room(at: Hostile, request: SyncRequest) -> SyncReply:
    return at.reply(request, lambda _: NoRoom(), DepositOutcome.STORED)


def has_nothing(at: Hostile, request: SyncRequest) -> SyncReply:
    return at.reply(request, lambda _: Nothing(), DepositOutcome.STORED)


def answers_at_once(at: Hostile, request: SyncRequest) -> SyncReply:
    at.seconds = 0.02
    return has_no_room(at, request)


def takes_nothing(at: Hostile, request: SyncRequest) -> SyncReply:
    """Whatever is deposited is to be deposited again, over what is said to lie there."""
    return at.reply(request, lambda _: NoRoom(), DepositOutcome.OCCUPIED)


def contradicts_itself(at: Hostile, request: SyncRequest) -> SyncReply:
    return at.reply(request, lambda n: Nothing() if n % 2 else NoRoom(), DepositOutcome.OCCUPIED)


def is_full_and_holds(at: Hostile, request: SyncRequest) -> SyncReply:
    at.seconds = request.wait_seconds or 0.1
    return at.reply(request, lambda _: Nothing(), DepositOutcome.FULL)


def holds_now_and_then(at: Hostile, request: SyncRequest) -> SyncReply:
    """As a relay that knows how many answers in a row are counted."""
    held = at.answers % (MOST_ROUNDS - 1) == 0
    at.seconds = request.wait_seconds if held and request.wait_seconds else 0.02
    return takes_nothing(at, request)


def gives_noise(at: Hostile, request: SyncRequest) -> SyncReply:
    room = request.room
    return at.reply(
        request,
        lambda n: Found(os.urandom(4000)) if n < room else NoRoom(),
        DepositOutcome.STORED,
    )


def goes_through_the_days(at: Hostile, request: SyncRequest) -> SyncReply:
    """For each day there are offers to be laid, and it says that it keeps them."""
    at.day = at.answers * 20 % 4000
    return at.reply(request, lambda _: Nothing(), DepositOutcome.STORED)


def refuses_everything(at: Hostile, _request: SyncRequest) -> SyncReply:
    """The whole request came, and is answered by an error."""
    if at.answers < 2:
        return is_full_and_holds(at, _request)
    at.clock.now += 1
    raise RelayRefused(500)


def refuses_what_costs(at: Hostile, request: SyncRequest) -> SyncReply:
    """It answers whoever asks only whether it is there again."""
    return refuses_everything(at, request) if request.deposits else has_nothing(at, request)


LIES: list[Lie] = [
    has_no_room,
    has_nothing,
    answers_at_once,
    takes_nothing,
    contradicts_itself,
    is_full_and_holds,
    holds_now_and_then,
    gives_noise,
    goes_through_the_days,
    refuses_everything,
    refuses_what_costs,
]


class Spent:
    """What one watch has cost, and in how long."""

    def __init__(self, watch: Watch, at: Hostile, store: JournalStore) -> None:
        self.watch = watch
        self.store = store
        self.at = at
        self.began = at.clock.now

    @property
    def size_bytes(self) -> int:
        return sum(
            asked.sync_class.body_bytes + REPLY_BYTES[asked.room] for asked in self.at.relay.arrived
        )

    @property
    def seconds(self) -> float:
        return self.at.clock.now - self.began

    def turns(self, count: int) -> None:
        for _ in range(count):
            self.at.clock.now = max(self.at.clock.now, self.watch.ready_at)  # type: ignore[assignment] # as above
            self.watch.turn(alone=True)


@contextmanager
def kept_by(lie: Lie | None, *, metered: bool = False) -> Iterator[tuple[Spent, Person]]:
    """A host with a number and a conversation, and whoever is at the other end of it."""
    # As the device: of a day long past no offer would be laid.
    clock = Clock(int(time.time()))
    relay = SimulatedRelay(clock)
    at = Hostile(relay, clock)
    pair = meet()
    point = MeetingPoint(Number("0" * 12), SEED, 1, RIGHT, None, bits=30)
    with relay.served() as url:
        sets, lines = (QuestionSet(point, ()),), (line_of(pair.host),)
        store = JournalStore(Profile((Contact(NAME, url, sets=sets, lines=lines),)))
        family = Contact(NAME, RELAY, lines=(line_of(pair.guest),))
        other = Person(relay, Clock(clock.now), JournalStore(Profile((family,))))
        voice = Voice(Output(quiet=True), ServiceManager(""))
        lookout = Lookout(Path("/nonexistent/letters"), lambda: None, clock=clock)
        chance = random.Random(3)  # noqa: S311 - repeatable
        keeping = Keeping(voice, store, lookout, None, metered, chance.randbytes, clock)

        def answer(request: SyncRequest) -> SyncReply:
            assert lie is not None
            return lie(at, request)

        def hold() -> None:
            clock.now += WAIT_SECONDS

        relay.meanwhile = hold
        with Watch(keeping, url) as watch:
            spent = Spent(watch, at, store)
            if lie is None:
                yield spent, other
                return
            with relay._answering(answer):  # noqa: SLF001 - a relay of these tests alone
                yield spent, other


@pytest.mark.parametrize("lie", LIES)
def test_no_answer_of_a_relay_makes_keeping_dear(lie: Lie, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any time no more than is free at once, what time gives, and what waiting costs."""
    monkeypatch.setattr(watching, "FREELY", SMALL)
    idle_a_second = IDLE_BYTES / WAIT_SECONDS
    with kept_by(lie) as (spent, _):
        for _ in range(12):
            spent.turns(10)
            assert any(asked.deposits for asked in spent.at.relay.arrived)
            most = SMALL.at_once + 3 * LARGEST_BYTES
            most += int((SMALL.a_second + idle_a_second) * spent.seconds)
            assert spent.size_bytes <= most
        # None of it holds for nothing: there was something to deposit.
        assert any(asked.deposits for asked in spent.at.relay.arrived)
    assert (FREELY.a_second + idle_a_second) * DAY < 2 * IDLE_A_DAY
    assert FREELY.at_once < 1.2 * IDLE_A_DAY


@pytest.mark.parametrize("lie", [takes_nothing, refuses_everything, refuses_what_costs])
def test_on_a_metered_line_no_answer_costs_more_than_a_few_times_what_looking_does(
    lie: Lie, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "METERED", Allowance(200_000, METERED.a_second))
    with kept_by(lie, metered=True) as (spent, _):
        spent.turns(20)
        before, began = spent.size_bytes, spent.seconds
        spent.turns(40)
        a_day = (spent.size_bytes - before) * DAY / (spent.seconds - began)
    assert a_day < 1_500_000


@pytest.mark.parametrize("lie", [has_no_room, has_nothing, answers_at_once])
def test_a_relay_that_answers_too_soon_is_asked_every_few_minutes(lie: Lie) -> None:
    with kept_by(lie) as (spent, _):
        spent.turns(MOST_ROUNDS + 12)
        began = spent.seconds
        spent.turns(10)
        assert spent.seconds - began >= 9 * LONGEST_PAUSE_SECONDS / 2


def answered(size_bytes: int, *, stored: bool = False, opened: bool = False) -> Round:
    """A round that was to wait for its whole time, and was answered at once."""
    plain = Round((), 0, 0, errands=False, full=False, moved=False, room=1)
    return replace(
        plain, wait_seconds=WAIT_SECONDS, size_bytes=size_bytes, stored=stored, opened=opened
    )


def test_a_box_that_opened_gives_back_the_largest_round_and_no_more() -> None:
    pace = Pace(SMALL, 0.0)
    pace.note(answered(SMALL.at_once + 2 * LARGEST_BYTES), now=0, took_seconds=0)
    pace.note(answered(LARGEST_BYTES, opened=True), now=0, took_seconds=0)
    assert pace.is_light(0)
    pace.note(answered(LARGEST_BYTES, opened=True), now=0, took_seconds=0)
    assert not pace.is_light(0)


def test_a_relay_that_keeps_something_now_and_then_is_not_forgiven_what_came_too_soon() -> None:
    pace = Pace(FREELY, 0.0)
    for n in range(2 * MOST_ROUNDS):
        pace.note(answered(IDLE_BYTES, stored=n % 4 == 0), now=0, took_seconds=0)
    assert pace.pause_seconds(0, random.Random(3).randbytes) > 1  # noqa: S311 - repeatable


def test_what_was_spent_beyond_all_is_waited_for() -> None:
    pace = Pace(SMALL, 0.0)
    most = SMALL.at_once + 2 * LARGEST_BYTES
    pace.note(answered(most, stored=True), now=0, took_seconds=0)
    assert pace.pause_seconds(0, os.urandom) == 0
    pace.note_failure(8000, now=0)
    assert pace.pause_seconds(0, os.urandom) == 8000 / SMALL.a_second
    assert pace.pause_seconds(60, os.urandom) == 8000 / SMALL.a_second - 60


def test_a_watch_that_takes_any_second_for_a_wait_would_be_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it was: a relay that took 1.05 s for each answer got one for each."""
    note = Pace.note

    def planted(self: Pace, last: Round, *, now: float, took_seconds: float) -> None:
        note(self, last, now=now, took_seconds=took_seconds)
        if took_seconds >= 1:
            self._early, self._spent = 0, 0.0

    monkeypatch.setattr(Pace, "note", planted)
    with kept_by(has_no_room) as (spent, _):
        spent.turns(40)
        before, began = spent.size_bytes, spent.seconds
        spent.turns(20)
        assert (spent.size_bytes - before) / (spent.seconds - began) * DAY > 10 * IDLE_A_DAY


def test_a_watch_that_never_deposits_less_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FREELY", SMALL)
    monkeypatch.setattr(Pace, "is_light", lambda *_: False)
    with kept_by(is_full_and_holds) as (spent, _):
        spent.turns(30)
        assert spent.at.relay.arrived[-1].deposits != ()


# Somebody who knows the answers


@pytest.mark.parametrize("metered", [False, True])
def test_a_vault_without_room_does_not_make_keeping_dear(
    monkeypatch: pytest.MonkeyPatch, *, metered: bool
) -> None:
    """What came and was not kept is there the next time, and costs the same again."""
    allowance = Allowance(400_000, (METERED if metered else FREELY).a_second)
    monkeypatch.setattr(watching, "METERED" if metered else "FREELY", allowance)
    with kept_by(None, metered=metered) as (spent, other):
        for n in range(16):
            other.write(f"편지 {n}")
        spent.turns(2)
        other.sync()
        update = spent.store.update

        def full(change: Callable[[Profile], tuple[Profile, T]]) -> T:
            (before,), (after,) = (
                profile.contacts for profile in (spent.store.read(), change(spent.store.read())[0])
            )
            if after.arrivals > before.arrivals:
                raise VaultFull("no room")
            return update(change)

        monkeypatch.setattr(spent.store, "update", full)
        for _ in range(60):
            spent.at.clock.now = max(spent.at.clock.now, spent.watch.ready_at)  # type: ignore[assignment] # as above
            with suppress(VaultFull):
                spent.watch.turn(alone=True)
                continue
            spent.watch.wait_for_room()
        a_day = (spent.size_bytes - allowance.at_once) * DAY / spent.seconds
        assert a_day < (1_500_000 if metered else 2 * IDLE_A_DAY)


def test_boxes_that_say_nothing_keep_no_metered_line_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who knows the answers sends one after another, as fast as they are read."""
    monkeypatch.setattr(watching, "METERED", Allowance(400_000, METERED.a_second))
    with kept_by(None, metered=True) as (spent, other):
        relay, state, sent = spent.at.relay, other.contact.lines[0].conversation, 0

        def send() -> None:
            nonlocal state, sent
            spent.at.clock.now += 1
            (line,) = spent.store.read().contacts[0].lines
            boxes = []
            for _ in range(line.conversation.reading.count + 8 - sent):
                state = talk.write(
                    state, Body(Kind.GREETING), reference=0, entropy=os.urandom, kem=KEM
                )
                out = state.outbox[-1]
                boxes.append(Deposit(out.place.id, None, DAY, 0, out.box))
                state = replace(state, outbox=(), writing=Writing())
                sent += 1
            polls = tuple(MailboxId(os.urandom(32)) for _ in range(SyncClass.SIXTEEN.polls))
            relay._honest(SyncRequest(SyncClass.SIXTEEN, polls, deposits=tuple(boxes)))  # noqa: SLF001 - as above

        send()
        with relay._hooks(after=send):  # noqa: SLF001 - as above
            spent.turns(60)
        assert sent > 40
        assert spent.seconds > 3600
        assert (spent.size_bytes - 400_000) * DAY / spent.seconds < 2_000_000


# An honest relay


def test_letters_that_really_come_are_fetched_without_a_pause() -> None:
    letters = MOST_ROUNDS + 8
    with kept_by(None) as (spent, other):
        spent.turns(3)
        for n in range(letters):
            other.write(f"편지 {n}")
            other.sync()
            began = spent.seconds
            spent.turns(2)
            assert spent.seconds - began <= 2 * WAIT_SECONDS
        assert len(spent.store.read().contacts[0].theirs) == letters


def test_a_relay_that_is_merely_full_still_brings_letters_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "FREELY", SMALL)
    with kept_by(is_full_and_holds) as (spent, other):
        spent.turns(30)
        assert spent.at.relay.arrived[1].deposits != ()
        assert spent.at.relay.arrived[-1].deposits == ()
        with spent.at.relay._answering(spent.at.relay._honest):  # noqa: SLF001 - as above
            other.write("편지")
            other.sync()
            began = spent.seconds
            spent.turns(3)
            assert spent.seconds - began <= 3 * WAIT_SECONDS
        assert len(spent.store.read().contacts[0].theirs) == 1

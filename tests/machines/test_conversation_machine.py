"""Two relatives and a relay that loses, repeats, reorders and forgets: no letter twice, none lost.

Each side keeps one state as its device would: it is written before anything is sent, and what was
computed but not written is gone when the device dies.
"""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Arrived, Conversation, Event, Settled
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from tests.people import ENTROPY, KEM, meet, receipt
from tests.simulator import Deposit, Relay, Reply, Request, Status

PAIR = meet()
DAY = 24 * 3600


@dataclass
class Side:
    """One device and what its person saw."""

    state: Conversation
    wrote: dict[int, str] = field(default_factory=dict)
    shown: Counter[str] = field(default_factory=Counter)
    settled: dict[int, Outcome] = field(default_factory=dict)
    turn: int = 0


sides = st.sampled_from(["host", "guest"])
fates = st.sampled_from(["well", "well", "request lost", "reply lost", "dies before writing"])


class ConversationMachine(RuleBasedStateMachine):
    """Everything that may happen to a conversation but a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.relay = Relay()
        self.now = 1_800_000_000
        self.sides = {"host": Side(PAIR.host), "guest": Side(PAIR.guest)}
        self.letters = 0

    @rule(who=sides, days=st.sampled_from([0, 0, 0, 1, 5]))
    def write(self, who: str, days: int) -> None:
        side = self.sides[who]
        self.letters += 1
        expires_at = self.now + days * DAY if days else 0
        body = Body(Kind.TEXT, text=f"letter {self.letters}", expires_at=expires_at)
        try:
            side.state = talk.write(
                side.state, body, reference=self.letters, entropy=ENTROPY, kem=KEM
            )
        except Exhausted:
            return
        side.wrote[self.letters] = body.text

    @rule(who=sides, fate=fates, most=st.sampled_from([6, 8, 20]))
    def sync(self, who: str, fate: str, most: int) -> None:
        side = self.sides[who]
        if side.state.owes_receipt:
            side.state = receipt(side.state)
        side.state = talk.expire(side.state, now=self.now)
        side.turn += 1
        request = Request(
            deletes=side.state.deletes,
            deposits=tuple(
                Deposit(out.place.id, out.box, out.replaces)
                for out in talk.due(side.state, now=self.now)
            ),
            polls=talk.places(side.state, most=most, turn=side.turn),
        )
        if fate == "request lost":
            return
        reply = self.relay.sync(request)
        if fate == "reply lost":
            return
        state, events = self.after(side.state, request, reply)
        if fate == "dies before writing":
            return
        side.state = state
        for event in events:
            self.note(side, event)

    def after(
        self, state: Conversation, request: Request, reply: Reply
    ) -> tuple[Conversation, list[Event]]:
        events: list[Event] = []
        state = talk.deleted(state, frozenset(request.deletes))
        for deposit, status in zip(request.deposits, reply.deposits, strict=True):
            if status is Status.STORED:
                state = talk.stored(state, deposit.place, now=self.now)
            else:
                state = talk.occupied(state, deposit.place)
        for place in request.polls:
            if place in reply.found:
                state, happened = talk.receive(state, place, reply.found[place], kem=KEM)
                events += happened
            else:
                state = talk.absent(state, place)
        return state, events

    def note(self, side: Side, event: Event) -> None:
        match event:
            case Arrived(body) if body.kind == Kind.TEXT:
                side.shown[body.text] += 1
            case Settled(reference, outcome) if reference:
                assert reference not in side.settled
                side.settled[reference] = outcome
            case _:
                pass

    @rule(seconds=st.sampled_from([60, DAY, LETTER_TTL_SECONDS // 3, LETTER_TTL_SECONDS]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds

    @rule(seconds=st.sampled_from([60, DAY]))
    def a_clock_is_set_back(self, seconds: int) -> None:
        self.now -= seconds

    @rule(number=st.integers(0, 1000))
    def the_relay_forgets_a_box(self, number: int) -> None:
        self.relay.forget(number)

    @rule(number=st.integers(0, 1000))
    def the_network_repeats_an_old_request(self, number: int) -> None:
        self.relay.sync_again(number)

    @rule(who=sides)
    def somebody_sits_where_a_side_will_write(self, who: str) -> None:
        self.relay.sit(out.place.id for out in self.sides[who].state.outbox)

    @invariant()
    def no_letter_is_shown_twice_and_nobody_is_taken_for_a_copy(self) -> None:
        for side in self.sides.values():
            assert not side.state.broken
            assert set(side.shown.values()) <= {1}

    @invariant()
    def what_is_settled_is_true(self) -> None:
        for writer, reader in (("host", "guest"), ("guest", "host")):
            for reference, outcome in self.sides[writer].settled.items():
                shown = self.sides[writer].wrote[reference] in self.sides[reader].shown
                assert shown == (outcome is Outcome.ARRIVED)

    @invariant()
    def nothing_grows_beyond_its_bound(self) -> None:
        for side in self.sides.values():
            ratchet = side.state.ratchet
            for chain in (ratchet.receiving, ratchet.ended):
                assert chain is None or len(chain.skipped) <= 64
            assert len(side.state.outbox) == len(side.state.writing.places) <= 64

    def teardown(self) -> None:
        """When all goes well again, every letter is settled and every unexpired one arrives."""
        for _ in range(8):
            self.now += LETTER_TTL_SECONDS // 3
            for who in ("host", "guest", "host", "guest"):
                self.sync(who, "well", 300)
                self.no_letter_is_shown_twice_and_nobody_is_taken_for_a_copy()
        self.what_is_settled_is_true()
        for side in self.sides.values():
            assert set(side.settled) == set(side.wrote)
            assert not [out for out in side.state.outbox if out.reference]


TestConversationMachine = ConversationMachine.TestCase
TestConversationMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)

"""Two relatives, devices that die and a relay that does as it likes: no letter twice, none lost.

Nobody is restored from a copy here, so nobody may be taken for one.
"""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.conversation import LETTER_TTL_SECONDS
from ojak_protocol.errors import Exhausted
from tests.machines import relatives
from tests.machines.relatives import Side
from tests.machines.two_relatives import DAY, TwoRelatives, names, numbers, other_than
from tests.machines.world import lasting


class ConversationMachine(TwoRelatives):
    """Everything that may happen to a conversation but a copy."""

    def __init__(self) -> None:
        super().__init__()
        self.due: dict[str, int] = {}

    def becomes(self, who: str, side: Side) -> None:
        for text in set(side.texts) - set(self.devices[who].state.texts):
            assert self.due.get(text, 0) <= self.now, "a timed letter is shown too early"
        super().becomes(who, side)

    @rule(who=names, seconds=st.sampled_from([60, DAY, 9 * DAY]))
    def somebody_writes_for_later(self, who: str, seconds: int) -> None:
        self.letters += 1
        text, due_at = f"letter {self.letters} for later", self.now + seconds
        try:
            side = relatives.written_for_later(
                self.devices[who].state,
                text,
                reference=self.letters,
                due_at=due_at,
                now=self.now,
            )
        except Exhausted:
            return
        self.due[text] = due_at
        self.becomes(who, side)

    @rule(who=names, number=numbers)
    def somebody_asks_a_letter_back(self, who: str, number: int) -> None:
        """Any letter: waiting, lost, read, acknowledged, or asked back before."""
        wrote = list(self.devices[who].state.wrote)
        if wrote:
            self.ask_back(who, wrote[-1 - number % len(wrote)])

    @rule(
        who=names,
        later=st.booleans(),
        meanwhile=st.sampled_from(["nothing", "sent", "lost", "replaced", "read", "acknowledged"]),
    )
    def somebody_thinks_better_of_a_letter(self, who: str, *, later: bool, meanwhile: str) -> None:
        if later:
            self.somebody_writes_for_later(who, DAY)
        else:
            self.somebody_writes(who, 0)
        if self.letters not in self.devices[who].state.wrote:
            return
        if meanwhile != "nothing":
            self.sync(who, "well", most=6)
        if meanwhile == "lost":
            self.relay.forget(-1)
        if meanwhile == "replaced":
            self.relay.sit_where_somebody_looked(-1)
        if meanwhile in {"read", "acknowledged"}:
            self.sync(other_than(who), "well", most=6)
        if meanwhile == "acknowledged":
            self.sync(other_than(who), "well", most=6)
            self.sync(who, "well", most=6)
        for _ in range(2):
            self.ask_back(who, self.letters)

    def ask_back(self, who: str, reference: int) -> None:
        side = self.devices[who].state
        after = relatives.recalled(side, reference)
        assert (after is side) == (reference in side.settled), "possible until acknowledged"
        if reference in side.asked_back:
            assert after.talk == side.talk, "a second time changes nothing"
        self.becomes(who, after)

    # What holds

    @invariant()
    def no_letter_is_shown_twice(self) -> None:
        for device in self.devices.values():
            assert set(Counter(device.state.arrived).values()) <= {1}
            assert set(Counter(device.state.texts).values()) <= {1}

    @invariant()
    def nobody_is_taken_for_a_copy(self) -> None:
        for device in self.devices.values():
            assert not device.state.talk.broken
            assert not device.state.told_of_a_copy

    @invariant()
    def what_is_settled_is_true(self) -> None:
        for who, device in self.devices.items():
            arrived = self.devices[other_than(who)].state.arrived
            for reference, outcome in device.state.settled.items():
                there = device.state.wrote[reference] in arrived
                assert there == (outcome is Outcome.ARRIVED)

    @invariant()
    def only_what_was_asked_back_or_expired_is_taken_back(self) -> None:
        for device in self.devices.values():
            side = device.state
            for reference, outcome in side.settled.items():
                if outcome is Outcome.WITHDRAWN:
                    assert reference in side.asked_back | side.expiring

    @invariant()
    def nothing_is_kept_of_a_letter_that_was_asked_back(self) -> None:
        for device in self.devices.values():
            side = device.state
            for out in side.talk.outbox:
                assert out.letter == b"" or out.reference not in side.asked_back
            assert not {one.reference for one in side.timed} & side.asked_back

    @invariant()
    def nothing_grows_beyond_its_bound(self) -> None:
        for device in self.devices.values():
            state = device.state.talk
            for chain in (state.ratchet.receiving, state.ratchet.ended):
                assert chain is None or len(chain.skipped) <= 64
            assert len(state.outbox) == len(state.writing.places) <= 64

    def teardown(self) -> None:
        """When all goes well again, every letter is settled, and shown unless it was taken back."""
        self.relay.stubborn = False
        for _ in range(6):
            self.now = self.relay.now = max(self.now, self.relay.now) + LETTER_TTL_SECONDS // 3
            for who in ("host", "guest", "host", "guest"):
                self.sync(who, "well", most=300)
                self.no_letter_is_shown_twice()
                self.nobody_is_taken_for_a_copy()
        self.what_is_settled_is_true()
        for who, device in self.devices.items():
            side, texts = device.state, self.devices[other_than(who)].state.texts
            assert set(side.settled) == set(side.wrote)
            assert not [out for out in side.talk.outbox if out.reference]
            for one in side.timed:
                arrived = side.settled[one.reference] is Outcome.ARRIVED
                assert (one.text in texts) == arrived


TestConversationMachine = ConversationMachine.TestCase
TestConversationMachine.settings = lasting(examples=40, steps=40)

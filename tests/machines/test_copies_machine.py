"""A device restored from a copy of any age: nothing false is said, and it ends as soon as it shows.

What nobody can notice is not asked for: a copy so old that the other side no longer looks where it
writes, and that finds nothing of what the other side wrote since.
"""

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Conversation
from tests.machines.relatives import Side
from tests.machines.two_relatives import PAIR, TwoRelatives, names, numbers, other_than
from tests.machines.world import lasting

MOST_ENDS = 4
"""In our chain, beside the other side's latest two, and beside that of what was found."""


def chains(state: Conversation) -> tuple[int, int]:
    """Which chain of its own, and which of the other side, a state is at."""
    sending, receiving = state.ratchet.sending, state.ratchet.receiving
    return (
        -1 if sending is None else sending.number,
        -1 if receiving is None else receiving.number,
    )


class CopiesMachine(TwoRelatives):
    """Everything that may happen to a conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.ever: dict[str, list[Side]] = {
            "host": [Side(PAIR.host)],
            "guest": [Side(PAIR.guest)],
        }
        self.restored: list[str] = []
        self.of_this_turn = True
        self.copies = 0

    def becomes(self, who: str, side: Side) -> None:
        before = self.devices[who].state
        if before.talk.broken:
            assert side.talk.broken
            assert (side.talk.reading, side.talk.writing) == (
                before.talk.reading,
                before.talk.writing,
            )
            assert len(side.talk.outbox) == len(before.talk.outbox)
            assert (side.bodies, side.settled) == (before.bodies, before.settled)
        for farewell in self.devices[other_than(who)].state.talk.farewell:
            assert farewell.place.delete_key not in side.talk.deletes, "an end is for every copy"
        super().becomes(who, side)
        if side.talk != before.talk:
            self.ever[who].append(side)

    @initialize(
        nights=st.lists(st.tuples(names, st.booleans()), min_size=1, max_size=5),
        who=names,
        number=numbers,
        copies=st.sampled_from([1, 1, 3]),
    )
    def letters_go_back_and_forth_and_a_copy_is_restored(
        self, nights: list[tuple[str, bool]], who: str, number: int, copies: int
    ) -> None:
        self.copies = copies
        for writer, good in nights:
            self.somebody_writes(writer, 0)
            self.sync(writer, "well", most=6)
            if good:
                self.a_good_night(other_than(writer))
        self.restore(who, number)

    @precondition(lambda self: len(self.restored) < self.copies)
    @rule(who=names, number=numbers)
    def somebody_restores_a_copy(self, who: str, number: int) -> None:
        self.restore(who, number)

    def restore(self, who: str, number: int) -> None:
        device, old = self.devices[who], self.ever[who][-1 - number % len(self.ever[who])]
        self.restored.append(who)
        self.of_this_turn &= chains(old.talk) == chains(device.state.talk)
        super().becomes(who, old)
        device.sends()

    # What holds

    @invariant()
    def only_a_copy_ends_a_conversation(self) -> None:
        for device in self.devices.values():
            assert self.restored or not device.state.talk.broken
            assert device.state.talk.broken == device.state.told_of_a_copy

    @invariant()
    def what_arrived_was_there_in_a_life_of_the_other_device(self) -> None:
        for who, device in self.devices.items():
            read = {name for side in self.ever[other_than(who)] for name in side.arrived}
            for reference, outcome in device.state.settled.items():
                if outcome is Outcome.ARRIVED:
                    assert device.state.wrote[reference] in read

    @invariant()
    def who_ended_sends_ends_alone_and_looks_nowhere(self) -> None:
        for device in self.devices.values():
            state = device.state.talk
            if state.broken:
                assert talk.places(state, most=300, turn=0) == ()
                assert talk.count_watched(state) == 0
                assert set(talk.due(state, now=self.now)) <= set(state.farewell)
                assert len(state.farewell) <= MOST_ENDS

    def teardown(self) -> None:
        """When all goes well again, both sides know of the copy, or nothing is left of it."""
        self.relay.stubborn = False
        for number in range(5):
            self.now = self.relay.now = max(self.now, self.relay.now) + LETTER_TTL_SECONDS // 3
            for who in ("host", "guest", "host", "guest"):
                self.sync(who, "well", most=100)
                self.who_ended_sends_ends_alone_and_looks_nowhere()
                if number < 2:
                    self.somebody_writes(who, 0)
        self.only_a_copy_ends_a_conversation()
        self.what_arrived_was_there_in_a_life_of_the_other_device()
        if len(self.restored) > 1:
            return
        ended = {who for who, device in self.devices.items() if device.state.talk.broken}
        assert len(ended) != 1, "the other is not told"
        if not ended and self.of_this_turn:
            for device in self.devices.values():
                assert set(device.state.settled) == set(device.state.wrote)


TestCopiesMachine = CopiesMachine.TestCase
TestCopiesMachine.settings = lasting(examples=50, steps=10)

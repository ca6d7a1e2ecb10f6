"""The rules that every machine of two relatives in a conversation has."""

from collections.abc import Callable

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ojak_protocol import conversation as talk
from ojak_protocol.conversation import LETTER_TTL_SECONDS
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from tests.machines import relatives
from tests.machines.relatives import Side
from tests.machines.world import Device, Relay, fates
from tests.people import meet

PAIR = meet()
BEGIN = 1_800_000_000
DAY = 24 * 3600

names = st.sampled_from(["host", "guest"])
numbers = st.integers(0, 1000)
FAULTS = [
    Relay.forget,
    Relay.repeat,
    Relay.catch_up,
    Relay.put_back,
    Relay.sit_where_somebody_looked,
    Relay.release_all,
    Relay.keep_what_lies,
]
hidden_polls = st.sampled_from([(), (), (), (0,), (0, 1, 2), (1, 3, 5)])


def other_than(who: str) -> str:
    return "guest" if who == "host" else "host"


class TwoRelatives(RuleBasedStateMachine):
    """Two devices and a relay between them; what must hold is said by the machines made of it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.relay = Relay(BEGIN)
        self.devices = {"host": Device(Side(PAIR.host)), "guest": Device(Side(PAIR.guest))}
        self.letters = 0

    def becomes(self, who: str, side: Side) -> None:
        """The device of *who* writes another state."""
        self.devices[who].becomes(side)

    def sync(self, who: str, fate: str, *, most: int, hidden: tuple[int, ...] = ()) -> None:
        device = self.devices[who]
        self.becomes(who, relatives.prepared(device.state, now=self.now))
        request = relatives.request_of(device.state, most=most, now=self.now)
        reply = self.relay.asked(device, request, fate, hidden=hidden)
        if reply is None:
            return
        for side in relatives.after(device.state, request, reply, now=self.now):
            self.becomes(who, side)
        self.becomes(who, relatives.shown(device.state, now=self.now))

    # The people

    @rule(who=names, days=st.sampled_from([0, 0, 0, 1, 5]))
    def somebody_writes(self, who: str, days: int) -> None:
        side = self.devices[who].state
        if side.talk.broken:
            return
        self.letters += 1
        expires_at = self.now + days * DAY if days else 0
        body = Body(Kind.TEXT, text=f"letter {self.letters}", expires_at=expires_at)
        try:
            self.becomes(who, relatives.written(side, body, reference=self.letters))
        except Exhausted:
            return

    @rule(syncs=st.lists(st.tuples(names, fates, hidden_polls), min_size=2, max_size=5))
    def a_bad_night(self, syncs: list[tuple[str, str, tuple[int, ...]]]) -> None:
        for who, fate, hidden in syncs:
            self.sync(who, fate, most=6, hidden=hidden)

    @rule(first=names)
    def a_good_night(self, first: str) -> None:
        for who in (first, other_than(first), first, other_than(first)):
            self.sync(who, "well", most=8)

    # The devices

    @rule(who=names, number=numbers)
    def a_device_dies_and_starts_again(self, who: str, number: int) -> None:
        self.devices[who].dies(number)

    @rule(
        seconds=st.sampled_from([-DAY, -60, 60, DAY, LETTER_TTL_SECONDS // 3, LETTER_TTL_SECONDS])
    )
    def time_passes_or_clocks_are_set_back(self, seconds: int) -> None:
        self.now += seconds
        self.relay.now += max(0, seconds)

    # The relay, and who else is in the way

    @rule(faults=st.lists(st.tuples(st.sampled_from(FAULTS), numbers), min_size=1, max_size=3))
    def the_relay_or_the_network_does_something(
        self, faults: list[tuple[Callable[[Relay, int], None], int]]
    ) -> None:
        for fault, number in faults:
            fault(self.relay, number)

    @rule(who=names, over=st.booleans())
    def somebody_sits_where_a_side_writes(self, who: str, *, over: bool) -> None:
        boxes = talk.due(self.devices[who].state.talk, now=self.now)
        self.relay.sit([out.place.id for out in boxes], over=over)

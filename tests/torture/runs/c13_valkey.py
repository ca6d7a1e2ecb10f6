"""Primaries of a cluster under load are killed, hang, or fall behind: what is lost is counted."""

from tests.relay.sharing import FAULTS, failovers
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Have one after the other fail until the time is over; what is lost is no fault of a run."""
    counts = failovers(
        seed=turn.chance("c13").getrandbits(32),
        replicas=1,
        goes_on=lambda _: turn.goes_on,
        faults=tuple(FAULTS),
    )
    return dict(counts) | {"lost": counts["lost"], "back": counts["back"]}

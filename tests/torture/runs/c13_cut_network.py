"""The network of a cluster is cut in two under load, again and again: what is lost is counted."""

from tests.relay.cut_networks import can_cut_networks, cuts
from tests.torture.turn import CannotRun, Counts, Turn


def run(turn: Turn) -> Counts:
    """Cut and join until the time is over; what is lost is no fault of a run."""
    if not can_cut_networks():
        raise CannotRun("+ns: needs root, ip and network namespaces")
    turn.needs(30)
    counts = cuts(
        seed=turn.chance("c13 cut").getrandbits(32), replicas=1, goes_on=lambda _: turn.goes_on
    )
    sides = ("alone", "with the others")
    return {f"{what}, {side}": 0 for what in ("lost", "back") for side in sides} | dict(counts)

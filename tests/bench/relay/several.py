"""P7: what two relays over one Valkey do in a second beside one, where relays are what bounds.

On few cores they never are: Valkey and whoever asks need cores too. So each relay gets a part of a
core and no more, as if it had a small machine of its own; all else has what is left. As many
visitors come to each relay, alone or not: with fewer lines a relay does a cycle for a little less,
which is not what a second one brings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import psutil
import uvloop

from tests.bench.measure import Row
from tests.bench.relay.cycles import Cycles
from tests.bench.relay.loader import drive
from tests.bench.relay.quota import PROC, lacking, quota
from tests.bench.relay.shared import Together, cpu_seconds_of, over, processes_of
from tests.relay.valkeys import valkeys

SHARE: Final = 0.2
CONNECTIONS: Final = 128
"""To each relay. Replies leave at ticks: few visitors would leave it with nothing to do."""

NEARLY_ALL: Final = 0.9
"""Relays that leave more of their part unused were not what bounds."""

TURNS: Final = 11
TURN_SECONDS: Final = 3.0
FIGURE: Final = f"two relays of {SHARE:.0%} of a core each over one Valkey, of one"


@dataclass(frozen=True, slots=True)
class Cores:
    """CPU seconds so far, or cores in use where it is of one second."""

    relays: float
    valkey: float
    visitors: float

    def since(self, before: "Cores", seconds: float) -> "Cores":
        return Cores(
            (self.relays - before.relays) / seconds,
            (self.valkey - before.valkey) / seconds,
            (self.visitors - before.visitors) / seconds,
        )


@dataclass(frozen=True)
class Watched(Together):
    """Relays over one Valkey; what each used is written down whenever the CPU time is asked for."""

    looks: list[Cores] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """Return the CPU time of relays and Valkey."""
        relays = sum(relay.cpu_seconds() for relay in self.relays)
        now = Cores(relays, cpu_seconds_of(self.keeps), cpu_seconds_of([psutil.Process()]))
        self.looks.append(now)
        return now.relays + now.valkey


@dataclass(frozen=True, slots=True)
class Turn:
    """What relays did in a stretch of time, and what was in use meanwhile."""

    a_second: float
    a_cpu_second: float
    cores: Cores


def rows(proc: Path = PROC) -> Iterator[Row]:
    """Measure and give the lines, or one that says why nothing was measured.

    Args:
        proc: the folder in which the kernel tells what is mounted, and who is in which group.
    """
    why = lacking(proc)
    if why:
        yield Row("P7", f"{FIGURE}, a second", f"NOT MEASURED: {why}", "1.5x", "")
        return
    one, two = measure_several(proc)
    wall = middle(two, lambda turn: turn.a_second) / middle(one, lambda turn: turn.a_second)
    cpu = middle(two, lambda turn: turn.a_cpu_second) / middle(one, lambda turn: turn.a_cpu_second)
    busy = middle(two, lambda turn: turn.cores.relays / turn.cores.valkey)
    is_bound = used(one, SHARE) > NEARLY_ALL and used(two, 2 * SHARE) > NEARLY_ALL
    told = f"{wall:.2f}x" if is_bound else f"{wall:.2f}x, not bound by it"
    yield Row("P7", f"{FIGURE}, a second", told, "1.5x", "")
    yield Row("P7", f"{FIGURE}, a CPU-second", f"{cpu:.0%}", "", "")
    reckoned = "relays of a whole core to one Valkey of one, reckoned from what both used"
    yield Row("P7", reckoned, f"{busy:.1f}", "", "")
    for name, turns, given in (("one", one, SHARE), ("two", two, 2 * SHARE)):
        rate = middle(turns, lambda turn: turn.a_second)
        valkey = middle(turns, lambda turn: turn.cores.valkey)
        visitors = middle(turns, lambda turn: turn.cores.visitors)
        figure = f"{name} of {SHARE:.0%}: cycles a second; used of it; Valkey, visitors, of a core"
        told = f"{rate:.0f}; {used(turns, given):.0%}; {valkey:.0%}, {visitors:.0%}"
        yield Row("", figure, told, "", "")


def measure_several(proc: Path = PROC) -> tuple[list[Turn], list[Turn]]:
    """Drive one relay and both in turn; return what the one did, and what both did.

    Raises:
        Unavailable: relays cannot be held to a part of a core.
    """
    one: list[Turn] = []
    two: list[Turn] = []
    with valkeys() as servers, ExitStack() as running:
        relays = [running.enter_context(over(servers)) for _ in range(2)]
        for relay in relays:
            running.enter_context(quota(relay.process.pid, SHARE, proc))
        for number in range(TURNS):
            alone = relays[number % 2 : number % 2 + 1]
            one.append(uvloop.run(_turn(Watched(alone, processes_of(servers)))))
            two.append(uvloop.run(_turn(Watched(relays, processes_of(servers)))))
    return one, two


async def _turn(watched: Watched) -> Turn:
    makes = [Cycles().cycle for _ in range(CONNECTIONS * len(watched.relays))]
    done = await drive(watched, makes, TURN_SECONDS, warm_up_seconds=1.0)
    before, after = watched.looks
    seconds = done.wall_seconds
    return Turn(done.cycles / seconds, done.per_cpu_second, after.since(before, seconds))


def used(turns: Sequence[Turn], given: float) -> float:
    """Return how much relays used of the part of a core that they were given."""
    return middle(turns, lambda turn: turn.cores.relays) / given


def middle(turns: Sequence[Turn], what: Callable[[Turn], float]) -> float:
    return median(map(what, turns))

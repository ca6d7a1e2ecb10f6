"""P1 and P8: what a durable cycle and an empty look cost our relay, beside aiohttp doing nothing.

All servers run at once and have their turns one after the other, so that what else the machine
does meets all alike; what is compared is cycles for each second of CPU time of a server.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop

from tests.bench.measure import Row
from tests.bench.relay.cycles import Cycle, Cycles, EmptyPolls
from tests.bench.relay.loader import CONNECTIONS, Measured, drive
from tests.bench.relay.servers import Server, no_op, our_relay

TURNS = 7
TURN_SECONDS = 2.0
Makes = Sequence[Callable[[], Cycle]]


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    with TemporaryDirectory() as name, ExitStack() as running:
        relay = running.enter_context(our_relay(Path(name), capacity=10_000))
        plain = running.enter_context(no_op("application"))
        bare = running.enter_context(no_op("server"))
        cycles = [Cycles().cycle for _ in range(CONNECTIONS)]
        unchecked = [Cycles(checks=False).cycle for _ in range(CONNECTIONS)]
        polls = [EmptyPolls().cycle for _ in range(CONNECTIONS)]
        no_polls = [EmptyPolls(b"/polls").cycle for _ in range(CONNECTIONS)]
        measured = take_turns(
            {
                "cycle": (relay, cycles),
                "cycle, no-op": (plain, unchecked),
                "cycle, no-op server": (bare, unchecked),
                "polls": (relay, polls),
                "polls, no-op": (plain, no_polls),
                "polls, no-op server": (bare, no_polls),
            }
        )
    yield from _rows("P1", "durable cycle", measured, "cycle", ("60 %", "70 %"))
    yield from _rows("P8", "sync of empty polls", measured, "polls", ("70 %", "85 %"))


def take_turns(
    servers: Mapping[str, tuple[Server, Makes]],
    *,
    turns: int = TURNS,
    seconds: float = TURN_SECONDS,
) -> dict[str, list[Measured]]:
    """Drive one server after the other, *turns* times, and return what each did in each turn."""
    measured: dict[str, list[Measured]] = {name: [] for name in servers}

    async def all_turns() -> None:
        for _ in range(turns):
            for name, (server, makes) in servers.items():
                measured[name].append(await drive(server, makes, seconds))

    uvloop.run(all_turns())
    return measured


def rate(turns: Sequence[Measured]) -> float:
    """Return cycles a CPU-second: the median of all turns."""
    return median(turn.per_cpu_second for turn in turns)


def waits(turns: Sequence[Measured]) -> str:
    """Return the wall times of a request, for whoever wonders; nothing is compared by them."""
    p50, p99 = median(turn.p50_ms for turn in turns), median(turn.p99_ms for turn in turns)
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def _rows(
    id_: str,
    figure: str,
    measured: Mapping[str, Sequence[Measured]],
    name: str,
    targets: tuple[str, str],
) -> Iterator[Row]:
    ours = rate(measured[name])
    share = ours / rate(measured[f"{name}, no-op"])
    yield Row(id_, f"{figure}, of a no-op aiohttp handler", f"{share:.0%}", *targets)
    share = ours / rate(measured[f"{name}, no-op server"])
    yield Row("", f"{figure}, of one without router", f"{share:.0%}", "", "")
    yield Row(
        "", f"{figure}s a CPU-second; a request", f"{ours:.0f}; {waits(measured[name])}", "", ""
    )

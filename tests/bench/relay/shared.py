"""P7: one relay over Valkey beside one in memory, alone, with one who waits, and with a second.

What one start of all these processes gives and what another gives differ by more than turns of one
start do, so all are started several times, and the median of their shares is the figure.

All CPU time is counted, that of Valkey's processes included: where cores are few, two relays do not
do more than one, but should cost hardly more a cycle.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import psutil
import uvloop

from tests.bench.measure import Row
from tests.bench.relay.cycles import Cycles, Waits
from tests.bench.relay.loader import CONNECTIONS, Measured, drive
from tests.bench.relay.servers import Server, our_relay, started
from tests.bench.relay.throughput import rate, waits
from tests.journeys.children import OJAK_RELAY
from tests.ports import free_port
from tests.relay.valkeys import Valkey, cluster_of_six, valkeys

STARTS = 9
TURNS = 5
CLUSTER_TURNS = 5
TURN_SECONDS = 1.0
CAPACITY = 10_000


@dataclass(frozen=True)
class Together:
    """Relays that share servers, seen as one server by whoever counts CPU time."""

    relays: Sequence[Server]
    keeps: Sequence[psutil.Process]

    @property
    def ports(self) -> list[int]:
        return [relay.port for relay in self.relays]

    def cpu_seconds(self) -> float:
        """Return the CPU time of all processes."""
        return cpu_seconds_of(self.keeps) + sum(relay.cpu_seconds() for relay in self.relays)


def cpu_seconds_of(processes: Sequence[psutil.Process]) -> float:
    """Return the CPU time of these processes so far."""
    return sum(one.user + one.system for one in (each.cpu_times() for each in processes))


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    yield Row("", "the server that P7 is measured with", _server(), "", "")
    starts = [measure_shared() for _ in range(STARTS)]
    cluster = measure_cluster()
    for of, name, beside, figure, *targets in (
        (starts, "one", "memory", "cycle over Valkey, of one in memory", "65 %", "80 %"),
        (starts, "heard", "memory", "one relay at which somebody waits, of one in memory", "", ""),
        (starts, "two", "one", "two relays over one Valkey, of one, a CPU-second", "", ""),
        ([cluster], "cluster", "one", "one relay over a cluster of six, of one Valkey", "", ""),
    ):
        shares = [rate(measured[name]) / rate(measured[beside]) for measured in of]
        spread = f" ({min(shares):.0%} to {max(shares):.0%})" if len(shares) > 1 else ""
        yield Row("P7", figure, f"{median(shares):.0%}{spread}", *targets)
    for name in starts[0]:
        turns = [turn for measured in starts for turn in measured[name]]
        done = sum(turn.cycles for turn in turns) / sum(turn.wall_seconds for turn in turns)
        figure = f"{name}: cycles a CPU-second; a second; a request"
        yield Row("", figure, f"{rate(turns):.0f}; {done:.0f}; {waits(turns)}", "", "")


def measure_shared() -> Mapping[str, Sequence[Measured]]:
    """Start all, drive each arrangement in turn, and return what each did in each turn."""
    with TemporaryDirectory() as name, ExitStack() as running:
        memory = running.enter_context(our_relay(Path(name), capacity=CAPACITY, store="memory"))
        single = running.enter_context(valkeys())
        relays = [running.enter_context(over(single)) for _ in range(2)]
        processes = processes_of(single)
        return _in_turns(
            TURNS,
            {
                "memory": Together([memory], []),
                "one": Together(relays[:1], processes),
                "two": Together(relays, processes),
                # The relay is told of boxes for some seconds more: others have turns then.
                "heard": Together(relays[:1], processes),
            },
        )


def measure_cluster() -> Mapping[str, Sequence[Measured]]:
    """Do the same with a cluster and a single server.

    Apart from the others, in whose way six servers that keep house would be.
    """
    with ExitStack() as running:
        single = running.enter_context(valkeys())
        six = running.enter_context(cluster_of_six())
        one, wide = (running.enter_context(over(servers)) for servers in (single, six))
        beside = {
            "one": Together([one], processes_of(single)),
            "cluster": Together([wide], processes_of(six)),
        }
        return _in_turns(CLUSTER_TURNS, beside)


def _in_turns(turns: int, arrangements: Mapping[str, Together]) -> dict[str, list[Measured]]:
    measured: dict[str, list[Measured]] = {name: [] for name in arrangements}
    # Of each its own for all turns: what one turn cuts off, the next one deletes.
    makes = {name: [Cycles().cycle for _ in range(CONNECTIONS)] for name in arrangements}
    for _ in range(turns):
        for kind, together in arrangements.items():
            waits = [Waits().cycle] if kind == "heard" else []
            drive_all = drive(together, [*waits, *makes[kind]], TURN_SECONDS)
            measured[kind].append(uvloop.run(drive_all))
    return measured


def _server() -> str:
    """Return version and allocator: Valkey built without its own takes a fifth longer."""
    with valkeys() as (server,):
        lines = bytes(server.ask("INFO")).decode().splitlines()
    told = dict(line.partition(":")[::2] for line in lines)
    version = told.get("valkey_version", told["redis_version"])
    return f"{version}, {told['mem_allocator']}"


@contextmanager
def over(servers: Sequence[Valkey]) -> Iterator[Server]:
    port = free_port()
    urls = ",".join(server.url for server in servers)
    where = ("--store", "valkey", "--valkey", urls, "--capacity", str(CAPACITY))
    with started((OJAK_RELAY, "serve", "--listen", f"127.0.0.1:{port}", *where), port) as server:
        yield server


def processes_of(servers: Sequence[Valkey]) -> list[psutil.Process]:
    return [psutil.Process(one.process.pid) for one in servers if one.process is not None]

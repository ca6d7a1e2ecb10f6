"""Podman as the engine of Docker Compose: its own storage, networks and service in one folder."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.docs.kit import ROOT

NEEDED: Final = ("podman", "runc", "conmon", "nsenter")
# Not the script that its package puts beside Python: that one ends with 0 whatever happened.
COMPOSE: Final = next(
    ROOT.glob(".venv-container/lib/*/site-packages/compose/docker-compose"), Path("docker-compose")
)
# Without them Podman asks for 1048576 of both, which not every machine gives to root.
LIMITS: Final = {"nproc": 4096}
FILES: Final = 4096
SERVICES: Final = ("relay", "relay-2", "caddy", "valkey")
SETTINGS: Final = '[engine]\nruntime = "runc"\nlock_type = "file"\nevents_logger = "file"\n'


class Engine:
    """A Podman of its own, and Docker Compose in front of it, for one copy of the project.

    Attributes:
        project: the copy, with its `.env`.
        https: port on loopback at which Caddy is to be reached.
        http: the same without TLS.
    """

    def __init__(self, folder: Path, project: Path, http: int, https: int) -> None:
        self._folder, self.project, self.http, self.https = folder, project, http, https
        self._socket = folder / "podman.sock"
        (folder / "containers.conf").write_text(SETTINGS)
        # No systemd need run here to time the health checks: `timed` does.
        self._environment = os.environ | {
            "CONTAINERS_CONF": str(folder / "containers.conf"),
            "DISABLE_HC_SYSTEMD": "true",
            "DOCKER_HOST": f"unix://{self._socket}",
            # Compose's other builder is an image of its own, from a registry.
            "DOCKER_BUILDKIT": "0",
            "HOME": str(folder),
        }
        limits = {
            name: {"ulimits": LIMITS | ({} if name.startswith("relay") else {"nofile": FILES})}
            for name in SERVICES
        }
        (folder / "limits.json").write_text(json.dumps({"services": limits}))

    def _words(self, *words: str) -> list[str]:
        own = self._folder
        return [
            "podman", "--root", str(own / "images"), "--runroot", str(own / "run"),
            "--tmpdir", str(own / "tmp"), "--network-config-dir", str(own / "networks"),
            "--cgroup-manager", "cgroupfs", *words,
        ]  # fmt: skip

    def podman(self, *words: str, check: bool = True) -> str:
        """Run Podman and return what it says."""
        done = subprocess.run(
            self._words(*words),
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=None if check else subprocess.DEVNULL,
            text=True,
            check=check,
        )
        return done.stdout.strip()

    def _compose(self) -> list[str]:
        own = ["compose.override.yaml"] * (self.project / "compose.override.yaml").exists()
        files = ("compose.yaml", *own, str(self._folder / "limits.json"))
        named = [word for file in files for word in ("--file", file)]
        return [str(COMPOSE), "--progress", "quiet", *named]

    def compose(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run `docker compose` as an operator would in the folder of the project."""
        return subprocess.run(
            [*self._compose(), *words],
            cwd=self.project,
            env=self._environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def done(self, *words: str) -> bool:
        """Run `docker compose` and tell whether it succeeded; print what it says if not."""
        ended = self.compose(*words)
        if ended.returncode:
            print(ended.stdout[-3000:], ended.stderr[-3000:])  # noqa: T201 - for whoever runs it
        return ended.returncode == 0

    def typed(self, lines: Sequence[str]) -> bool:
        """Run lines of the guide in the folder of the project, and tell whether all succeeded."""
        for line in lines:
            # Each time anew: a line may bring the file that the next one is to heed.
            command = shlex.join(self._compose())
            script = f'docker() {{ shift; {command} "$@"; }}; umask 077; {line}'
            done = subprocess.run(
                ("sh", "-euc", script),  # noqa: S607 - any one
                cwd=self.project,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            if done.returncode:
                print(line, done.stdout[-3000:], done.stderr[-3000:])  # noqa: T201 - as above
                return False
        return True

    def drained(self, service: str) -> bool:
        """Drain the relay of *service*, and tell whether it ended and was started anew.

        Whatever runs in a container ends with its relay: how `drain` ended is not always told.
        """
        before = self.state(service)["State"]["StartedAt"]
        said = self.compose("exec", "-T", service, "ojak-relay", "drain").stdout
        until = time.monotonic() + 30
        while self.state(service)["State"]["StartedAt"] == before:
            if time.monotonic() > until:
                print(said)  # noqa: T201 - as above
                return False
            time.sleep(0.2)
        return True

    def volume(self, name: str) -> Path:
        """Return the folder of this machine in which a volume of Compose lies."""
        place = self.podman("volume", "inspect", "--format", "{{.Mountpoint}}", f"ojak_{name}")
        return Path(place)

    def state(self, service: str) -> dict[str, Any]:
        """Return what the engine knows of the container of *service*."""
        found: list[dict[str, Any]] = json.loads(
            self.podman("container", "inspect", f"ojak-{service}-1")
        )
        return found[0]

    def pid(self, service: str) -> int:
        """Return the number that this machine gives to the first process of *service*."""
        return int(self.state(service)["State"]["Pid"])

    def loose_relay(self) -> str:
        """Run a relay as root with what Podman gives it by itself, and return its name."""
        limits = [f"--ulimit={name}={FILES}" for name in ("nofile", "nproc")]
        name = ("--name", "ojak-planted-1", "--no-healthcheck", "--user", "0")
        self.podman("run", "--detach", *name, *limits, "--ulimit", "core=4096", "ojak-relay")
        return "planted"

    def logs(self) -> str:
        """Return what all containers wrote."""
        return self.compose("logs", "--no-color").stdout

    def address(self, service: str, network: str) -> str:
        """Return the address of *service* in *network*; empty where it is not in it."""
        networks = self.state(service)["NetworkSettings"]["Networks"]
        return str(networks.get(f"ojak_{network}", {}).get("IPAddress", ""))

    def addresses(self, service: str) -> list[str]:
        """Return every address of *service*."""
        networks = self.state(service)["NetworkSettings"]["Networks"].values()
        return [str(one["IPAddress"]) for one in networks]

    def within(self, service: str, script: str, *words: str) -> str:
        """Run this machine's Python in the network of *service*, and return what it says."""
        inside = ("nsenter", "--target", str(self.pid(service)), "--net")
        done = subprocess.run(
            [*inside, sys.executable, "-c", script, *words],
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Let Compose reach Podman for the length of the block, and leave nothing behind."""
        words = self._words("system", "service", "--time", "0", f"unix://{self._socket}")
        with (self._folder / "service.log").open("w") as log:
            process = subprocess.Popen(words, env=self._environment, stdout=log, stderr=log)
        ended = threading.Event()
        timer = threading.Thread(target=self._timed, args=(ended,))
        try:
            until = time.monotonic() + 30
            while not self._socket.exists() and time.monotonic() < until:
                time.sleep(0.05)
            timer.start()
            yield
        finally:
            self.compose("--profile", "cluster", "down", "--volumes", "--timeout", "1")
            ended.set()
            timer.join()
            process.terminate()
            process.wait(20)
            # What Compose could not take away, and what else Podman holds.
            self.podman("rm", "--all", "--force", "--time", "0", "--volumes", check=False)
            self.podman("volume", "prune", "--force", check=False)
            self.podman("network", "prune", "--force", check=False)
            _end_keepers(self._folder)

    def _timed(self, ended: threading.Event) -> None:
        """Check the health of every container once a second, as systemd's timers would."""
        while not ended.wait(1):
            for name in self.podman("ps", "--format", "{{.Names}}", check=False).split():
                if "relay" in name:
                    self.podman("healthcheck", "run", name, check=False)


def _end_keepers(folder: Path) -> None:
    """End what Podman keeps for five minutes after each command that was run in a container.

    Later it would make its folders anew.
    """
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().split(b"\0")
                if words[0].endswith(b"conmon") and str(folder / "images").encode() in words:
                    os.kill(int(process.name), signal.SIGKILL)


def release(folder: Path) -> None:
    """Take away what is still mounted below *folder*."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    for place in reversed([line.split()[1] for line in lines]):
        if Path(place).is_relative_to(folder):
            subprocess.run(("umount", place), check=False)  # noqa: S607 - any one


def copied(folder: Path) -> Path:
    """Copy what an operator needs of the project into *folder*, and return the copy."""
    project = folder / "ojak"
    quiet = shutil.ignore_patterns("__pycache__")
    for name in ("relay", "protocol", "requirements"):
        shutil.copytree(ROOT / name, project / name, ignore=quiet)
    for name in (
        *("compose.yaml", "Dockerfile", ".dockerignore", ".env.example"),
        *("pyproject.toml", "CHANGELOG.md"),
    ):
        shutil.copy(ROOT / name, project / name)
    shutil.copy(project / ".env.example", project / ".env")
    return project

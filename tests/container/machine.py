"""A Debian 12 with its own systemd, booted by systemd-nspawn from a folder."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.container.image import BUNDLE
from tests.docs.kit import ROOT, tracked

NEEDED: Final = ("systemd-nspawn", "debootstrap", "nsenter")
PACKAGES: Final = (
    "systemd-sysv,dbus,dbus-user-session,libpam-systemd,python3,python3-venv,procps,ca-certificates"
)
START_SECONDS: Final = 90
CHECKOUT: Final = "/srv/ojak"
SURROUNDINGS: Final = (
    "env", "-i", "PATH=/opt/ojak/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME=/root", "LANG=C.UTF-8", f"PIP_CERT={BUNDLE}", "sh", "-c",
)  # fmt: skip


class Machine:
    """The machine in *root*, with a network of its own: a start sets that up."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._leader = 0

    def make(self) -> None:
        """Make it, with a checkout of the project in a folder of its own."""
        words = ("debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm")
        subprocess.run([*words, str(self.root)], stdout=subprocess.DEVNULL, check=True)
        shutil.copy(BUNDLE, self.root / BUNDLE.lstrip("/"))
        for path in tracked():
            copy = self.root / CHECKOUT.lstrip("/") / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)

    def copied(self, name: str) -> "Machine":
        """Return another machine with all that is on this one, which is off; the folder is new."""
        other = self.root.parent / name
        other.mkdir()
        subprocess.run(("cp", "--archive", f"{self.root}/.", other), check=True)  # noqa: S607 - any one
        return Machine(other)

    def _nspawn(self, *words: str) -> list[str]:
        # Where no systemd runs here, there is nobody to tell of it.
        alone = () if Path("/run/systemd/system").exists() else ("--register=no", "--keep-unit")
        return ["systemd-nspawn", "--quiet", f"--directory={self.root}", *alone, *words]

    def prepare(self, script: str) -> bool:
        """Run *script* in the checkout while the machine is off."""
        command = f"cd {CHECKOUT}; set -e; {script}"
        words = self._nspawn("--pipe", *SURROUNDINGS, command)
        return subprocess.run(words, stdin=subprocess.DEVNULL, check=False).returncode == 0

    @contextmanager
    def booted(self) -> Iterator[None]:
        """Let it run for the length of the block."""
        with (self.root.parent / "console").open("w") as console:
            process = subprocess.Popen(
                self._nspawn("--boot", "--private-network"),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
            )
        try:
            until = time.monotonic() + START_SECONDS
            while not self._is_up(process.pid):
                if process.poll() is not None or time.monotonic() > until:
                    raise TimeoutError((self.root.parent / "console").read_text()[-2000:])
                time.sleep(0.5)
            yield
        finally:
            if self._leader:
                self.run("systemctl poweroff")
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _is_up(self, nspawn: int) -> bool:
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        if not children:
            return False
        self._leader = int(children[0])
        return self.said("systemctl is-system-running") in {"running", "degraded"}

    def run(self, script: str, user: str = "") -> subprocess.CompletedProcess[str]:
        """Run *script* in the running machine, as root or as *user*."""
        inside = [*SURROUNDINGS, script]
        if user:
            inside = ["runuser", "--login", user, "--command", script]
        return subprocess.run(
            ["nsenter", "--target", str(self._leader), "--all", *inside],  # noqa: S607 - any one
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": f"/usr/sbin:/sbin:{os.environ['PATH']}"},
            timeout=180,
            check=False,
        )

    def said(self, script: str, user: str = "") -> str:
        """Return what *script* says."""
        return self.run(script, user).stdout.strip()

    def done(self, script: str, user: str = "") -> bool:
        """Run *script* and tell whether it succeeded; print what it says if not."""
        ended = self.run(script, user)
        if ended.returncode:
            print(ended.stdout[-3000:], ended.stderr[-3000:])  # noqa: T201 - for whoever runs it
        return ended.returncode == 0

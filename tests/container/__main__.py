"""What holds of the image, of compose.yaml and of the units; ends with 1 if anything does not.

The image is built by buildah with chroot isolation, and run by bubblewrap as compose.yaml asks for
it: a root that is read-only, its own user, no capabilities, one volume. compose.yaml is run by
Docker Compose over Podman, the units by a systemd that systemd-nspawn boots, where there are these.
"""

import importlib.metadata
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from ojak_protocol.sync import DepositOutcome, Found
from tests.container import engine, machine
from tests.container.backups import check_backup
from tests.container.booted import check_booted
from tests.container.cluster import check_cluster
from tests.container.composed import check_composed
from tests.container.holding import Failed, holds, not_run, skipped
from tests.container.image import Builder
from tests.docs.kit import ROOT
from tests.docs.test_changelog import INSTALLED
from tests.docs.test_operating import finished
from tests.ports import free_port
from tests.relay.kit import Relay, box, deposit, request
from tests.supply.lock import RELAY, pinned

NEEDED = ("buildah", "bwrap", "debootstrap")
TOOLS = ROOT / ".venv-container" / "bin"
PROBE = (
    "import os\n"
    "for path in ('/opt/ojak/lib/ojak/new', '/etc/new', '/usr/bin/new', '/var/lib/new'):\n"
    "    try: open(path, 'w')\n"
    "    except OSError as error: print(error.strerror)\n"
    "print(os.getuid(), open('/proc/self/status').read().count('CapEff:\\t0000000000000000'))\n"
)


def tool(program: Path, *words: str | Path) -> bool:
    """Run one of the tools that look at files; print what it finds."""
    return subprocess.run([program, *words], cwd=ROOT, check=False).returncode == 0


class Container:
    """The image as bubblewrap runs it."""

    def __init__(
        self, root: Path, config: dict[str, Any], volume: Path, changed: dict[str, str]
    ) -> None:
        self._root, self._volume = root, volume
        given = dict(word.split("=", 1) for word in config["Env"])
        self._environment = {name: word for name, word in (given | changed).items() if word}
        self._entry: list[str] = config["Entrypoint"]
        self._user: list[str] = config["User"].split(":")

    def words(self, *command: str) -> list[str]:
        """Return the command line that runs *command* in the image."""
        user, group = self._user
        return [
            "bwrap", "--unshare-all", "--share-net", "--die-with-parent", "--new-session",
            "--uid", user, "--gid", group, "--cap-drop", "ALL",
            "--ro-bind", str(self._root), "/", "--proc", "/proc", "--dev", "/dev",
            "--bind", str(self._volume), "/var/lib/ojak", "--chdir", "/var/lib/ojak",
            "--clearenv",
            *(word for item in self._environment.items() for word in ("--setenv", *item)),
            *command,
        ]  # fmt: skip

    def relay(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the relay's commands, by the image's own command line."""
        return self.run(*self._entry, *arguments)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run *command* in the image to its end."""
        return subprocess.run(
            self.words(*command), capture_output=True, text=True, timeout=120, check=False
        )

    def serve(self) -> subprocess.Popen[str]:
        """Run what the image runs when it is told nothing."""
        return subprocess.Popen(
            self.words(*self._entry, "serve"),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


def check_files(folder: Path) -> None:
    """Have the tools look at the files, and at spoiled ones in *folder*."""
    hadolint, lint = TOOLS / "hadolint", (TOOLS / "compose-lint", "--fail-on", "high")
    config = ("config", "--quiet")
    holds("hadolint finds nothing in the Dockerfile", tool(hadolint, "Dockerfile"))
    holds("Docker Compose takes compose.yaml", tool(engine.COMPOSE, *config))
    holds("and its profile cluster", tool(engine.COMPOSE, "--profile", "cluster", *config))
    holds("compose-lint finds nothing above medium", tool(*lint, "compose.yaml"))
    spoiled = folder / "compose.yaml"
    spoiled.write_text("services: {relay: {image: ojak-relay, cap_drop: 5}}")
    found = not tool(engine.COMPOSE, "--file", spoiled, *config)
    spoiled.write_text("services: {relay: {image: ojak-relay, privileged: true}}")
    found = found and not tool(*lint, spoiled)
    spoiled.write_text("FROM debian:13\nRUN sudo true\n")
    holds("each of them finds what is planted", found and not tool(hadolint, spoiled))


def check_image(config: dict[str, Any], root: Path) -> None:
    """Look at what the image says, and at what is in it."""
    holds("a numeric user that is not root", config["User"] == "65532:65532")
    holds(
        "a health check by command",
        config["Healthcheck"]["Test"] == ["CMD", "ojak-relay", "healthcheck"],
    )
    holds("labels", config["Labels"]["org.opencontainers.image.version"] == "0.1")
    holds("one volume", list(config["Volumes"]) == ["/var/lib/ojak"])
    holds("no client", not list((root / "opt/ojak").rglob("ojak_client*")))
    names = set(pinned(RELAY))
    bill = subprocess.run(
        [TOOLS / "cyclonedx-py", "requirements", RELAY], capture_output=True, check=True
    )
    parts = {part["name"] for part in json.loads(bill.stdout)["components"]}
    holds("the bill of materials names what is pinned", parts == names)
    installed = {
        path.name.removesuffix(".dist-info").rpartition("-")[0].lower().replace("_", "-")
        for path in (root / "opt/ojak").rglob("*.dist-info")
    }
    installed -= {"ojak"}
    holds(f"{len(installed)} packages, all of them pinned", installed <= names)


def check_running(container: Container, port: int) -> None:
    """Run the image, and use it."""
    version_told = container.relay("--version").stdout
    version = importlib.metadata.version("ojak")
    holds("it tells its version", version_told == f"ojak-relay, version {version}\n")
    changelog = container.run("cat", f"/opt/ojak/{INSTALLED}").stdout
    holds("and carries its changelog", f"\n## {version}, " in changelog)
    holds("the health check fails without a relay", container.relay("healthcheck").returncode == 1)
    process = container.serve()
    try:
        until = time.monotonic() + 30
        while container.relay("healthcheck").returncode and time.monotonic() < until:
            time.sleep(0.2)
        holds("and passes with one", container.relay("healthcheck").returncode == 0)
        relay = Relay(process, "127.0.0.1", port)
        outcome = relay.sync(request(1, deposits=(deposit(1, 7),))).deposits
        holds("a box is stored", outcome == (DepositOutcome.STORED,))
        holds("stats tell of it", "boxes                    1\n" in container.relay("stats").stdout)
        told = container.run("/opt/ojak/bin/python", "-c", PROBE).stdout.splitlines()
        read_only = told[:4] == ["Read-only file system"] * 4
        holds("nothing but the volume can be written to", read_only)
        holds("user 65532 has no capability", told[4] == "65532 1")
        selftest = container.relay("selftest", f"http://127.0.0.1:{port}")
        holds("selftest finds nothing wrong", selftest.returncode == 0)
        holds("drain ends it", container.relay("drain").returncode == 0)
        holds("with code 0", process.wait(20) == 0)
    finally:
        process.kill()
        process.communicate()
    process = container.serve()
    try:
        assert process.stdout is not None
        process.stdout.readline()
        found = Relay(process, "127.0.0.1", port).sync(request(1)).polls[0]
        holds("another start finds the box in the volume", found == Found(box(7)))
    finally:
        process.kill()
        process.communicate()
    holds("purge overwrites it", container.relay("purge", "--yes").returncode == 0)


def letter(folder: Path, root: Path, config: dict[str, Any]) -> None:
    """Go the way of the operating guide with the image's own command line."""
    programs, volume = folder / "programs", folder / "empty"
    programs.mkdir()
    volume.mkdir()
    # The guide has settings of its own, in a file.
    own = {"OJAK_RELAY_LISTEN": "", "OJAK_RELAY_PATH": ""}
    words = Container(root, config, Path("/the/volume"), own).words(*config["Entrypoint"])
    command = " ".join('"$PWD"' if word == "/the/volume" else shlex.quote(word) for word in words)
    program = programs / "ojak-relay"
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    os.chmod(program, 0o755)  # noqa: PTH101, S103 - a program of this run
    shell = finished(volume, programs)
    if shell.returncode:
        click.echo(shell.stdout + shell.stderr)
    holds("the operating guide leads to a first letter", shell.returncode == 0)
    holds("which is read once", shell.stdout.count("엄마, 나 미나예요.") == 1)


def run_engine(folder: Path, builder: Builder, base: str) -> None:
    """Run compose.yaml with Podman, if it is here."""
    lacking = [name for name in engine.NEEDED if shutil.which(name) is None]
    if lacking:
        skipped("compose.yaml by an engine", f"there is no {', '.join(lacking)}")
        return
    builder.name_for_compose(base)
    podman = engine.Engine(folder, engine.copied(folder), free_port(), free_port())
    with podman.serving():
        check_composed(podman, folder)
        check_backup(podman, folder)
        check_cluster(podman, folder)


def run_machine(folder: Path) -> None:
    """Run the units under a systemd of their own, if it can be booted."""
    lacking = [name for name in machine.NEEDED if shutil.which(name) is None]
    if lacking:
        skipped("the units under systemd", f"there is no {', '.join(lacking)}")
        return
    check_booted(machine.Machine(folder / "machine"))


def main(base: str = "") -> int:
    """Build, look, run; return the exit code."""
    lacking = [name for name in NEEDED if shutil.which(name) is None]
    if lacking or os.geteuid():
        click.echo(f"needs root and: {', '.join(lacking) or 'nothing more'}")
        return 1
    # Not in /tmp: an image takes some hundred megabytes.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        volume, port = folder / "volume", free_port()
        volume.mkdir()
        builder = Builder(folder)
        try:
            check_files(folder)
            base = base or builder.make_base()
            told = builder.build(base)
            root = builder.mounted()
            check_image(told["config"], root)
            # On the machine's own network, so on another port.
            here = {"OJAK_RELAY_LISTEN": f"127.0.0.1:{port}"}
            check_running(Container(root, told["config"], volume, here), port)
            letter(folder, root, told["config"])
            run_engine(folder, builder, base)
            run_machine(folder)
        except Failed as error:
            click.echo(f"does not hold: {error}")
            return 1
        finally:
            builder.run("umount", "--all")
            builder.run("rm", "--all")
            engine.release(folder)
    click.echo(f"not run here: {len(not_run)}{''.join(f'; {what}' for what in not_run)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

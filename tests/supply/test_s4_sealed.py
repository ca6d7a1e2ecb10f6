"""S4: what a program in the relay's place could do where the relay is run sealed off.

The image itself has a shell: that nothing can be executed holds for the stand-in, and is not asked
of the image.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.kit import ROOT
from tests.docs.sealed import VOLUME, missing, sealing

PROBE = """
import json, os, socket, subprocess, sys

def tried(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__ + ": " + (error.strerror or "")
    return "done"

def connect():
    with socket.socket() as line:
        line.settimeout(5)
        line.connect(("192.0.2.1", 80))

print(json.dumps({
    "own code": tried(lambda: open(%(code)r, "a").close()),
    "root": tried(lambda: open("/new", "w").close()),
    "system": tried(lambda: open("/usr/lib/new", "w").close()),
    "shell": tried(lambda: subprocess.run(["/bin/sh", "-c", "true"])),
    "its other name": tried(lambda: subprocess.run(["/usr/bin/sh", "-c", "true"])),
    "raw socket": tried(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
    "mount": tried(lambda: os.chroot("/tmp")),
    "connect out": tried(connect),
    "other users": tried(lambda: os.setuid(0)),
    "volume": tried(lambda: open("%(volume)s/new", "w").close()),
    "user": os.getuid(),
}))
"""


def probed(words: list[str]) -> dict[str, object]:
    code = str(ROOT / "relay" / "ojak_relay" / "__init__.py")
    probe = PROBE % {"code": code, "volume": VOLUME}
    done = subprocess.run(
        [*words, sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, object] = json.loads(done.stdout)
    return told


def test_s4_a_sealed_relay_writes_nowhere_else_executes_nothing_and_reaches_nobody(
    tmp_path: Path,
) -> None:
    if why := missing():
        pytest.skip(f"{why}: nothing was checked")
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    words = sealing(tmp_path, dockerfile=dockerfile, network=False)
    told = probed(words)
    assert (told.pop("volume"), told.pop("user")) == ("done", 65_532)
    refusals = {name: str(value).partition(":")[0] for name, value in told.items()}
    assert refusals == {
        "own code": "OSError",
        "root": "OSError",
        "system": "OSError",
        "shell": "FileNotFoundError",
        "its other name": "FileNotFoundError",
        "raw socket": "PermissionError",
        "mount": "PermissionError",
        "connect out": "OSError",
        "other users": "OSError",
    }
    assert {str(told[name]).partition(": ")[2] for name in ("own code", "root", "system")} == {
        "Read-only file system"
    }


def test_s4_the_probe_finds_what_is_not_sealed(tmp_path: Path) -> None:
    if why := missing():
        pytest.skip(f"{why}: nothing was checked")
    # This machine to look at, and a copy of the relay's code that is as writable as its own folder.
    shutil.copytree(ROOT / "relay" / "ojak_relay", tmp_path / "ojak_relay")
    words = ["bwrap", "--unshare-all", "--ro-bind", "/", "/"]
    words += ["--bind", str(tmp_path), str(ROOT / "relay")]
    told = probed(words)
    assert told["own code"] == "done"
    assert told["shell"] == "done"

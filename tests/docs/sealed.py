"""The relay as its image is run: a root that is read-only, one folder to write to, no rights.

bubblewrap stands in for a container engine. The interpreter and the packages are this machine's.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.docs.kit import ROOT

VOLUME: Final = "/var/lib/ojak"
USER: Final = "65532"


def missing() -> str:
    """Say what this machine lacks for it, or nothing."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed"
    tried = subprocess.run(
        ("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"),  # noqa: S607 - any one
        capture_output=True,
        check=False,
    )
    return "" if tried.returncode == 0 else "this machine allows no namespaces"


def interpreter() -> Path:
    """Return what the virtual environment's interpreter is a link to."""
    link = Path(sys.executable)
    while link.is_symlink() and link.is_relative_to(sys.prefix):
        link = link.parent / link.readlink()
    return link


def sealing(volume: Path, *, dockerfile: str, network: bool) -> list[str]:
    """Return the command line that runs what follows it sealed off.

    Args:
        volume: the folder that can be written to.
        dockerfile: names the variables of the image.
        network: whether there is more than a loopback of its own.
    """
    packages = [ROOT / "protocol" / "ojak_protocol", ROOT / "relay" / "ojak_relay"]
    # The interpreter alone, and not what else lies beside it: on most systems a shell does.
    python = [Path(sys.prefix), Path(sys.base_prefix) / "lib", interpreter()]
    libraries = [Path(name) for name in ("/usr/lib", "/lib", "/lib64", "/etc/ssl")]
    shown = [path for path in (*libraries, *python, *packages) if path.exists()]
    # The page names its own file of settings, and the paths in it.
    given = {
        "OJAK_RELAY_CONTROL": re.findall(r"OJAK_RELAY_CONTROL=(\S+)", dockerfile)[0],
        "PATH": f"{sys.prefix}/bin",
        "PYTHONPATH": f"{ROOT}/protocol:{ROOT}/relay",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return [
        "bwrap", "--unshare-all", *(["--share-net"] if network else []),
        "--die-with-parent", "--new-session", "--uid", USER, "--gid", USER, "--cap-drop", "ALL",
        "--proc", "/proc", "--dev", "/dev", "--size", "1048576", "--tmpfs", "/tmp",  # noqa: S108 - its own
        *(word for path in shown for word in ("--ro-bind", str(path), str(path))),
        "--bind", str(volume), VOLUME, "--chdir", VOLUME, "--clearenv",
        *(word for name, value in given.items() for word in ("--setenv", name, value)),
        "--remount-ro", "/",
    ]  # fmt: skip


def sealed_program(folder: Path, dockerfile: str) -> Path:
    """Make a program `ojak-relay` in *folder* that seals itself off; return the folder.

    The folder that it is called in is its volume.
    """
    folder.mkdir()
    before, after = "/the/volume", shlex.quote(sys.executable)
    words = sealing(Path(before), dockerfile=dockerfile, network=True)
    command = " ".join('"$PWD"' if word == before else shlex.quote(word) for word in words)
    program = folder / "ojak-relay"
    program.write_text(f'#!/bin/sh\nexec {command} {after} -m ojak_relay "$@"\n')
    os.chmod(program, 0o755)  # noqa: PTH101, S103 - a program of the test
    return folder

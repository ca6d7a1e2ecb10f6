"""Ojak as somebody has it who installed it: a new environment with a wheel and what that needs.

The one that tests run in has more in it, which a bare Python looks at as well when it starts, and
what was edited since is compiled anew at each start: the client writes no cache.
"""

import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def install(folder: Path) -> Path:
    """Make an environment in *folder* and return its programs; nothing is fetched."""
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / "bin"
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in sorted(set(_needed("ojak"))):
        for file in distribution(name).files or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                place = packages / file
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file.locate(), place)
    wheels = folder / "wheels"
    _pip("wheel", "--no-build-isolation", "--wheel-dir", str(wheels), str(ROOT))
    (wheel,) = wheels.iterdir()
    _pip("--python", str(programs / "python"), "install", str(wheel))
    subprocess.run([programs / "python", "-m", "compileall", "-q", packages], check=True)
    return programs


def _needed(name: str) -> Iterator[str]:
    """Yield the distributions that *name* needs here, those included that they need."""
    for line in distribution(name).requires or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            yield needed.name
            yield from _needed(needed.name)


def _pip(*arguments: str) -> None:
    offline = ("--no-deps", "--no-index", "--quiet", "--disable-pip-version-check")
    subprocess.run([sys.executable, "-m", "pip", *arguments, *offline], check=True)

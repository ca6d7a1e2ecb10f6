"""How the process of `ojak` starts: what it takes for its own modules."""

import subprocess
import sys
from pathlib import Path

import pytest

from ojak_client.exit_codes import ExitCode

SCRIPT = "import sys\nfrom ojak_client.__main__ import main\nsys.exit(main())\n"
"""What an installation writes for the command."""


@pytest.mark.parametrize(
    "command", [["ojak"], ["-m", "ojak_client"], ["-c", SCRIPT]], ids=["script", "module", "code"]
)
def test_nothing_is_imported_because_it_lies_beside_the_command_or_in_the_folder_at_hand(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "ojak").write_text(SCRIPT)
    for module in ("gettext", "dataclasses", "resource"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('not ours')")
    done = subprocess.run(
        [sys.executable, *command, "--lang", "en", "--profile", "mina", "status"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.NOT_READY
    assert done.stderr.endswith('Type: "ojak --profile mina invite"\n')

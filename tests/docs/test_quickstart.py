"""The blocks of docs/quickstart.md do what the page says, with real processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.kit import ROOT
from tests.ports import free_port

PAGE = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PORT = "8700"


@pytest.fixture(scope="module")
def finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run all blocks in one shell, as one reader would, on a port that is free."""
    folder = tmp_path_factory.mktemp("quickstart")
    # However it ends, what the shell started ends with it.
    script = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "\n".join(BLOCKS)
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LANG": "C.UTF-8",
    }
    shell = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", script.replace(PORT, str(free_port()))),  # noqa: S607 - any bash
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return shell, folder


Finished = tuple[subprocess.CompletedProcess[str], Path]


def test_every_block_succeeds(finished: Finished) -> None:
    shell, _ = finished
    assert shell.returncode == 0, shell.stderr


def test_both_letters_are_read_and_none_of_them_twice(finished: Finished) -> None:
    shell, _ = finished
    assert shell.stdout.count("엄마, 나 미나예요. 잘 있어요.") == 1
    assert shell.stdout.count("딸아, 나도 잘 있다.") == 1
    assert "exit code 10" in shell.stdout


def test_both_learn_that_their_answers_to_one_more_question_are_the_same(
    finished: Finished,
) -> None:
    shell, _ = finished
    told = 'They gave the same answer. Question: "Where did we hide the letters?"'
    assert shell.stdout.count(told) == 2


def test_the_two_are_confirmed_and_no_try_is_counted(finished: Finished) -> None:
    shell, _ = finished
    assert "confirmed to each other" in shell.stderr
    assert 'Name: "엄마". Count: "0"' in shell.stdout
    assert "They know" in shell.stdout or "knows the answers" in shell.stdout


def test_nothing_is_left_but_the_relays_file_and_the_logs(finished: Finished) -> None:
    _, folder = finished
    left = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert left == {"relay.store", "relay.log", "keep.log"}


def test_only_the_installing_is_not_run() -> None:
    assert PAGE.count("```console") == 1
    assert PAGE.count("```") == 2 * (len(BLOCKS) + 1)

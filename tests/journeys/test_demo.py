"""The demo as a person runs it: what it says, what it leaves, and that it can fail."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.children import BIN, Child

ROOT = Path(__file__).parents[2]
ERASES_NOTHING = """
from ojak_relay.__main__ import main
from ojak_relay.store import commits
from ojak_relay.store.page_file import PageFile

write_all = PageFile.write_all
PageFile.write_all = lambda self, pages: write_all(self, {at: it for at, it in pages.items() if it})
commits.erased_page = lambda commit: b""
main(prog_name="ojak-relay")
"""
PLANTED = """
import sys
from tests import demo
from tests.journeys import actors
{bug}
sys.exit(demo.main())
"""


class Demo:
    """Starts demos whose temporary folders can be looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.children: list[Child] = []

    def start(self, *arguments: str) -> Child:
        environment = {"PATH": "/usr/bin:/bin", "TMPDIR": str(self.folder), "LANG": "C.UTF-8"}
        command = [sys.executable, *(arguments or ("-m", "tests.demo"))]
        child = Child(command, environment=environment, folder=ROOT)
        self.children.append(child)
        return child

    def left(self) -> list[str]:
        """Everything in the temporary folder, and every process that was started there."""
        running = [
            path.parent.name
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if str(self.folder).encode() in _content(path)
        ]
        return [*map(str, self.folder.rglob("*")), *running]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    made = Demo(folder)
    yield made
    for child in made.children:
        child.kill()


def test_the_demo_says_what_it_checked_and_leaves_nothing(demo: Demo) -> None:
    ended = demo.start().wait()
    assert ended.code == 0, ended
    assert "none wrote a file" in ended.out or "strace is not installed" in ended.out
    assert "now not even 15 bytes" in ended.out
    assert ended.err == ""
    assert demo.left() == []


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("THE RELAY", signal.SIGINT),
        ("THE MOTHER", signal.SIGTERM),
        ("WHAT IS LEFT", signal.SIGHUP),
    ],
)
def test_an_interrupted_demo_leaves_nothing(
    demo: Demo, moment: str, number: signal.Signals
) -> None:
    running = demo.start()
    running.until_line(moment)
    assert demo.left() != []
    running.signal(number)
    assert running.wait().code == 130
    assert demo.left() == []


@pytest.mark.parametrize(
    ("bug", "sentence"),
    [
        ("demo.QUESTIONS = ('?',)", "a meeting point can be opened"),
        ("demo.files_in = lambda *_: object()", "the phone has the files that it had before"),
    ],
)
def test_a_demo_that_does_not_hold_fails_and_leaves_nothing(
    demo: Demo, bug: str, sentence: str
) -> None:
    ended = demo.start("-c", PLANTED.format(bug=bug)).wait()
    assert ended.code == 1
    assert f"This did not hold: {sentence}" in ended.out
    assert demo.left() == []


def test_a_relay_that_does_not_erase_is_found_by_the_demo(demo: Demo, tmp_path: Path) -> None:
    relay = tmp_path / "ojak-relay"
    relay.write_text(f"#!{BIN / 'python'}\n{ERASES_NOTHING}")
    relay.chmod(0o700)
    bug = f"actors.OJAK_RELAY = {str(relay)!r}"
    ended = demo.start("-c", PLANTED.format(bug=bug)).wait()
    assert ended.code == 1
    assert "no byte of the collected boxes is left" in ended.out
    assert demo.left() == []

"""How the process of `ojak` starts: where it looks for its own modules and for Python's."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import ojak_client
import ojak_protocol
from ojak_client.exit_codes import ExitCode

SCRIPT = "import sys\nfrom ojak_client.__main__ import main\nsys.exit(main())\n"
"""What an installation writes for the command."""
ARGUMENTS = ("--lang", "en", "--profile", "mina", "status")


def assert_starts(cwd: Path, *command: str, **environment: str) -> None:
    """Fail unless `ojak` runs and says that nothing is kept in a folder that is not there."""
    done = subprocess.run(
        [sys.executable, *command, *ARGUMENTS],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.endswith('Type: "ojak --profile mina invite"\n')
    assert done.returncode == ExitCode.NOT_READY


@pytest.mark.parametrize(
    "command", [["ojak"], ["-m", "ojak_client"], ["-c", SCRIPT]], ids=["script", "module", "code"]
)
def test_nothing_is_imported_because_it_lies_beside_the_command_or_in_the_folder_at_hand(
    tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "ojak").write_text(SCRIPT)
    for module in ("signal", "typing", "enum", "gettext", "dataclasses", "resource"):
        (tmp_path / f"{module}.py").write_text("raise SystemExit('not ours')")
    assert_starts(tmp_path, *command)


LIBRARIES = sysconfig.get_path("purelib")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that holds Ojak, and can be given to Python as a program."""
    made = tmp_path / "folder"
    made.mkdir()
    for package in (ojak_client, ojak_protocol):
        path = Path(package.__path__[0])
        (made / path.name).symlink_to(path)
    (made / "__main__.py").write_text(SCRIPT)
    return made


def assert_starts_there(cwd: Path, *command: str, **environment: str) -> None:
    """As `assert_starts`, of the Ojak in the folder: the installed one is not found by `-S`."""
    paths = filter(None, (environment.pop("PYTHONPATH", ""), LIBRARIES))
    assert_starts(cwd, "-S", *command, PYTHONPATH=os.pathsep.join(paths), **environment)


@pytest.mark.parametrize("command", ["folder", "folder/", "./folder/"])
def test_a_folder_that_holds_ojak_starts(folder: Path, command: str) -> None:
    assert_starts_there(folder.parent, command)


@pytest.mark.parametrize("command", [["-m", "ojak_client"], ["-c", SCRIPT]], ids=["module", "code"])
def test_ojak_starts_from_the_folder_that_holds_it(folder: Path, command: list[str]) -> None:
    assert_starts_there(folder, *command)


def test_ojak_starts_where_the_folder_at_hand_is_not_looked_at_anyway(folder: Path) -> None:
    assert_starts_there(folder.parent, "-P", "-m", "ojak_client", PYTHONPATH=str(folder))


def test_what_was_put_first_by_name_stays_though_it_is_the_folder_at_hand(folder: Path) -> None:
    other = folder.with_name("other")
    other.mkdir()
    (folder / "ojak_protocol").rename(other / "ojak_protocol")
    paths = os.pathsep.join(map(str, (other, folder)))
    assert_starts_there(other, "-P", "-m", "ojak_client", PYTHONPATH=paths)


def test_what_somebody_else_has_put_first_stays(folder: Path) -> None:
    other = folder.with_name("other")
    other.mkdir()
    (folder / "ojak_protocol").rename(other / "ojak_protocol")
    first = f"import sys\nsys.path[:1] = [{str(other)!r}, {str(folder)!r}]\n"
    assert_starts_there(folder.parent, "-c", first + SCRIPT)


def test_b2_no_cache_of_what_is_compiled_is_left_but_of_what_python_read_before_us(
    tmp_path: Path,
) -> None:
    for package in (ojak_client, ojak_protocol):
        source = Path(package.__path__[0])
        there = tmp_path / source.name
        shutil.copytree(source, there, ignore=shutil.ignore_patterns("__pycache__"))
    environment = {name: said for name, said in os.environ.items() if "BYTECODE" not in name}
    environment |= {"PYTHONPATH": os.pathsep.join((str(tmp_path), LIBRARIES))}
    command = [sys.executable, "-S", "-c", SCRIPT, "--help"]
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    left = {path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")}
    assert left <= {"__init__", "__main__"}
    assert [path.parent.parent.name for path in tmp_path.rglob("__init__*.pyc")] == ["ojak_client"]


INTERRUPTED = """
import os, signal, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == WANTED:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), NUMBER)
sys.modules.pop(WANTED, None)
sys.meta_path.insert(0, Interrupting())
from ojak_client.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("wanted", ["ojak_client.late_modules", "ojak_client.cli", "typing"])
def test_a_signal_while_modules_are_read_ends_it_without_a_word(wanted: str, number: int) -> None:
    script = INTERRUPTED.replace("WANTED", repr(wanted)).replace("NUMBER", str(int(number)))
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_signal_while_modules_are_read_before_it_can_be_caught_ends_it_without_a_word() -> None:
    """Python's own answer to SIGINT is an error; `signal` is read to be told of the others."""
    script = INTERRUPTED.replace("WANTED", "'signal'").replace("NUMBER", "2")
    script = script.replace("import os, signal, sys", "import os, sys")
    done = subprocess.run(
        [sys.executable, "-c", script, "--help"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")

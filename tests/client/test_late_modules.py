"""Modules that are read late, and which verbs read none of them."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ojak_client import late_modules
from ojak_client.exit_codes import ExitCode
from ojak_client.late_modules import LATE, LateModule, put_off
from ojak_client.profile import Contact, Profile
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from ojak_protocol.stretch import argon2id
from tests.client.persons import NAME, letter
from tests.client.vaults import PAGES, WORDS, typed
from tests.journeys.actors import given

TELLING = """
import atexit, os, sys
from ojak_client.__main__ import main
from ojak_client.late_modules import put_off
put_off()
late = {name: sys.modules[name] for name in LATE}
telling = int(sys.argv.pop(1))

def tell():
    read = [name for name, module in late.items() if sys.modules[name] is not module]
    os.write(telling, " ".join(read).encode())

atexit.register(tell)
main()
""".replace("in LATE", f"in {LATE}")


MODULE = """
import os
from ojak_client.late_modules import _one_at_a_time
VALUE = object()
WAS_HELD = _one_at_a_time.locked()
__all__ = ["VALUE"]
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = "read_late_by_a_test"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, name, LateModule(name))
    return name


def test_a_late_module_is_read_when_something_of_it_is_asked_for(module: str) -> None:
    late = importlib.import_module(module)
    assert isinstance(late, LateModule)
    assert "VALUE" not in vars(late)
    value = late.VALUE
    assert sys.modules[module] is not late
    assert sys.modules[module].VALUE is value is vars(late)["VALUE"]
    assert late.os is os


@pytest.mark.parametrize("names", ["VALUE", "*"])
def test_names_can_be_imported_from_a_late_module(module: str, names: str) -> None:
    found: dict[str, object] = {}
    exec(f"from {module} import {names}", found)  # noqa: S102 - the statement is what is tested
    assert found["VALUE"] is sys.modules[module].VALUE


def test_what_a_late_module_lacks_is_missing(module: str) -> None:
    late = importlib.import_module(module)
    with pytest.raises(AttributeError, match=module):
        _ = late.lacking


def test_a_late_module_that_is_not_there_is_missed_where_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "there_is_no_such", LateModule("there_is_no_such"))
    late = importlib.import_module("there_is_no_such")
    with pytest.raises(ModuleNotFoundError):
        _ = late.anything


def test_of_threads_that_ask_at_once_one_takes_the_stand_in_away_and_none_the_module(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look for it and to take it away is one step; the import is none, since it may wait."""
    held: list[bool] = []

    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            held.append(late_modules._one_at_a_time.locked())  # noqa: SLF001 - what is tested
            return super().__hash__()

    monkeypatch.setattr(sys.modules[module], "__name__", Name(module))
    assert sys.modules[module].VALUE
    assert held == [True, True]
    assert sys.modules[module].WAS_HELD is False


def test_what_was_read_already_stays() -> None:
    before = {name: importlib.import_module(name) for name in LATE}
    put_off()
    assert {name: sys.modules[name] for name in LATE} == before


@pytest.mark.parametrize("name", LATE)
def test_each_of_them_works_once_it_is_asked(tmp_path: Path, name: str) -> None:
    """In a process of its own, where nobody has read it; `-c` reads `linecache` from 3.13 on."""
    asked = f"""
import importlib
from ojak_client.late_modules import put_off
put_off()
late = importlib.import_module({name!r})
assert type(late).__name__ == "LateModule"
getattr(late, "__all__", None)
assert vars(importlib.import_module({name!r})).keys() <= vars(late).keys()
"""
    (tmp_path / "asked.py").write_text(asked)
    subprocess.run([sys.executable, tmp_path / "asked.py"], check=True)


@pytest.mark.parametrize(
    "verb",
    [["sync"], ["status"], ["contacts"], ["read", NAME, "--to-stdout"], ["forget", NAME, "--yes"]],
    ids=lambda verb: verb[0],
)
@pytest.mark.parametrize("named", [True, False], ids=["folder named", "usual folder"])
def test_no_verb_reads_them(tmp_path: Path, url: str, verb: list[str], *, named: bool) -> None:
    contact = Contact(NAME, url, theirs=(letter("잘 있다"),))
    folder = tmp_path / "ojak"
    vault = Vault.create(vault_path(folder), typed(WORDS), argon2id, os.urandom, pages=PAGES)
    VaultStore(vault).update(lambda _: (Profile((contact,)), None))
    options = ("--profile", str(folder)) if named else ()
    done, read = tells(verb, *options, XDG_DATA_HOME=str(tmp_path))
    assert done.returncode in {ExitCode.DONE, ExitCode.NOTHING_YET}, done.stderr
    assert read == ""


def test_what_a_verb_reads_of_them_is_told() -> None:
    """The planted bug of the test above."""
    asking = TELLING.replace("main()\n", "import base64; base64.b64encode; main()\n")
    _, read = tells(["--help"], program=asking)
    assert read == "base64"


def tells(
    verb: list[str], *options: str, program: str = TELLING, **environment: str
) -> tuple[subprocess.CompletedProcess[bytes], str]:
    """Run *verb*, and say which of the late modules it read."""
    reading, writing = os.pipe()
    passphrase = given(f"{WORDS}\n")
    done = subprocess.run(
        [
            *(sys.executable, "-c", program, str(writing)),
            *(*options, "--passphrase-fd", str(passphrase), *verb),
        ],
        env=os.environ | environment,
        pass_fds=(writing, passphrase),
        capture_output=True,
        check=False,
    )
    os.close(writing)
    os.close(passphrase)
    with os.fdopen(reading) as told:
        return done, told.read()

"""docs/keeping.md and its units know `ojak keep` as it is."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ojak_client.exit_codes import ExitCode
from ojak_client.pauses import LONGEST_PAUSE_SECONDS, METERED_LEAST_SECONDS, METERED_MOST_SECONDS
from ojak_client.requests import Shape
from ojak_client.transport import PATIENCE_SECONDS
from ojak_client.verbs.meet import BORROWED_READS_SECONDS
from ojak_client.watching import MOST_STAY_SECONDS, STAY_SECONDS, WAIT_SECONDS
from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import REPLY_BYTES, SyncClass, SyncRequest, encode_request
from tests.docs.kit import ROOT
from tests.journeys.actors import World, world
from tests.journeys.recorder import recording
from tests.journeys.test_own_device import ANSWERS, MOTHER

PAGE = (ROOT / "docs" / "keeping.md").read_text(encoding="utf-8")
UNITS = [ROOT / "docs" / name for name in ("ojak-keep.service", "ojak-keep@.service")]
OJAK = Path(sys.executable).parent / "ojak"
DAY_SECONDS = 86_400
PR_SET_MDWE = 65
"""prctl(2): no memory that is both written and run, as MemoryDenyWriteExecute has it."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")


def options(unit: Path) -> dict[str, str]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    given = [line.partition("=") for line in lines if "=" in line and not line.startswith("#")]
    found = {name: value for name, _, value in given}
    assert len(found) == len(given)
    return found


def arguments(unit: Path) -> list[str]:
    command, *given = options(unit)["ExecStart"].split()
    assert command == "%h/.local/bin/ojak"
    return given


def verified(unit: Path, folder: Path) -> str:
    """Return what systemd has to say against *unit*."""
    # An instance is a file of its own name; the command must be there.
    file = folder / unit.name.replace("@.", "@mina.")
    text = unit.read_text(encoding="utf-8").replace("%h/.local/bin/ojak", str(OJAK))
    file.write_text(text, encoding="utf-8")
    analysed = subprocess.run(
        ("systemd-analyze", "--user", "--man=no", "verify", str(file)),  # noqa: S607 - any one
        env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return analysed.stdout + analysed.stderr


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_say_against_the_unit(unit: Path, tmp_path: Path) -> None:
    assert verified(unit, tmp_path) == ""


@needs_systemd
def test_an_option_that_systemd_does_not_know_would_be_found(tmp_path: Path) -> None:
    bad = tmp_path / "bad.service"
    bad.write_text(UNITS[0].read_text(encoding="utf-8").replace("RestartSec", "RestartSek"))
    (tmp_path / "run").mkdir()
    assert "RestartSek" in verified(bad, tmp_path / "run")


def test_the_two_units_differ_in_nothing_but_whose_they_are() -> None:
    one, several = map(options, UNITS)
    assert set(one) == set(several)
    differ = {name for name in one if one[name] != several[name]}
    assert differ == {"Description", "ConditionPathExists", "ExecStart", "LoadCredential"}
    assert arguments(UNITS[1]) == [*arguments(UNITS[0]), "--profile", "%h/.local/share/ojak/%i"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_option_of_the_unit_is_one_of_ojak_keep(unit: Path) -> None:
    shown = subprocess.run((OJAK, "keep", "--help"), capture_output=True, text=True, check=True)
    common = subprocess.run((OJAK, "--help"), capture_output=True, text=True, check=True)
    given = [word for word in arguments(unit) if word.startswith("-")]
    assert given
    for option in given:
        assert re.search(rf"^  (-\w, )?{option}\b", shown.stdout + common.stdout, re.MULTILINE)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_units_command_is_understood_and_what_cannot_be_cured_is_not_tried_again(
    unit: Path, tmp_path: Path
) -> None:
    credential = options(unit)["LoadCredential"].partition(":")[0]
    (tmp_path / credential).write_text("열쇠말\n", encoding="utf-8")
    given = [word.replace("%h", str(tmp_path)).replace("%i", "mina") for word in arguments(unit)]
    ended = subprocess.run(
        (OJAK, *given, "--json"),
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "CREDENTIALS_DIRECTORY": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert '"event": "vault-missing"' in ended.stdout
    prevented = options(unit)["RestartPreventExitStatus"].split()
    assert str(ended.returncode) in prevented
    assert {"2", "15"} <= set(prevented)
    codes = {ExitCode.USAGE, ExitCode.NOT_READY}
    assert {int(one) for one in prevented if one.isdigit()} == codes


def test_it_is_never_taken_for_dead_while_it_waits() -> None:
    assert options(UNITS[0])["WatchdogSec"] == "5min"
    assert 2 * (PATIENCE_SECONDS + WAIT_SECONDS) < 5 * 60
    assert options(UNITS[0])["Type"] == "notify"
    assert options(UNITS[0])["Restart"] == "on-failure"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_secret_stands_in_the_unit_and_nothing_it_says_in_the_journal(unit: Path) -> None:
    chosen = options(unit)
    assert not any(name.startswith(("Environment", "SetCredential")) for name in chosen)
    assert chosen["StandardOutput"] == chosen["StandardError"] == "null"
    assert chosen["LimitCORE"] == "0"


# The hardening lines hold


@pytest.fixture
def people(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def allowed_calls() -> set[str]:
    """Return the system calls of @system-service, groups within groups included."""

    def members(group: str) -> set[str]:
        listed = subprocess.run(
            ("systemd-analyze", "syscall-filter", group),  # noqa: S607 - any one
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        words = [line.strip() for line in listed.splitlines()[1:]]
        found = {word for word in words if word and not word.startswith(("#", "@"))}
        return found.union(*(members(word) for word in words if word.startswith("@")))

    return members("@system-service")


@needs_systemd
@needs_strace
def test_it_stays_within_the_calls_and_sockets_of_the_unit(people: World) -> None:
    trace = people.folder / "trace"
    relay = people.relay()
    with recording("127.0.0.1", relay.port) as record:
        device = people.own("host", record.url)
        device.invite(MOTHER, ANSWERS)
        device.watcher = ("strace", "-f", "-qq", "-o", str(trace))
        keeping = device.keep()
        record.wait_for_rest()
        # strace itself lets no signal end it.
        os.killpg(keeping.pid, signal.SIGTERM)
        assert keeping.wait().said == ["keeping", "keep-stopped"]
    called = trace.read_text(encoding="utf-8", errors="replace")
    calls = set(re.findall(r"^\d+ +([a-z_0-9]+)\(", called, re.MULTILINE))
    assert {"execve", "connect", "fsync"} <= calls
    assert calls - allowed_calls() == set()
    families = set(re.findall(r"socket\((AF_\w+|PF_\w+)", called))
    assert "AF_INET" in families
    assert families <= set(options(UNITS[0])["RestrictAddressFamilies"].split())
    written = re.findall(r"(?:mmap|mprotect|pkey_mprotect)\([^)]*PROT_WRITE\|PROT_EXEC", called)
    assert written == []


def test_it_runs_where_no_memory_may_be_both_written_and_run(people: World) -> None:
    device = people.own("host", people.relay().url)
    device.invite(MOTHER, ANSWERS)
    denying = (
        "import ctypes, mmap, os, sys\n"
        f"if ctypes.CDLL(None).prctl({PR_SET_MDWE}, 1, 0, 0, 0): sys.exit(77)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    device.watcher = (sys.executable, "-c", denying)
    keeping = device.keep()
    if keeping.process.poll() == 77:
        pytest.skip("the kernel is older than 6.3: nothing was checked")
    keeping.until("keeping")
    assert keeping.stop().code == 0


# The figures


def test_the_figures_of_the_page_are_those_of_the_program() -> None:
    assert (WAIT_SECONDS, LONGEST_PAUSE_SECONDS) == (25, 300)
    assert (METERED_LEAST_SECONDS, METERED_MOST_SECONDS) == (20 * 60, 60 * 60)
    assert (STAY_SECONDS, MOST_STAY_SECONDS) == (300, 1800)
    assert PATIENCE_SECONDS + WAIT_SECONDS == 85
    assert BORROWED_READS_SECONDS == 600
    mean = (METERED_LEAST_SECONDS + METERED_MOST_SECONDS) / 2
    # A look comes at any moment within the mean; a guest sees it only while waiting.
    assert (mean / 60, mean / 600, round(mean / BORROWED_READS_SECONDS)) == (40, 4, 4)
    polls = tuple(MailboxId(bytes([n]) * 32) for n in range(SyncClass.ZERO.polls))
    request = encode_request(SyncRequest(SyncClass.ZERO, polls, room=Shape().room))
    body_bytes = len(request) + REPLY_BYTES[0]
    # 1.8 KB measured with the heads of HTTP and TLS's records, and a tenth for TCP and IP.
    assert 1_400 < body_bytes < 1_836
    a_day = 1_836 * 1.1 * DAY_SECONDS / WAIT_SECONDS
    assert "about 7 MB" in PAGE
    assert round(a_day / 1e6) == 7
    looks = DAY_SECONDS / mean
    assert 0.1e6 < looks * 3_100 * 1.1 < 0.3e6
    assert 0.1e6 < looks * 6_100 * 1.1 < 0.3e6


def test_the_page_names_both_units_and_the_codes() -> None:
    for unit in UNITS:
        assert f"({unit.name})" in PAGE
    for word in ("enable-linger", "exit\ncode 2", "15 (", "--passphrase-fd", "tmux", "--metered"):
        assert word in PAGE

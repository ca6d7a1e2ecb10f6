"""The operator's commands: settings, health, numbers, and what each of them refuses."""

import errno
import importlib.metadata
import json
import os
import re
import socket
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_relay.commands import COMMANDS
from ojak_relay.commands.asking import ask
from ojak_relay.config import Config, load
from ojak_relay.sockets import reason
from ojak_relay.store.page_file import PageFile
from tests.relay.commands import called, ended, run
from tests.relay.kit import MEMORY, deposit, pages, request, running, start
from tests.relay.lines import certificate

VALKEY = ("--store", "valkey", "--valkey", "valkey://127.0.0.1:1")


def test_every_command_explains_itself_and_its_line_is_its_own() -> None:
    listed = called("--help")[1]
    for name, line in COMMANDS.items():
        assert f"  {name} " in listed
        code, helped, _ = called(name, "--help")
        assert code == 0
        assert f"ojak-relay {name} " in helped.splitlines()[0]
        assert line.endswith(".")


def test_the_version_is_the_one_that_is_installed_and_both_commands_agree() -> None:
    kept = run("--version")
    asked = (sys.executable, "-m", "ojak_client", "--lang", "en", "--version")
    shown = subprocess.run(asked, capture_output=True, text=True, check=True)
    version = importlib.metadata.version("ojak")
    assert ended(kept) == (0, f"ojak-relay, version {version}\n", "")
    assert shown.stdout == f"ojak, version {version}\n"


def test_a_health_check_loads_no_server() -> None:
    loads = (
        "import sys; from ojak_relay.__main__ import main\n"
        "try: main(['healthcheck', '--listen', '127.0.0.1:1'])\n"
        "except SystemExit: pass\n"
        "slow = {'aiohttp', 'asyncio', 'uvloop', 'nacl', 'prometheus_client'}\n"
        "print(sorted(slow & set(sys.modules)))"
    )
    program = (sys.executable, "-c", loads)
    asked = subprocess.run(program, capture_output=True, text=True, check=True)
    assert asked.stdout == "[]\n"


# Settings


def test_printed_settings_are_a_file_that_gives_the_same_ones(tmp_path: Path) -> None:
    given = {"OJAK_RELAY_LISTEN": "[::1]:0"}
    printed = run("print-config", "--capacity", "77", "--read-only", environment=given)
    assert printed.returncode == 0
    file = tmp_path / "relay.toml"
    file.write_text(printed.stdout)
    assert load({"config": str(file)}, {}) == Config(capacity=77, read_only=True, listen="[::1]:0")


def test_a_path_in_any_letters_is_printed_as_it_is(tmp_path: Path) -> None:
    path = '/srv/오작\U00020000 "교'
    code, out, _ = called("print-config", "--path", path)
    file = tmp_path / "relay.toml"
    file.write_text(out, encoding="utf-8")
    assert (code, load({"config": str(file)}, {}).path) == (0, path)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (("--listen", "192.0.2.1:9"), "192.0.2.1:9: Cannot assign requested address"),
        (("--metrics-listen", "192.0.2.1:9"), "192.0.2.1:9: Cannot assign requested address"),
        (("--metrics-listen", "unix:/missing/x"), "unix:/missing/x: No such file or directory"),
    ],
)
def test_an_address_that_cannot_be_had_is_named(given: tuple[str, str], sentence: str) -> None:
    done = run("serve", *MEMORY, "--listen", "127.0.0.1:0", *given)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == f"ojak-relay: cannot listen on {sentence}"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EACCES, "whatever"), "Permission denied"),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (TimeoutError("timed out"), "timed out"),
        (OSError("AF_UNIX path too long"), "AF_UNIX path too long"),
        (OSError(), "OSError"),
    ],
)
def test_why_the_system_refuses_is_said_in_words(error: OSError, said: str) -> None:
    assert reason(error) == said


def test_a_socket_whose_name_is_too_long_is_said_to_be_that(tmp_path: Path) -> None:
    with running(*MEMORY, "--control", str(tmp_path / ("x" * 200))) as relay:
        assert relay.stop()[1].splitlines()[-1].endswith("x: AF_UNIX path too long")


def test_no_pass_and_no_password_is_printed_or_told_at_a_start(tmp_path: Path) -> None:
    file = tmp_path / "pass"
    file.write_text("Secret-of-the-relay-1234\n")
    given = ("--pass-file", str(file), "--metrics-listen", "unix://user:Hidden-77@there/x")
    shown = run("print-config", *given)
    assert "Hidden-77" not in shown.stdout
    assert "Secret-of-the-relay" not in shown.stdout
    with running(*MEMORY, "--pass-file", str(file)) as relay:
        assert "Secret-of-the-relay" not in relay.stop()[1]


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (("--store", "memory"), 0, "a relay can start with these settings\n"),
        (("--capacity", "0"), 2, "ojak-relay: capacity must be 1 or more\n"),
        (("--pass-file", "/missing"), 2, "ojak-relay: pass_file /missing cannot be read\n"),
        (
            (*VALKEY, "--valkey-password-file", "/missing"),
            2,
            "ojak-relay: valkey_password_file /missing cannot be read\n",
        ),
        (
            (*VALKEY, "--valkey-ca", "/missing"),
            2,
            "ojak-relay: valkey_ca /missing cannot be read\n",
        ),
        (
            ("--tls-certificate", "/missing", "--tls-key", "/missing"),
            2,
            "ojak-relay: tls_certificate and tls_key cannot be read or do not match\n",
        ),
        (("--path", "/missing/store"), 1, "ojak-relay: no store can be made in /missing\n"),
        (("--control", "/missing/x"), 1, "ojak-relay: no socket can be made in /missing\n"),
        (("--listen", "unix:/missing/x"), 1, "ojak-relay: no socket can be made in /missing\n"),
        (("--path", "/dev/null"), 1, "ojak-relay: /dev/null is no file; give another path\n"),
        (
            ("--capacity", "1000000000"),
            1,
            "ojak-relay: the disk has no room for 1000000000 boxes, 4096 GB: make capacity less\n",
        ),
        (
            ("--metrics-listen", "9"),
            2,
            "ojak-relay: metrics_listen must be HOST:PORT or unix:PATH\n",
        ),
    ],
)
def test_settings_are_checked_in_one_sentence(
    given: tuple[str, ...],
    code: int,
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended_with, out, err = called("check-config", *given)
    assert (ended_with, out + err) == (code, sentence)
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_does_not_fit_is_named_with_its_cure_while_a_relay_holds_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "store"
    with running(*pages(path, 20)):
        assert run("check-config", *pages(path, 20)).returncode == 0
        done = run("check-config", *pages(path, 30))
    assert done.returncode == 1
    assert "holds 20 boxes, not 30; to change that: ojak-relay resize" in done.stderr
    path.write_bytes(b"ojakpg01".ljust(8192, b"\0"))
    assert "to bring it to this one: ojak-relay migrate" in run("check-config", *pages(path)).stderr


# Health


def healthy(*given: str) -> int:
    return called("healthcheck", *given)[0]


def test_the_health_check_asks_where_the_relay_listens(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    tls = ("--tls-certificate", str(made), "--tls-key", str(private))
    own = ("--listen", f"unix:{tmp_path / 'socket'}")
    with running(*MEMORY) as relay:
        assert healthy("--listen", f"0.0.0.0:{relay.port}") == 0
        assert healthy("--listen", f"127.0.0.1:{relay.port}", *tls) == 1
        relay.stop()
        assert healthy("--listen", f"0.0.0.0:{relay.port}") == 1
    with running(*MEMORY, "--listen", "[::1]:0") as relay:
        assert healthy("--listen", f"[::]:{relay.port}") == 0
    with running(*MEMORY, *tls) as relay:
        assert healthy("--listen", f"127.0.0.1:{relay.port}", *tls) == 0
    for with_tls in ((), tls):
        process = start(*MEMORY, *own, *with_tls)
        assert process.stdout is not None
        assert process.stdout.readline() == f"listening on unix:{tmp_path / 'socket'}\n"
        assert healthy(*own, *with_tls) == 0
        process.terminate()
        process.communicate(timeout=20)
        assert process.returncode == 0
        assert healthy(*own, *with_tls) == 1


def test_a_relay_that_drains_is_not_healthy(tmp_path: Path) -> None:
    own = ("--control", str(tmp_path / "control"))
    with running(*MEMORY, *own) as relay:
        ask(Config(store="memory", control=own[1]), "drain")
        said = "ojak-relay: the relay cannot serve: it answers 503\n"
        assert called("healthcheck", "--listen", f"127.0.0.1:{relay.port}") == (1, "", said)


def test_no_memory_of_a_relay_goes_into_a_file_after_a_crash() -> None:
    with running(*MEMORY) as relay:
        limits = Path(f"/proc/{relay.process.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


# Numbers


def test_stats_tell_what_a_running_relay_counted_and_what_a_store_holds(tmp_path: Path) -> None:
    arguments = pages(tmp_path / "store", 30)
    asked = ("stats", "--json", "--path", str(tmp_path / "store"))
    with running(*arguments) as relay:
        relay.sync(request(1, deposits=(deposit(1, 7), deposit(2, 8)), deletes=(3,)))
        relay.sync(request(deposits=(deposit(1, 9),)))
        told = json.loads(run(*asked).stdout)
        names = ("boxes", "capacity", "due", "ready", "draining", "clock_is_trusted")
        assert [told[name] for name in names] == [2, 30, 0, 1, 0, 1]
        counted = ("syncs", "deposits_stored", "deposits_occupied", "deletes", "polls_found")
        assert [told[name] for name in counted] == [2, 2, 1, 1, 1]
        relay.stop()
    told = json.loads(run(*asked).stdout)
    assert told == {"running": 0, "boxes": 2, "capacity": 30, "due": 0, "clock": told["clock"]}


def test_stats_hold_up_no_relay_that_starts_meanwhile_and_change_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store"
    PageFile.open(path, 20).close()
    lies = path.read_bytes()
    seen = PageFile.look(path)
    held = PageFile.open(path)
    code, out, _ = called("stats", "--json", "--path", str(path))
    assert (code, json.loads(out)["capacity"], seen.capacity) == (0, 20, 20)
    held.close()
    seen.close()
    assert path.read_bytes() == lies


def answering(path: Path, answer: bytes) -> threading.Thread:
    """Answer one line at *path* with *answer*, as no relay does."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def once() -> None:
        with listening, listening.accept()[0] as line, suppress(OSError):
            line.recv(100)
            line.sendall(answer)

    thread = threading.Thread(target=once)
    thread.start()
    return thread


@pytest.mark.parametrize("command", ["stats", "drain"])
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}\n",
        b"[1]\n",
        b"7\n",
        b'{"boxes": "\\u001b[2J"}\n',
        b'{"\\u001b[2J": 1}\n',
        b"[" * 60_000 + b"\n",
        b"x" * 200_000,
    ],
    ids=map(str, range(8)),
)
def test_what_is_no_answer_of_a_relay_is_not_shown_and_not_taken_for_one(
    tmp_path: Path, command: str, answer: bytes
) -> None:
    control = tmp_path / "control"
    other = answering(control, answer)
    said = f"ojak-relay: the relay at {control} did not answer\n"
    assert called(command, "--store", "memory", "--control", str(control)) == (1, "", said)
    other.join(10)


def test_stats_without_relay_and_store_say_so_and_make_nothing(tmp_path: Path) -> None:
    said = "ojak-relay: no relay is running with these settings\n"
    assert ended(run("stats", folder=tmp_path)) == (1, "", said)
    assert ended(run("stats", "--store", "memory", folder=tmp_path)) == (
        1,
        "",
        "ojak-relay: this relay has no control socket: set control\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_the_control_socket_is_its_owners_alone_and_goes_with_the_relay(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    control = deep / "store.control"
    with running(*pages(deep / "store", 30)) as relay:
        assert stat.S_IMODE(control.stat().st_mode) == 0o600
        assert run("stats", "--path", str(deep / "store")).returncode == 0
        relay.kill()
        relay.process.wait()
        assert control.exists()
    with running(*pages(deep / "store", 30)) as relay:
        assert run("stats", "--path", str(deep / "store")).returncode == 0
        relay.stop()
        assert not control.exists()


def test_a_second_relay_takes_no_socket_from_a_running_one(tmp_path: Path) -> None:
    own = ("--control", str(tmp_path / "control"))
    with running(*MEMORY, *own), running(*MEMORY, *own) as second:
        _, err = second.stop()
        assert f"no commands to this relay: {tmp_path / 'control'}: Address already in use" in err
        assert run("stats", *own).returncode == 0
    (tmp_path / "control").unlink()
    (tmp_path / "control").write_text("somebody's file")
    with running(*MEMORY, *own) as relay:
        assert "File exists" in relay.stop()[1]
    assert (tmp_path / "control").read_text() == "somebody's file"
    listening = start(*MEMORY, "--listen", f"unix:{tmp_path / 'control'}")
    listening.communicate(timeout=20)
    assert listening.returncode == 1


def test_what_was_laid_where_the_socket_belongs_stays_and_is_not_followed(tmp_path: Path) -> None:
    """Another user may have laid it there, in a folder of all."""
    control, victim = tmp_path / "control", tmp_path / "victim"
    victim.write_text("somebody's file")
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "dead"))
    dead.close()

    def left_alone() -> bool:
        with running(*MEMORY, "--control", str(control)) as relay:
            refused = "no commands to this relay" in relay.stop()[1]
        return refused and os.path.lexists(control)

    for target in (victim, tmp_path / "missing", tmp_path):
        control.symlink_to(target)
        assert left_alone(), target
        control.unlink()
    os.mkfifo(control)
    assert left_alone()
    control.unlink()
    # Nobody answers there: the link goes, and what it led to stays.
    control.symlink_to(tmp_path / "dead")
    assert not left_alone()
    assert {file.name for file in tmp_path.iterdir()} == {"victim", "dead"}
    assert victim.read_text() == "somebody's file"


def test_a_relay_that_ends_takes_away_its_own_socket_only(tmp_path: Path) -> None:
    for option, name in (("--control", "{}"), ("--metrics-listen", "unix:{}")):
        path = tmp_path / "socket"
        own = (option, name.format(path))
        with running(*MEMORY, *own) as first:
            path.unlink()
            with running(*MEMORY, *own) as second:
                first.stop()
                assert path.is_socket(), option
                second.stop()
                assert not path.exists()


def test_another_user_is_told_that_the_socket_is_not_his(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become another user: nothing was checked")
    tmp_path.chmod(0o755)
    os.chmod(tmp_path.parent, 0o755)  # noqa: PTH101, S103 - a test's folder
    os.chmod(tmp_path.parent.parent, 0o755)  # noqa: PTH101, S103 - a test's folder
    with running(*MEMORY, "--control", str(tmp_path / "control")):
        # Once as oneself: what is loaded is loaded, whatever the other user may read.
        script = (
            "import os; from ojak_relay.__main__ import main\n"
            "try: main(['stats', '--control', '/missing'])\n"
            "except SystemExit: pass\n"
            "os.setgroups([]); os.setgid(65532); os.setuid(65532)\n"
            f"main(['stats', '--control', {str(tmp_path / 'control')!r}])"
        )
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("is not yours: call this as the user of the relay\n")


# Words that a relay does not know


def test_a_word_that_is_none_is_answered_with_nothing(tmp_path: Path) -> None:
    config = Config(store="memory", control=str(tmp_path / "control"))
    with running(*MEMORY, "--control", config.control):
        for word in ("purge", "x" * 1000):
            with pytest.raises(SystemExit, match="1"):
                ask(config, word)
        assert ask(config, "stats")["ready"] == 1


def test_the_address_of_a_unix_socket_is_announced_and_served(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    process = start(*MEMORY, "--listen", f"unix:{path}", "--metrics-listen", "127.0.0.1:0")
    assert process.stdout is not None
    assert process.stdout.readline() == f"listening on unix:{path}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: r\r\n\r\n")
        assert line.recv(1000).startswith(b"HTTP/1.1 200 OK")
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    assert not path.exists()

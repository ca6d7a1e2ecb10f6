"""The command line as a person and a program meet it, each time in a fresh process."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pexpect
import pytest

from ojak_client.verbs import VERBS

TIMEOUT_SECONDS = 60

# A verb of the tests in the place of `send`, so that what all verbs share is seen by itself.
PROBE = """
import sys, types
from ojak_client import i18n, cli
i18n.use(i18n.choose_language(sys.argv[1:], __import__("os").environ))
import click
from ojak_client.help_texts import HelpText
from ojak_client.verb import verb
from ojak_client.failures import Failure
from ojak_client.messages import Message

@verb(HelpText.SEND, examples=("ojak send 순이 < letter.txt",))
@click.argument("what", required=False, metavar=i18n.told(HelpText.NAME_METAVAR))
@click.option("--to-stdout", is_flag=True, help=i18n.told(HelpText.TO_STDOUT))
def command(invocation, what, to_stdout):
    if what == "fault":
        secret = "deadbeef"
        raise ValueError(secret)
    if what == "chained":
        try:
            "x".encode("deadbeef")
        except LookupError as error:
            raise RuntimeError("deadbeef") from error
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "nothing":
        raise Failure(Message.NOTHING, command=i18n.command_line("sync"))
    if what == "wait":
        invocation.inputs.show_once("편지")
    if what == "flood":
        for n in range(100000):
            invocation.output.show(Message.YOUR_NUMBER, number=str(n))
    if what == "refuse":
        from ojak_protocol.errors import Reason, Refused
        raise Refused(Reason.CHECK_DIGIT)
    invocation.output.show(Message.YOUR_NUMBER, number=repr(invocation))

module = types.ModuleType("ojak_client.verbs.send")
module.command = command
sys.modules["ojak_client.verbs.send"] = module
from ojak_client.__main__ import main
main()
"""


def environment(**more: str) -> dict[str, str]:
    """Return an environment without a locale, as on a borrowed device."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    coverage = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE")}
    return {**kept, **coverage, **more}


def ojak(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-m", "ojak_client", *arguments], **more)


def probe(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-c", PROBE, *arguments], **more)


def run(command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


ALLOWED_LATIN = {
    *VERBS, "ojak", "ko", "zh", "en", "json", "JSON", "OJAK", "HOME", "RELAY", "q", "v", "x",
    "lang", "profile", "relay", "no", "input", "yes", "quiet", "verbose", "passphrase", "fd",
    "version", "help", "to", "stdout", "letter", "txt", "U", "credential", "systemd",
}  # fmt: skip


@pytest.mark.parametrize("language", ["ko", "zh"])
def test_no_english_is_left_in_the_help(language: str) -> None:
    for shown in (ojak("--help", "--lang", language), probe("--lang", language, "send", "--help")):
        assert shown.returncode == 0
        assert set(re.findall("[A-Za-z]+", shown.stdout)) - ALLOWED_LATIN == set()


def test_without_a_locale_the_help_is_korean() -> None:
    assert ojak("--help").stdout.startswith("보기:\n  ojak invite\n")


def test_help_begins_with_examples_and_names_every_verb() -> None:
    shown = ojak("--lang", "en", "--help").stdout
    assert shown.startswith("Examples:\n  ojak invite\n")
    assert all(re.search(rf"^  {verb} +\S", shown, re.MULTILINE) for verb in VERBS)
    assert probe("--lang", "en", "send", "--help").stdout.startswith(
        "Examples:\n  ojak send 순이 < letter.txt\n"
    )


SLOW = {
    "ssl", "http.client", "cryptography", "nacl", "_argon2_cffi_bindings", "asyncio", "aiohttp",
    "segno", "cbor2", "platformdirs", "wcwidth", "pathlib", "ojak_relay",
}  # fmt: skip


def test_help_imports_nothing_slow() -> None:
    program = (
        "import sys\n"
        "from ojak_client.cli import run\n"
        "code = run(['--help'])\n"
        "sys.stderr.write(' '.join(sys.modules))\n"
        "sys.exit(code)"
    )
    shown = run([sys.executable, "-I", "-c", program])
    assert shown.returncode == 0
    loaded = set(shown.stderr.split())
    assert "ojak_client.cli" in loaded
    assert loaded & SLOW == set()


@pytest.mark.parametrize(
    ("arguments", "language", "sentence"),
    [
        (["nosuch"], "ko", "그런 명령이 없습니다: 'nosuch'"),
        (["nosuch"], "zh", "没有这个命令：'nosuch'"),  # noqa: RUF001 - Chinese colon
        (["nosuch"], "en", "No such command 'nosuch'."),
        (["--nosuch"], "ko", "그런 선택이 없습니다: '--nosuch'"),
        (["--lang", "xx"], "ko", "쓸 수 없는 값입니다: 'xx'. 이 가운데 하나: 'ko', 'zh', 'en'"),
        (["--passphrase-fd", "x"], "ko", "알맞은 수가 아닙니다: 'x'"),
        (["--passphrase-fd"], "ko", "값이 빠진 선택입니다: '--passphrase-fd'"),
    ],
)
def test_a_wrong_call_is_told_in_the_language_in_use_and_exits_with_2(
    arguments: list[str], language: str, sentence: str
) -> None:
    ended = ojak(*arguments, OJAK_LANG=language)
    assert ended.returncode == 2
    assert sentence in ended.stderr
    assert ended.stdout == ""


def test_common_options_stand_before_or_after_the_verb_and_the_later_wins() -> None:
    shown = probe(
        "--profile", "/a", "--relay", "https://a.example", "send", "--relay", "b", "--yes"
    )
    assert "relay_url='b'" in shown.stdout
    assert "profile=PosixPath('/a')" in shown.stdout
    assert "assume_yes=True" in shown.stdout
    assert "no_input=False" in shown.stdout


def test_an_option_wins_over_the_environment_before_and_after_the_verb() -> None:
    variables = {"OJAK_RELAY": "https://env.example", "OJAK_HOME": "/env"}
    assert "relay_url='https://env.example'" in probe("send", **variables).stdout
    assert "profile=PosixPath('/env')" in probe("send", **variables).stdout
    assert "relay_url='b'" in probe("--relay", "b", "send", **variables).stdout
    assert "relay_url='b'" in probe("send", "--relay", "b", **variables).stdout


def test_nothing_is_kept_where_no_profile_is_named() -> None:
    assert "profile=None" in probe("send").stdout
    assert "profile=None" in probe("send", OJAK_HOME="").stdout


def test_a_failure_is_one_sentence_a_command_and_its_code() -> None:
    ended = probe("--lang", "en", "send", "nothing")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        10,
        "",
        'No letter yet. Nothing is wrong. Look next time.\nType: "ojak sync"\n',
    )


@pytest.mark.parametrize(
    ("arguments", "variables", "typed"),
    [
        (["--profile", "/no such/mina", "status"], {}, "ojak --profile '/no such/mina' invite"),
        (["status", "--profile", "/none/b"], {}, "ojak --profile /none/b invite"),
        (["status"], {"OJAK_HOME": "/none/c"}, "ojak invite"),
        (["status", "--profile", "/none/d"], {"OJAK_HOME": "/n"}, "ojak --profile /none/d invite"),
        (["--profile", "/none/\x1b[31m", "status"], {}, "ojak --profile '/none/␛[31m' invite"),
    ],
)
def test_what_to_type_next_names_the_profile_that_was_typed(
    arguments: list[str], variables: dict[str, str], typed: str
) -> None:
    ended = ojak("--lang", "en", *arguments, **variables)
    assert ended.stderr.splitlines()[-1] == f'Type: "{typed}"'


@pytest.mark.parametrize("place", ["before", "after", "environment"])
@pytest.mark.parametrize(
    ("kind", "said"), [("file", "is a file"), ("unreadable", "is not readable")]
)
def test_what_is_no_folder_or_cannot_be_read_is_no_profile(
    tmp_path: Path, place: str, kind: str, said: str
) -> None:
    folder = tmp_path / "profile"
    if kind == "file":
        folder.touch()
    else:
        folder.mkdir()
    named = {
        "before": ["--profile", str(folder), "status"],
        "after": ["status", "--profile", str(folder)],
        "environment": ["status"],
    }[place]
    variables = {"OJAK_HOME": str(folder)} if place == "environment" else {}
    # Whoever runs the tests may be allowed to read everything.
    deny = "import os\nos.access = lambda *_, **__: False\n" if kind == "unreadable" else ""
    ended = subprocess.run(
        [sys.executable, "-c", f"{deny}from ojak_client.__main__ import main\nmain()", *named],
        env=os.environ | variables | {"OJAK_LANG": "en"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("Usage: ojak")
    assert "Try 'ojak" in ended.stderr
    assert ended.stderr.endswith(f"Directory '{folder}' {said}.\n")


def test_a_failure_in_json_is_one_object_with_its_code() -> None:
    ended = probe("send", "nothing", "--json")
    assert json.loads(ended.stdout) == {"event": "nothing", "exit": 10}
    assert ended.stderr == ""


def test_an_error_of_the_protocol_is_a_sentence() -> None:
    ended = probe("--lang", "en", "send", "refuse")
    assert ended.returncode == 2
    assert ended.stderr == (
        "The number does not fit. Nothing was sent. Look at the twelve digits again.\n"
    )


@pytest.mark.parametrize("kind", ["fault", "chained"])
@pytest.mark.parametrize("debug", ["", "1"])
def test_no_fault_shows_a_value_that_was_handled(kind: str, debug: str) -> None:
    ended = probe("--lang", "en", "send", kind, OJAK_DEBUG=debug)
    assert ended.returncode == 1
    assert ended.stderr.startswith("The program made a mistake and stopped. It was not your fault.")
    assert "deadbeef" not in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
    assert ("Error" in ended.stderr) == bool(debug)


def test_an_interrupted_run_exits_with_130() -> None:
    ended = probe("--lang", "en", "send", "interrupt")
    assert (ended.returncode, ended.stderr) == (130, "\nStopped.\n")


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM", "SIGHUP"])
def test_an_interrupted_reader_leaves_a_clean_screen_and_exits_with_130(way: str) -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-c", PROBE, "--lang", "en", "send", "wait"],
        env=environment(TERM="xterm"),
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
    )
    child.expect("Press Enter to erase it.")
    if way == "Ctrl-C":
        child.send("\x03")
    else:
        os.kill(child.pid, getattr(signal, way))
    child.expect(pexpect.EOF)
    rest = child.before
    child.close()
    assert child.exitstatus == 130
    assert "\x1b[3J\x1b[H\x1b[?1049l" in rest
    assert "Traceback" not in rest


LATE = """
import signal, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
"""
"""The signal goes to another thread: Python notes it, and what the first one waits for goes on."""


def test_a_signal_that_comes_just_before_a_wait_ends_it_all_the_same() -> None:
    child = pexpect.spawn(
        sys.executable,
        ["-c", LATE + PROBE, "--lang", "en", "send", "wait"],
        env=environment(TERM="xterm"),
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
    )
    child.expect("Press Enter to erase it.")
    status = Path(f"/proc/{child.pid}/stat")
    while status.read_text().rpartition(")")[2].split()[0] != "S":
        pass
    os.kill(child.pid, signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_a_reader_that_has_gone_is_no_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROBE, "send", "flood"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert child.stderr.read() == ""
        assert child.wait(TIMEOUT_SECONDS) == 1


def test_a_locale_without_korean_letters_is_no_fault() -> None:
    ended = probe("send", "nothing", PYTHONIOENCODING="ascii")
    assert ended.returncode == 10


def test_the_version_is_told() -> None:
    assert re.fullmatch(r"ojak, version \S+\n", ojak("--lang", "en", "--version").stdout)


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_the_table_is_that_of_a_line(verb: str) -> None:
    assert "\n" not in VERBS[verb].english

"""The table of docs/operating.md that says what an operator may expect, and what shows it."""

import ast
import re
import shlex
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

from ojak_relay.__main__ import main
from tests.docs.kit import ROOT
from tests.docs.test_changelog import INSTALLED
from tests.ports import free_port
from tests.relay.commands import run
from tests.relay.kit import pages, running

PAGE = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
TITLE = "## What holds, and how you see it"
EXPECTED = (
    "Compose", "image", "stop", "Settings", "store", "Health", "Metrics", "Limits", "Room",
    "Logs", "backup", "commands", "changelog", "unit", "onion",
)  # fmt: skip
"""A word of each row: what operators expect of whoever gives them a service."""
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
RELAY_WORDS = ("--version", "--help")
COMPOSE_WORDS = {"up", "stop", "exec", "logs", "run"}


@dataclass(frozen=True)
class Promise:
    """One row of the table."""

    what: str
    commands: list[str]
    tests: list[str]
    claims: list[str]


def promises(page: str) -> list[Promise]:
    section = page.partition(TITLE)[2].partition("\n## ")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| ")][1:]
    return [
        Promise(
            what.strip(),
            re.findall(r"`([^`]+)`", see),
            re.findall(r"`(test_\w+)`", tried),
            re.findall(r'"([^"]+)"', tried),
        )
        for _, what, see, tried, _ in rows
        if not what.startswith(" ---")
    ]


@cache
def known_tests() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {
        name
        for file in files
        for name in re.findall(r"def (test_\w+)\(", file.read_text(encoding="utf-8"))
    }


@cache
def known_claims() -> set[str]:
    """Return what `make container-check` says that holds, where that is always the same."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / "tests" / "container").glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name) and call.func.id == "holds"
        if isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
    }


def is_ours(words: list[str]) -> bool:
    """Tell whether the rest of a command line of `ojak-relay` is one."""
    if words[0] in RELAY_WORDS:
        return len(words) == 1
    command = main.get_command(click.Context(main), words[0])
    if command is None:
        return False
    given = {word for word in words[1:] if word.startswith("-")}
    return given <= {option for parameter in command.params for option in parameter.opts}


def is_there(command: str) -> bool:
    """Tell whether all that *command* names is here: commands, options, services, files, pages."""
    found = False
    match shlex.split(command):
        case ["ojak-relay", *words]:
            found = is_ours(words)
        case ["docker", "compose", "exec" | "logs" | "run", service, *_]:
            found = service in SERVICES
        case ["docker", "compose", word, *_]:
            found = word in COMPOSE_WORDS
        case ["curl", url]:
            page = f'b"/{url.rpartition("/")[2]}"'
            sources = (ROOT / "relay" / "ojak_relay").glob("*.py")
            found = any(page in source.read_text(encoding="utf-8") for source in sources)
        case ["systemctl" | "journalctl" | "systemd-analyze", *words]:
            found = (ROOT / "relay" / "deploy" / f"{words[-1]}.service").exists()
        case ["tar", "--list", "--file", file]:
            found = f"--create --file {file}" in PAGE
        case ["cat", file]:
            found = file == f"/opt/ojak/{INSTALLED}"
        case ["tor", *_, file]:
            found = (ROOT / file).exists()
    return found


def gone(page: str) -> Iterator[str]:
    """Yield what the table names and is not here any more, and what it does not tell."""
    tests, claims = known_tests(), known_claims()
    rows = promises(page)
    for word, row in zip(EXPECTED, rows, strict=True):
        if word not in row.what:
            yield f"{word} is not what the row is about: {row.what}"
        if not row.commands or not row.tests + row.claims:
            yield f"nothing shows: {row.what}"
        yield from (one for one in row.commands if not is_there(one))
        yield from (one for one in row.tests if one not in tests)
        yield from (one for one in row.claims if one not in claims)


def test_each_thing_that_operators_expect_has_a_command_and_a_test_that_are_there() -> None:
    assert list(gone(PAGE)) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("`ojak-relay healthcheck`", "`ojak-relay health`"),
        ("--pass-file pass", "--pass-word pass"),
        ("`ojak-relay --help`", "`ojak-relay --secrets`"),
        ("docker compose logs relay", "docker compose logs relais"),
        ("docker compose stop`", "docker compose halt`"),
        ("9100/metrics", "9100/numbers"),
        ("security ojak-relay", "security ojak"),
        ("deploy/torrc", "deploy/tor"),
        ("--list --file backup.tar", "--list --file copy.tar"),
        ("test_the_unit_asks_for", "test_the_unit_gets"),
        ('"up has it again"', '"up has it"'),
        ("`docker compose exec relay id`", "look at it"),
        ("Logs tell", "Nothing tells"),
    ],
)
def test_what_is_not_there_any_more_is_found(before: str, after: str) -> None:
    head, title, table = PAGE.partition(TITLE)
    assert before in table
    assert len(list(gone(head + title + table.replace(before, after)))) == 1


def test_every_command_of_the_relay_and_every_page_of_the_table_answers(tmp_path: Path) -> None:
    (tmp_path / "pass").write_text("An-open-door-for-those-who-know\n")
    metrics = free_port()
    settings = {
        "OJAK_RELAY_PATH": str(tmp_path / "store"),
        "OJAK_RELAY_CAPACITY": "100",
        "OJAK_RELAY_PASS_FILE": str(tmp_path / "pass"),
        "OJAK_RELAY_METRICS_LISTEN": f"127.0.0.1:{metrics}",
    }
    commands = {command for row in promises(PAGE) for command in row.commands}
    with running(*pages(tmp_path / "store"), environment=settings) as relay:
        here = f"127.0.0.1:{relay.port}"
        settings["OJAK_RELAY_LISTEN"] = here
        for command in sorted(commands):
            words = shlex.split(command.replace("https://relay.example", f"http://{here}"))
            if words[0] == "ojak-relay":
                if words[1] == "selftest" and "--pass-file" not in words:
                    words += ["--pass-file", "pass"]
                done = run(*words[1:], environment=settings, folder=tmp_path)
                assert done.returncode == 0, (command, done.stdout, done.stderr)
                assert done.stdout
            if words[0] == "curl":
                url = words[1].replace("127.0.0.1:8080", here)
                url = url.replace("127.0.0.1:9100", f"127.0.0.1:{metrics}")
                with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - of the table
                    assert answer.status == 200

"""A backup made as docs/operating.md says has what makes a relay that relay, and no box."""

import os
import re
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.kit import ROOT
from tests.docs.test_operating import BLOCKS, PAGE, PORT
from tests.ports import free_port
from tests.relay.kit import boxes_in, place

BOXES = 5
VISIT = (
    "import sys; from tests.relay.kit import *; r = Relay(None, '127.0.0.1', int(sys.argv[1]));"
    "h = {'Authorization': 'Bearer ' + open('pass').read().strip()};"
    f"numbers = range({BOXES});"
)
LAY = (
    VISIT
    + "laid = (r.sync(request(deposits=(deposit(n, n),)), h).deposits[0].name for n in numbers);"
    "print(*laid)"
)
FIND = VISIT + "print('found', *(type(r.sync(request(n), h).polls[0]).__name__ for n in numbers))"


@dataclass(frozen=True)
class Seen:
    """What is seen of a relay, of its backup, and of the one that was made from it.

    Attributes:
        stored: boxes and ids in the file of the first relay.
        backed_up: boxes and ids in the backup.
        files: the names in the backup.
        brought_back: boxes and ids in the file of the second relay.
        answers: what that one answered who asked for the boxes.
        is_same: both have the same settings and the same pass.
        again: what the first one answers after that.
    """

    stored: int
    backed_up: int
    files: list[str]
    brought_back: int
    answers: list[str]
    is_same: bool
    again: list[str]


def traces(file: Path, places: Collection[int], boxes: Collection[int]) -> int:
    """Return how many of these boxes, and of the ids of these places, are in *file*."""
    data = file.read_bytes()
    ids = [number for number in places if data.count(place(number))]
    return len(boxes_in(data) & set(boxes)) + len(ids)


def backed_up(folder: Path, *, changed: tuple[str, str] = ("", "")) -> Seen:
    """Go the guide's way from an empty *folder*, with boxes laid before the backup is made."""
    port = str(free_port())
    first, private = BLOCKS[0], next(block for block in BLOCKS if "urandom" in block)
    making, after = (block for block in BLOCKS if "another" in block)
    python = shlex.quote(sys.executable)
    script = [
        "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT",
        first,
        private,
        f"{python} -c {shlex.quote(LAY)} {port}",
        "cp relay.store ../stored",
        making.replace(*changed),
        f"{python} -c {shlex.quote(FIND)} {port}",
        "cmp pass ../pass && cmp relay.toml ../relay.toml && echo the same",
        "cp relay.store ../../brought-back",
        after,
        f"{python} -c {shlex.quote(FIND)} {port}",
        "ojak-relay drain --config relay.toml",
    ]
    here = folder / "empty"
    here.mkdir()
    shell = subprocess.run(
        ("bash", "-euo", "pipefail", "-c", "\n".join(script).replace(PORT, port)),  # noqa: S607 - any bash
        cwd=here,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shell.returncode == 0, shell.stdout + shell.stderr
    assert " ".join(["STORED"] * BOXES) in shell.stdout
    answers, again = re.findall(r"^found (.*)$", shell.stdout, re.MULTILINE)
    with tarfile.open(here / "backup.tar") as archive:
        files = archive.getnames()
    laid = range(BOXES)
    return Seen(
        traces(folder / "stored", laid, laid),
        traces(here / "backup.tar", laid, laid),
        files,
        traces(folder / "brought-back", laid, laid),
        answers.split(),
        "\nthe same\n" in shell.stdout,
        again.split(),
    )


def test_a_relay_made_from_its_backup_has_its_settings_and_pass_and_no_box(tmp_path: Path) -> None:
    assert backed_up(tmp_path) == Seen(
        stored=2 * BOXES,
        backed_up=0,
        files=["relay.toml", "pass"],
        brought_back=0,
        answers=["Nothing"] * BOXES,
        is_same=True,
        again=["Found"] * BOXES,
    )


def test_a_backup_that_takes_the_store_along_is_found(tmp_path: Path) -> None:
    seen = backed_up(tmp_path, changed=("relay.toml pass)", "relay.toml pass relay.store)"))
    assert (seen.backed_up, seen.brought_back) == (2 * BOXES, 2 * BOXES)
    assert seen.answers == ["Found"] * BOXES


STORE = re.compile(r"store|boxes|relay:|valkey|var/lib(/(private|ojak)|\s|$)|\s/?var/?\s")
"""How a command names the store, Valkey's memory, or what they lie in."""
WHOLE = re.compile(r"\s(/|\.)(\s|$)")
INTO = re.compile(r"--directory \S+")
TAR = re.compile(r"\btar\b.*(--create|\s-?c)")
COPY = re.compile(
    rf"{TAR.pattern}|\b(cp|rsync|scp|dd|mv|snapshot)\b"
    r"|\b(volume|docker|podman) (export|save|commit)\b"
)


def copies(page: str) -> list[str]:
    """Return the commands of the guide that copy something."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if COPY.search(line)]


def copies_of_the_store(page: str) -> list[str]:
    return [
        line
        for line in copies(page)
        if STORE.search(line) or (TAR.search(line) and WHOLE.search(INTO.sub("", line)))
    ]


def test_no_command_of_the_guide_copies_the_store_into_a_backup() -> None:
    assert len([line for line in copies(PAGE) if "tar --create" in line]) == 3
    assert len([line for line in copies(PAGE) if "docker compose cp" in line]) == 2
    assert copies_of_the_store(PAGE) == []


@pytest.mark.parametrize(
    "planted",
    [
        "# docker compose cp relay:/var/lib/ojak certificates",
        "# docker compose cp valkey:/data certificates",
        "# docker cp ojak_relay_1:/var/lib/ojak/relay.store .",
        "# cp -a /var/lib/private/ojak here",
        "# rsync -a /var/lib here",
        "# tar --create --file backup.tar --directory / var etc/ojak",
        "# tar --create --file backup.tar .",
        "# tar czf backup.tar /var/lib/ojak",
        "# docker volume export ojak_boxes",
    ],
)
def test_a_command_that_copies_the_store_is_found(planted: str) -> None:
    own = "# docker compose cp caddy:/data certificates\n"
    assert own in PAGE
    assert copies_of_the_store(PAGE.replace(own, f"{own}{planted}\n")) == [planted]

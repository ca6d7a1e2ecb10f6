"""CHANGELOG.md tells whoever runs a relay, of each release, what to do and what it speaks."""

import importlib.metadata
import json
import re
import subprocess
import urllib.request
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.version import Version

from ojak_relay.store.page import Superblock, superblock_page
from ojak_relay.store.page_file import EARLIER_FORMAT
from tests.docs.kit import ROOT
from tests.relay.kit import running
from tests.supply.test_s1_s2_s3_packages import built

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
INSTALLED = "share/doc/ojak/CHANGELOG.md"

OPERATORS = "For those who run a relay"
PARTS = ("For those who use it", OPERATORS, "For those who write another client")
TOLD = ("To do", "Protocol", "Store")
"""What the part for operators begins with, in this order."""
WINDOW_YEARS = 2


@dataclass(frozen=True)
class Release:
    """What stands under the heading of one release.

    Attributes:
        day: when it was released, None for one that is not.
        before: what stands before its first part.
        parts: the text of each part by its heading.
        told: the entries of operators that have a name, by it.
    """

    version: Version
    day: date | None
    before: str
    parts: dict[str, str]
    told: dict[str, str]

    @property
    def speaks(self) -> set[int]:
        return {int(number) for number in re.findall(r"\d+", self.told.get("Protocol", ""))}


def releases(text: str) -> list[Release]:
    """Return the releases of a changelog in their order; ValueError names a wrong heading."""
    found = []
    for one in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = one.partition("\n")
        version, _, day = heading.partition(", ")
        before, *parts = re.split(r"^### ", rest, flags=re.MULTILINE)
        named = dict(part.split("\n", 1) for part in parts)
        entries = re.findall(
            r"^- \*\*(.+?):\*\* (.+?)(?=^- |^$|\Z)",
            named.get(OPERATORS, ""),
            re.MULTILINE | re.DOTALL,
        )
        released = None if day == "not released" else date.fromisoformat(day)
        found.append(Release(Version(version), released, before, named, dict(entries)))
    return found


def faults(text: str, *, version: str, speaks: set[int], store: int) -> Iterator[str]:
    """Yield what is wrong with a changelog of a program that has these versions and formats."""
    found = releases(text)
    newest = found[0]
    if newest.version != Version(version):
        yield f"the newest release is {newest.version}, the program {version}"
    if newest.speaks != speaks:
        yield f"the newest release says that it speaks {newest.speaks}, and it speaks {speaks}"
    if f"format {store}" not in newest.told.get("Store", ""):
        yield f"the newest release does not say that its store has format {store}"
    yield from disorder(found)
    for release in found:
        yield from lacks(release)
    yield from early_ends(found)


def disorder(found: list[Release]) -> Iterator[str]:
    for later, earlier in pairwise(found):
        if later.version <= earlier.version:
            yield f"{later.version} stands before {earlier.version}"
        if earlier.day is None or (later.day and later.day < earlier.day):
            yield f"{earlier.version} has no day before that of {later.version}"


def lacks(release: Release) -> Iterator[str]:
    if OPERATORS not in release.parts or not set(release.parts) <= set(PARTS):
        yield f"{release.version} has other parts: {sorted(release.parts)}"
    if re.search(r"^- ", release.before, re.MULTILINE):
        yield f"{release.version} has entries that stand in no part"
    operators = release.parts.get(OPERATORS, "")
    entries = re.findall(r"^- (?:\*\*(.+?):\*\*)?", operators, re.MULTILINE)
    if tuple(entries[:3]) != TOLD:
        yield f"{release.version} does not begin with {', '.join(TOLD)}"


def early_ends(found: list[Release]) -> Iterator[str]:
    """Yield each version of the protocol that is given up too soon after the next one came.

    A release that has no day yet can come on any from that of the last one on: it is held to that.
    """
    days: list[tuple[date, Release]] = []
    for one in reversed(found):
        days.append((one.day or (days[-1][0] if days else date.min), one))
    for (_, earlier), (day, later) in pairwise(days):
        for number in sorted(earlier.speaks - later.speaks):
            newer = [at for at, one in days if max(one.speaks, default=0) > number]
            if not newer or day < years_after(newer[0]):
                yield f"{later.version} gives up version {number} of the protocol too soon"


def years_after(day: date) -> date:
    """Return the day from which on WINDOW_YEARS have passed since *day*."""
    year = day.year + WINDOW_YEARS
    try:
        return day.replace(year=year)
    except ValueError:
        # There is no 29 February.
        return date(year, 3, 1)


def store_format(first: bytes) -> int:
    return int(first[6:8])


def spoken() -> set[int]:
    """Return the versions of the protocol that a relay tells."""
    with running("--store", "memory") as relay:
        where = f"http://{relay.host}:{relay.port}/v1/info"
        with urllib.request.urlopen(where, timeout=10) as answer:
            oldest, newest = json.load(answer)["versions"]
    return set(range(oldest, newest + 1))


def test_the_changelog_tells_operators_what_to_do_what_is_spoken_and_what_is_stored() -> None:
    version = importlib.metadata.version("ojak")
    page = superblock_page(Superblock(1, 1, 1, is_closed=True))
    store = store_format(page)
    assert list(faults(CHANGELOG, version=version, speaks=spoken(), store=store)) == []
    told = releases(CHANGELOG)[0].told["Store"]
    assert f"format {store_format(EARLIER_FORMAT)} after `ojak-relay migrate`" in told


def release(version: str, day: str, speaks: str) -> str:
    return (
        f"## {version}, {day}\n\n### {OPERATORS}\n\n- **To do:** nothing.\n"
        f"- **Protocol:** versions {speaks}.\n- **Store:** format 2.\n- More room.\n\n"
    )


GOOD = (
    release("1.2", "not released", "1, 2")
    + release("1.1", "2027-01-01", "1, 2")
    + release("1.0", "2026-01-01", "1")
)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("## 1.2,", "## 1.3,", "the newest release is 1.3"),
        ("versions 1, 2.", "versions 1.", "says that it speaks {1}"),
        ("versions 1, 2.", "versions 2.", "1.2 gives up version 1 of the protocol too soon"),
        ("versions 1, 2.", "versions 1, 2, 3.", "says that it speaks {1, 2, 3}"),
        ("format 2", "format 1", "does not say that its store has format 2"),
        ("## 1.1,", "## 0.9,", "0.9 stands before 1.0"),
        ("2027-01-01", "2025-12-31", "1.0 has no day before that of 1.1"),
        ("- **To do:** nothing.\n", "", "does not begin with To do"),
        (f"### {OPERATORS}\n", "", "has other parts"),
        (f"### {OPERATORS}\n", "### News\n", "has other parts"),
        (f"\n### {OPERATORS}\n", f"- Stray.\n\n### {OPERATORS}\n", "stand in no part"),
    ],
)
def test_what_a_changelog_lacks_is_found(before: str, after: str, said: str) -> None:
    assert list(faults(GOOD, version="1.2", speaks={1, 2}, store=2)) == []
    found = list(faults(GOOD.replace(before, after, 1), version="1.2", speaks={1, 2}, store=2))
    assert any(said in fault for fault in found), found


def given_up(*told: tuple[str, str]) -> list[str]:
    """Return the too early ends in releases of these days that speak these versions."""
    numbered = reversed(list(enumerate(told)))
    text = "".join(release(f"1.{number}", day, speaks) for number, (day, speaks) in numbered)
    return list(early_ends(releases(text)))


@pytest.mark.parametrize(
    ("second_came", "last_day", "first_day"),
    [
        # With a 29 February in between, 731 days.
        ("2026-06-01", "2028-05-31", "2028-06-01"),
        ("2027-01-01", "2028-12-31", "2029-01-01"),
        ("2028-02-29", "2030-02-28", "2030-03-01"),
    ],
)
def test_a_version_is_given_up_two_years_after_the_next_one_came_and_no_day_before(
    second_came: str, last_day: str, first_day: str
) -> None:
    before = (("2026-01-01", "1"), (second_came, "1, 2"))
    too_soon = ["1.2 gives up version 1 of the protocol too soon"]
    assert given_up(*before, (last_day, "2")) == too_soon
    assert given_up(*before, (first_day, "2")) == []
    # Without a day it counts as of that of the release before.
    assert given_up(*before, ("not released", "2")) == too_soon
    assert given_up(*before, (first_day, "1, 2"), ("not released", "2")) == []


def test_no_version_is_given_up_in_between_or_before_there_is_another() -> None:
    too_soon = ["1.1 gives up version 1 of the protocol too soon"]
    assert given_up(("2026-01-01", "1"), ("2027-01-01", "2"), ("2030-01-01", "1, 2")) == too_soon
    assert given_up(("2026-01-01", "1"), ("not released", "2")) == too_soon
    assert given_up(("2026-01-01", "1, 2"), ("2030-01-01", "1")) == [
        "1.1 gives up version 2 of the protocol too soon"
    ]


def test_a_heading_that_names_no_day_is_refused() -> None:
    with pytest.raises(ValueError, match="soon"):
        releases("## 1.0, soon\n")


def console(word: str) -> str:
    """Return the one line of a block of the operating guide that has *word* in it."""
    (line,) = re.findall(rf"^\$ (.*{re.escape(word)}.*)$", OPERATING, re.MULTILINE)
    return str(line)


def test_the_guide_shows_what_changed_since_the_state_that_runs(tmp_path: Path) -> None:
    def git(*words: str, at: str) -> str:
        own = (
            "-c",
            "user.name=Mina",
            "-c",
            "user.email=mina@example",
            "-c",
            "commit.gpgsign=false",
        )
        done = subprocess.run(
            ("git", *own, *words),  # noqa: S607 - any one
            cwd=tmp_path / at,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    origin = tmp_path / "origin"
    origin.mkdir()
    git("init", "--quiet", at="origin")
    (origin / "CHANGELOG.md").write_text(release("1.0", "2026-01-01", "1"))
    git("add", "CHANGELOG.md", at="origin")
    git("commit", "--quiet", "--message", "first", at="origin")
    git("clone", "--quiet", "origin", "ours", at=".")
    (origin / "CHANGELOG.md").write_text(GOOD)
    (origin / "other").write_text("of no interest here")
    git("add", ".", at="origin")
    git("commit", "--quiet", "--message", "second", at="origin")
    line = console("-- CHANGELOG.md").partition(" && ")
    git(*line[0].split()[1:], at="ours")
    shown = git(*line[2].split()[1:], at="ours")
    assert re.search(r"^\+## 1\.2, not released$", shown, re.MULTILINE)
    assert "of no interest here" not in shown


def test_what_is_installed_carries_the_changelog_where_the_guide_says(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path)) as wheel:
        (name,) = (name for name in wheel.namelist() if name.endswith(f".data/data/{INSTALLED}"))
        assert wheel.read(name).decode() == CHANGELOG
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"COPY CHANGELOG.md /opt/ojak/{INSTALLED}\n" in dockerfile
    assert console(INSTALLED) == f"docker compose exec relay cat /opt/ojak/{INSTALLED}"

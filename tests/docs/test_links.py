"""Links between the documents lead somewhere, and no tracked file names a machine of ours."""

import re
from pathlib import Path

import pytest

from tests.docs.kit import ROOT, headings, tracked, without_code

PAGES = tracked("*.md")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

# Written in pieces, so that this file is held to the rule as well.
MACHINES = (
    "/wo" + "rk/",
    "/ro" + "ot/",
    "/ho" + "me/",
    "/opt/" + "pypi",
    "/opt/" + "wheels",
    "file:" + "///",
    "index" + "-url",
    "python" + "hosted.org",
    "pypi" + ".org",
    "find" + "-links",
)


def anchor(heading: str) -> str:
    """Return the anchor that renderers make of a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def links(page: Path) -> list[str]:
    text = without_code(page.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not link.startswith(("http://", "https://"))]


def broken(page: Path) -> list[str]:
    found = []
    for link in links(page):
        name, _, wanted = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (wanted and wanted not in map(anchor, headings(target))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_a_broken_link_and_a_broken_anchor_are_found(tmp_path: Path) -> None:
    page = ROOT / "docs" / "protocol.md"
    assert "slip" in map(anchor, headings(page))
    assert "no-such-section" not in map(anchor, headings(page))
    outside = tmp_path / "page.md"
    outside.write_text("[gone](gone.md)\n```\n[code](code.md)\n```\n", encoding="utf-8")
    assert broken(outside) == ["gone.md"]
    assert len(PAGES) > 15


def test_no_tracked_file_names_a_machine_path_or_a_package_index() -> None:
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        named = [machine for machine in MACHINES if machine in text]
        assert not named, f"{path.relative_to(ROOT)} names {named}"

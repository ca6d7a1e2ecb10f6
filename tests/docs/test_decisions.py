"""Every decision says why, what else there was, what was taken, and what follows; under a page."""

import re
from pathlib import Path

import pytest

from tests.docs.kit import ROOT

RECORDS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PARTS = ("Context", "Options", "Outcome", "Consequences")
A_PAGE_LINES = 60


def parts(text: str) -> list[str]:
    """Return the parts in their order, however they are set: as headings or in bold."""
    found = re.findall(r"^(?:## |\*\*)(Context|Options|Outcome|Consequences)\b", text, re.MULTILINE)
    return [part for part in PARTS if part in found]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_has_its_four_parts(record: Path) -> None:
    assert parts(record.read_text(encoding="utf-8")) == list(PARTS)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_a_decision_is_under_a_page_and_its_number_stands_in_its_title(record: Path) -> None:
    text = record.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= A_PAGE_LINES
    number = re.match(r"# 0*(\d+)[.:] \S", text)
    assert number is not None
    assert int(number[1]) == int(record.stem[:4])


def test_no_two_decisions_have_one_number() -> None:
    numbers = [record.stem[:4] for record in RECORDS]
    assert len(numbers) == len(set(numbers))


def test_a_record_without_outcome_would_be_noticed() -> None:
    assert parts("# 1: x\n\n## Context\n## Options\n## Consequences\n") == [
        "Context",
        "Options",
        "Consequences",
    ]

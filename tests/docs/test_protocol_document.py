"""What code cites from docs/protocol.md is there, and its tables say what the code says."""

import re

import pytest

from ojak_protocol import labels, number
from ojak_protocol.letters import Kind
from ojak_protocol.padding import PART_COUNTS
from ojak_protocol.sync import REPLY_BYTES, SyncClass
from tests.docs.kit import ROOT, headings, tracked

DOCUMENT = ROOT / "docs" / "protocol.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
CITATION = re.compile(r'docs/protocol\.md,((?:\s+"[^"]+",?)+)')


def cited() -> list[tuple[str, str]]:
    found = {
        (f"{path.relative_to(ROOT)}", section)
        for folder in ("protocol", "relay", "client")
        for path in tracked(f"{folder}/*.py")
        for citation in CITATION.findall(path.read_text(encoding="utf-8"))
        for section in re.findall(r'"([^"]+)"', citation)
    }
    return sorted(found)


@pytest.mark.parametrize(("file", "section"), cited())
def test_cited_section_exists(file: str, section: str) -> None:
    assert section in headings(DOCUMENT), f"{file} cites a section that is not there"


def test_many_sections_are_cited() -> None:
    assert len({section for _, section in cited()}) > 15


def test_every_label_of_the_code_stands_in_the_table_of_labels() -> None:
    table = TEXT.partition("## Labels")[2].partition("\n## ")[0]
    for name, value in vars(labels).items():
        if isinstance(value, bytes):
            assert f"`{value.decode()}`" in table, name


def test_sizes_of_all_classes_and_rooms_are_those_of_the_code() -> None:
    for size in SyncClass:
        row = f"| {size.deposits} | {size.deposits} | {size.polls} | {size.deletes} |"
        assert f"{row} {_written(size.body_bytes)} |" in TEXT
    for room, length in REPLY_BYTES.items():
        assert f"| | {room} | {_written(length)} |" in TEXT


def _written(count: int) -> str:
    return f"{count:,}" if count >= 10_000 else str(count)


def test_the_table_of_the_check_digit_is_that_of_the_code() -> None:
    rows = re.findall(r"\b([0-9]): ([0-9]{10})\b", TEXT)
    table = {int(row): tuple(map(int, digits)) for row, digits in rows}
    assert table == dict(enumerate(number._DAMM))  # noqa: SLF001 - the one table both must share


def test_every_kind_of_letter_is_named_with_its_number() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith("| 0 | kind:"))
    for kind in Kind:
        assert re.search(rf"\b{kind.value} {kind.name.lower()}\b", row)


def test_the_numbers_of_parts_are_those_of_the_code() -> None:
    section = TEXT.partition("## Parcels")[2].partition("\n## ")[0]
    listed = re.search(r"^    1 2 3 [0-9 \n]+", section, re.MULTILINE)
    assert listed
    assert tuple(map(int, listed[0].split())) == PART_COUNTS

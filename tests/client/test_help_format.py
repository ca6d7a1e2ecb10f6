"""Help laid out by columns."""

import click
import pytest

from ojak_client.help_format import ColumnFormatter, width, wrap


@pytest.mark.parametrize(("text", "taken"), [("", 0), ("abc", 3), ("감자", 4), ("e\u0301", 1)])
def test_width_is_counted_in_columns(text: str, taken: int) -> None:
    assert width(text) == taken


def test_lines_are_broken_between_words_by_columns() -> None:
    assert wrap("가나 다라 마바", 9) == ["가나 다라", "마바"]
    assert wrap("가나다라마바", 4) == ["가나다라마바"]
    assert wrap("", 4) == [""]


def test_the_second_column_begins_at_one_place() -> None:
    formatter = ColumnFormatter(width=24)
    formatter.indent()
    formatter.write_dl([("--profile 자리", "하나 둘 셋 넷"), ("-q", "다섯")])
    assert formatter.getvalue().splitlines() == [
        "  --profile 자리  하나 둘 셋",
        "                  넷",
        "  -q              다섯",
    ]


def test_paragraphs_fit_the_width() -> None:
    formatter = ColumnFormatter(width=14)
    formatter.write_text("하나 둘 셋 넷 다섯 여섯")
    assert all(width(line) <= 14 for line in formatter.getvalue().splitlines())
    assert isinstance(formatter, click.HelpFormatter)

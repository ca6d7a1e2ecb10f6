"""What came from the other side, made safe for a terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from ojak_client.escape import MARKS_IN_A_ROW, block, line

# Everything Python can hold in a string, lone surrogates included, with the dangerous often.
hostile = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(
            "\x00\x07\x08\t\n\r\x1b\x7f\x85\x9b\x9c\xad\u034f\u061c\u115f\u1160\u1161\u11a8\u180e"
            "\u200b\u200d\u200e\u2028\u2029\u202e\u2066\u2069\u20dd\u3164\u0301\ufe0f\ufeff\uffa0"
            "\ud800\udfff\U000e0001\U000e0100❤가⇐\u0338"
        ),
    )
)


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("할머니 감자밭", "할머니 감자밭"),
        ("奶奶，你好", "奶奶，你好"),  # noqa: RUF001 - Chinese comma
        ("\x1b[2J", "␛[2J"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"),
        ("\x9b31m", "<U+009B>31m"),
        ("\x7f", "<U+007F>"),
        ("딸\u202e리순이", "딸<U+202E>리순이"),
        ("감\u200b자", "감<U+200B>자"),
        ("a\u2028b", "a<U+2028>b"),
        ("\ud800", "<U+D800>"),
        ("\u3164", "<U+3164>"),
        ("❤\ufe0f", "❤"),
        ("👩\u200d👧", "👩👧"),
        ("a\u200db", "a<U+200D>b"),
        ("\u0301", "◌\u0301"),
        ("e\u0301", "é"),
        ("x" + "\u0323" * 9, "x" + "\u0323" * MARKS_IN_A_ROW + "…"),
    ],
)
def test_shown_text(given_text: str, shown: str) -> None:
    assert line(given_text) == shown


def test_a_line_shows_newlines_and_a_block_keeps_them() -> None:
    assert line("가\r\n나") == "가␍␊나"
    assert block("가\r\n나\n") == "가\n나\n"
    assert block("가\r나") == "가␍나"


def test_decomposed_korean_is_shown_whole() -> None:
    assert line(unicodedata.normalize("NFD", "할머니")) == "할머니"


@given(hostile)
def test_no_line_holds_a_control_character(text: str) -> None:
    shown = line(text)
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(hostile)
def test_no_block_holds_a_control_character_but_newline(text: str) -> None:
    shown = block(text).replace("\n", "")
    assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@given(hostile)
def test_the_width_of_what_is_shown_is_known(text: str) -> None:
    assert wcswidth(line(text)) >= 0
    assert all(wcswidth(part) >= 0 for part in block(text).split("\n"))


@given(hostile)
def test_escaping_twice_changes_nothing(text: str) -> None:
    assert line(line(text)) == line(text)
    assert block(block(text)) == block(text)


@given(hostile)
def test_what_is_shown_can_be_encoded(text: str) -> None:
    assert line(text).encode().decode() == line(text)


@given(st.text("a\u0323\u0301\u20dd\u1161\u11a8"))
def test_no_flood_of_marks_covers_other_lines(text: str) -> None:
    run = 0
    for character in line(text):
        is_mark = unicodedata.category(character).startswith("M") or character in "\u1161\u11a8"
        run = run + 1 if is_mark else 0
        assert run <= MARKS_IN_A_ROW

"""Editing one typed line: bytes in, whole characters out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_client.line_editor import END, ENTER, LineEditor


def typed(keys: bytes, *, limit: int = 64, hidden: bool = False) -> tuple[LineEditor, str]:
    """Return the editor after *keys* and all it echoed."""
    editor = LineEditor(limit, hidden=hidden)
    echo = ""
    for byte in keys:
        assert editor.key(byte) is None
        echo += editor.echo
    return editor, echo


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ("감자밭", "감자밭"),
        ("감자\x7f", "감"),
        ("감자\b\b\b물", "물"),
        ("a😀\x7fb", "ab"),
        ("감자\x15물", "물"),
        ("감\x1b[D자\x1b[3~\x1bOA밭", "감자밭"),
        ("감\x1b자", "감자"),
        ("a\tb\x00c", "abc"),
        ("a\u0085b", "ab"),
    ],
)
def test_line_after_keys(keys: str, line: str) -> None:
    assert typed(keys.encode())[0].take() == line.encode()


@pytest.mark.parametrize("keys", [b"a\xffb", b"a\x80b", b"a\xeab", b"a\xea\xb0b", b"a\xc0\x80b"])
def test_bytes_that_are_no_character_are_ignored(keys: bytes) -> None:
    assert typed(keys)[0].take() == b"ab"


def test_backspace_erases_two_columns_of_a_wide_character_and_one_of_a_narrow() -> None:
    assert typed("가".encode())[1] == "가"
    assert typed("가\x7f".encode())[1] == "가\b\b  \b\b"
    assert typed(b"a\x7f")[1] == "a\b \b"


def test_nothing_hidden_is_echoed() -> None:
    assert typed("가나\x7f\x15다".encode(), hidden=True)[1] == ""


def test_enter_ends_a_line_and_control_d_only_an_empty_one() -> None:
    assert LineEditor(8, hidden=False).key(ENTER) == ENTER
    assert LineEditor(8, hidden=False).key(END) == END
    assert typed(b"a\x04b")[0].take() == b"ab"


def test_more_than_the_limit_is_told_and_never_cut_silently() -> None:
    assert not typed(b"x" * 8, limit=8)[0].overflown
    assert typed(b"x" * 9, limit=8)[0].overflown


def test_the_buffer_holds_nothing_after_it_was_taken() -> None:
    editor, _ = typed("비밀".encode())
    editor.take()
    assert editor.take() == b""


@given(st.text(st.characters(exclude_categories=["C"])), st.text("가a😀\x7f"))
def test_deleting_as_often_as_was_typed_leaves_nothing(text: str, more: str) -> None:
    keys = text.encode() + more.encode() + b"\x7f" * (len(text) + len(more))
    assert typed(keys, limit=4096)[0].take() == b""


@given(st.binary())
def test_any_keys_leave_a_line_that_is_text(keys: bytes) -> None:
    editor = LineEditor(32, hidden=False)
    for byte in keys:
        editor.key(byte)
        assert editor.echo.isprintable() or set(editor.echo) <= {"\b", " "}
    if not editor.overflown:
        editor.take().decode()

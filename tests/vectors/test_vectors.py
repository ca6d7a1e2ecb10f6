"""The vectors are what the script makes, and every API finds in each what it expects."""

import json
import re

import pytest

from ojak_protocol.errors import ProtocolError, Refused
from tests.vectors.files import BY_HAND, MAKERS, written
from tests.vectors.notation import FOLDER, GOOD, Case, Names, bytes_of, load
from tests.vectors.read_formats import by_hand
from tests.vectors.readers import READERS, Reader

FILES = sorted(path.name for path in FOLDER.glob("*.json"))
EXPECTED = {GOOD, "Malformed", "Unopenable", "TooNew", "CopyDetected", "LocalError", "different"}


def cases(name: str) -> list[Case]:
    return by_hand(name) if name in BY_HAND else load(name)


def outcome(reader: Reader, case: Case) -> str:
    try:
        return reader(case) or GOOD
    except Refused as refused:
        return f"Refused: {refused.reason.value}"
    except ProtocolError as error:
        return type(error).__name__


def test_every_file_is_made_by_the_script_or_kept_by_hand_and_has_readers() -> None:
    assert set(FILES) == set(MAKERS) | BY_HAND
    assert set(READERS) == set(FILES)
    assert all(READERS.values())
    assert not set(MAKERS) & BY_HAND


@pytest.mark.parametrize("name", MAKERS)
def test_the_script_makes_the_committed_file_to_the_byte(name: str) -> None:
    made, committed = written(MAKERS[name]()), (FOLDER / name).read_text(encoding="utf-8")
    assert made == committed, f"{name} differs: see python -m tests.vectors"


@pytest.mark.parametrize(
    ("name", "reader"),
    [(name, reader) for name, readers in READERS.items() for reader in readers],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_every_vector_gives_what_it_expects_in_every_api(name: str, reader: Reader) -> None:
    found = {case.name: outcome(reader, case) for case in cases(name)}
    assert found == {case.name: case.expect for case in cases(name)}


@pytest.mark.parametrize("name", FILES)
def test_the_first_field_of_each_file_says_what_it_is(name: str) -> None:
    whole = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    assert next(iter(whole)) == "what"
    assert "docs/protocol.md" in whole["what"] or "draft-irtf-cfrg-cpace" in whole["what"]


@pytest.mark.parametrize("name", MAKERS)
def test_each_file_of_the_script_has_good_and_bad_vectors(name: str) -> None:
    expected = {case.expect for case in load(name)}
    assert GOOD in expected
    assert {one for one in expected if not one.startswith("Refused: ")} <= EXPECTED
    # What both sides compute from what they were shown has no bad bytes: they go on as ever.
    assert len(expected) > 1 or name == "branches.json"


def test_bytes_in_the_notation_are_read_back() -> None:
    x = Names()
    box, key = x("box", 4000), x("key")
    for data in (b"", b"\0" * 15, b"\0" * 16, b"a" * 99 + box + key + b"\xff\xfe" + box, box[:-1]):
        assert bytes_of(x.text(data)) == data
    assert x.text(b"\1" + box + bytes(20)) == "01 X(box,4000) 00*20"


def test_a_reader_that_finds_something_else_would_be_noticed() -> None:
    case = next(case for case in load("pouch.json") if case.expect == "Malformed")
    assert outcome(READERS["pouch.json"][0], case) == "Malformed"
    good = load("pouch.json")[0]
    assert outcome(READERS["pouch.json"][0], good) == GOOD
    assert re.fullmatch(r"[0-9a-f]{64}", str(good.inner("carried")[0].data("id").hex()))

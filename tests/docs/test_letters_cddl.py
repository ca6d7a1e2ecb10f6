"""The schema of letters and slips against real encodings, and the table of kinds and keys."""

import re
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycddl import Schema, ValidationError

from ojak_protocol import cbor
from ojak_protocol.errors import Malformed
from ojak_protocol.letters import Body, Kind, decode_body, encode_body
from ojak_protocol.slip import Slip, encode_slip
from tests.docs.examples_of_letters import BODIES, KINDS, map_of
from tests.docs.examples_of_meeting import NUMBER
from tests.docs.kit import ROOT
from tests.protocol.kinds import details, said_by, short_questions

TEXT = (ROOT / "docs" / "letters.cddl").read_text(encoding="utf-8")
RULES = re.findall(r"^([a-z]+-body) +=", TEXT, re.MULTILINE)


def schema(rule: str) -> Schema:
    """Return the schema with one rule for the whole: the library mixes up maps that share keys."""
    return Schema(TEXT.replace("message = body / slip", f"message = {rule}"))


BODY = {rule: schema(rule) for rule in RULES}
SLIP = schema("slip")
EXAMPLES = {body.kind: body for _, body in (*KINDS, *BODIES)}
"""One body of each kind, but of money."""
MAPS: dict[int, dict[int, Any]] = {
    kind: cbor2.loads(map_of(encode_body(body))) for kind, body in EXAMPLES.items()
}
VALUES = {1: "글", 2: [1, bytes(8), 0, 0], 3: 1_800_000_000, 4: 0, 5: 1, 6: {0: 1}, 7: 1}
"""A value that a key may have."""


def fits(whole: Schema, value: object) -> bool:
    try:
        whole.validate_cbor(cbor2.dumps(value, canonical=True))
    except ValidationError:
        return False
    return True


def is_body(fields: dict[int, Any]) -> bool:
    """Say whether one of the rules for a body takes *fields*."""
    return any(fits(rule, fields) for rule in BODY.values())


def is_read(fields: dict[int, Any]) -> bool:
    encoded = cbor.encode(fields)
    try:
        decode_body((len(encoded).to_bytes(2, "big") + encoded).ljust(1608, b"\0"))
    except Malformed:
        return False
    return True


@pytest.mark.parametrize(("what", "body"), [*BODIES, *KINDS], ids=lambda value: str(value)[:12])
def test_each_body_of_the_document_is_what_the_schema_says(what: str, body: Body) -> None:
    assert what
    assert is_body(cbor2.loads(map_of(encode_body(body))))


@given(st.data())
def test_whatever_is_written_with_details_is_what_the_schema_says(data: st.DataObject) -> None:
    kind, made = data.draw(
        st.sampled_from(sorted(details(short_questions).items(), key=lambda item: item[0]))
    )
    assert is_body(cbor2.loads(map_of(encode_body(said_by(kind, data.draw(made))))))


def test_the_schema_has_a_rule_for_each_kind_and_one_for_later_ones() -> None:
    kinds = {f"{kind.name.lower()}-body" for kind in Kind if kind is not Kind.MONEY}
    assert {*RULES} == kinds | {"later-body"}
    whole = TEXT.partition("\nbody = ")[2].partition("\n\n")[0]
    assert {*re.findall(r"[a-z]+-body", whole)} == {*RULES}


def test_slips_are_what_the_schema_says() -> None:
    for questions in ((), ("누구네 개?",), ("a", "b", "가" * 120)):
        slip = Slip(NUMBER, "https://relay.example", questions)
        alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
        bits = "".join(f"{alphabet.index(one):05b}" for one in encode_slip(slip))
        data = int(bits[: len(bits) // 8 * 8], 2).to_bytes(len(bits) // 8, "big")
        SLIP.validate_cbor(data[:-4])
    good = {0: 1, 1: 123456789018, 2: "https://relay.example"}
    assert fits(SLIP, good)
    changes: list[dict[int, Any]] = [
        {0: 2},
        {1: 10**12},
        {2: ""},
        {2: "a" * 161},
        {3: []},
        {3: ["a"] * 4},
        {4: 0},
    ]
    for change in changes:
        assert not fits(SLIP, good | change), change


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.GREETING, {2: [0, bytes(8), 0, 0]}),
        (Kind.GREETING, {2: [1, bytes(7), 0, 0]}),
        (Kind.GREETING, {2: [1, bytes(8), 0]}),
        (Kind.GREETING, {3: 0}),
        (Kind.GREETING, {4: 2}),
        (Kind.GREETING, {5: 0}),
        (Kind.TEXT, {1: ""}),
        (Kind.TEXT, {1: "a" * 1501}),
        (Kind.PARCEL, {6: {}}),
        (Kind.PARCEL, {6: MAPS[Kind.PARCEL][6] | {4: 0}}),
        (Kind.PARCEL, {6: MAPS[Kind.PARCEL][6] | {1: 0}}),
        (Kind.PARCEL, {6: MAPS[Kind.PARCEL][6] | {5: 4}}),
        (Kind.PARCEL, {6: MAPS[Kind.PARCEL][6] | {6: 0}}),
        (Kind.STOP, {6: {0: 2}}),
        (Kind.QUESTIONS, {6: {0: 0, 1: ["a", "b", "c"]}}),
        (Kind.QUESTIONS, {6: {0: 1, 1: ["a", "b"]}}),
        (Kind.QUESTIONS, {6: {0: 1, 1: ["a", "b", ""]}}),
        (Kind.NUMBER, {6: {0: 10**12}}),
        (Kind.RELAY, {6: {0: "a" * 161}}),
        (Kind.QUESTION, {6: {0: bytes(15), 1: bytes(32)}}),
        (Kind.REPLY, {6: {0: bytes(16), 1: bytes(32)}}),
        (Kind.OUTCOME, {6: {0: bytes(16), 1: bytes(32)}}),
    ],
    ids=str,
)
def test_the_schema_and_the_code_refuse_the_same(kind: Kind, change: dict[int, Any]) -> None:
    assert is_body(MAPS[kind])
    assert is_read(MAPS[kind])
    assert not is_body(MAPS[kind] | change)
    assert not is_read(MAPS[kind] | change)


def table() -> list[tuple[int, int, str]]:
    """Return kind, key and what the document's table of kinds and keys says of them."""
    document = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    rows = document.partition("| Kind | key 0 |")[2].partition("\n\n")[0].splitlines()[2:]
    found = []
    for row in rows:
        name, _, first, middle, sixth, other = (cell.strip() for cell in row.split("|")[1:-1])
        kinds = [int(number) for number in re.findall(r"\d+", name)]
        for kind in [kinds[0], 13, 1 << 63] if "above 12" in name else kinds:
            words = {1: first, **dict.fromkeys((2, 3, 4, 5), middle), 6: sixth, 7: other}
            found += [(kind, key, re.split(r"[,;]", word)[0]) for key, word in words.items()]
    return found


def test_the_table_of_kinds_and_keys_names_every_kind() -> None:
    assert {kind for kind, _, _ in table()} == {*map(int, Kind), 13, 1 << 63}
    assert {word for _, _, word in table()} == {"required", "allowed", "malformed", "passed over"}


@pytest.mark.parametrize(("kind", "key", "word"), table())
def test_schema_and_code_take_and_refuse_the_keys_that_the_table_says(
    kind: int, key: int, word: str
) -> None:
    whole = MAPS.get(kind, {0: kind})
    having = whole if key in whole else whole | {key: VALUES[key]}
    lacking = {other: value for other, value in whole.items() if other != key}
    expected = (word != "malformed", word != "required")
    assert (is_body(having), is_body(lacking)) == expected
    assert (is_read(having), is_read(lacking)) == expected

"""Details: exact fields of exact types and lengths, of their own kind, or malformed."""

from typing import Final

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ojak_protocol import cbor
from ojak_protocol.cpace import Share
from ojak_protocol.details import (
    Details,
    Fields,
    NextNumber,
    NextQuestions,
    NextRelay,
    Parcel,
    ParcelWhat,
    Question,
    QuestionOutcome,
    QuestionReply,
    check_question,
    decode_details,
)
from ojak_protocol.errors import LocalError, Malformed, Reason, Refused
from ojak_protocol.letters import Kind
from ojak_protocol.number import Number
from tests.protocol.kinds import DETAILS, details, questions, timed

OTHER_TYPES: Final[tuple[cbor.Value, ...]] = (0, b"bytes", "text", [], {})
LARGE: Final = 2**64 - 1
TIMED: Final = Parcel(b"f" * 32, 50, b"d" * 32, 1, ParcelWhat.LETTER, due_at=7)
EXAMPLES: Final[tuple[Details, ...]] = (*DETAILS.values(), TIMED)
each = pytest.mark.parametrize("example", EXAMPLES, ids=[*DETAILS, "timed"])


def is_refused(example: Details, fields: cbor.Value) -> bool:
    try:
        decode_details(type(example), fields)
    except Malformed:
        return True
    return False


@given(st.data(), st.sampled_from(list(DETAILS)))
def test_details_round_trip(data: st.DataObject, kind: Kind) -> None:
    made = data.draw(details(questions)[kind])
    assert decode_details(type(made), made.fields()) == made
    assert cbor.decode(cbor.encode(made.fields()), max_bytes=5000) == made.fields()


@given(timed)
def test_a_timed_parcel_round_trips(made: Parcel) -> None:
    assert decode_details(Parcel, made.fields()) == made


@each
def test_a_missing_field_is_malformed(example: Details) -> None:
    for key in example.fields():
        left = {k: value for k, value in example.fields().items() if k != key}
        optional = isinstance(example, Parcel) and key == 4
        assert is_refused(example, left) is not optional


@each
def test_a_field_more_is_malformed(example: Details) -> None:
    for key in set(range(256)) - set(example.fields()):
        if not (isinstance(example, Parcel) and key == 4):
            assert is_refused(example, example.fields() | {key: 0})


@each
def test_a_field_of_another_type_is_malformed(example: Details) -> None:
    for key, right in example.fields().items():
        for other in OTHER_TYPES:
            if type(other) is not type(right):
                assert is_refused(example, example.fields() | {key: other})


@each
def test_bytes_of_another_length_are_malformed(example: Details) -> None:
    for key, right in example.fields().items():
        if isinstance(right, bytes):
            for other in (b"", right[:-1], right + b"x"):
                assert is_refused(example, example.fields() | {key: other})


@each
@pytest.mark.parametrize("other", OTHER_TYPES, ids=str)
def test_details_that_are_no_map_of_theirs_are_malformed(
    example: Details, other: cbor.Value
) -> None:
    assert is_refused(example, other)


@given(st.data(), st.sampled_from(list(DETAILS)))
def test_the_details_of_each_kind_are_refused_as_those_of_every_other(
    data: st.DataObject, kind: Kind
) -> None:
    made = data.draw(details(questions)[kind])
    # The one map that two kinds share: "do not contact me" and the number of twelve zeros. The
    # kind stands beside it in the same sealed body.
    assume(made.fields() != {0: 0})
    for other_kind, other in DETAILS.items():
        assert is_refused(other, made.fields()) == (kind is not other_kind)


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        (Kind.STOP, {0: 2}),
        (Kind.STOP, {0: LARGE}),
        (Kind.QUESTIONS, {0: 0}),
        (Kind.QUESTIONS, {0: 2**32}),
        (Kind.QUESTIONS, {1: ["a", "b"]}),
        (Kind.QUESTIONS, {1: ["a", "b", "c", "d"]}),
        (Kind.QUESTIONS, {1: ["a", "b", b"c"]}),
        (Kind.QUESTIONS, {1: ["a", "", "c"]}),
        (Kind.QUESTIONS, {1: ["a", "b", "x" * 201]}),
        (Kind.NUMBER, {0: LARGE}),
        (Kind.NUMBER, {0: 10**12}),
        (Kind.RELAY, {0: ""}),
        (Kind.RELAY, {0: "x" * 161}),
        (Kind.RELAY, {0: "https://a b"}),
        (Kind.RELAY, {0: "https://a\x7f"}),
        (Kind.RELAY, {0: "https://a\n"}),
        (Kind.RELAY, {0: "https://가"}),
        (Kind.PARCEL, {1: 0}),
        (Kind.PARCEL, {1: LARGE}),
        (Kind.PARCEL, {1: 4 * 1024 * 1024 + 1, 3: 1060}),
        (Kind.PARCEL, {3: 0}),
        (Kind.PARCEL, {3: 1}),
        (Kind.PARCEL, {3: 3}),
        (Kind.PARCEL, {4: 0}),
        (Kind.PARCEL, {4: 7}),
        (Kind.PARCEL, {1: 50, 3: 1, 4: 0}),
        (Kind.PARCEL, {1: 50, 3: 1, 4: 2**32}),
        (Kind.PARCEL, {5: 4}),
    ],
)
def test_a_value_outside_its_bounds_is_malformed(kind: Kind, changed: Fields) -> None:
    with pytest.raises(Malformed):
        decode_details(type(DETAILS[kind]), DETAILS[kind].fields() | changed)


def test_a_number_with_any_one_wrong_digit_is_malformed() -> None:
    made = DETAILS[Kind.NUMBER]
    assert isinstance(made, NextNumber)
    for position in range(12):
        for digit in set("0123456789") - {made.number[position]}:
            wrong = made.number[:position] + digit + made.number[position + 1 :]
            assert is_refused(made, {0: int(wrong)})


def test_a_number_that_begins_with_zeros_keeps_them() -> None:
    made = NextNumber(Number("000000000000"))
    assert made.fields() == {0: 0}
    assert decode_details(NextNumber, {0: 0}) == made


def test_details_that_cannot_be_sent_cannot_be_made() -> None:
    with pytest.raises(LocalError):
        NextQuestions(0, ("a", "b", "c"))
    with pytest.raises(LocalError):
        NextQuestions(1, ("a", "b"))  # type: ignore[arg-type] # what a caller may do all the same
    with pytest.raises(LocalError):
        NextNumber(Number("０00000000000"))  # noqa: RUF001 - a full-width digit
    with pytest.raises(LocalError):
        NextRelay("")
    with pytest.raises(LocalError):
        Parcel(b"short", 50, b"d" * 32, 1, ParcelWhat.OTHER)
    with pytest.raises(LocalError):
        Parcel(b"f" * 32, 5000, b"d" * 32, 2, ParcelWhat.OTHER, due_at=7)
    with pytest.raises(LocalError):
        Question(b"", Share(b"s" * 32))
    with pytest.raises(LocalError):
        QuestionReply(b"n" * 16, Share(b"s" * 32), b"")
    with pytest.raises(LocalError):
        QuestionOutcome(b"n" * 16, b"")


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", Reason.EMPTY), ("x" * 201, Reason.TOO_LONG), ("\ud800", Reason.ENCODING)],
    ids=["nothing", "201 characters", "a surrogate"],
)
def test_a_question_that_cannot_be_put_is_refused_with_the_reason(
    text: str, reason: Reason
) -> None:
    with pytest.raises(Refused) as refused:
        check_question(text)
    assert refused.value.reason is reason
    with pytest.raises(Refused) as refused:
        NextQuestions(1, ("a", "b", text))
    assert refused.value.reason is reason


@given(questions)
def test_a_question_of_1_to_200_characters_may_be_put(text: str) -> None:
    check_question(text)

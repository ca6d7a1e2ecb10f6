"""Bodies: 1608 bytes that say one thing, with room for 1500 bytes of it beside all else."""

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import Acknowledgement
from ojak_protocol.box import BODY_BYTES
from ojak_protocol.cpace import Share
from ojak_protocol.details import NextQuestions, Question
from ojak_protocol.errors import LocalError, Malformed, Reason, Refused
from ojak_protocol.letters import (
    MOST_TEXT_BYTES,
    Body,
    Kind,
    decode_body,
    details_of,
    encode_body,
    encode_details,
)
from tests.protocol.kinds import DETAILS, PLAIN, details, questions, said_by, short_questions, texts

MOST = 2**64 - 1
FULL = Acknowledgement(MOST, b"t" * 8, MOST, MOST)

acknowledgements = st.builds(
    Acknowledgement,
    st.integers(1, MOST),
    st.binary(min_size=8, max_size=8),
    st.integers(0, MOST),
    st.integers(0, MOST),
)


@st.composite
def bodies(
    draw: st.DrawFn,
    text: st.SearchStrategy[str] = texts,
    question: st.SearchStrategy[str] = short_questions,
) -> Body:
    """Any body of any kind."""
    kind = draw(st.sampled_from(Kind))
    own = {Kind.QUESTION: questions, Kind.TEXT: text.filter(bool), Kind.MONEY: text}
    return Body(
        kind,
        draw(own.get(kind, st.just(""))),
        draw(st.none() | acknowledgements),
        draw(st.integers(0, MOST)),
        draw(st.none() | st.booleans()),
        draw(st.integers(0, MOST)),
        draw(details(question)[kind]) if kind in DETAILS else None,
    )


def saying(body: Body) -> int:
    """How many bytes text and details have."""
    own = b"" if body.details is None else cbor.encode(body.details.fields())
    return len(body.text.encode()) + len(own)


long_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=1600)


@given(bodies(text=texts | long_texts, question=questions))
@example(Body(Kind.TEXT, "x" * MOST_TEXT_BYTES, FULL, MOST, kept=True, following=MOST))
@example(replace(said_by(Kind.QUESTION, DETAILS[Kind.QUESTION]), text="𓀀" * 200))
def test_any_body_beside_the_longest_acknowledgement_has_one_size_or_is_refused_as_too_long(
    body: Body,
) -> None:
    body = replace(body, acknowledgement=FULL, expires_at=MOST, kept=True, following=MOST)
    if saying(body) > MOST_TEXT_BYTES:
        with pytest.raises(Refused) as refused:
            encode_body(body)
        assert refused.value.reason is Reason.TOO_LONG
        return
    data = encode_body(body)
    assert len(data) == BODY_BYTES
    assert decode_body(data) == body


@given(bodies())
def test_bodies_round_trip_and_fit_with_any_acknowledgement_or_with_none(body: Body) -> None:
    for told in (body.acknowledgement, None, FULL):
        body = replace(body, acknowledgement=told)
        if saying(body) <= MOST_TEXT_BYTES:
            assert decode_body(encode_body(body)) == body


def test_a_text_of_more_than_1500_bytes_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        encode_body(Body(Kind.TEXT, "x" * 1501))
    assert refused.value.reason is Reason.TOO_LONG


def test_a_text_that_utf8_cannot_hold_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        encode_body(Body(Kind.TEXT, "\ud800"))
    assert refused.value.reason is Reason.ENCODING


def raw(fields: cbor.Value, *, length: int | None = None) -> bytes:
    encoded = cbor.encode(fields)
    told = len(encoded) if length is None else length
    return (told.to_bytes(2, "big") + encoded).ljust(BODY_BYTES, b"\0")


@given(
    st.one_of(
        st.binary(max_size=30),
        st.binary(max_size=80).map(lambda data: data.ljust(BODY_BYTES, b"\0")),
        st.binary(max_size=60).map(
            lambda data: (len(data).to_bytes(2, "big") + data).ljust(BODY_BYTES, b"\0")
        ),
    )
)
def test_arbitrary_bytes_are_a_body_or_malformed(data: bytes) -> None:
    try:
        body = decode_body(data)
    except Malformed:
        return
    if body.understood:
        assert encode_body(body) == data


@pytest.mark.parametrize(
    "data",
    [
        raw({1: "no kind"}),
        raw({0: "text"}),
        raw([0]),
        raw({0: 1, 1: ""}),
        raw({0: 1, 1: b"bytes"}),
        raw({0: 1, 2: [1, b"short", 0, 0]}),
        raw({0: 1, 2: [1, bytes(8), 0]}),
        raw({0: 1, 2: 5}),
        raw({0: 1, 3: "soon"}),
        raw({0: 1, 4: 2}),
        raw({0: 1, 5: 0}),
        raw({0: 1, 7: 0}),
        raw({0: 1, 1: "x" * 1501}),
        raw({0: 9, 1: "x" * 201, 6: DETAILS[Kind.QUESTION].fields()}),
        raw({0: 9, 6: DETAILS[Kind.QUESTION].fields()}),
        raw({0: 0}, length=2),
        raw({0: 0}, length=4),
        raw({0: 0}, length=BODY_BYTES),
        raw({0: 0})[:-1] + b"\1",
        b"",
    ],
)
def test_a_body_outside_the_format_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        decode_body(data)


def test_a_kind_of_a_later_version_is_kept_and_shown_as_not_understood() -> None:
    body = decode_body(raw({0: 77, 9: "later"}))
    assert body.kind == 77
    assert not body.understood
    assert Body(Kind.TEXT).understood


def test_every_kind_but_money_is_understood() -> None:
    assert {kind for kind in Kind if not Body(kind).understood} == {Kind.MONEY}


@pytest.mark.parametrize("kind", PLAIN, ids=lambda kind: kind.name)
@pytest.mark.parametrize("own", DETAILS, ids=lambda kind: kind.name)
def test_details_under_a_kind_that_has_none_are_refused(kind: Kind, own: Kind) -> None:
    with pytest.raises(LocalError):
        encode_body(Body(kind, details=DETAILS[own]))
    data = raw({0: int(kind), 6: DETAILS[own].fields()})
    if kind is Kind.MONEY:
        assert decode_body(data) == Body(kind)
        return
    with pytest.raises(Malformed):
        decode_body(data)


@pytest.mark.parametrize("kind", DETAILS, ids=lambda kind: kind.name)
def test_a_kind_without_its_details_is_refused(kind: Kind) -> None:
    with pytest.raises(LocalError):
        encode_body(said_by(kind, None))
    with pytest.raises(Malformed):
        decode_body(raw({0: int(kind), 1: "text"}))


@pytest.mark.parametrize("kind", DETAILS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("own", DETAILS, ids=lambda kind: kind.name)
def test_the_details_of_each_kind_are_refused_under_every_other(kind: Kind, own: Kind) -> None:
    body = said_by(kind, DETAILS[own])
    text: dict[int, cbor.Value] = {1: "text"} if kind is Kind.QUESTION else {}
    data = raw({0: int(kind), **text, 6: DETAILS[own].fields()})
    if kind is own:
        assert decode_body(encode_body(body)) == body
        assert replace(decode_body(data), text=body.text) == body
        return
    with pytest.raises(LocalError):
        encode_body(body)
    with pytest.raises(Malformed):
        decode_body(data)


@given(st.integers(13, MOST) | st.just(5), st.sampled_from(list(DETAILS)))
def test_details_of_an_unknown_kind_are_passed_over(kind: int, own: Kind) -> None:
    assert decode_body(raw({0: kind, 6: DETAILS[own].fields()})) == Body(kind)
    with pytest.raises(LocalError):
        encode_body(Body(kind, details=DETAILS[own]))


def test_three_questions_that_do_not_fit_a_box_are_refused_as_too_long() -> None:
    body = Body(Kind.QUESTIONS, details=NextQuestions(1, ("가" * 200,) * 3))
    with pytest.raises(Refused) as refused:
        encode_body(body)
    assert refused.value.reason is Reason.TOO_LONG
    encode_body(Body(Kind.QUESTIONS, details=NextQuestions(1, ("가" * 160,) * 3)))


@pytest.mark.parametrize(
    ("text", "reason"), [("", Reason.EMPTY), ("x" * 201, Reason.TOO_LONG)], ids=["none", "long"]
)
def test_a_question_has_a_text_of_1_to_200_characters(text: str, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        encode_body(Body(Kind.QUESTION, text, details=Question(bytes(16), Share(bytes(32)))))
    assert refused.value.reason is reason


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.MONEY])
def test_a_text_stands_in_letters_and_questions_and_in_nothing_else(kind: Kind) -> None:
    own = {6: DETAILS[kind].fields()} if kind in DETAILS else {}
    with_text, without = raw({0: int(kind), 1: "text", **own}), raw({0: int(kind), **own})
    takes_text = kind in {Kind.TEXT, Kind.QUESTION}
    assert decode_body(with_text if takes_text else without).kind == kind
    with pytest.raises(Malformed):
        decode_body(without if takes_text else with_text)


def test_an_acknowledgement_of_nothing_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode_body(raw({0: 0, 2: [0, b"t" * 8, 0, 0]}))


# Details kept apart from their box


@pytest.mark.parametrize("kind", DETAILS)
def test_details_kept_apart_read_back_as_themselves_and_under_no_other_kind(kind: Kind) -> None:
    kept = encode_details(DETAILS[kind])
    assert details_of(kind, kept) == DETAILS[kind]
    for other in set(Kind) - {kind}:
        with pytest.raises(Malformed):
            details_of(other, kept)


@pytest.mark.parametrize("kind", Kind)
def test_no_bytes_are_no_details_of_any_kind(kind: Kind) -> None:
    assert details_of(kind, b"") is None


@given(st.sampled_from(Kind), st.binary(min_size=1, max_size=200))
def test_any_bytes_are_details_that_read_back_or_malformed(kind: Kind, data: bytes) -> None:
    try:
        read = details_of(kind, data)
    except Malformed:
        return
    assert read is not None
    assert encode_details(read) == data

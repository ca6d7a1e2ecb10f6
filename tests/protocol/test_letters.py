"""Bodies: 1608 bytes that say one thing, with room for 1500 bytes of text beside all else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import Acknowledgement
from ojak_protocol.box import BODY_BYTES
from ojak_protocol.errors import Malformed, Reason, Refused
from ojak_protocol.letters import MOST_TEXT_BYTES, Body, Kind, decode_body, encode_body

MOST = 2**64 - 1
FULL = Acknowledgement(MOST, b"t" * 8, MOST, MOST)

acknowledgements = st.builds(
    Acknowledgement,
    st.integers(0, MOST),
    st.binary(min_size=8, max_size=8),
    st.integers(0, MOST),
    st.integers(0, MOST),
)
bodies = st.builds(
    Body,
    st.sampled_from(Kind),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=375),
    st.none() | acknowledgements,
    st.integers(0, MOST),
    st.none() | st.booleans(),
)


@given(bodies)
@example(Body(Kind.TEXT, "x" * MOST_TEXT_BYTES, FULL, MOST, kept=True))
def test_bodies_round_trip_and_have_one_size(body: Body) -> None:
    data = encode_body(body)
    assert len(data) == BODY_BYTES
    assert decode_body(data) == body


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
    assert decode_body(encode_body(body)) == body


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

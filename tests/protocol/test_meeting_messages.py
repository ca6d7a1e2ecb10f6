"""Offer and answer as bytes: fixed sizes, each byte with one meaning, nothing else accepted."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.meeting_messages import (
    ANSWER_BYTES,
    OFFER_BYTES,
    Answer,
    Offer,
    decode_answer,
    decode_offer,
)


def exactly(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


pairs = st.tuples(exactly(32), exactly(32))
offers = st.builds(
    Offer, st.integers(0, 2**32 - 1), exactly(32), exactly(1184), st.tuples(*[pairs] * 4)
)
answers = st.builds(
    Answer,
    exactly(32),
    st.integers(0, 2**64 - 1),
    pairs,
    exactly(32),
    exactly(1184),
    exactly(1088),
)


@given(offers)
@settings(max_examples=30)
def test_offers_round_trip_in_1478_bytes(offer: Offer) -> None:
    assert len(offer.encode()) == OFFER_BYTES == 1478
    assert decode_offer(offer.encode()) == offer


@given(answers)
@settings(max_examples=30)
def test_answers_round_trip_in_2410_bytes(answer: Answer) -> None:
    assert len(answer.encode()) == ANSWER_BYTES == 2410
    assert decode_answer(answer.encode()) == answer


@given(answers)
@settings(max_examples=20)
def test_what_cpace_binds_is_the_answer_with_nothing_missing_but_its_shares(answer: Answer) -> None:
    encoded = answer.encode()
    shares = b"".join(answer.shares)
    assert encoded.count(shares) >= 1
    assert answer.without_shares() == encoded[:42] + encoded[42 + 64 :]


@given(st.binary(max_size=50), st.binary(min_size=OFFER_BYTES, max_size=OFFER_BYTES))
@settings(max_examples=30)
def test_arbitrary_bytes_are_an_offer_or_malformed(short: bytes, right_size: bytes) -> None:
    with pytest.raises((Malformed, TooNew)):
        decode_offer(short)
    try:
        assert decode_offer(right_size).encode() == right_size
    except TooNew:
        assert right_size[:2] != b"\1\1"
    assert decode_offer(b"\1\1" + right_size[2:]).encode() == b"\1\1" + right_size[2:]


@given(st.binary(max_size=50), st.binary(min_size=ANSWER_BYTES, max_size=ANSWER_BYTES))
@settings(max_examples=30)
def test_arbitrary_bytes_are_an_answer_or_malformed(short: bytes, right_size: bytes) -> None:
    with pytest.raises((Malformed, TooNew)):
        decode_answer(short)
    try:
        assert decode_answer(right_size).encode() == right_size
    except TooNew:
        assert right_size[:2] != b"\1\1"
    assert decode_answer(b"\1\1" + right_size[2:]).encode() == b"\1\1" + right_size[2:]


@pytest.mark.parametrize("head", [b"\0\1", b"\2\1", b"\1\2", b"\1\0"])
def test_another_version_or_suite_is_refused_by_name(head: bytes) -> None:
    with pytest.raises(TooNew):
        decode_offer(head + bytes(OFFER_BYTES - 2))
    with pytest.raises(TooNew):
        decode_answer(head + bytes(ANSWER_BYTES - 2))


@pytest.mark.parametrize("decode", [decode_offer, decode_answer])
def test_a_later_version_is_known_as_one_even_if_it_is_longer(
    decode: Callable[[bytes], object],
) -> None:
    for later in (b"\x02\x01", b"\x01\x02"):
        with pytest.raises(TooNew):
            decode(later + bytes([7]) * 3958)

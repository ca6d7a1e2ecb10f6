"""A box has 4000 bytes and opens only under its keys, at its place, with its own header."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.box import (
    BODY_BYTES,
    HEADER_BYTES,
    SEALED_HEADER_BYTES,
    Header,
    TurnKeys,
    decode_header,
    open_body,
    open_header,
    seal_box,
    seal_forms,
    seal_of,
)
from ojak_protocol.errors import LocalError, Malformed, Unopenable
from ojak_protocol.primitives import seal

PLACE, ELSEWHERE = MailboxId(b"p" * 32), MailboxId(b"q" * 32)
HEADER_KEY, BODY_KEY = b"h" * 32, b"b" * 32
HEADER = Header(TurnKeys(b"d" * 32, b"e" * 1184, b"c" * 1088), 5, 7)
BODY = b"x" * BODY_BYTES


def sealed(body: bytes = BODY) -> bytes:
    return seal_box(
        PLACE,
        header_key=HEADER_KEY,
        header=HEADER,
        body_key=BODY_KEY,
        body=body,
        entropy=os.urandom,
    )


def test_the_sizes_are_those_of_the_design() -> None:
    assert (HEADER_BYTES, BODY_BYTES, BOX_BYTES) == (2312, 1608, 4000)
    assert len(sealed()) == 4000


def test_what_was_sealed_opens() -> None:
    box = sealed()
    assert open_header(PLACE, box, header_key=HEADER_KEY) == HEADER
    assert open_body(PLACE, box, body_key=BODY_KEY) == BODY


def test_no_nonce_is_used_twice() -> None:
    boxes = [sealed() for _ in range(20)]
    nonces = {box[at : at + 24] for box in boxes for at in (0, SEALED_HEADER_BYTES)}
    assert len(nonces) == 40


def test_both_forms_of_a_place_have_one_header_and_nonces_of_their_own_behind_it() -> None:
    first, second = seal_forms(
        PLACE,
        header_key=HEADER_KEY,
        header=HEADER,
        body_key=BODY_KEY,
        bodies=(BODY, bytes(BODY_BYTES)),
        entropy=os.urandom,
    )
    assert first[:SEALED_HEADER_BYTES] == second[:SEALED_HEADER_BYTES]
    assert first[SEALED_HEADER_BYTES:][:24] != second[SEALED_HEADER_BYTES:][:24]
    assert seal_of(first) == seal_of(second) == first[:8] != seal_of(sealed())
    assert open_body(PLACE, second, body_key=BODY_KEY) == bytes(BODY_BYTES)


@given(
    keys=st.builds(
        TurnKeys,
        st.binary(min_size=32, max_size=32),
        st.binary(min_size=1184, max_size=1184),
        st.binary(min_size=1088, max_size=1088),
    ),
    index=st.integers(0, 2**32 - 1),
    length=st.integers(0, 2**32 - 1),
)
@settings(max_examples=20)
def test_headers_round_trip(keys: TurnKeys, index: int, length: int) -> None:
    header = Header(keys, index, length)
    assert len(header.encode()) == HEADER_BYTES
    assert decode_header(header.encode()) == header


@given(st.one_of(st.binary(max_size=64), st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES)))
@settings(max_examples=30)
def test_arbitrary_bytes_are_a_header_or_malformed(data: bytes) -> None:
    if len(data) == HEADER_BYTES:
        assert decode_header(data).encode() == data
    else:
        with pytest.raises(Malformed):
            decode_header(data)


def test_neither_part_opens_in_another_place_under_another_key_or_beside_another_part() -> None:
    box, other = sealed(), sealed(b"y" * BODY_BYTES)
    with pytest.raises(Unopenable):
        open_header(ELSEWHERE, box, header_key=HEADER_KEY)
    with pytest.raises(Unopenable):
        open_header(PLACE, box, header_key=BODY_KEY)
    with pytest.raises(Unopenable):
        open_body(ELSEWHERE, box, body_key=BODY_KEY)
    with pytest.raises(Unopenable):
        open_body(PLACE, box, body_key=HEADER_KEY)
    mixed = box[:SEALED_HEADER_BYTES] + other[SEALED_HEADER_BYTES:]
    assert open_header(PLACE, mixed, header_key=HEADER_KEY) == HEADER
    with pytest.raises(Unopenable):
        open_body(PLACE, mixed, body_key=BODY_KEY)


@pytest.mark.parametrize("size", [0, 39, 3999, 4001])
def test_a_box_of_another_length_is_malformed(size: int) -> None:
    with pytest.raises(Malformed):
        open_header(PLACE, bytes(size), header_key=HEADER_KEY)


def test_a_short_box_has_no_body() -> None:
    with pytest.raises(Unopenable):
        open_body(PLACE, b"", body_key=BODY_KEY)


@pytest.mark.parametrize("size", [0, BODY_BYTES - 1, BODY_BYTES + 1])
def test_a_body_of_another_length_is_not_sealed(size: int) -> None:
    with pytest.raises(LocalError):
        sealed(bytes(size))


def test_a_sealed_header_of_the_wrong_content_is_malformed() -> None:
    # Sealed by somebody with the key, of the right length on the outside only.
    short = seal(HEADER_KEY, bytes(HEADER_BYTES - 1), bound_to=PLACE, nonce=bytes(24))
    with pytest.raises((Malformed, Unopenable)):
        open_header(PLACE, short.ljust(BOX_BYTES, b"\0"), header_key=HEADER_KEY)

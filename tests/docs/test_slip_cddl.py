"""The schema of a slip against real slips, and against what the code refuses as well."""

import base64

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycddl import Schema, ValidationError

from ojak_protocol import cbor
from ojak_protocol.errors import Malformed
from ojak_protocol.labels import H_SLIP
from ojak_protocol.number import new_number
from ojak_protocol.primitives import blake2b
from ojak_protocol.slip import Slip, decode_slip, encode_slip
from tests.docs.kit import ROOT

SCHEMA = Schema((ROOT / "docs" / "slip.cddl").read_text(encoding="utf-8"))
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RFC_4648 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
NUMBER = new_number(lambda size: b"n" * size)
RELAY = "https://relay.example"

relays = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=160)
questions = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=120)


def body_of(slip: str) -> bytes:
    standard = slip.translate(str.maketrans(CROCKFORD, RFC_4648))
    return base64.b32decode(standard + "=" * (-len(standard) % 8))[:-4]


def written(body: bytes) -> str:
    encoded = base64.b32encode(body + blake2b(H_SLIP, body)[:4]).decode().rstrip("=")
    return encoded.translate(str.maketrans(RFC_4648, CROCKFORD))


@given(relays, st.lists(questions, max_size=3))
def test_every_slip_is_what_the_schema_says(relay: str, asked: list[str]) -> None:
    SCHEMA.validate_cbor(body_of(encode_slip(Slip(NUMBER, relay, tuple(asked)))))


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {1: 10**12},
        {1: "5724"},
        {2: ""},
        {2: "x" * 161},
        {3: []},
        {3: ["?"] * 4},
        {3: [""]},
        {4: 0},
    ],
    ids=str,
)
def test_schema_and_code_refuse_the_same(change: dict[int, cbor.Value]) -> None:
    good = body_of(encode_slip(Slip(NUMBER, RELAY)))
    assert decode_slip(written(good)) == Slip(NUMBER, RELAY)
    fields: dict[int, cbor.Value] = cbor2.loads(good)
    data = cbor.encode(fields | change)
    with pytest.raises(ValidationError):
        SCHEMA.validate_cbor(data)
    with pytest.raises(Malformed):
        decode_slip(written(data))

"""The schema of a pouch against real pouches, and against what the code refuses as well."""

import cbor2
import pytest
from pycddl import Schema, ValidationError

from ojak_protocol import cbor
from ojak_protocol.addresses import MailboxId
from ojak_protocol.errors import Malformed
from ojak_protocol.pouch import CLASSES, Carried, decode_pouch, encode_pouch
from tests.docs.kit import ROOT

SCHEMA = Schema((ROOT / "docs" / "pouch.cddl").read_text(encoding="utf-8"))


def pouch(count: int) -> bytes:
    return encode_pouch(
        Carried(MailboxId(number.to_bytes(32, "big")), 3600, bytes(4000)) for number in range(count)
    )


@pytest.mark.parametrize("size", CLASSES)
def test_pouches_of_every_class_are_what_the_schema_says(size: int) -> None:
    SCHEMA.validate_cbor(pouch(size))
    SCHEMA.validate_cbor(pouch(size // 4 + 1))


PLACE = cbor2.loads(pouch(1))[1][0]


@pytest.mark.parametrize(
    "change",
    [
        {0: 2},
        {1: []},
        {1: [PLACE] * 2},
        {1: [PLACE[:-1]]},
        {1: PLACE},
        {2: bytes(31)},
        {3: 0},
    ],
    ids=["version", "no place", "two", "short", "no list", "hash", "unknown"],
)
def test_schema_and_code_refuse_the_same(change: dict[int, cbor.Value]) -> None:
    fields: dict[int, cbor.Value] = cbor2.loads(pouch(1))
    data = cbor.encode(fields | change)
    with pytest.raises(ValidationError):
        SCHEMA.validate_cbor(data)
    if 0 in change:
        return  # a later version, which is told as such
    with pytest.raises(Malformed):
        decode_pouch(data)

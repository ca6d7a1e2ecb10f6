"""Runs requests and replies through every API that reads them, the relay's front included."""

from pycddl import Schema

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import (
    Deposit,
    Found,
    NoRoom,
    SyncClass,
    SyncRequest,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from tests.docs.kit import ROOT
from tests.vectors.notation import GOOD, Case

SCHEMA = Schema((ROOT / "docs" / "sync.cddl").read_text(encoding="utf-8"))
CLASSES = {size.deposits: size for size in SyncClass}


def _asked(case: Case) -> SyncRequest:
    deposits = []
    for known in case.inner("deposits"):
        key = DeleteKey(known.data("dk")) if "dk" in known else None
        ttl, after = known.number("ttl"), known.number("after")
        place = MailboxId(known.data("id"))
        assert key is None or mailbox_id(key) == place
        deposits.append(Deposit(place, key, ttl, after, known.data("box")))
    return SyncRequest(
        CLASSES[case.number("class")],
        tuple(map(MailboxId, case.many("polls"))),
        tuple(map(DeleteKey, case.many("deletes"))),
        tuple(deposits),
        case.number("room"),
        case.number("wait"),
    )


def read_request(case: Case) -> None:
    request = decode_request(case.data("body"))
    assert request == _asked(case)
    assert encode_request(request) == case.data("body")


def request_fits_schema(case: Case) -> str:
    if case.expect == GOOD:
        SCHEMA.validate_cbor(case.data("body"))
    return case.expect


def read_reply(case: Case) -> None:
    size = CLASSES[case.number("class")]
    deposit = Deposit(MailboxId(bytes(32)), None, 60, 0, bytes(4000))
    request = SyncRequest(
        size,
        (MailboxId(bytes(32)),) * size.polls,
        (),
        (deposit,) * case.number("deposited"),
        case.number("room"),
    )
    reply = decode_reply(case.data("body"), request)
    assert reply.clock == case.number("clock")
    assert list(map(int, reply.deposits)) == list(case.values("outcomes"))
    boxes = [result.box for result in reply.polls if isinstance(result, Found)]
    rest = [int(result == NoRoom()) for result in reply.polls if not isinstance(result, Found)]
    assert boxes == [known.data("box") for known in case.inner("results")]
    assert rest == [one for one in case.values("results") if isinstance(one, int)]
    assert encode_reply(reply, case.number("room")) == case.data("body")


def reply_fits_schema(case: Case) -> str:
    if case.expect == GOOD:
        SCHEMA.validate_cbor(case.data("body"))
    return case.expect

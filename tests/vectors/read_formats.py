"""Runs vectors of plain formats through every API that reads them."""

import json

from nacl.bindings import crypto_scalarmult
from pycddl import Schema

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import (
    Acknowledgement,
    Entry,
    Outcome,
    Reading,
    Writing,
    WrittenPlace,
    accepted,
    acknowledge,
    chain_ended,
    heard,
    wrote,
)
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.answers import canonical, understood
from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    PlacesAhead,
    body_key,
    end_key,
    next_chain_key,
    next_mailbox_key,
)
from ojak_protocol.cpace import Scalar, Share, session_key, share
from ojak_protocol.details import NextNumber
from ojak_protocol.errors import LocalError, Refused, Unopenable
from ojak_protocol.number import Number, parse_number
from ojak_protocol.pouch import decode_pouch, encode_pouch
from ojak_protocol.slip import Slip, decode_slip, encode_slip
from ojak_protocol.sync import Deposit
from tests.docs.kit import ROOT
from tests.vectors.notation import FOLDER, GOOD, Case, Json

POUCH = Schema((ROOT / "docs" / "pouch.cddl").read_text(encoding="utf-8"))
WRITTEN_SLIPS = 5
"""How many of the slips are as a writer writes them."""


def read_cbor(case: Case) -> None:
    encoded = case.data("encoded")
    value = cbor.decode(encoded, max_bytes=len(encoded))
    assert value == case.cbor("value")


def write_cbor(case: Case) -> str:
    if case.expect != GOOD:
        return case.expect
    assert cbor.encode(case.cbor("value")) == case.data("encoded")
    return GOOD


def read_chain(case: Case) -> None:
    if "places" not in case:
        assert mailbox_id(DeleteKey(case.data("dk"))) == case.data("id")
        return
    mbk, ck = MailboxKey(case.data("mbk")), ChainKey(case.data("ck"))
    assert end_key(mbk) == case.data("mbk_ended")
    assert PlacesAhead(end_key(mbk), 0, 1)[0].id == case.data("id_ended")
    for place, known in zip(PlacesAhead(mbk, 0, 3), case.inner("places"), strict=True):
        assert place.delete_key == known.data("dk")
        assert place.id == known.data("id")
        assert place.header_key == known.data("hk")
        assert body_key(ck) == known.data("bk")
        mbk, ck = next_mailbox_key(mbk), next_chain_key(ck)
    assert (mbk, ck) == (case.data("mbk_3"), case.data("ck_3"))


def deposit_with_key(case: Case) -> None:
    if "places" in case:
        for known in case.inner("places"):
            key, place = DeleteKey(known.data("dk")), MailboxId(known.data("id"))
            Deposit(place, key, 60, 0, bytes(4000))
        return
    place = MailboxId(case.data("id") if "id" in case else bytes(32))
    Deposit(place, DeleteKey(case.data("dk")), 60, 0, bytes(4000))


def _told(case: Case) -> Acknowledgement:
    return Acknowledgement(
        case.number("count"), case.data("tag"), case.number("withdrawn"), case.number("lost")
    )


def read_places(case: Case) -> str:
    """Fold the places, the last one first, as if everything had arrived in the wrong order."""
    if case.expect != GOOD:
        return case.expect
    reading, places = Reading(), case.inner("places")
    for place in reversed(places):
        outcome = place.text("outcome")
        form = _form(place)
        at = place.number("chain"), place.number("index"), MailboxId(place.data("id"))
        reading = accepted(reading, Entry(*at, form, withdrawn=outcome == "withdrawn"))
    for chain in range(max(place.number("chain") for place in places)):
        length = sum(place.number("chain") == chain for place in places)
        reading = chain_ended(reading, chain, length)
    assert reading.digest == case.data("h")
    assert acknowledge(reading) == _told(case)
    return GOOD


def _form(place: Case) -> bytes:
    match place.text("outcome"):
        case "lost":
            return b""
        case "withdrawn":
            return place.data("withdrawn")
        case _:
            return place.data("letter")


def hear_places(case: Case) -> None:
    writing, places = Writing(), case.inner("places")
    names = {
        "accepted": Outcome.ARRIVED,
        "withdrawn": Outcome.WITHDRAWN,
        "lost": Outcome.LOST,
    }
    done: list[Outcome] = []
    for place in places:
        # More than 64 places are acknowledged in two parts; the maps of the second are the vector.
        if len(writing.places) == 64:
            writing, outcomes = _halfway(writing, places[: len(done) + 64])
            done += outcomes
        known = WrittenPlace(
            MailboxId(place.data("id")), place.data("letter"), place.data("withdrawn")
        )
        writing = wrote(writing, known)
    writing, outcomes = heard(writing, _told(case), chain=9, index=0)
    done += outcomes
    assert not writing.places
    assert done == [names[place.text("outcome")] for place in places]


def _halfway(writing: Writing, places: list[Case]) -> tuple[Writing, tuple[Outcome, ...]]:
    reading = Reading(lengths=((0, 3), (1, 1)))
    for place in places:
        at = place.number("chain"), place.number("index"), MailboxId(place.data("id"))
        withdrawn = place.text("outcome") == "withdrawn"
        reading = accepted(reading, Entry(*at, _form(place), withdrawn=withdrawn))
    return heard(writing, acknowledge(reading), chain=8, index=0)


def read_slip(case: Case) -> None:
    assert decode_slip(case.text("text")) == _slip(case)


def write_slip(case: Case) -> str:
    if case.expect != GOOD:
        return case.expect
    assert decode_slip(encode_slip(_slip(case))) == _slip(case)
    first = list(case.others)[:WRITTEN_SLIPS]
    assert case.name not in first or encode_slip(_slip(case)) == case.text("text")
    return GOOD


def _slip(case: Case) -> Slip:
    questions = tuple(text for text in case.values("questions") if isinstance(text, str))
    return Slip(Number(case.text("number")), case.text("relay"), questions)


def read_pouch(case: Case) -> None:
    carried = decode_pouch(case.data("pouch"))
    known = case.inner("carried")
    assert [one.id for one in carried] == [one.data("id") for one in known]
    assert [one.ttl_seconds for one in carried] == [one.number("ttl") for one in known]
    assert [one.box for one in carried] == [one.data("box") for one in known]
    assert encode_pouch(reversed(carried)) == case.data("pouch")


def pouch_fits_schema(case: Case) -> str:
    if case.expect == GOOD:
        POUCH.validate_cbor(case.data("pouch"))
    return case.expect


def by_hand(name: str) -> list[Case]:
    """The cases of a file that the script does not make."""
    whole = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    rows: list[dict[str, Json]]
    match name:
        case "cpace.json":
            scalar = {"scalar": whole["points_scalar"]}
            rows = [{"name": "exchange", "expect": GOOD} | whole["exchange"]]
            rows += [point | scalar for point in whole["points"]]
        case "number.json":
            rows = [{"name": str(at)} | row for at, row in enumerate(whole["numbers"])]
        case _:
            rows = [{"name": str(at)} | row for at, row in enumerate(whole["answers"])]
    return [Case(row, {}) for row in rows]


def read_number(case: Case) -> str:
    try:
        number = parse_number(case.text("text"))
    except Refused as refused:
        return _refused(refused, case)
    assert number == case.text("number")
    return "number"


def _refused(refused: Refused, case: Case) -> str:
    return "refused" if refused.reason.value == case.text("reason") else refused.reason.value


def number_in_details(case: Case) -> str:
    """A number is written into a letter or a slip only in its plain form."""
    text = case.text("text")
    plain = case.expect == "number" and text == case.text("number")
    for make in (NextNumber, lambda number: encode_slip(Slip(number, "r"))):
        try:
            make(Number(text))
        except LocalError:
            assert not plain
        else:
            assert plain
    return case.expect


def fold(case: Case) -> str:
    try:
        one = canonical(case.text("a"))
    except Refused as refused:
        return _refused(refused, case)
    if "b" in case:
        return "equal" if canonical(case.text("b")) == one else "different"
    assert understood(case.text("a")) == case.text("understood")
    assert one == case.data("canonical")
    return "form"


def exchange_of_draft(case: Case) -> str:
    if "PRS" not in case:
        point = Share(case.data("point"))
        try:
            _key_with(Scalar(case.data("scalar")), point)
        except Unopenable:
            return "refused"
        assert crypto_scalarmult(case.data("scalar"), point) == case.data("product")
        return "product"
    exchange(case, suffix="_IR")
    return GOOD


def _key_with(scalar: Scalar, point: Share) -> bytes:
    return session_key(
        scalar,
        point,
        sid=b"",
        initiator_share=point,
        initiator_data=b"",
        responder_share=point,
        responder_data=b"",
    )


def exchange(case: Case, *, suffix: str = "") -> None:
    """One CPace exchange from both sides; a bad one has only what its initiator sees."""
    sid, ya = case.data("sid"), Scalar(case.data("ya"))
    if "PRS" in case:
        secret = case.data("PRS"), case.data("CI"), sid
        assert share(*secret, ya) == case.data("Ya")
        assert share(*secret, Scalar(case.data("yb"))) == case.data("Yb")
    sides = [(ya, "Yb")] + ([(Scalar(case.data("yb")), "Ya")] if "yb" in case else [])
    for scalar, theirs in sides:
        key = session_key(
            scalar,
            Share(case.data(theirs)),
            sid=sid,
            initiator_share=Share(case.data("Ya")),
            initiator_data=case.data("ADa"),
            responder_share=Share(case.data("Yb")),
            responder_data=case.data("ADb"),
        )
        assert key == case.data(f"ISK{suffix}")

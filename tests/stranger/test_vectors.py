"""The stranger's own code reads the vectors of tests/vectors, as they say of themselves."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from . import answers, wire
from .conversation import (
    Chain,
    Place,
    Received,
    decode_body,
    encode_body,
    fold,
    seal_box,
    step,
)
from .meeting import Answer, Offer, Point, branch, keys_of
from .wire import KeyPair, blake, generator, isk, lv, mac, seal, sha512, u, unseal, x25519

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(__file__).parents[1] / "vectors"
Json: TypeAlias = "int | str | list[Json] | dict[str, Json] | None"
PART = re.compile(r"([0-9a-f]{2})\*(\d+)|X\(([^,]+),(\d+)\)|([0-9a-f]+)")


def bytes_of(text: str) -> bytes:
    joined = b""
    for run, times, name, size, plain in PART.findall(text):
        if run:
            joined += bytes.fromhex(run) * int(times)
        elif name:
            joined += hashlib.shake_256(name.encode()).digest(int(size))
        else:
            joined += bytes.fromhex(plain)
    return joined


class Case:
    """One vector; b, n, t are the bytes, number or text of a field."""

    def __init__(self, fields: dict[str, Json], others: dict[str, dict[str, Json]]) -> None:
        self.fields, self.others = fields, others
        self.good = fields.get("expect") == "good"
        self.name = str(fields.get("name"))

    def b(self, name: str) -> bytes:
        return self.resolved(name, self.fields[name])

    def resolved(self, name: str, value: Json) -> bytes:
        if isinstance(value, str):
            return bytes_of(value)
        assert isinstance(value, dict)
        of, at, drop, put = (value[key] for key in ("of", "at", "drop", "put"))
        assert isinstance(at, int)
        assert isinstance(drop, int)
        whole = Case(self.others[str(of)], self.others).b(name)
        return whole[:at] + bytes_of(str(put)) + whole[at + drop :]

    def n(self, name: str) -> int:
        value = self.fields[name]
        assert isinstance(value, int)
        return value

    def t(self, name: str) -> str:
        value = self.fields[name]
        assert isinstance(value, str)
        return value

    def items(self, name: str) -> list[Json]:
        value = self.fields[name]
        assert isinstance(value, list)
        return value

    def many(self, name: str) -> list[bytes]:
        return [self.resolved(name, value) for value in self.items(name)]

    def inner(self, name: str) -> list[Case]:
        return [Case(value, {}) for value in self.items(name) if isinstance(value, dict)]

    def within(self, name: str) -> Case:
        value = self.fields[name]
        assert isinstance(value, dict)
        return Case(value, {})

    def value(self, name: str) -> wire.Value:
        return unshaped(self.fields[name])


def unshaped(value: Json) -> wire.Value:
    if isinstance(value, list):
        return [unshaped(item) for item in value]
    if isinstance(value, dict):
        if "bytes" in value:
            return bytes_of(str(value["bytes"]))
        return {int(key): unshaped(item) for key, item in value.items()}
    assert value is not None
    return value


def load(name: str) -> list[Case]:
    cases = json.loads((FOLDER / name).read_text("utf-8"))["cases"]
    others = {case["name"]: case for case in cases}
    return [Case(case, others) for case in cases]


def good(name: str) -> Iterator[Case]:
    found = [case for case in load(name) if case.good]
    assert found
    yield from found


def test_cbor() -> None:
    for case in load("cbor.json"):
        if case.good:
            assert wire.decode(case.b("encoded")) == case.value("value")
            assert wire.encode(case.value("value")) == case.b("encoded")
        else:
            with pytest.raises(wire.Malformed):
                wire.decode(case.b("encoded"))


def test_number_and_form() -> None:
    numbers = json.loads((FOLDER / "number.json").read_text("utf-8"))["numbers"]
    for row in numbers:
        if row["expect"] == "number":
            assert answers.number(row["text"]) == row["number"]
        else:
            with pytest.raises(answers.Refused):
                answers.number(row["text"])
    for row in json.loads((FOLDER / "ko-fold-1.json").read_text("utf-8"))["answers"]:
        if row["expect"] == "refused":
            with pytest.raises(answers.Refused):
                answers.canonical(row["a"])
        elif row["expect"] == "form":
            assert answers.understood(row["a"]) == row["understood"]
            assert answers.canonical(row["a"]).hex() == row["canonical"]
        else:
            same = answers.canonical(row["a"]) == answers.canonical(row["b"])
            assert same == (row["expect"] == "equal")


def test_stretching() -> None:
    for case in list(good("stretching.json"))[:2]:
        typed = [str(text) for text in case.items("answers")]
        stretched = answers.stretch(case.t("number"), typed, case.n("set"))
        assert stretched == (case.b("seed"), case.b("prs"))


def test_cpace() -> None:
    draft = json.loads((FOLDER / "cpace.json").read_text("utf-8"))["exchange"]
    runs = [Case(draft | {"ISK": draft["ISK_IR"]}, {}), *good("cpace-own.json")]
    for case in runs:
        base = generator(case.b("PRS"), case.b("CI"), case.b("sid"))
        ya, yb = x25519(case.b("ya"), base), x25519(case.b("yb"), base)
        k = x25519(case.b("ya"), yb)
        assert (ya, yb, k) == (case.b("Ya"), case.b("Yb"), case.b("K"))
        assert isk(case.b("sid"), k, ya, case.b("ADa"), yb, case.b("ADb")) == case.b("ISK")
    for case in load("cpace-own.json"):
        if case.name.startswith("low order"):
            with pytest.raises(wire.Malformed):
                x25519(case.b("ya"), case.b("Yb"))


def test_ml_kem() -> None:
    for case in good("kem.json"):
        pair = KeyPair(b"", case.b("seed"))
        assert pair.decapsulate(case.b("ct")) == case.b("ss")
        if "ek" in case.fields:
            assert pair.ek == case.b("ek")


def test_places_and_what_lies_there() -> None:
    for case in load("places.json"):
        point = Point(0, case.b("seed"), b"")
        if "box" in case.fields:
            opened = unseal(blake("meet-seal", point.seed), case.b("box"), case.b("id"))
            assert (opened == bytes(3960)) == case.good
        elif case.t("kind") == "offer":
            of_set = Point(case.n("set"), point.seed, b"")
            assert of_set.offer_place(case.n("day"), case.n("n")) == case.b("id")
        else:
            place = point.run_place(case.t("kind"), case.b("nonce"), case.n("run"))
            assert place == case.b("id")


@pytest.mark.parametrize(("name", "size"), [("offer.json", 1478), ("answer.json", 2410)])
def test_offers_and_answers(name: str, size: int) -> None:
    for case in load(name):
        if "box" not in case.fields and len(case.b("message")) < size:
            continue  # behind a message that lies at a place stand zeros
        point = Point(0, case.b("seed"), b"")
        box = case.b("box") if "box" in case.fields else None
        box = box or point.box(case.b("id"), case.b("message"))
        message = point.unbox(case.b("id"), box, size)
        assert message == (case.b("message") if case.good else None), case.name
    fields = next(good(name))
    if size == 1478:
        offer = Offer(fields.b("message"))
        assert (offer.nonce_a, offer.ek_h) == (fields.b("nonce"), fields.b("ek"))
    else:
        answer = Answer(fields.b("message"))
        assert answer.keys + answer.ct == b"".join(map(fields.b, ("dh", "ek", "ct")))
        assert [answer.yb(0), answer.yb(1)] == fields.many("shares")


def test_both_branches() -> None:
    for case in good("branches.json"):
        offer, answer = Offer(case.b("offer")), Answer(case.b("answer"))
        point, run = Point(case.n("set"), case.b("seed"), b""), case.n("run")
        ss = KeyPair(b"", case.b("ek_h_seed")).decapsulate(answer.ct)
        assert (point.ci, ss) == (case.b("CI"), case.b("ss"))
        assert sha512(lv(offer.message, u(run, 8), answer.message)) == case.b("th")
        repeated = {offer.ya(r, j) for r in range(4) for j in (0, 1)}
        for j, known in enumerate(case.inner("branches")):
            for side, mine, theirs in (
                ("host", "ya", answer.yb(j)),
                ("guest", "yb", offer.ya(run, j)),
            ):
                try:
                    k = x25519(known.b(mine), theirs)
                except wire.Malformed:
                    k = b""
                if not k or answer.yb(j) in repeated:
                    keys = keys_of(offer, answer, run, j, known.b(f"nobody_{side}") + ss)
                else:
                    keys = branch(point, offer, answer, run, j, k, ss)
                told = known.within(side)
                assert keys.root == told.b("root")
                assert keys.ck_guest == told.b("ck_guest")
                assert keys.mbk_guest == told.b("mbk_guest")
                assert keys.next_mbk_guest == told.b("next_mbk_guest")
                assert keys.mbk_host == told.b("mbk_host")


def test_chains() -> None:
    for case in good("chains.json"):
        if "places" not in case.fields:
            assert blake("box", case.b("dk")) == case.b("id")
            continue
        chain = Chain(0, case.b("mbk"), case.b("ck"))
        assert chain.beside().id == case.b("id_ended")
        for place, known in zip(chain.pass_until(3), case.inner("places"), strict=True):
            told = tuple(map(known.b, ("dk", "id", "hk", "bk")))
            assert (place.dk, place.id, place.hk, place.bk) == told
        assert (chain.mbk, chain.ck) == (case.b("mbk_3"), case.b("ck_3"))


def opened(case: Case) -> bytes | None:
    """Header and body of a box, if both open."""
    box = case.b("box")
    header = unseal(case.b("hk"), box[:2352], case.b("id"))
    body = unseal(case.b("bk"), box[2352:], lv(case.b("id"), box[:2352]))
    return None if header is None or body is None or len(box) != 4000 else header + body


def test_boxes() -> None:
    for case in load("box.json"):
        if not case.good:
            assert opened(case) is None, case.name
            continue
        header = case.b("dh") + case.b("ek") + case.b("ct")
        header += u(case.n("index"), 32) + u(case.n("previous_length"), 32)
        assert opened(case) == header + case.b("body")


def test_the_conversation_box_by_box() -> None:
    start = load("conversation.json")[0]
    root = start.b("root")
    keys = {"guest": start.b("guest_dh") + start.b("guest_ek")}
    chains: dict[str, bytes] = {"guest": start.b("ck_guest")}
    for case in (case for case in load("conversation.json") if "writer" in case.fields):
        writer, drawn = case.t("writer"), case.many("drawn")
        other = "guest" if writer == "host" else "host"
        if "turn" in case.fields:
            mine, ct, ek = KeyPair(drawn[0], drawn[1]), case.b("ct"), keys[other][32:]
            assert (mine.dh, mine.ek) == (case.b("dh"), case.b("ek"))
            recorded = next(one for one in load("kem.json") if one.name == f"step-{case.n('turn')}")
            assert recorded.b("ct") == ct
            agreed = x25519(mine.secret, keys[other][:32])
            root, ck, following = step(root, agreed, recorded.b("ss"), ct, ek, mine.dh, mine.ek)
            assert (root, following) == (case.b("root"), case.b("next_mbk"))
            chains[writer], keys[writer] = ck, mine.dh + mine.ek
        (place,) = Chain(case.n("chain"), case.b("mbk"), chains[writer]).ahead(1)
        assert (place.dk, place.id) == (case.b("dk"), case.b("id"))
        header = case.b("dh") + case.b("ek") + case.b("ct")
        header += u(case.n("index"), 32) + u(case.n("previous_length"), 32)
        for form, nonce in (("letter", drawn[-2]), ("withdrawn", drawn[-1])):
            box = seal_box(place, header, case.b(f"{form}_body"), (drawn[-3], nonce))
            assert form not in case.fields or box == case.b(form)
        chains[writer] = mac(chains[writer], "chain")


def test_bodies() -> None:
    for case in load("body.json"):
        if case.good:
            fields = case.value("fields")
            assert isinstance(fields, dict)
            assert decode_body(case.b("body")) == fields
            assert encode_body(fields) == case.b("body")
    refused = {"filling that is not zero", "an unknown field", "an empty text", "no map", "kept 2"}
    refused |= {"an acknowledgement of nothing", "a tag of 7 bytes", "an expiry of 0"}
    for case in load("body.json"):
        if case.name in refused:
            with pytest.raises(wire.Malformed):
                decode_body(case.b("body"))


def test_acknowledgements() -> None:
    for case in good("acknowledgement.json"):
        received, h = Received(), bytes(32)
        for known in case.inner("places"):
            outcome = known.t("outcome")
            form = {"lost": None, "withdrawn": known.b("withdrawn")}.get(outcome, known.b("letter"))
            place = Place(known.n("chain"), known.n("index"), b"", b"", b"")
            received.places[place.order] = known.b("id"), form, outcome
            h = fold(h, known.b("id"), form or b"")
        assert h == case.b("h")
        told = [case.n("count"), case.b("tag"), case.n("withdrawn"), case.n("lost")]
        assert received.acknowledgement() == told


def test_requests_and_replies() -> None:
    for case in good("sync-request.json"):
        deposits = [
            wire.Deposit(
                one.b("dk" if "dk" in one.fields else "id"),
                one.b("box"),
                one.n("ttl"),
                replace="dk" in one.fields,
                after_seconds=one.n("after"),
            )
            for one in case.inner("deposits")
        ]
        polls, deletes = case.many("polls"), case.many("deletes")
        body = wire.request(
            case.n("class"), polls, deletes, deposits, case.n("room"), case.n("wait")
        )
        assert body == case.b("body")
    for case in good("sync-reply.json"):
        results: list[wire.Value] = [
            Case(one, {}).b("box") if isinstance(one, dict) else int(str(one))
            for one in case.items("results")
        ]
        outcomes = [int(str(one)) for one in case.items("outcomes")]
        reply: dict[int, wire.Value] = {0: 1, 1: case.n("clock"), 2: results, 3: list(outcomes)}
        assert wire.padded(reply, wire.ROOMS[case.n("room")]) == case.b("body")


def test_pouches() -> None:
    for case in good("pouch.json"):
        carried = case.inner("carried")
        places = [one.b("id") + u(one.n("ttl"), 32) + one.b("box") for one in carried]
        size = next(size for size in (1, 4, 16, 64, 256, 1024) if size >= len(places))
        places += [bytes(4036)] * (size - len(places))
        pouch: dict[int, wire.Value] = {0: 1, 1: list(places), 2: blake("pouch", b"".join(places))}
        assert wire.encode(pouch) == case.b("pouch")


def test_parcels() -> None:
    for case in good("parcel.json"):
        if "box" not in case.fields:
            continue
        key, index = case.b("file_key"), case.n("index")
        part = mac(key, "part" + u(index, 32).decode())
        place = blake("box", part)
        assert (part, place) == (case.b("dk"), case.b("id"))
        bound = lv(place, u(index, 32), u(case.n("parts"), 32))
        part_key = mac(key, "part-key" + u(index, 32).decode())
        assert seal(part_key, case.b("plain"), bound, case.b("nonce")) == case.b("box")

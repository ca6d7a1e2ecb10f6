"""The stranger's own code computes the examples of docs/protocol.md."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import answers, wire
from .conversation import (
    Chain,
    Received,
    decode_body,
    encode_body,
    fold,
    form_of,
    seal_box,
    step,
)
from .meeting import HEAD, Answer, Offer, Point, keys_of
from .wire import KeyPair, blake, isk, kdf, lv, mac, seal, sha512, u, x25519

if TYPE_CHECKING:
    from collections.abc import Callable

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
NUMBER, ANSWERS = "1234-5678-9018", ("감자밭 할머니", "로동자 강철", "왜가리 1974")


def documented(name: str) -> dict[str, str]:
    block = PROTOCOL.read_text("utf-8").split(f"```example {name}\n")[1].split("\n```")[0]
    parts = (line.rpartition(" = ") for line in block.splitlines())
    return {what: value for what, _, value in parts}


def x(name: str, size: int = 32) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def digest(value: bytes) -> str:
    return f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()}"


def refusal(read: Callable[[str], object], typed: str) -> str:
    with pytest.raises(answers.Refused) as refused:
        read(typed)
    return f"refused: {refused.value}"


def test_conventions() -> None:
    sealed = seal(x("key"), b"letter", b"place", x("nonce", 24))
    info = kdf(x("salt"), x("ikm"), b"step", 32)[0]
    assert documented("conventions") == {
        'X("example", 16)': x("example", 16).hex(),
        'lv("ojak", "", 200 zeros)[:9]': lv(b"ojak", b"", bytes(200))[:9].hex(),
        'H("box", "abc")': blake("box", b"abc").hex(),
        'H16("number-salt", "")': blake("number-salt", b"", 16).hex(),
        'MAC(X("key", 32), "dk")': mac(x("key"), "dk").hex(),
        'KDF(salt = X("salt", 32), ikm = X("ikm", 32), info = "step", 32)': info.hex(),
        'seal(X("key", 32), "letter", bound to "place", nonce X("nonce", 24))': sealed.hex(),
    }


def test_one_encoding_is_read_and_every_other_one_is_refused() -> None:
    lines = documented("cbor")
    good = lines.pop('{0: 1, 1: ["가", h"00ff"], 2: 256}')
    value: wire.Value = {0: 1, 1: ["가", b"\x00\xff"], 2: 256}
    assert wire.encode(value).hex() == good
    assert wire.decode(bytes.fromhex(good)) == value
    for what, encoded in lines.items():
        assert what.startswith("refused, ")
        with pytest.raises(wire.Malformed):
            wire.decode(bytes.fromhex(encoded))


def test_sync_requests_and_replies_have_the_bytes_of_the_document() -> None:
    box = x("box", 4000)
    deposit = wire.Deposit(x("id"), box)
    polls = [x(f"poll {n}") for n in range(32)]
    request = wire.request(1, polls, [x("dk")], [deposit], 1, 25)
    reply = wire.padded({0: 1, 1: 1_800_000_000, 2: [box, 1, *[0] * 30], 3: [0]}, wire.ROOMS[1])
    nothing = wire.request(0, polls, [], [], 0, 0)
    assert documented("sync") == {
        "request[:6]": request[:6].hex(),
        "request[-8:]": request[-8:].hex(),
        "request": digest(request),
        "request of class 0 that asks for nothing": digest(nothing),
        "reply[:8]": reply[:8].hex(),
        "reply": digest(reply),
    }


def test_number() -> None:
    for line, outcome in documented("number").items():
        if line.startswith("drawn "):
            drawn = [int(part, 16) for part in line.removeprefix("drawn ").split(", then ")]
            digits = f"{next(n for n in drawn if n < 10**12) % 10**11:011}"
            shown = digits + answers.check_digit(digits)
        elif outcome.startswith("refused"):
            shown = refusal(answers.number, line)
        else:
            shown = answers.number(line)
        assert shown.replace("-", "") == outcome.replace("-", "")


def test_form() -> None:
    lines = documented("form")
    assert answers.canonical("감자밭 할머니").hex() == lines.pop('canonical("감자밭 할머니")')
    lines.pop('letters between "감자밭" and "감자받침"')  # of the alarm word
    for typed, outcome in lines.items():
        if outcome.startswith("refused"):
            assert refusal(answers.canonical, typed) == outcome
        else:
            shown = f"{answers.understood(typed)} → {answers.canonical(typed).decode()}"
            assert shown == outcome


def test_cpace() -> None:
    base = wire.generator(x("PRS"), b"CI", x("sid"))
    ya, yb = x25519(x("ya"), base), x25519(x("yb"), base)
    k = x25519(x("ya"), yb)
    lines = documented("cpace")
    lines.pop('scalar of X("ya", 32)')  # clamped inside X25519
    assert lines == {
        "Ya": ya.hex(),
        "Yb": yb.hex(),
        "K": k.hex(),
        "ISK": isk(x("sid"), k, ya, b"ADa", yb, b"ADb").hex(),
    }


def test_a_meeting_from_number_and_answers_to_the_first_box() -> None:
    point = Point.of(NUMBER, ANSWERS)
    assert list(documented("stretching").values()) == [point.seed.hex(), point.prs.hex()]
    nonce_a, seen = x("nonce_a"), point.run_place("seen", x("nonce_a"), 0)
    answer_place = point.run_place("answer", nonce_a, 0)
    assert list(documented("places").values()) == [
        point.offer_place(20833, 0).hex(),
        answer_place.hex(),
        seen.hex(),
        blake("meet-seal", point.seed).hex(),
        digest(point.box(seen, b"", x("seen seal", 24))),
    ]

    ek_h = KeyPair(b"", x("ek_h", 64))
    shares = [
        point.share(
            point.prs if j == run % 2 else x(f"nobody {run}"), x(f"ya {run} {j}"), nonce_a, run, j
        )
        for run in range(4)
        for j in (0, 1)
    ]
    offer = Offer(HEAD + u(1, 32) + nonce_a + ek_h.ek + b"".join(shares))
    keys = KeyPair(x("guest dh"), x("guest ek", 64))
    yb = [point.share(point.prs, x(f"yb {j}"), nonce_a, 0, j) for j in (0, 1)]
    ct = x("answer ct", 1088)
    answer = Answer(
        HEAD + x("nonce_b") + u(1_800_000_660, 64) + b"".join(yb) + keys.dh + keys.ek + ct
    )
    assert documented("messages") == {
        "offer[:38]": offer.message[:38].hex(),
        "Ya_0 of run 0, whose coin is 0": offer.ya(0, 0).hex(),
        "Ya_1 of run 1, whose coin is 1": offer.ya(1, 1).hex(),
        "offer": digest(offer.message),
        "ek_h": digest(offer.ek_h),
        "answer[:42]": answer.message[:42].hex(),
        "Yb_0": answer.yb(0).hex(),
        "Yb_1": answer.yb(1).hex(),
        "dh of the answer": answer.keys[:32].hex(),
        "answer": digest(answer.message),
        "answer box": digest(point.box(answer_place, answer.message, x("answer seal", 24))),
    }

    sid, ss = point.sid(nonce_a, 0, 0), ek_h.decapsulate(ct)
    k = x25519(x("yb 0"), offer.ya(0, 0))
    shared = isk(sid, k, offer.ya(0, 0), offer.message, answer.yb(0), answer.bound)
    b = keys_of(offer, answer, 0, 0, shared + ss)
    th = sha512(lv(offer.message, u(0, 8), answer.message))
    assert list(documented("meeting-keys").values()) == [
        *(part.hex() for part in (point.ci, sid, shared, ss, th)),
        *(part.hex() for part in (b.root, b.ck_guest, b.mbk_guest, b.next_mbk_guest, b.mbk_host)),
    ]

    host = KeyPair(x("host dh 0"), x("host ek 0", 64))
    host_ct = x("host ct", 1088)
    agreed, host_ss = x25519(keys.secret, host.dh), keys.decapsulate(host_ct)
    root, ck, following = step(b.root, agreed, host_ss, host_ct, keys.ek, host.dh, host.ek)
    (first,) = Chain(0, b.mbk_host, ck).ahead(1)
    header = host.dh + host.ek + host_ct + bytes(8)
    nonces = [x(f"host nonce {number} 0", 24) for number in (1, 2, 3)]
    boxes = [
        seal_box(first, header, encode_body({0: 0, 5: 1}), (nonces[0], nonces[1])),
        seal_box(first, header, encode_body({0: 2}), (nonces[0], nonces[2])),
    ]
    assert list(documented("step").values()) == [
        host.dh.hex(),
        digest(host.ek),
        agreed.hex(),
        host_ss.hex(),
        sha512(host_ct + keys.ek + host.dh + host.ek).hex(),
        root.hex(),
        ck.hex(),
        following.hex(),
        first.id.hex(),
        *map(digest, boxes),
    ]


def test_chains_and_addresses() -> None:
    zero, one, two = Chain(0, x("mbk_0"), x("ck_0")).ahead(3)
    moved = Chain(0, x("mbk_0"), x("ck_0"))
    assert moved.pass_until(1) == [zero]
    assert documented("chains") == {
        "dk_0": zero.dk.hex(),
        "id_0": zero.id.hex(),
        "hk_0": zero.hk.hex(),
        "mbk_1": moved.mbk.hex(),
        "bk_0": zero.bk.hex(),
        "ck_1": moved.ck.hex(),
        "id_2": two.id.hex(),
        "mbk_ended": blake("ended", x("mbk_0")).hex(),
        "id of the place beside the chain": Chain(0, x("mbk_0")).beside().id.hex(),
    }
    assert list(moved.ahead(2)) == [one, two]
    assert list(documented("addresses").values()) == [x("dk").hex(), blake("box", x("dk")).hex()]


def test_bodies_are_written_and_read() -> None:
    acknowledgement: wire.Value = [2, x("tag", 8), 1, 0]
    bodies: list[dict[int, wire.Value]] = [
        {0: 1, 1: "엄마"},
        {0: 0, 5: 2},
        {0: 1, 1: "예", 2: acknowledgement, 3: 1_800_000_000, 4: 0},
        {0: 2, 2: acknowledgement},
    ]
    for body, expected in zip(bodies, documented("bodies").values(), strict=True):
        filled = encode_body(body)
        assert filled.rstrip(b"\0").hex() == expected.removesuffix("00")
        assert decode_body(filled) == body


@pytest.mark.parametrize(
    "body",
    [{}, {0: 1, 1: ""}, {0: 1, 9: 1}, {0: 0, 2: [0, bytes(8), 0, 0]}, {0: 0, 5: 0}, {0: 1, 4: 2}],
)
def test_a_malformed_body_is_refused(body: dict[int, wire.Value]) -> None:
    with pytest.raises(wire.Malformed):
        decode_body(encode_body(body))


def test_filling_that_is_not_zero_is_refused() -> None:
    with pytest.raises(wire.Malformed):
        decode_body(encode_body({0: 0})[:-1] + b"\1")


def test_the_running_hash_folds_boxes_withdrawn_forms_and_lost_places() -> None:
    ids, boxes = [x(f"id {n}") for n in range(3)], [x(f"box {n}", 4000) for n in range(3)]
    h = [bytes(32)]
    for place_id, form in zip(ids, [form_of(boxes[0]), form_of(boxes[1]), b""], strict=True):
        h.append(fold(h[-1], place_id, form))
    received = Received(
        {
            (0, 0): (ids[0], form_of(boxes[0]), "accepted"),
            (0, 1): (ids[1], form_of(boxes[1]), "withdrawn"),
            (1, 0): (ids[2], None, "lost"),
            (1, 1): (x("id 3"), None, "missing"),
        }
    )
    acknowledgement = received.acknowledgement()
    lines = list(documented("acknowledgement").values())
    assert lines[:4] == [form_of(boxes[0]).hex(), *(one.hex() for one in h[1:])]
    assert acknowledgement == [3, h[3][:8], 2, 1]
    assert lines[4] == f"[3, {h[3][:8].hex()}, 2, 1]"


def test_header() -> None:
    header = x("dh") + x("ek", 1184) + x("ct", 1088) + u(3, 32) + u(2, 32)
    assert list(documented("header").values()) == [header[-8:].hex(), digest(header)]

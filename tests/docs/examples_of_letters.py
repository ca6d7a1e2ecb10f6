"""Recomputes the examples of letters: bodies of every kind, a parcel, a question between two."""

from contextlib import suppress

from ojak_protocol import comparison, cpace, letters
from ojak_protocol.acknowledgement import Acknowledgement
from ojak_protocol.answers import canonical
from ojak_protocol.cpace import Share
from ojak_protocol.details import (
    Details,
    NextNumber,
    NextQuestions,
    NextRelay,
    Parcel,
    ParcelWhat,
    Question,
    QuestionOutcome,
    QuestionReply,
    Stop,
    StopWhat,
)
from ojak_protocol.errors import RemoteError
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import join, open_part, pack, part_delete_key, part_ids, seal_parts
from ojak_protocol.primitives import blake2b, lv, mac
from ojak_protocol.stretch import argon2id
from tests.docs.examples_of_meeting import NUMBER
from tests.docs.named_bytes import Lines, draws, shown, x

_TOLD = Acknowledgement(2, x("tag", 8), 1, 0)

BODIES = (
    ("text", Body(Kind.TEXT, "엄마")),
    ("greeting, 2 letters follow", Body(Kind.GREETING, following=2)),
    (
        "text with acknowledgement and expiry, from a side that forgets",
        Body(Kind.TEXT, "예", _TOLD, expires_at=1_800_000_000, kept=False),
    ),
    ("withdrawn", Body(Kind.WITHDRAWN, acknowledgement=_TOLD)),
)
"""What each body of the example says, and the body."""


def _said(kind: Kind, details: Details | None, text: str = "") -> Body:
    return Body(kind, text, details=details)


_ASK_NONCE, _SHARE, _TAG = x("ask nonce", 16), Share(x("share", 32)), x("ask tag", 32)
_TIMED = Parcel(x("file key", 32), 5, x("hash", 32), 1, ParcelWhat.LETTER, 1_800_000_000)

KINDS = (
    (
        "parcel of 5000 bytes, a photo",
        _said(
            Kind.PARCEL,
            Parcel(x("file key", 32), 5000, x("hash", 32), 2, ParcelWhat.PHOTO),
        ),
    ),
    ("timed letter of 5 bytes, due 1800000000", _said(Kind.PARCEL, _TIMED)),
    ("send no money", _said(Kind.STOP, Stop(StopWhat.SEND_NO_MONEY))),
    (
        'questions of set 2: "Whose dog?", "그 산?", "哪条河?"',
        _said(Kind.QUESTIONS, NextQuestions(2, ("Whose dog?", "그 산?", "哪条河?"))),
    ),
    ("number 1234-5678-9018", _said(Kind.NUMBER, NextNumber(NUMBER))),
    ("relay https://relay.example", _said(Kind.RELAY, NextRelay("https://relay.example"))),
    ('question "Whose dog?"', _said(Kind.QUESTION, Question(_ASK_NONCE, _SHARE), "Whose dog?")),
    ("reply", _said(Kind.REPLY, QuestionReply(_ASK_NONCE, _SHARE, _TAG))),
    ("outcome", _said(Kind.OUTCOME, QuestionOutcome(_ASK_NONCE, _TAG))),
    ("ended", _said(Kind.ENDED, None)),
)
"""The same for the kinds above 2."""


def map_of(encoded: bytes) -> bytes:
    """Return the CBOR of a body of 1608 bytes."""
    return encoded[2 : 2 + int.from_bytes(encoded[:2], "big")]


def _lines(bodies: tuple[tuple[str, Body], ...]) -> Lines:
    for what, body in bodies:
        encoded = letters.encode_body(body)
        yield what, encoded[: 2 + len(map_of(encoded))].hex()
        assert encoded == encoded[: 2 + len(map_of(encoded))].ljust(1608, b"\0")


def bodies() -> Lines:
    yield from _lines(BODIES)
    with suppress(RemoteError):
        letters.decode_body(letters.encode_body(Body(Kind.TEXT, "엄마"))[:-1] + b"\x01")
        raise AssertionError("filling")


def kinds() -> Lines:
    yield from _lines(KINDS)
    assert {body.kind for _, body in (*BODIES, *KINDS)} == set(Kind) - {Kind.MONEY}


def parcel() -> Lines:
    content = x("content", 5000)
    packed = pack(content, ParcelWhat.PHOTO, entropy=draws(x("file key", 32)))
    yield "hash", packed.digest.hex()
    yield "parts", str(packed.parts)
    yield "dk_1", part_delete_key(packed, 1).hex()
    yield "id_1", part_ids(packed)[1].hex()
    yield "key_1", mac(x("file key", 32), b"part-key\0\0\0\x01").hex()
    nonces = draws(x("part nonce 0", 24), x("part nonce 1", 24))
    boxes = [part.box for part in seal_parts(packed, content, entropy=nonces)]
    for index, box in enumerate(boxes):
        yield f"box_{index}", shown(box)
    opened = {index: open_part(packed, index, box) for index, box in enumerate(boxes)}
    assert join(packed, opened) == content


def compared() -> Lines:
    question, answer, nonce = "그 개 이름은?", canonical("왜가리"), x("ask nonce", 16)
    asked, first = comparison.ask(
        question, answer, stretch=argon2id, entropy=draws(nonce, x("ask ya", 32))
    )
    assert isinstance(first.details, Question)
    replied, second = comparison.reply(
        question, first.details, answer, used=(), stretch=argon2id, entropy=draws(x("ask yb", 32))
    )
    assert isinstance(second.details, QuestionReply)
    equal, third = comparison.conclude(asked, second.details, entropy=draws(bytes(32)))
    assert equal
    assert isinstance(third.details, QuestionOutcome)
    assert comparison.learn(replied, third.details)
    prs, sid = argon2id(answer, blake2b(b"ask-salt", nonce, size=16)), blake2b(b"ask", nonce)
    ci = lv(b"ojak-1", b"ask", b"ko-fold-1")
    ya, yb = first.details.share, second.details.share
    assert ya == cpace.share(prs, ci, sid, asked.scalar)
    isk = cpace.session_key(
        asked.scalar,
        yb,
        sid=sid,
        initiator_share=ya,
        initiator_data=lv(question.encode()),
        responder_share=yb,
        responder_data=nonce,
    )
    assert mac(isk, b"ask-reply") == second.details.tag
    yield "PRS", prs.hex()
    yield "sid", sid.hex()
    yield "CI", ci.hex()
    yield "Ya", ya.hex()
    yield "Yb", yb.hex()
    yield "ISK", isk.hex()
    yield "tag of the reply", second.details.tag.hex()
    yield "tag of the outcome", third.details.tag.hex()

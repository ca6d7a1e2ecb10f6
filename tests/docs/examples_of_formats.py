"""Recomputes the examples of formats: each stands for itself."""

# ruff: noqa: RUF001 - full-width and Cyrillic letters stand here on purpose

from collections.abc import Callable
from contextlib import suppress

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import Entry, Reading, accepted, acknowledge
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.answers import answers_of, canonical, jamo_distance, understood
from ojak_protocol.box import Header, TurnKeys
from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    PlacesAhead,
    body_key,
    end_key,
    next_chain_key,
    next_mailbox_key,
    place_at,
)
from ojak_protocol.errors import ProtocolError, RemoteError
from ojak_protocol.estimate import estimate_bits
from ojak_protocol.number import format_number, new_number, parse_number
from ojak_protocol.pouch import Carried, decode_pouch, encode_pouch
from ojak_protocol.primitives import blake2b, kdf, lv, mac, seal
from ojak_protocol.slip import Slip, decode_slip, encode_slip, format_slip
from ojak_protocol.sync import (
    Deposit,
    DepositOutcome,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncClass,
    SyncReply,
    SyncRequest,
    encode_reply,
    encode_request,
)
from tests.docs.examples_of_meeting import NUMBER
from tests.docs.named_bytes import Lines, draws, shown, x


def conventions() -> Lines:
    yield 'X("example", 16)', x("example", 16).hex()
    yield 'lv("ojak", "", 200 zeros)[:9]', lv(b"ojak", b"", bytes(200))[:9].hex()
    yield 'H("box", "abc")', blake2b(b"box", b"abc").hex()
    yield 'H16("number-salt", "")', blake2b(b"number-salt", b"", size=16).hex()
    yield 'MAC(X("key", 32), "dk")', mac(x("key", 32), b"dk").hex()
    yield (
        'KDF(salt = X("salt", 32), ikm = X("ikm", 32), info = "step", 32)',
        kdf(salt=x("salt", 32), ikm=x("ikm", 32), info=b"step", size=32).hex(),
    )
    sealed = seal(x("key", 32), b"letter", bound_to=b"place", nonce=x("nonce", 24))
    yield 'seal(X("key", 32), "letter", bound to "place", nonce X("nonce", 24))', sealed.hex()


def cbor_values() -> Lines:
    yield (
        '{0: 1, 1: ["가", h"00ff"], 2: 256}',
        cbor.encode({0: 1, 1: ["가", b"\0\xff"], 2: 256}).hex(),
    )
    refused = {
        "trailing byte": "a0 00",
        "longer head than needed": "18 01",
        "keys not ascending": "a2 01 00 00 00",
        "the same key twice": "a2 00 00 00 00",
        "key that is no small integer": "a1 19 01 00 00",
        "negative": "20",
        "tag": "c0 60",
        "true": "f5",
        "null": "f6",
        "float": "f9 00 00",
        "indefinite length": "9f ff",
        "text that is not UTF-8": "61 ff",
        "lists seven deep": "81 81 81 81 81 81 81 00",
    }
    for what, text in refused.items():
        with suppress(RemoteError):
            cbor.decode(bytes.fromhex(text), max_bytes=100)
            raise AssertionError(what)
        yield f"refused, {what}", text


def addresses() -> Lines:
    yield "dk", x("dk", 32).hex()
    yield "id", mailbox_id(DeleteKey(x("dk", 32))).hex()


def sync_bodies() -> Lines:
    polls = tuple(MailboxId(x(f"poll {number}", 32)) for number in range(32))
    deposit = Deposit(MailboxId(x("id", 32)), None, 604_800, 0, x("box", 4000))
    request = SyncRequest(
        SyncClass.ONE, polls, (DeleteKey(x("dk", 32)),), (deposit,), room=1, wait_seconds=25
    )
    body = encode_request(request)
    yield "request[:6]", body[:6].hex()
    yield "request[-8:]", body[-8:].hex()
    yield "request", shown(body)
    empty = encode_request(SyncRequest(SyncClass.ZERO, polls))
    yield "request of class 0 that asks for nothing", shown(empty)
    results: tuple[PollResult, ...] = (Found(x("box", 4000)), NoRoom(), *[Nothing()] * 30)
    reply = SyncReply(1_800_000_000, results, (DepositOutcome.STORED,))
    yield "reply[:8]", encode_reply(reply, 1)[:8].hex()
    yield "reply", shown(encode_reply(reply, 1))


def number() -> Lines:
    yield "drawn 0102030405", format_number(new_number(draws(bytes.fromhex("0102030405"))))
    yield (
        "drawn e8d4a51000, then 00bc614e00",
        format_number(new_number(draws(bytes.fromhex("e8d4a51000"), bytes.fromhex("00bc614e00")))),
    )
    yield (
        "１２３４ 5678 901‐8",
        _outcome(lambda: format_number(parse_number("１２３４ 5678 901‐8"))),
    )
    for typed in ("1234 5678 9013", "1243 5678 9018", "1234 5678 901", "12a4 5678 9018"):
        yield typed, _outcome(lambda typed=typed: format_number(parse_number(typed)))  # type: ignore[misc]  # the default binds the loop's value


def _outcome(make: Callable[[], str]) -> str:
    try:
        return make()
    except ProtocolError as refusal:
        return f"refused: {refusal}"


TYPED = (
    "감자밭 할머니",
    "로동자",
    "노동자",
    "량강도",
    "양강도",
    "왜가리",
    "외가리",
    "시냇물",
    "시내물",
    "깻잎",
    "ＫＩＭ Nǚ",
    "집 번호: １２",
    "李明",
    "ㅎㅏㄹ",
    "Кім",
    "👍",
)


def form() -> Lines:
    for typed in TYPED:
        yield (
            typed,
            _outcome(
                lambda typed=typed: f"{understood(typed)} → {canonical(typed).decode()}"  # type: ignore[misc]  # as above
            ),
        )
    yield 'canonical("감자밭 할머니")', canonical("감자밭 할머니").hex()
    yield (
        'letters between "감자밭" and "감자받침"',
        str(jamo_distance(canonical("감자밭"), canonical("감자받침"))),
    )


def estimate() -> Lines:
    for three in (("감자밭 할머니", "로동자 강철", "왜가리 1974"), ("김치", "냉면", "평양")):
        yield " / ".join(three), f"{estimate_bits(answers_of(*three))} bits"


def chain() -> Lines:
    mailbox, key = MailboxKey(x("mbk_0", 32)), ChainKey(x("ck_0", 32))
    place = place_at(mailbox, 0)
    yield "dk_0", place.delete_key.hex()
    yield "id_0", place.id.hex()
    yield "hk_0", place.header_key.hex()
    yield "mbk_1", next_mailbox_key(mailbox).hex()
    yield "bk_0", body_key(key).hex()
    yield "ck_1", next_chain_key(key).hex()
    yield "id_2", PlacesAhead(mailbox, 0, 3)[2].id.hex()
    yield "mbk_ended", end_key(mailbox).hex()
    yield "id of the place beside the chain", place_at(end_key(mailbox), 0).id.hex()


def header() -> Lines:
    keys = TurnKeys(x("dh", 32), x("ek", 1184), x("ct", 1088))
    encoded = Header(keys, 3, 2).encode()
    yield "header[-8:] of index 3 after a chain of 2", encoded[-8:].hex()
    yield "header", shown(encoded)


def acknowledged() -> Lines:
    ids = [MailboxId(x(f"id {index}", 32)) for index in range(3)]
    forms = [blake2b(b"form", x(f"box {index}", 4000)) for index in (0, 1)]
    reading = Reading()
    yield 'H("form", X("box 0", 4000))', forms[0].hex()
    reading = accepted(reading, Entry(0, 0, ids[0], forms[0], withdrawn=False))
    yield "h_1, the letter at place 0 accepted", reading.digest.hex()
    reading = accepted(reading, Entry(0, 1, ids[1], forms[1], withdrawn=True))
    yield "h_2, the withdrawn form at place 1 accepted", reading.digest.hex()
    reading = accepted(reading, Entry(0, 2, ids[2], b"", withdrawn=False))
    yield "h_3, place 2 lost", reading.digest.hex()
    told = acknowledge(reading)
    yield "acknowledgement", f"[{told.count}, {told.tag.hex()}, {told.withdrawn}, {told.lost}]"


def slips() -> Lines:
    encoded = encode_slip(Slip(NUMBER, "https://relay.example"))
    yield "slip", encoded
    yield "as shown", format_slip(encoded)
    assert decode_slip(encoded.lower().replace("0", "o")).number == NUMBER


def pouches() -> Lines:
    first = Carried(MailboxId(x("id 0", 32)), 604_800, x("box 0", 4000))
    both = (first, Carried(MailboxId(x("id 1", 32)), 3600, x("box 1", 4000)))
    pouch, alone = encode_pouch(both), encode_pouch([first])
    yield "id that stands first", decode_pouch(pouch)[0].id.hex()
    yield "pouch[:8]", pouch[:8].hex()
    yield "hash", pouch[-32:].hex()
    yield "pouch", shown(pouch)
    yield "pouch of one box", shown(alone)

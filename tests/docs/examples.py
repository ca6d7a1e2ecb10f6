"""Recomputes every example of docs/protocol.md; `python -m tests.docs.examples` writes them there.

An example is a fenced block whose first line names it, ```example NAME; a line is `what = value`.
Long values are shown by their length and SHA-256. Inputs that are not written out are X(name, n):
the first n bytes of SHAKE256 over the name, so that a stranger can make them too.
"""

# ruff: noqa: RUF001 - full-width and Cyrillic letters stand here on purpose

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256, sha512, shake_256
from pathlib import Path

from nacl.bindings import crypto_scalarmult

from ojak_protocol import cbor, conversation, letters, visits
from ojak_protocol.acknowledgement import Acknowledgement, Entry, Reading, accepted, acknowledge
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.answers import Answers, answers_of, canonical, jamo_distance, understood
from ojak_protocol.box import Header, TurnKeys, open_header
from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    PlacesAhead,
    body_key,
    next_chain_key,
    next_mailbox_key,
    place_at,
)
from ojak_protocol.cpace import Scalar, new_scalar, session_key, share
from ojak_protocol.errors import ProtocolError, RemoteError
from ojak_protocol.estimate import estimate_bits
from ojak_protocol.guest import Attempt, attempt
from ojak_protocol.kem import MlKem768
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import RunName, branch_isk, branch_keys
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import answer_place, offer_place, open_at, seal_at, seen_place
from ojak_protocol.number import Number, format_number, new_number, parse_number
from ojak_protocol.offers import LaidOffer, make_offer, offer_of
from ojak_protocol.primitives import blake2b, kdf, lv, mac, seal
from ojak_protocol.ratchet import RootKey
from ojak_protocol.slip import Slip, decode_slip, encode_slip, format_slip
from ojak_protocol.stretch import Prs, Seed, answers_prs, argon2id, number_seed
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

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "protocol.md"
BLOCK = re.compile(r"```example ([a-z0-9-]+)\n(.*?)```", re.DOTALL)
SHOWN_WHOLE_BYTES = 96

Lines = Iterator[tuple[str, str]]


def x(name: str, size: int) -> bytes:
    """Return X(name, size) of the document."""
    return shake_256(name.encode()).digest(size)


def shown(value: bytes) -> str:
    if len(value) <= SHOWN_WHOLE_BYTES:
        return value.hex()
    return f"{len(value)} bytes, SHA-256 {sha256(value).hexdigest()}"


def draws(*values: bytes) -> Callable[[int], bytes]:
    """Return an entropy that gives *values* in turn, each of the length asked for."""
    left = list(values)

    def draw(size: int) -> bytes:
        value = left.pop(0)
        assert len(value) == size
        return value

    return draw


@dataclass
class ExampleKem(MlKem768):
    """ML-KEM whose ciphertexts are given: decapsulation is defined for any 1088 bytes."""

    seed: bytes
    ciphertext: bytes

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        assert public_key == self.public_key(self.seed)
        return self.decapsulate(self.seed, self.ciphertext), self.ciphertext


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


NUMBER = Number("123456789018")
SET = 1


@cache
def agreed() -> tuple[Answers, Seed, Prs]:
    answers = answers_of("감자밭 할머니", "로동자 강철", "왜가리 1974")
    seed = number_seed(NUMBER, argon2id)
    return answers, seed, answers_prs(seed, SET, answers, argon2id)


def stretching() -> Lines:
    _, seed, prs = agreed()
    yield "seed of 1234-5678-9018", seed.hex()
    yield "PRS of 감자밭 할머니 / 로동자 강철 / 왜가리 1974 in set 1", prs.hex()


def cpace_run() -> Lines:
    prs, ci, sid = x("PRS", 32), b"CI", x("sid", 32)
    host, guest = (new_scalar(draws(x(name, 32))) for name in ("ya", "yb"))
    ours, theirs = share(prs, ci, sid, host), share(prs, ci, sid, guest)
    yield 'scalar of X("ya", 32)', host.hex()
    yield "Ya", ours.hex()
    yield "Yb", theirs.hex()
    yield "K", crypto_scalarmult(host, theirs).hex()
    key = session_key(
        guest,
        ours,
        sid=sid,
        initiator_share=ours,
        initiator_data=b"ADa",
        responder_share=theirs,
        responder_data=b"ADb",
    )
    yield "ISK", key.hex()


DAY = 20_833
UNTIL = 1_800_000_660


@cache
def laid() -> LaidOffer:
    _, seed, prs = agreed()
    runs: list[bytes] = []
    for run in range(4):
        runs += [bytes([run & 1])]
        runs += [x(f"ya {run} {j}", 32) for j in (0, 1)]
        runs += [x(f"nobody {run}", 32)]
    entropy = draws(x("nonce_a", 32), x("offer seal", 24), x("ek_h", 64), *runs)
    return make_offer(seed, set_number=SET, day=DAY, n=0, words=(prs, None), entropy=entropy)


@cache
def met() -> tuple[Offer, Attempt]:
    _, seed, prs = agreed()
    offer = offer_of(laid(), kem=MlKem768())
    entropy = draws(
        x("yb 0", 32),
        x("yb 1", 32),
        x("guest dh", 32),
        x("guest ek", 64),
        x("nonce_b", 32),
        x("answer seal", 24),
    )
    kem = ExampleKem(laid().kem_seed, x("answer ct", 1088))
    return offer, attempt(prs, seed=seed, offer=offer, run=0, until=UNTIL, entropy=entropy, kem=kem)


def meeting_places() -> Lines:
    _, seed, _ = agreed()
    nonce = x("nonce_a", 32)
    yield f'place("offer", set 1, day {DAY}, n 0)', offer_place(seed, SET, DAY, 0).hex()
    yield 'place("answer", nonce_a, run 0)', answer_place(seed, nonce, 0).hex()
    yield 'place("seen", nonce_a, run 0)', seen_place(seed, nonce, 0).hex()
    place = seen_place(seed, nonce, 0)
    box = seal_at(seed, place, b"", entropy=draws(x("seen seal", 24)))
    assert open_at(seed, place, box) == bytes(3960)
    yield "key of all three", blake2b(b"meet-seal", seed).hex()
    yield 'seen box with nonce X("seen seal", 24)', shown(box)


def messages() -> Lines:
    offer, attempted = met()
    yield "offer[:38]", offer.encode()[:38].hex()
    yield "Ya_0 of run 0, whose coin is 0", offer.shares[0][0].hex()
    yield "Ya_1 of run 1, whose coin is 1", offer.shares[1][1].hex()
    yield "offer", shown(offer.encode())
    yield "ek_h", shown(offer.ek)
    answer = attempted.answer
    yield "answer[:42]", answer.encode()[:42].hex()
    yield "Yb_0", answer.shares[0].hex()
    yield "Yb_1", answer.shares[1].hex()
    yield "dh of the answer", answer.dh.hex()
    yield "answer", shown(answer.encode())
    yield "answer box", shown(attempted.box)


def meeting_keys() -> Lines:
    _, seed, _ = agreed()
    offer, attempted = met()
    name = RunName(seed, offer.nonce, SET, 0)
    yield "CI", name.ci().hex()
    yield "sid_0", name.sid(0).hex()
    isk = branch_isk(
        name,
        0,
        scalar=Scalar(new_scalar(draws(x("yb 0", 32)))),
        offer=offer,
        answer=attempted.answer,
        entropy=draws(),
        host=False,
    )
    yield "ISK_0", isk.hex()
    shared = MlKem768().decapsulate(x("ek_h", 64), x("answer ct", 1088))
    yield "ss", shared.hex()
    th = sha512(lv(offer.encode(), b"\0", attempted.answer.encode())).digest()
    yield "th", th.hex()
    keys = branch_keys(isk, shared, offer=offer, run=0, answer=attempted.answer, j=0)
    yield "root", keys.root.hex()
    yield "ck_guest", keys.ck_guest.hex()
    yield "mbk_guest", keys.mbk_guest.hex()
    yield "next_mbk_guest", keys.next_mbk_guest.hex()
    yield "mbk_host", keys.mbk_host.hex()


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


def step() -> Lines:
    """The host's chain 0 in the branch of the right answers, and its first box."""
    offer, attempted = met()
    _, seed, _ = agreed()
    at = visits.AnsweredRun(seed, laid(), 0)
    greeting = Body(Kind.GREETING, following=1)
    answer = attempted.answer
    guest_seed = x("guest ek", 64)
    kem = ExampleKem(guest_seed, x("host ct", 1088))
    entropy = draws(*(x(f"host {what} {j}", size) for j in (0, 1) for what, size in _HOST_DRAWS))
    visit = visits.open_visit(
        at,
        answer,
        letters=(visits.Letter(0, greeting, greeting),),
        now=1_800_000_000,
        entropy=entropy,
        kem=kem,
    )
    del offer
    branch = visit.branches[0]
    sending = branch.ratchet.sending
    assert sending is not None
    (outgoing,) = branch.outbox
    yield "dh", sending.keys.dh.hex()
    yield "ek", shown(sending.keys.ek)
    yield "DH", crypto_scalarmult(x("host dh 0", 32), answer.dh).hex()
    shared = kem.decapsulate(guest_seed, kem.ciphertext)
    yield "ss", shared.hex()
    keys = sending.keys
    bound = sha512(keys.ct + answer.ek + keys.dh + keys.ek).digest()
    yield "SHA512(ct ‖ ek of the answer ‖ dh ‖ ek)", bound.hex()
    yield "root'", branch.ratchet.root.hex()
    key = kdf(
        salt=_root(),
        ikm=crypto_scalarmult(x("host dh 0", 32), answer.dh) + shared + bound,
        info=b"step",
        size=96,
    )
    assert key[:32] == branch.ratchet.root
    yield "ck_0", key[32:64].hex()
    yield "next mailbox key", branch.ratchet.next_sending.hex()
    yield "id of the first box", outgoing.place.id.hex()
    yield "first box", shown(outgoing.letter)
    yield "its withdrawn form", shown(outgoing.withdrawn)
    read, events = conversation.receive(
        attempted.branches[0], outgoing.place.id, outgoing.letter, kem=MlKem768()
    )
    assert read is not attempted.branches[0]
    (event,) = events
    assert isinstance(event, conversation.Arrived)
    assert event.body == greeting
    header = open_header(outgoing.place.id, outgoing.letter, header_key=outgoing.place.header_key)
    assert header == Header(keys, 0, 0)


_HOST_DRAWS = (
    ("dh", 32),
    ("ek", 64),
    ("nonce 1", 24),
    ("nonce 2", 24),
    ("nonce 3", 24),
    ("nonce 4", 24),
)


def _root() -> RootKey:
    return RootKey(bytes.fromhex(dict(meeting_keys())["root"]))


def header() -> Lines:
    keys = TurnKeys(x("dh", 32), x("ek", 1184), x("ct", 1088))
    encoded = Header(keys, 3, 2).encode()
    yield "header[-8:] of index 3 after a chain of 2", encoded[-8:].hex()
    yield "header", shown(encoded)


def bodies() -> Lines:
    told = Acknowledgement(2, x("tag", 8), 1, 0)
    for what, body in (
        ("text", Body(Kind.TEXT, "엄마")),
        ("greeting, 2 letters follow", Body(Kind.GREETING, following=2)),
        (
            "text with acknowledgement and expiry, from a side that forgets",
            Body(Kind.TEXT, "예", told, expires_at=1_800_000_000, kept=False),
        ),
        ("withdrawn", Body(Kind.WITHDRAWN, acknowledgement=told)),
    ):
        encoded = letters.encode_body(body)
        end = 2 + int.from_bytes(encoded[:2], "big")
        yield what, encoded[:end].hex()
        assert encoded == encoded[:end].ljust(1608, b"\0")
    with suppress(RemoteError):
        letters.decode_body(letters.encode_body(Body(Kind.TEXT, "엄마"))[:-1] + b"\x01")
        raise AssertionError("filling")


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


EXAMPLES: dict[str, Callable[[], Lines]] = {
    "conventions": conventions,
    "cbor": cbor_values,
    "addresses": addresses,
    "sync": sync_bodies,
    "number": number,
    "form": form,
    "estimate": estimate,
    "stretching": stretching,
    "cpace": cpace_run,
    "places": meeting_places,
    "messages": messages,
    "meeting-keys": meeting_keys,
    "chains": chain,
    "step": step,
    "header": header,
    "bodies": bodies,
    "acknowledgement": acknowledged,
    "slip": slips,
}


def block(name: str) -> str:
    """Return the lines of the example called *name* as they stand in the document."""
    return "".join(f"{what} = {value}\n" for what, value in EXAMPLES[name]())


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(
        BLOCK.sub(lambda found: f"```example {found[1]}\n{block(found[1])}```", text),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

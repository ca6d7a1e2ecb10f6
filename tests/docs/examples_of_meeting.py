"""Recomputes the examples of one meeting, from number and answers to the host's first box."""

from functools import cache
from hashlib import sha512

from nacl.bindings import crypto_scalarmult

from ojak_protocol import conversation, visits
from ojak_protocol.answers import Answers, answers_of
from ojak_protocol.box import Header, open_header
from ojak_protocol.cpace import Scalar, new_scalar, session_key, share
from ojak_protocol.guest import Attempt, attempt
from ojak_protocol.kem import MlKem768
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import RunName, branch_isk, branch_keys
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import answer_place, offer_place, open_at, seal_at, seen_place
from ojak_protocol.number import Number
from ojak_protocol.offers import LaidOffer, make_offer, offer_of
from ojak_protocol.primitives import blake2b, kdf, lv
from ojak_protocol.ratchet import RootKey
from ojak_protocol.stretch import Prs, Seed, answers_prs, argon2id, number_seed
from tests.docs.named_bytes import ExampleKem, Lines, draws, shown, x

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


_HOST_DRAWS = (
    ("dh", 32),
    ("ek", 64),
    ("nonce 1", 24),
    ("nonce 2", 24),
    ("nonce 3", 24),
)


def _root() -> RootKey:
    return RootKey(bytes.fromhex(dict(meeting_keys())["root"]))


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
        spent=False,
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

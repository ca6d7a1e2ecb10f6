"""Runs what two sides of a meeting compute and send through every API that reads it."""

from ojak_protocol import guest, visits
from ojak_protocol.addresses import MailboxId
from ojak_protocol.answers import answers_of, canonical
from ojak_protocol.cpace import Scalar, share
from ojak_protocol.errors import Malformed
from ojak_protocol.meeting_keys import (
    BranchKeys,
    RunName,
    branch_isk,
    branch_keys,
    guest_branch,
    host_branch,
)
from ojak_protocol.meeting_messages import (
    ANSWER_BYTES,
    OFFER_BYTES,
    Answer,
    decode_answer,
    decode_offer,
)
from ojak_protocol.meeting_places import answer_place, offer_place, open_at, seal_at, seen_place
from ojak_protocol.number import Number
from ojak_protocol.offers import LaidOffer, Run
from ojak_protocol.ratchet import TurnSecrets
from ojak_protocol.stretch import Seed, answers_prs, number_seed
from tests.docs.named_bytes import draws
from tests.vectors.argon import stretched
from tests.vectors.notation import GOOD, Case
from tests.vectors.read_formats import exchange
from tests.vectors.recorded import KEM, Recorded


def stretch(case: Case) -> None:
    seed = number_seed(Number(case.text("number")), stretched)
    assert seed == case.data("seed")
    first, second, third = (text for text in case.values("answers") if isinstance(text, str))
    answers = answers_of(first, second, third)
    prs = answers_prs(seed, case.number("set"), answers, stretched)
    assert prs == case.data("prs")
    assert list(map(canonical, (first, second, third))) == case.many("canonical")


def own_exchange(case: Case) -> None:
    if "sid" in case and "CI" in case and "Ya" not in case:
        share(case.data("PRS"), case.data("CI"), case.data("sid"), Scalar(case.data("ya")))
    else:
        exchange(case)


def kem(case: Case) -> None:
    if "ct" in case:
        shared = KEM.decapsulate(case.data("seed"), case.data("ct"))
        assert shared == case.data("ss")
    if "ek" in case:
        KEM.encapsulate(case.data("ek"))
        assert KEM.public_key(case.data("seed")) == case.data("ek")


def place(case: Case) -> None:
    seed = Seed(case.data("seed"))
    if "box" in case:
        where = MailboxId(case.data("id"))
        message = open_at(seed, where, case.data("box"))
        assert message == case.data("message")
        again = seal_at(seed, where, message, entropy=lambda _: case.data("seal_nonce"))
        assert again == case.data("box")
        return
    match case.text("kind"):
        case "offer":
            where = offer_place(seed, case.number("set"), case.number("day"), case.number("n"))
        case "answer":
            where = answer_place(seed, case.data("nonce"), case.number("run"))
        case _:
            where = seen_place(seed, case.data("nonce"), case.number("run"))
    assert where == case.data("id")


def _message(case: Case) -> bytes:
    """What lies at the place: opened where there is a box, and with the zeros behind it."""
    if "box" in case:
        where = MailboxId(case.data("id"))
        return open_at(Seed(case.data("seed")), where, case.data("box"))
    return case.data("message")


def _box(case: Case) -> bytes:
    """What lies at the place, sealed where there is only a message."""
    if "box" in case:
        return case.data("box")
    place = MailboxId(case.data("id"))
    return seal_at(Seed(case.data("seed")), place, case.data("message"), entropy=bytes)


def _is_cut(case: Case, size: int) -> bool:
    """Whether only a message alone can be so short: behind one that lies there stand zeros."""
    return "box" not in case and len(case.data("message")) < size


def _is_message(case: Case) -> bool:
    return case.expect == GOOD and "unusable" not in case


def read_offer(case: Case) -> None:
    offer = decode_offer(_message(case))
    if _is_message(case):
        assert offer.encode() == case.data("message")
        assert (offer.nonce, offer.ek) == (case.data("nonce"), case.data("ek"))


def guest_reads_offer(case: Case) -> str:
    seed, where = Seed(case.data("seed")), MailboxId(case.data("id"))
    if _is_cut(case, OFFER_BYTES):
        return case.expect
    another_set = "unusable" in case and case.text("unusable") == "set"
    try:
        guest.read_offer(seed, where, _box(case), set_number=case.number("set"))
    except Malformed:
        if another_set:
            return GOOD
        raise
    assert not another_set
    return GOOD


def guest_uses_offer(case: Case) -> str:
    """An offer that is well formed is answered, or malformed when its key is used."""
    if case.expect != GOOD:
        return case.expect
    seed, where = Seed(case.data("seed")), MailboxId(case.data("id"))
    offer = decode_offer(open_at(seed, where, _box(case)))
    entropy = iter(range(99))
    try:
        guest.attempt(
            b"p" * 32,
            seed=seed,
            offer=offer,
            run=0,
            until=0,
            entropy=lambda size: bytes([next(entropy)]) * size,
            kem=KEM,
        )
    except Malformed:
        assert case.text("unusable") == "ek"
    else:
        assert "unusable" not in case or case.text("unusable") == "set"
    return GOOD


def read_answer(case: Case) -> None:
    answer = decode_answer(_message(case))
    if _is_message(case):
        assert answer.encode() == case.data("message")
        assert (answer.nonce, answer.until) == (case.data("nonce"), case.number("until"))
        assert list(answer.shares) == case.many("shares")
        assert (answer.dh, answer.ek) == (case.data("dh"), case.data("ek"))
        assert answer.ct == case.data("ct")


def _at(case: Case) -> visits.AnsweredRun:
    offer = decode_offer(case.data("offer"))
    runs = tuple(Run(pair, None, 0) for pair in offer.shares)
    laid = LaidOffer(offer.set_number, 0, 0, offer.nonce, bytes(24), bytes(64), runs)
    return visits.AnsweredRun(Seed(case.data("seed")), laid, case.number("run"))


def host_reads_answer(case: Case) -> str:
    """The host takes everything; what is unusable becomes an answer that nobody made."""
    at = _at(case)
    elsewhere = answer_place(at.seed, at.laid.nonce, at.run) != case.data("id")
    if elsewhere or _is_cut(case, ANSWER_BYTES):
        return case.expect
    answer = visits.read_answer(at, _box(case), entropy=lambda size: b"e" * size, kem=KEM)
    nobody = answer.until == 1 << 63
    assert nobody == (not _is_message(case))
    if not nobody:
        assert answer.encode() == case.data("message")
    return case.expect


def guest_makes_answer(case: Case) -> str:
    if not _is_message(case):
        return case.expect
    offer, scalars = decode_offer(case.data("offer")), case.many("yb")
    made = guest.attempt(
        case.data("prs"),
        seed=Seed(case.data("seed")),
        offer=offer,
        run=case.number("run"),
        until=case.number("until"),
        entropy=draws(
            *scalars,
            case.data("dh_secret"),
            case.data("ek_seed"),
            case.data("nonce"),
            case.data("seal_nonce"),
        ),
        kem=Recorded([case.name]),
    )
    assert made.place == case.data("id")
    assert made.answer.encode() == case.data("message")
    assert made.box == case.data("box")
    return GOOD


def branches(case: Case) -> None:
    """Both branches, at both sides, from offer, answer and the secrets of each."""
    offer, answer = decode_offer(case.data("offer")), decode_answer(case.data("answer"))
    run = case.number("run")
    name = RunName(Seed(case.data("seed")), offer.nonce, case.number("set"), run)
    assert name.ci() == case.data("CI")
    shared = KEM.decapsulate(case.data("ek_h_seed"), answer.ct)
    assert shared == case.data("ss")
    common = None
    for j, known in enumerate(case.inner("branches")):
        assert name.sid(j) == known.data("sid")
        assert (offer.shares[run][j], answer.shares[j]) == (known.data("Ya"), known.data("Yb"))
        keys = {}
        for side, scalar in (("host", "ya"), ("guest", "yb")):
            isk = branch_isk(
                name,
                j,
                scalar=Scalar(known.data(scalar)),
                offer=offer,
                answer=answer,
                entropy=draws(known.data(f"nobody_{side}")),
                host=side == "host",
            )
            assert isk == known.data(f"ISK_{side}")
            keys[side] = branch_keys(isk, shared, offer=offer, run=run, answer=answer, j=j)
            _check(keys[side], known, side)
        common = j if keys["host"] == keys["guest"] else common
        _meet(keys, answer)
    assert common == case.fields["common"]


def _check(keys: BranchKeys, known: Case, side: str) -> None:
    told = known.within(side)
    assert keys.root == told.data("root")
    assert keys.ck_guest == told.data("ck_guest")
    assert keys.mbk_guest == told.data("mbk_guest")
    assert keys.next_mbk_guest == told.data("next_mbk_guest")
    assert keys.mbk_host == told.data("mbk_host")


def _meet(keys: dict[str, BranchKeys], answer: Answer) -> None:
    """The conversations that begin look at each other exactly where the keys are common."""
    secrets = TurnSecrets(bytes(32), bytes(64))
    host = host_branch(keys["host"], answer).ratchet
    guest_ = guest_branch(keys["guest"], secrets, answer).ratchet
    same = keys["host"] == keys["guest"]
    assert (host.next_sending == guest_.next_receiving) == same
    assert (host.next_receiving == guest_.next_sending) == same
    assert host.receiving is not None
    assert guest_.sending is not None
    assert (host.receiving.chain_key == guest_.sending.chain_key) == same

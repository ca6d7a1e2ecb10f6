"""Vectors of a meeting: offer, answer, and both branches of a run."""

from dataclasses import dataclass
from functools import cache
from hashlib import sha512

from nacl.bindings import crypto_scalarmult_base

from ojak_protocol.cpace import Isk, Scalar, Share, new_scalar
from ojak_protocol.meeting_keys import BranchKeys, RunName, branch_isk, branch_keys, share_for
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.meeting_places import answer_place, offer_place, seal_at, seen_place
from ojak_protocol.primitives import lv, u8
from tests.docs.named_bytes import draws
from tests.vectors.make_secrets import DAY, SET, TYPED, UNTIL, prs_of, seed
from tests.vectors.notation import GOOD, File, Made, Names, Splice, flipped, joined
from tests.vectors.recorded import KEM, RECORDINGS, Recorded

RUN_OF = {"right": 0, "alarm": 1, "wrong": 2}


@dataclass
class Met:
    """One offer and three guests who answered it."""

    x: Names
    offer: Offer
    answers: dict[str, Answer]

    def scalars(self, side: str, run: int) -> tuple[Scalar, Scalar]:
        first, second = (new_scalar(lambda _, j=j: self.x(f"{side}-{run}-{j}")) for j in (0, 1))  # type: ignore[misc]  # the default binds the loop's value
        return first, second

    def name(self, run: int) -> RunName:
        return RunName(seed(), self.offer.nonce, SET, run)


@cache
def met() -> Met:
    """A host with an alarm word; the coin of run r is r modulo 2."""
    x = Names()
    nonce = x("nonce-a")
    whole = Met(x, Offer(SET, nonce, KEM.public_key(x("host-ek", 64)), ()), {})
    pairs = []
    for run in range(4):
        words = [prs_of(TYPED["right"]), prs_of(TYPED["alarm"])]
        first, second = (
            share_for(whole.name(run), j, prs=words[j ^ run & 1], scalar=scalar)
            for j, scalar in enumerate(whole.scalars("ya", run))
        )
        pairs.append((first, second))
    whole.offer = Offer(SET, nonce, whole.offer.ek, tuple(pairs))
    for what, run in RUN_OF.items():
        shares = [
            share_for(whole.name(run), j, prs=prs_of(TYPED[what]), scalar=scalar)
            for j, scalar in enumerate(whole.scalars("yb", run))
        ]
        whole.answers[what] = Answer(
            nonce=x(f"nonce-b-{run}"),
            until=UNTIL,
            shares=(shares[0], shares[1]),
            dh=crypto_scalarmult_base(x(f"guest-dh-{run}")),
            ek=KEM.public_key(x(guest_seed_name(run), 64)),
            ct=Recorded([what]).encapsulate(whole.offer.ek)[1],
        )
    return whole


def guest_seed_name(run: int) -> str:
    """Who answered run 0 is the one with whom the conversation of ratchet.json goes on."""
    return RECORDINGS["step-1"] if run == 0 else f"guest-ek-{run}"


def offers() -> File:
    whole = met()
    x, offer = whole.x.copy(), whole.offer
    place = offer_place(seed(), SET, DAY, 0)
    message = offer.encode()
    box = seal_at(seed(), place, message, entropy=draws(x("offer-seal", 24)))
    common: dict[str, Made] = {"seed": seed(), "set": SET, "id": place}
    cases: list[dict[str, Made]] = [
        joined(
            {"name": "offer", "expect": GOOD},
            common,
            {"nonce": offer.nonce, "ek": offer.ek, "shares": [list(pair) for pair in offer.shares]},
            {"message": message, "seal_nonce": x("offer-seal", 24), "box": box},
        )
    ]
    cases += _bad_messages("offer", len(message), common)
    cases += _bad_boxes("offer", box, common, elsewhere=offer_place(seed(), SET, DAY + 1, 0))
    cases += [
        joined(
            {"name": "an offer of another set", "expect": GOOD, "unusable": "set"},
            common,
            {"set": 2, "message": Splice("offer", 0)},
        ),
        joined(
            {"name": "a key that is none", "expect": GOOD, "unusable": "ek"},
            common,
            {"message": Splice("offer", 38, 1184, b"\xff" * 1184)},
        ),
    ]
    what = (
        "Offers, docs/protocol.md, 'Offer and answer': 'box' lies at 'id' and opens to 'message' "
        "and zeros; 'message' alone is to be read as if it lay there (one that is cut cannot: "
        "zeros follow). 'set' is what the guest's person named. 'unusable' is well formed: the "
        "guest finds out when it uses that field."
    )
    return File(what, x, cases)


def answers() -> File:
    whole = met()
    x, offer = whole.x.copy(), whole.offer
    cases: list[dict[str, Made]] = []
    shown: Made = offer.encode()
    for what, run in RUN_OF.items():
        answer, place = whole.answers[what], answer_place(seed(), offer.nonce, run)
        box = seal_at(seed(), place, answer.encode(), entropy=draws(x(f"answer-seal-{run}", 24)))
        cases.append(
            joined(
                {"name": what, "expect": GOOD, "seed": seed(), "offer": shown, "run": run},
                {"id": place, "prs": prs_of(TYPED[what]), "yb": list(whole.scalars("yb", run))},
                {"dh_secret": x(f"guest-dh-{run}"), "ek_seed": x(guest_seed_name(run), 64)},
                {"nonce": answer.nonce, "until": answer.until, "shares": list(answer.shares)},
                {"dh": answer.dh, "ek": answer.ek, "ct": answer.ct, "message": answer.encode()},
                {"seal_nonce": x(f"answer-seal-{run}", 24), "box": box},
            )
        )
        shown = Splice("right", 0)
    common: dict[str, Made] = {"seed": seed(), "offer": shown, "run": 0}
    common["id"] = answer_place(seed(), offer.nonce, 0)
    cases += _bad_messages("right", 2410, common)
    first = cases[0]["box"]
    assert isinstance(first, bytes)
    cases += _bad_boxes("right", first, common, elsewhere=seen_place(seed(), offer.nonce, 0))
    unusable = {
        "an X25519 key of low order": ("dh", Splice("right", 106, 32, bytes(32))),
        "an ML-KEM key that is none": ("ek", Splice("right", 138, 1184, b"\xff" * 1184)),
    }
    cases += [
        joined({"name": name, "expect": GOOD, "unusable": what}, common, {"message": splice})
        for name, (what, splice) in unusable.items()
    ]
    what = (
        "Answers to the offer in 'offer', docs/protocol.md, 'Offer and answer': 'box' lies at "
        "'id' and opens to 'message' and zeros; 'message' alone is to be read as if it lay there "
        "(one that is cut cannot: zeros follow). 'prs' is what the guest typed, stretched. "
        "'unusable' is well formed, and the host takes such an answer, like every bad one, for "
        "one that nobody made."
    )
    return File(what, x, cases)


def _bad_messages(of: str, size: int, common: dict[str, Made]) -> list[dict[str, Made]]:
    bad: dict[str, tuple[str, Made]] = {
        "version 2": ("TooNew", Splice(of, 0, 1, b"\2")),
        "version 0": ("TooNew", Splice(of, 0, 1, b"\0")),
        "suite 2": ("TooNew", Splice(of, 1, 1, b"\2")),
        "a later version that is longer": ("TooNew", Splice(of, 0, size, b"\2\1" + b"." * 3958)),
        "filling that is not zero": ("Malformed", Splice(of, size, 0, b"\0\1")),
        "the last byte missing": ("Malformed", Splice(of, size - 1, 1)),
        "a message of one byte": ("Malformed", Splice(of, 1, size - 1)),
        "no message": ("Malformed", b""),
    }
    return [
        joined({"name": name, "expect": expect}, common, {"message": message})
        for name, (expect, message) in bad.items()
    ]


def _bad_boxes(
    of: str, box: bytes, common: dict[str, Made], elsewhere: bytes
) -> list[dict[str, Made]]:
    bad: dict[str, tuple[str, dict[str, Made]]] = {
        "a box of another place": ("Unopenable", {"id": elsewhere}),
        "a box of another number": ("Unopenable", {"seed": bytes(32)}),
        "a bit of the nonce": ("Unopenable", {"box": flipped(of, box, 0)}),
        "a bit of the ciphertext": ("Unopenable", {"box": flipped(of, box, 99)}),
        "a bit of the tag": ("Unopenable", {"box": flipped(of, box, 3999)}),
        "a box of 3999": ("Malformed", {"box": Splice(of, 3999, 1)}),
        "a box of 4001": ("Malformed", {"box": Splice(of, 4000, 0, b"\0")}),
    }
    return [
        joined({"name": name, "expect": expect}, common, {"box": Splice(of, 0)}, change)
        for name, (expect, change) in bad.items()
    ]


def _said(keys: BranchKeys) -> dict[str, Made]:
    return {
        "root": keys.root,
        "ck_guest": keys.ck_guest,
        "mbk_guest": keys.mbk_guest,
        "next_mbk_guest": keys.next_mbk_guest,
        "mbk_host": keys.mbk_host,
    }


def branches() -> File:
    whole = met()
    x = whole.x.copy()
    cases: list[dict[str, Made]] = []

    def again(message: Offer | Answer, first: Offer | Answer) -> Made:
        return Splice("right", 0) if cases and message == first else message.encode()

    def run_of(name: str, offer: Offer, answer: Answer, run: int) -> None:
        shared = KEM.decapsulate(x("host-ek", 64), answer.ct)
        both: list[Made] = []
        common = None
        for j in (0, 1):
            isks: dict[str, Isk] = {}
            for side, scalars in (("host", "ya"), ("guest", "yb")):
                isks[side] = branch_isk(
                    whole.name(run),
                    j,
                    scalar=whole.scalars(scalars, run)[j],
                    offer=offer,
                    answer=answer,
                    entropy=draws(x(f"nobody-{side}-{j}", 64)),
                    host=side == "host",
                )
            keys = {
                side: branch_keys(isk, shared, offer=offer, run=run, answer=answer, j=j)
                for side, isk in isks.items()
            }
            common = j if keys["host"] == keys["guest"] else common
            both.append(
                joined(
                    {
                        "sid": whole.name(run).sid(j),
                        "Ya": offer.shares[run][j],
                        "Yb": answer.shares[j],
                    },
                    {"ya": whole.scalars("ya", run)[j], "yb": whole.scalars("yb", run)[j]},
                    {f"nobody_{side}": x(f"nobody-{side}-{j}", 64) for side in isks},
                    {f"ISK_{side}": isk for side, isk in isks.items()},
                    {side: _said(keys[side]) for side in isks},
                )
            )
        th = sha512(lv(offer.encode(), u8(run), answer.encode())).digest()
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "seed": seed(), "set": SET, "run": run},
                {
                    "offer": again(offer, whole.offer),
                    "answer": again(answer, whole.answers["right"]),
                },
                {"CI": whole.name(run).ci()},
                {"ek_h_seed": x("host-ek", 64), "ss": shared, "th": th, "branches": both},
                {"common": common},
            )
        )

    for what, run in RUN_OF.items():
        run_of(what, whole.offer, whole.answers[what], run)
    right = whole.answers["right"]

    def with_shares(first: bytes) -> Answer:
        shares = (Share(first), right.shares[1])
        return Answer(right.nonce, right.until, shares, right.dh, right.ek, right.ct)

    run_of("Yb_0 of low order", whole.offer, with_shares(bytes(32)), 0)
    run_of("Yb_0 is Ya_0", whole.offer, with_shares(whole.offer.shares[0][0]), 0)
    run_of("Yb_0 is a share of another run", whole.offer, with_shares(whole.offer.shares[3][1]), 0)
    low = ((Share(bytes(32)), whole.offer.shares[0][1]), *whole.offer.shares[1:])
    offer = Offer(SET, whole.offer.nonce, whole.offer.ek, low)
    run_of("Ya_0 of low order", offer, right, 0)
    what = (
        "Both branches of a run, docs/protocol.md, 'Keys of a meeting', as host and guest compute "
        "them. 'common' is the branch in which both have the same keys (null: none); nobody_host "
        "and nobody_guest are the random ISK of a side that was shown an unusable share. The coin "
        "of run r is r modulo 2: 'right' meets in branch 0, 'alarm' (the host's alarm word) in 0 "
        "of run 1."
    )
    return File(what, x, cases)

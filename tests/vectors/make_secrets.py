"""Vectors of what two people have in common: stretching, CPace, and the meeting places."""

from functools import cache

from nacl.bindings import crypto_scalarmult

from ojak_protocol import cpace
from ojak_protocol.answers import Answers, answers_of
from ojak_protocol.cpace import new_scalar
from ojak_protocol.meeting_places import answer_place, offer_place, seal_at, seen_place
from ojak_protocol.number import Number
from ojak_protocol.primitives import blake2b
from ojak_protocol.stretch import Prs, Seed, answers_prs, number_seed
from tests.docs.named_bytes import draws
from tests.vectors.argon import stretched
from tests.vectors.notation import GOOD, File, Made, Names, Splice, flipped, joined

NUMBER = Number("123456789018")
DAY, UNTIL, SET = 20_833, 1_800_000_660, 1
RIGHT = ("감자밭 할머니", "로동자 강철", "왜가리 1974")
TYPED = {
    "right": RIGHT,
    "alarm": (RIGHT[0], RIGHT[1], "물레방아 1950"),
    "wrong": (RIGHT[0], "로동자 강칠", RIGHT[2]),
}
"""What a guest may have typed; the host knows the first two."""


@cache
def seed() -> Seed:
    return number_seed(NUMBER, stretched)


@cache
def prs_of(typed: tuple[str, str, str], set_number: int = SET) -> Prs:
    return answers_prs(seed(), set_number, answers_of(*typed), stretched)


def stretching() -> File:
    cases: list[dict[str, Made]] = []
    rows = [(what, typed, SET) for what, typed in TYPED.items()]
    rows += [("the same in set 2", RIGHT, 2), ("in another order", RIGHT[::-1], SET)]
    for name, typed, set_number in rows:
        answers = answers_of(*typed)
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "number": NUMBER, "seed": seed(), "set": set_number},
                {"answers": list(typed), "canonical": list(_forms(answers))},
                {"prs": prs_of(typed, set_number)},
            )
        )
    common: dict[str, Made] = {"number": NUMBER, "seed": seed()}
    cases += [
        joined(
            {"name": "two equal answers", "expect": "Refused: equal answers"},
            common,
            {"set": SET, "answers": ["로동자", "노동자", "왜가리"]},
        ),
        joined(
            {"name": "a set above 2^32 - 1", "expect": "LocalError"},
            common,
            {"set": 1 << 32, "answers": list(RIGHT)},
        ),
    ]
    what = (
        "Stretching, docs/protocol.md, 'Number and answers': 'seed' from 'number', 'prs' from "
        "'seed', 'set' and three 'answers' as typed, whose canonical forms stand in 'canonical'."
    )
    return File(what, Names(), cases)


def _forms(answers: Answers) -> tuple[bytes, bytes, bytes]:
    return answers.first, answers.second, answers.third


LOW_ORDER = (
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
)
"""Points of low order; the rest of them stand in cpace.json."""


def exchanges() -> File:
    x = Names()
    inputs = {
        "plain": (x("prs"), b"CI", x("sid"), b"ADa", b"ADb"),
        "all empty": (b"", b"", b"", b"", b""),
        "a secret that fills the block": (x("prs-116", 116), b"CI", x("sid"), b"", b""),
        "a secret longer than the block": (x("prs-200", 200), b"CI", x("sid"), b"", b""),
        "data of 1478 and 2346 bytes": (x("prs"), b"CI", x("sid"), x("ADa", 1478), x("ADb", 2346)),
    }
    cases: list[dict[str, Made]] = []
    for name, (prs, ci, sid, ada, adb) in inputs.items():
        ya, yb = new_scalar(lambda _: x("ya")), new_scalar(lambda _: x("yb"))
        shares = cpace.share(prs, ci, sid, ya), cpace.share(prs, ci, sid, yb)
        isk = cpace.session_key(
            ya,
            shares[1],
            sid=sid,
            initiator_share=shares[0],
            initiator_data=ada,
            responder_share=shares[1],
            responder_data=adb,
        )
        cases.append(
            joined(
                {
                    "name": name,
                    "expect": GOOD,
                    "PRS": prs,
                    "CI": ci,
                    "sid": sid,
                    "ADa": ada,
                    "ADb": adb,
                },
                {"ya": ya, "yb": yb, "Ya": shares[0], "Yb": shares[1]},
                {"K": crypto_scalarmult(ya, shares[1]), "ISK": isk},
            )
        )
    first = {key: cases[0][key] for key in ("sid", "ADa", "ADb", "ya", "Ya")}
    bad = {
        f"low order {number}": ("Unopenable", bytes.fromhex(text))
        for number, text in enumerate(LOW_ORDER)
    }
    bad |= {
        "a share of 31": ("Malformed", x("short-share", 31)),
        "a share of 33": ("Malformed", x("long-share", 33)),
        "no share": ("Malformed", b""),
    }
    cases += [
        joined({"name": name, "expect": expect}, first, {"Yb": point})
        for name, (expect, point) in bad.items()
    ]
    short = {"PRS": x("prs"), "CI": b"CI", "sid": x("sid")}
    cases += [
        joined({"name": "a scalar of 31", "expect": "LocalError"}, short, {"ya": x("scalar", 31)}),
        joined({"name": "a scalar of 33", "expect": "LocalError"}, short, {"ya": x("scalar", 33)}),
    ]
    what = (
        "CPace with inputs of our own, docs/protocol.md, 'CPace'; the draft's stand in "
        "cpace.json. Names are the draft's; scalars are clamped. Bad ones are read by the "
        "initiator."
    )
    return File(what, x, cases)


def meeting_places() -> File:
    x = Names()
    cases: list[dict[str, Made]] = []
    nonce = x("nonce-a")
    for set_number, day, n in ((SET, DAY, 0), (SET, DAY, 2), (2, DAY, 0), ((1 << 32) - 1, 0, 1)):
        cases.append(
            joined(
                {
                    "name": f"offer, set {set_number}, day {day}, n {n}",
                    "expect": GOOD,
                    "seed": seed(),
                },
                {"kind": "offer", "set": set_number, "day": day, "n": n},
                {"id": offer_place(seed(), set_number, day, n)},
            )
        )
    for run in (0, 3):
        for kind, place in (("answer", answer_place), ("seen", seen_place)):
            cases.append(
                joined(
                    {"name": f"{kind}, run {run}", "expect": GOOD, "seed": seed(), "kind": kind},
                    {"nonce": nonce, "run": run, "id": place(seed(), nonce, run)},
                )
            )
    where = seen_place(seed(), nonce, 0)
    box = seal_at(seed(), where, b"", entropy=draws(x("seen-seal", 24)))
    cases.append(
        joined(
            {
                "name": "a seen box",
                "expect": GOOD,
                "seed": seed(),
                "key": blake2b(b"meet-seal", seed()),
            },
            {"id": where, "message": bytes(3960), "seal_nonce": x("seen-seal", 24), "box": box},
        )
    )
    bad: dict[str, tuple[str, dict[str, Made]]] = {
        "another place": ("Unopenable", {"id": answer_place(seed(), nonce, 0)}),
        "another run": ("Unopenable", {"id": seen_place(seed(), nonce, 1)}),
        "another number": ("Unopenable", {"seed": x("another-seed")}),
        "a bit of the nonce": ("Unopenable", {"box": flipped("a seen box", box, 0)}),
        "a bit of the ciphertext": ("Unopenable", {"box": flipped("a seen box", box, 99)}),
        "a bit of the tag": ("Unopenable", {"box": flipped("a seen box", box, 3999)}),
        "a box of 3999": ("Malformed", {"box": Splice("a seen box", 3999, 1)}),
        "a box of 4001": ("Malformed", {"box": Splice("a seen box", 4000, 0, b"\0")}),
        "no box": ("Malformed", {"box": b""}),
    }
    cases += [
        joined(
            {"name": name, "expect": expect, "seed": seed(), "id": where},
            {"box": Splice("a seen box", 0)},
            change,
        )
        for name, (expect, change) in bad.items()
    ]
    what = (
        "Meeting places, docs/protocol.md, 'The meeting point': 'id' of an offer, an answer or a "
        "seen box; and what lies there, 'box', which opens to 'message' under 'key'."
    )
    return File(what, x, cases)

"""ML-KEM whose ciphertexts were recorded once, because the library draws its own randomness.

`kem.json` holds them; the script carries them over and computes all else anew. A ciphertext that is
not there yet is encapsulated and stands in the file from then on. Were one of them damaged, its
secret and all that follows from it would differ, and the test that makes everything again would
fail.
"""

from dataclasses import dataclass, field
from functools import cache
from typing import Final

from ojak_protocol.kem import MlKem768
from tests.vectors.notation import FOLDER, GOOD, File, Made, Names, Splice, joined, load

KEM: Final = MlKem768()

RECORDINGS: Final = {
    "alone": "kem-seed",
    "right": "host-ek",
    "alarm": "host-ek",
    "wrong": "host-ek",
    **{f"step-{number}": f"step-{number}-their-ek" for number in range(1, 9)},
}
"""What was encapsulated, and the name of the seed (64 bytes) of the key it was encapsulated to."""


@cache
def ciphertexts() -> dict[str, bytes]:
    """Return the ciphertext of each recording."""
    kept = load("kem.json") if (FOLDER / "kem.json").exists() else []
    found = {case.name: case.data("ct") for case in kept if case.expect == GOOD}
    for name, seed in RECORDINGS.items():
        if name not in found:
            found[name] = KEM.encapsulate(KEM.public_key(Names()(seed, 64)))[1]
    return found


@dataclass
class Recorded(MlKem768):
    """Encapsulates as the recordings of these names did, in their order, and then no more."""

    names: list[str] = field(default_factory=list)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        name = self.names.pop(0)
        seed, ciphertext = Names()(RECORDINGS[name], 64), ciphertexts()[name]
        assert public_key == self.public_key(seed), name
        return self.decapsulate(seed, ciphertext), ciphertext


def recordings() -> File:
    x = Names()
    cases: list[dict[str, Made]] = []
    for name, seed_name in RECORDINGS.items():
        seed, ct = x(seed_name, 64), ciphertexts()[name]
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "seed": seed},
                {
                    "ek": KEM.public_key(seed)
                    if seed_name not in _earlier(name)
                    else Splice("right", 0)
                },
                {"ct": ct, "ss": KEM.decapsulate(seed, ct)},
            )
        )
    seed, ct = x("kem-seed", 64), ciphertexts()["alone"]
    flipped = bytes([ct[0] ^ 1]) + ct[1:]
    drawn = x("no-ciphertext", 1088)
    cases += [
        joined(
            {"name": "a forged ciphertext gives an unrelated secret", "expect": GOOD, "seed": seed},
            {"ct": Splice("alone", 0, 1, flipped[:1]), "ss": KEM.decapsulate(seed, flipped)},
        ),
        joined(
            {"name": "so does one that was drawn", "expect": GOOD, "seed": seed},
            {"ct": drawn, "ss": KEM.decapsulate(seed, drawn)},
        ),
        joined(
            {"name": "a ciphertext of 1087", "expect": "Malformed", "seed": seed},
            {"ct": Splice("alone", 1087, 1)},
        ),
        joined(
            {"name": "a ciphertext of 1089", "expect": "Malformed", "seed": seed},
            {"ct": Splice("alone", 1088, 0, b"\0")},
        ),
        {"name": "a key of 1183", "expect": "Malformed", "ek": Splice("alone", 1183, 1)},
        {"name": "a key of 1185", "expect": "Malformed", "ek": Splice("alone", 1184, 0, b"\0")},
        joined(
            {"name": "a number of the key is the modulus", "expect": "Malformed"},
            {"ek": Splice("alone", 0, 2, b"\x01" + bytes([KEM.public_key(seed)[1] & 0xF0 | 0x0D]))},
        ),
    ]
    what = (
        "ML-KEM-768, docs/protocol.md, 'Primitives'. 'seed' is d and z of FIPS 203, 'ek' the "
        "public key that follows from it, 'ss' what 'ct' decapsulates to. Encapsulation is "
        "random: each 'ct' was recorded once. The other files use the recordings by these names."
    )
    return File(what, x, cases)


def _earlier(name: str) -> set[str]:
    """The seeds whose key stands in a case before *name*."""
    names = list(RECORDINGS)
    return {RECORDINGS[earlier] for earlier in names[: names.index(name)]}

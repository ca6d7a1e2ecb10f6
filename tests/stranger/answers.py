"""Number, codeword form ko-fold-1, stretching: what people carry and know.

Written from docs/protocol.md alone, sections "Number" to "Number and answers".
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from argon2.low_level import Type, hash_secret_raw

from .wire import blake, lv, u

if TYPE_CHECKING:
    from collections.abc import Sequence


class Refused(Exception):
    """Something typed cannot be used."""


DAMM = [
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
]


def check_digit(digits: str) -> str:
    row = 0
    for digit in digits:
        row = int(DAMM[row][int(digit)])
    return str(row)


def number(typed: str) -> str:
    """The 12 digits of what was typed."""
    digits = ""
    for c in typed:
        if unicodedata.category(c) == "Nd":
            digits += str(unicodedata.decimal(c))
        elif not (
            c.isspace()
            or unicodedata.category(c) in ("Pd", "Zs", "Zl", "Zp", "Cf")
            or c in "\u2212\u2043\u02d7"
        ):
            raise Refused("unusable character")
    if len(digits) != 12:
        raise Refused("wrong length")
    if check_digit(digits) != "0":
        raise Refused("check digit")
    return digits


def _ranges(text: str) -> list[range]:
    pairs = (part.split("-") for part in text.split())
    return [range(int(first[0], 16), int(first[-1], 16) + 1) for first in pairs]


REMOVED = _ranges(
    "AD 34F 61C 115F-1160 17B4-17B5 180B-180F 200B-200F 202A-202E 2060-206F 3164 FE00-FE0F FEFF "
    "FFA0 FFF0-FFF8 1BCA0-1BCA3 1D173-1D17A E0000-E0FFF"
)
JAMO = _ranges("1100-11FF A960-A97C D7B0-D7FB")
LATIN = _ranges("61-7A E0-F6 F8-24F 1E00-1EFF")
SYLLABLES = _ranges("AC00-D7A3")
WORDS = SYLLABLES + _ranges("3005 3007 3400-4DBF 4E00-9FFF 20000-2A6DF 2A700-2EBE0 30000-3134A")
DROPPED = _ranges("300-36F 9 D A")
INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
FINAL_SIOS = 19
MERGED = {"ㅐ": "ㅔ", "ㅒ": "ㅖ", "ㅙ": "ㅚ", "ㅞ": "ㅚ"}


def _within(c: str, ranges: list[range]) -> bool:
    return any(ord(c) in r for r in ranges)


def understood(typed: str) -> str:
    if len(typed) > 256:
        raise Refused("too long")
    text = "".join(c for c in typed if not _within(c, REMOVED))
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    answer = "".join(_understood(c) for c in text)
    if not answer:
        raise Refused("empty")
    if len(answer) > 64:
        raise Refused("too long")
    return answer


def _understood(c: str) -> str:
    category, plain = unicodedata.category(c), unicodedata.normalize("NFD", c)[0]
    if c == "\ufffd" or category == "Cs":
        raise Refused("damaged")
    if category == "Nd":
        return str(unicodedata.decimal(c))
    if _within(c, JAMO):
        raise Refused("unfinished syllable")
    if category == "Cn":
        raise Refused("unusable character")
    if _within(c, LATIN) and _within(plain, LATIN):
        return plain
    if _within(c, WORDS):
        return c
    if category[0] in "PSZ" or category == "Me" or _within(c, DROPPED):
        return ""
    raise Refused("unusable character")


def canonical(typed: str) -> bytes:
    """What both sides must have in common of one answer, 1 to 256 bytes."""
    answer = understood(typed)
    return "".join(map(_folded, answer, [*answer[1:], ""])).encode()


def _folded(c: str, following: str) -> str:
    if not _within(c, SYLLABLES):
        return c
    rest, final = divmod(ord(c) - 0xAC00, 28)
    initial, vowel = INITIALS[rest // 21], VOWELS[rest % 21]
    if initial in "ㄹㄴ":
        initial = "ㅇ" if vowel in "ㅑㅒㅕㅖㅛㅠㅣ" else "ㄴ"
    if final == FINAL_SIOS and following and _within(following, SYLLABLES):
        final = 0
    vowel = MERGED.get(vowel, vowel)
    return chr(0xAC00 + (INITIALS.index(initial) * 21 + VOWELS.index(vowel)) * 28 + final)


def argon2id(password: bytes, salt: bytes) -> bytes:
    return hash_secret_raw(
        password, salt, time_cost=3, memory_cost=65536, parallelism=1, hash_len=32, type=Type.ID
    )


def stretch(digits: str, answers: Sequence[str], set_number: int) -> tuple[bytes, bytes]:
    """Return seed and PRS."""
    forms = [canonical(answer) for answer in answers]
    if len(set(forms)) != 3:
        raise Refused("three different answers are needed")
    seed = argon2id(digits.encode(), blake("number-salt", b"", 16))
    secret = lv(b"ojak-1", b"ko-fold-1", u(set_number, 32), *forms)
    return seed, argon2id(secret, blake("answers-salt", seed, 16))

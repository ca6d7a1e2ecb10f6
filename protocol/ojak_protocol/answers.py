"""What a person typed becomes the bytes that both sides must have in common: form `ko-fold-1`.

Two relatives on two keyboards, one with North and one with South Korean spelling, type "the same"
answer differently. This file alone decides what counts as the same. It has two steps: the
*understood* answer, which is shown to the person before anything is sent, and the *canonical*
one, which folds spellings and looks misspelt. Characters that cannot be folded with certainty
are refused, visibly, instead of being guessed at.

The name of the form goes into the secret; any change here is another form with another name.
Fixed ranges decide, not the categories of the day, wherever an answer may be kept: a character
newer than this Python's Unicode is refused, never folded differently from the other side.

Source: docs/protocol.md, "Codeword form ko-fold-1"; tests/vectors/ko-fold-1.json.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import field
from typing import Final, NewType

from ojak_protocol.errors import Reason, Refused
from ojak_protocol.values import dataclass

CanonicalAnswer = NewType("CanonicalAnswer", bytes)
"""UTF-8 of one folded answer, 1 to 256 bytes, secret."""

FORM_NAME: Final = b"ko-fold-1"
TYPED_CHARACTERS: Final = 256
UNDERSTOOD_CHARACTERS: Final = 64
ALARM_WORD_JAMO: Final = 3
"""An alarm word is at least this `jamo_distance` away from the answer it replaces."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The three canonical answers in their fixed order; secret, its repr shows none of them."""

    first: CanonicalAnswer = field(repr=False)
    second: CanonicalAnswer = field(repr=False)
    third: CanonicalAnswer = field(repr=False)


def answers_of(first: str, second: str, third: str) -> Answers:
    """Return the canonical form of three typed answers.

    Raises:
        Refused: as `understood` for any of them; EQUAL_ANSWERS, two of them have one form, so
            that one question fewer protects the letters than the person believes.
    """
    answers = Answers(canonical(first), canonical(second), canonical(third))
    if len({answers.first, answers.second, answers.third}) < 3:
        raise Refused(Reason.EQUAL_ANSWERS)
    return answers


def understood(text: str) -> str:
    """Return what Ojak understands of a typed answer, 1 to 64 characters; show it to the person.

    Lower case, without spaces, punctuation, emoji and accents; digits of every script as ASCII.

    Raises:
        Refused: TOO_LONG, over 256 characters typed or over 64 understood; ENCODING, a character
            was damaged on its way here; UNFINISHED_SYLLABLE, a Hangul letter that belongs to no
            syllable; UNUSABLE_CHARACTER, another script or a control; EMPTY, nothing is left.

    Source: docs/protocol.md, "Codeword form ko-fold-1", steps 1 to 5.
    """
    if len(text) > TYPED_CHARACTERS:
        raise Refused(Reason.TOO_LONG)
    # First of all: NFKC turns U+3164 and U+FFA0 from invisible fillers into letters.
    seen = "".join(character for character in text if not _in(_IGNORABLE, character))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", seen).casefold())
    answer = "".join(map(_kept, folded))
    if not answer:
        raise Refused(Reason.EMPTY)
    if len(answer) > UNDERSTOOD_CHARACTERS:
        raise Refused(Reason.TOO_LONG)
    return answer


def canonical(text: str) -> CanonicalAnswer:
    """Return the bytes that both sides must have in common for one typed answer.

    Raises:
        Refused: as `understood`.

    Source: docs/protocol.md, "Codeword form ko-fold-1", steps 6 and 7.
    """
    answer = understood(text)
    followers = (*map(_is_syllable, answer[1:]), False)
    folded = map(_spelling_folded, answer, followers)
    return CanonicalAnswer("".join(folded).encode())


def jamo_distance(one: CanonicalAnswer, other: CanonicalAnswer) -> int:
    """Return how many slips of the finger turn one answer into the other.

    A slip is one Hangul letter (jamo), or one other character, left out, added, replaced, or
    swapped with its neighbour. A consonant is the same letter at the beginning and at the end of
    a syllable, as on a keyboard. Both answers are canonical: a difference that folding removes
    is no difference.

    Source: the "optimal string alignment" distance.
    """
    ours, theirs = _letters(one.decode()), _letters(other.decode())
    before_last: list[int] = []
    last = list(range(len(theirs) + 1))
    for i, letter in enumerate(ours):
        row = [i + 1]
        for j, their_letter in enumerate(theirs):
            best = min(last[j + 1] + 1, row[j] + 1, last[j] + (letter != their_letter))
            swapped = i and j and letter == theirs[j - 1] and ours[i - 1] == their_letter
            row.append(min(best, before_last[j - 1] + 1) if swapped else best)
        before_last, last = last, row
    return last[-1]


_Ranges = tuple[tuple[int, int], ...]

_IGNORABLE: Final[_Ranges] = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_JAMO: Final[_Ranges] = ((0x1100, 0x11FF), (0xA960, 0xA97C), (0xD7B0, 0xD7FB))
_LATIN: Final[_Ranges] = (
    (0x61, 0x7A),
    (0xE0, 0xF6),
    (0xF8, 0x24F),
    (0x1E00, 0x1EFF),
)
_SYLLABLES: Final[_Ranges] = ((0xAC00, 0xD7A3),)
_HAN: Final[_Ranges] = (
    (0x3005, 0x3005),
    (0x3007, 0x3007),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2EBE0),
    (0x30000, 0x3134A),
)
_ACCENTS: Final[_Ranges] = ((0x0300, 0x036F),)


def _in(ranges: Iterable[tuple[int, int]], character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in ranges)


def _is_syllable(character: str) -> bool:
    return _in(_SYLLABLES, character)


def _kept(character: str) -> str:
    """Return what one character of the normalised text becomes (step 4); the first match counts."""
    category = unicodedata.category(character)
    if character == "\N{REPLACEMENT CHARACTER}" or category == "Cs":
        raise Refused(Reason.ENCODING)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if _in(_JAMO, character):
        raise Refused(Reason.UNFINISHED_SYLLABLE)
    if category == "Cn":
        raise Refused(Reason.UNUSABLE_CHARACTER)
    base = unicodedata.normalize("NFD", character)[0]
    if _in(_LATIN, character) and _in(_LATIN, base):
        return base
    if _is_syllable(character) or _in(_HAN, character):
        return character
    if (
        category[0] in "PSZ"
        or category == "Me"
        or _in(_ACCENTS, character)
        or character in "\t\r\n"
    ):
        return ""
    raise Refused(Reason.UNUSABLE_CHARACTER)


# A syllable is 0xAC00 + (initial * 21 + vowel) * 28 + final, the letters in these orders.
# Source: The Unicode Standard, section 3.12, "Conjoining Jamo Behavior".
_INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS: Final = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: Final = "-ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"

_SOFTENING_VOWELS: Final = "ㅑㅒㅕㅖㅛㅠㅣ"
_SOUNDS_LIKE: Final = {"ㅐ": "ㅔ", "ㅒ": "ㅖ", "ㅙ": "ㅚ", "ㅞ": "ㅚ"}


def _letters_of(syllable: str) -> tuple[str, str, str]:
    block, final = divmod(ord(syllable) - 0xAC00, 28)
    initial, vowel = divmod(block, 21)
    return _INITIALS[initial], _VOWELS[vowel], _FINALS[final]


def _syllable(initial: str, vowel: str, final: str) -> str:
    block = _INITIALS.index(initial) * 21 + _VOWELS.index(vowel)
    return chr(0xAC00 + block * 28 + _FINALS.index(final))


def _spelling_folded(character: str, syllable_follows: bool) -> str:  # noqa: FBT001 - mapped over
    """Return what one understood character becomes (step 6)."""
    if not _is_syllable(character):
        return character
    initial, vowel, final = _letters_of(character)
    if initial in "ㄹㄴ":
        initial = "ㅇ" if vowel in _SOFTENING_VOWELS else "ㄴ"
    if final == "ㅅ" and syllable_follows:
        final = "-"
    return _syllable(initial, _SOUNDS_LIKE.get(vowel, vowel), final)


def _letters(answer: str) -> str:
    return "".join(
        "".join(_letters_of(character)).rstrip("-") if _is_syllable(character) else character
        for character in answer
    )

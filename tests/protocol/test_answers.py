"""What counts as the same answer: the vectors of ko-fold-1, and what must hold for any text."""

import itertools
import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ojak_protocol.answers import (
    ALARM_WORD_JAMO,
    FORM_NAME,
    Answers,
    CanonicalAnswer,
    answers_of,
    canonical,
    jamo_distance,
    understood,
)
from ojak_protocol.errors import Reason, Refused

FILE = json.loads((Path(__file__).parent.parent / "vectors" / "ko-fold-1.json").read_text("utf-8"))

any_text = st.text(st.characters(exclude_categories=()), max_size=40)
korean = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
usable = (
    korean
    | st.sampled_from("로노리이녀여량양랭냉옷있다바닷가뒷집찌개게왜외돼되얘예")
    | st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5)
    | st.sampled_from("abcxyz0123456789々\u3007ø\u0131")
)
answers = st.text(usable, min_size=1, max_size=20)
LEFT_OUT = "".join(map(chr, (0x20, 0x3000, 0xA0, 0x9, 0xA, 0x2E, 0xB7, 0x3002, 0x2F, 0x20DD)))
NEVER_SEEN = "".join(
    map(chr, (0xAD, 0x34F, 0x3164, 0xFFA0, 0x200B, 0x2067, 0xFE0F, 0xFEFF, 0xE0001))
)


def outcome(text: str) -> bytes | Reason:
    """Return the form of *text* or the reason of its refusal; anything else is a failure."""
    try:
        return canonical(text)
    except Refused as refused:
        return refused.reason


def vectors(expect: str) -> list[object]:
    return [
        pytest.param(vector, id=ascii(vector["a"])[:40] + f" {position}")
        for position, vector in enumerate(FILE["answers"])
        if vector["expect"] == expect
    ]


def test_the_form_has_the_name_of_its_vectors() -> None:
    assert FILE["form"].encode() == FORM_NAME == b"ko-fold-1"


def test_every_vector_is_run_by_one_of_these_tests() -> None:
    assert {vector["expect"] for vector in FILE["answers"]} == {
        "equal",
        "different",
        "refused",
        "form",
    }


@pytest.mark.parametrize("vector", vectors("equal"))
def test_both_of_an_equal_pair_have_one_form(vector: dict[str, str]) -> None:
    assert canonical(vector["a"]) == canonical(vector["b"])


@pytest.mark.parametrize("vector", vectors("different"))
def test_both_of_a_different_pair_are_usable_and_have_two_forms(vector: dict[str, str]) -> None:
    assert canonical(vector["a"]) != canonical(vector["b"])


@pytest.mark.parametrize("vector", vectors("refused"))
def test_each_refused_answer_is_refused_for_its_reason_without_repeating_it(
    vector: dict[str, str],
) -> None:
    assert outcome(vector["a"]) is Reason(vector["reason"])
    with pytest.raises(Refused) as caught:
        understood(vector["a"])
    assert str(caught.value) == vector["reason"]
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("vector", vectors("form"))
def test_each_form_is_the_bytes_of_its_vector(vector: dict[str, str]) -> None:
    assert understood(vector["a"]) == vector["understood"]
    assert canonical(vector["a"]).hex() == vector["canonical"]


@given(any_text)
@example("i\N{ACUTE ACCENT}")
@example("\N{LATIN SMALL LETTER SHARP S}\N{COMBINING ACUTE ACCENT}")
def test_any_text_has_a_form_or_is_refused_and_nothing_else(text: str) -> None:
    form = outcome(text)
    if isinstance(form, bytes):
        assert 1 <= len(understood(text)) <= 64
        assert len(form) <= 256


@given(st.characters(exclude_categories=()), answers)
def test_any_character_within_an_answer_is_used_dropped_or_refused(
    character: str, answer: str
) -> None:
    outcome(character + answer)
    outcome(answer + character)


@given(any_text | answers)
def test_what_was_understood_is_understood_as_itself(text: str) -> None:
    form = outcome(text)
    assume(isinstance(form, bytes))
    assert understood(understood(text)) == understood(text)
    assert canonical(understood(text)) == form


@given(any_text | answers)
def test_a_form_typed_as_an_answer_has_itself_as_its_form(text: str) -> None:
    form = outcome(text)
    assume(isinstance(form, bytes))
    assert isinstance(form, bytes)
    assert canonical(form.decode()) == form


@given(any_text | answers)
def test_composed_and_decomposed_letters_have_one_outcome(text: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert outcome(text) == outcome(composed) == outcome(decomposed)


@given(answers, st.sampled_from([0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE, 0x104A0]))
def test_digits_of_every_script_are_one(answer: str, zero: int) -> None:
    written = re.sub("[0-9]", lambda digit: chr(zero + int(digit[0])), answer)
    assert canonical(written) == canonical(answer)


@given(
    answers,
    st.lists(st.tuples(st.integers(0, 20), st.sampled_from(LEFT_OUT + NEVER_SEEN)), max_size=20),
)
def test_added_spaces_points_and_unseen_characters_change_nothing(
    answer: str, added: list[tuple[int, str]]
) -> None:
    typed = list(answer)
    for position, character in added:
        typed.insert(position, character)
    assert canonical("".join(typed)) == canonical(answer)


@given(answers)
def test_capitals_and_full_width_change_nothing(answer: str) -> None:
    plain = answer.replace("\u0131", "i")  # dotless i has the capital of i
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in plain.upper())
    assert canonical(wide) == canonical(plain.upper()) == canonical(plain)


def folded_by_rewriting(answer: str) -> str:
    """Fold spellings in another way: as replacements in the decomposed text."""
    decomposed = unicodedata.normalize("NFD", answer)
    softening = "\u1163\u1164\u1167\u1168\u116d\u1172\u1175"
    decomposed = re.sub(f"[\u1102\u1105](?=[{softening}])", "\u110b", decomposed)
    decomposed = decomposed.replace("\u1105", "\u1102")
    vowels = {0x1162: 0x1166, 0x1164: 0x1168, 0x116B: 0x116C, 0x1170: 0x116C}
    decomposed = re.sub("\u11ba(?=[\u1100-\u1112])", "", decomposed.translate(vowels))
    return unicodedata.normalize("NFC", decomposed)


@pytest.mark.parametrize("after", ["", "가", "1"])
def test_every_syllable_is_folded_as_the_rules_say_and_no_further(after: str) -> None:
    for code in range(0xAC00, 0xD7A4):
        answer = chr(code) + after
        assert canonical(answer).decode() == folded_by_rewriting(answer)


@given(answers, answers)
def test_two_answers_are_joined_only_by_the_rules_of_spelling(one: str, other: str) -> None:
    same = folded_by_rewriting(one) == folded_by_rewriting(other)
    assert (canonical(one) == canonical(other)) == same


@given(answers.map(understood), usable, st.data())
def test_a_letter_more_is_another_answer(answer: str, more: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(answer)))
    assert canonical(answer[:position] + more + answer[position:]) != canonical(answer)


def test_three_different_answers_keep_their_order() -> None:
    three = answers_of("감자 밭", "1974년", "로동자")
    assert three == Answers(canonical("감자밭"), canonical("1974년"), canonical("노동자"))


@pytest.mark.parametrize(
    "order", list(itertools.permutations(("노동자", "로동자", "1974"))), ids="-".join
)
def test_two_answers_of_one_form_are_refused_in_any_order(order: tuple[str, str, str]) -> None:
    with pytest.raises(Refused) as caught:
        answers_of(*order)
    assert caught.value.reason is Reason.EQUAL_ANSWERS


def test_the_repr_of_three_answers_shows_none_of_them() -> None:
    assert repr(answers_of("a", "b", "c")) == "Answers()"


def distance(one: str, other: str) -> int:
    return jamo_distance(canonical(one), canonical(other))


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("감자", "감자", 0),
        ("감자", "감저", 1),
        ("감자", "강자", 1),
        ("감자", "가자", 1),
        ("감자", "자감", 4),
        ("가나", "각나", 1),
        ("각아", "가가", 1),
        ("간다", "가나다", 1),
        ("가", "아", 1),
        ("감자", "고구마", 4),
        ("1974", "1947", 1),
        ("1974", "2085", 4),
        ("金", "女", 1),
        ("a", "abcd", 3),
        ("노래", "로레", 0),
    ],
)
def test_the_distance_counts_slips_of_the_finger(one: str, other: str, slips: int) -> None:
    assert distance(one, other) == slips


@given(answers, answers)
def test_the_distance_is_the_same_both_ways_and_zero_only_for_one_form(
    one: str, other: str
) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (canonical(one) == canonical(other))


@given(answers, st.data())
def test_one_wrong_key_is_never_an_alarm(answer: str, data: st.DataObject) -> None:
    """No single jamo replaced turns an answer into something far enough to be its alarm word."""
    form = canonical(answer).decode()
    letters = list(unicodedata.normalize("NFD", form))
    position = data.draw(st.integers(0, len(letters) - 1))
    ranges = ((0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11C2), (0x30, 0x39))
    code = ord(letters[position])
    for first, last in ranges:
        if first <= code <= last:
            letters[position] = chr(data.draw(st.integers(first, last)))
    typed = unicodedata.normalize("NFC", "".join(letters))
    one_slip = jamo_distance(CanonicalAnswer(form.encode()), CanonicalAnswer(typed.encode()))
    assert one_slip <= 1 < ALARM_WORD_JAMO

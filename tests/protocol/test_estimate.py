"""The estimate of three answers is low, never negative, and never rises for a listed word."""

import itertools

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ojak_protocol.answers import Answers, CanonicalAnswer, answers_of, canonical
from ojak_protocol.estimate import (
    CATEGORIES,
    MOST_BITS_OF_ONE_ANSWER,
    SURNAMES,
    WARNING_BELOW_BITS,
    answer_bits,
    estimate_bits,
)

LISTED = [
    (word, category.bits)
    for category in (SURNAMES, *CATEGORIES.values())
    for word in category.words.split()
]
words = st.sampled_from([word for word, _ in LISTED] + ["1974", "0815", "년", "집", "밭", "x", "7"])
texts = st.lists(
    words | st.text("옷가나다감자김치19745ab奶々", min_size=1, max_size=4), min_size=1, max_size=4
).map("".join)
three = st.tuples(texts, texts, texts)


def bits(text: str) -> float:
    return answer_bits(canonical(text))


def together(first: str, second: str, third: str) -> float:
    return estimate_bits(Answers(canonical(first), canonical(second), canonical(third)))


@pytest.mark.parametrize(("word", "cap"), LISTED, ids=str)
def test_a_listed_word_never_costs_more_than_its_category(word: str, cap: float) -> None:
    assert 0 < bits(word) <= cap


def test_a_listed_word_costs_the_same_in_either_spelling() -> None:
    assert bits("량강도") == bits("양강도") == CATEGORIES["place"].bits
    assert bits("김치찌게") == bits("김치찌개") == CATEGORIES["food"].bits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("살구꽃", 9.0),  # three syllables nobody listed
        ("복숭아", 8.0),  # the last could become a listed word
        ("감자밭", 5.0),  # a food and a syllable
        ("김영희", 5.5),  # a surname and a given name
        ("영희김", 6.0),  # a surname is one only in front
        ("1974", 5.0),  # a year
        ("1974년", 8.0),
        ("0815", 6.0),  # a day
        ("9317", 8.0),  # four digits
        ("1234", 2.0),  # digits in order
        ("7777", 2.0),  # one digit
        ("하하하하", 3.0),
        ("nainai", 3.0),  # three different letters
        ("小々", 3.0),
        ("할머니가숨겨둔은반지", 14.0),  # much, but the others must count too
    ],
)
def test_examples_cost_what_the_rules_say(text: str, expected: float) -> None:
    assert bits(text) == expected


@given(texts, texts)
def test_an_answer_that_goes_on_is_never_easier(beginning: str, more: str) -> None:
    longer = CanonicalAnswer(canonical(beginning) + canonical(more))
    assert bits(beginning) <= answer_bits(longer)


@given(texts)
def test_no_answer_costs_less_than_nothing_or_more_than_the_limit(text: str) -> None:
    assert 0 <= bits(text) <= MOST_BITS_OF_ONE_ANSWER


@given(st.sampled_from(LISTED), texts)
def test_a_listed_word_in_front_adds_no_more_than_its_price(
    listed: tuple[str, float], text: str
) -> None:
    word, price = listed
    first = canonical(text).decode()[0]
    assume(first not in [canonical(surname).decode() for surname in SURNAMES.words.split()])
    assert bits(word + text) <= price + bits(text)


@given(three)
def test_together_they_cost_no_more_than_their_sum_and_never_less_than_nothing(
    answers: tuple[str, str, str],
) -> None:
    assert 0 <= together(*answers) <= sum(map(bits, answers))


@given(three)
@example(("0101", "0815", "단풍"))  # two days of different price
def test_the_order_of_the_answers_does_not_matter(answers: tuple[str, str, str]) -> None:
    assert len({round(together(*order), 9) for order in itertools.permutations(answers)}) == 1


def test_answers_of_different_categories_add_up() -> None:
    assert together("복숭아", "9317", "단풍") == bits("복숭아") + bits("9317") + bits("단풍")


@pytest.mark.parametrize("name", CATEGORIES)
def test_three_words_of_one_category_cost_less_than_twice_one(name: str) -> None:
    category = CATEGORIES[name]
    first, second, third = category.words.split()[:3]
    assert together(first, second, third) < 2 * category.bits


def test_two_years_cost_one_and_a_half() -> None:
    assert together("1974", "1982", "단풍") == 5.0 + 2.5 + 6.0


def test_an_answer_inside_another_counts_nothing() -> None:
    assert together("단풍나무", "단풍", "복숭아") == together("단풍나무", "나무", "복숭아")
    assert together("단풍나무", "단풍", "복숭아") == bits("단풍나무") + bits("복숭아")


@pytest.mark.parametrize(
    "answers",
    [
        ("김치", "개", "평양"),
        ("김영희", "1974", "혜산"),
        ("김영희", "박철수", "리순희"),
        ("19740815", "1950", "0101"),
        ("할머니", "강아지", "냉면"),
        ("1", "2", "3"),
        ("abc", "qwerty", "가나다"),
        ("kim", "lee", "park"),
    ],
    ids="-".join,
)
def test_answers_that_anyone_would_try_are_warned_about(answers: tuple[str, str, str]) -> None:
    assert estimate_bits(answers_of(*answers)) < WARNING_BELOW_BITS


def test_private_answers_are_not_warned_about() -> None:
    answers = answers_of("감자밭 뒤 돌담", "외할머니 은비녀", "뻐꾸기시계")
    assert estimate_bits(answers) >= WARNING_BELOW_BITS


def test_the_lists_stay_small_and_each_word_stands_once() -> None:
    folded = [canonical(word) for word, _ in LISTED]
    assert len(folded) <= 150
    assert len(set(folded)) == len(folded)

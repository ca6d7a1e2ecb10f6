"""A number is 12 digits, every one equally likely, and a slip of the pen in it is noticed."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ojak_protocol.errors import Reason, Refused
from ojak_protocol.number import Number, format_number, new_number, parse_number

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "number.json").read_text())
FIRST_DRAWN_AGAIN = 10**12
LEFT_OUT_CODES = (
    *(0xA0, 0xAD, 0x2009, 0x3000),  # spaces, soft hyphen
    *(0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2015, 0x2043, 0x2212, 0xFE63, 0xFF0D),
    *(0x200B, 0x2066, 0xFEFF),  # not seen
)
LEFT_OUT = " -\t\r\n" + "".join(map(chr, LEFT_OUT_CODES))

draws = st.integers(min_value=0, max_value=FIRST_DRAWN_AGAIN - 1)


def number_from(*drawn: int) -> Number:
    """Return the number made from these 40-bit draws, all of which must be used."""
    left = [value.to_bytes(5, "big") for value in drawn]

    def entropy(size: int) -> bytes:
        assert size == 5
        return left.pop(0)

    number = new_number(entropy)
    assert not left
    return number


numbers = draws.map(number_from)


def refusal_of(text: str) -> Reason | None:
    try:
        parse_number(text)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("vector", VECTORS["numbers"], ids=lambda vector: ascii(vector["text"]))
def test_each_vector_gives_its_number_or_its_reason(vector: dict[str, str]) -> None:
    if vector["expect"] == "number":
        assert parse_number(vector["text"]) == vector["number"]
    else:
        assert refusal_of(vector["text"]) == Reason(vector["reason"])


@given(draws)
def test_a_new_number_is_twelve_digits_and_accepted(drawn: int) -> None:
    number = number_from(drawn)
    assert len(number) == 12
    assert number.isascii()
    assert number.isdecimal()
    assert int(number[:11]) == drawn % 10**11
    assert parse_number(number) == number


@given(st.integers(min_value=0, max_value=10**11 - 1))
def test_every_number_comes_from_exactly_ten_draws(lowest: int) -> None:
    assert len({number_from(lowest + times * 10**11) for times in range(10)}) == 1


@given(st.lists(st.integers(min_value=FIRST_DRAWN_AGAIN, max_value=2**40 - 1), max_size=5), draws)
@example([FIRST_DRAWN_AGAIN], FIRST_DRAWN_AGAIN - 1)
def test_draws_that_would_make_some_numbers_likelier_are_drawn_again(
    above: list[int], drawn: int
) -> None:
    assert number_from(*above, drawn) == number_from(drawn)


@given(numbers)
def test_every_single_wrong_digit_is_noticed(number: Number) -> None:
    for position, digit in enumerate(number):
        for other in set("0123456789") - {digit}:
            wrong = number[:position] + other + number[position + 1 :]
            assert refusal_of(wrong) is Reason.CHECK_DIGIT


@given(numbers)
def test_every_two_neighbours_in_the_wrong_order_are_noticed(number: Number) -> None:
    for position in range(11):
        first, second = number[position], number[position + 1]
        swapped = number[:position] + second + first + number[position + 2 :]
        assert refusal_of(swapped) is (None if first == second else Reason.CHECK_DIGIT)


def test_no_two_digits_after_any_beginning_may_be_swapped() -> None:
    """Exhaustive where it matters: each state of the check, each pair of neighbours."""
    for beginning in range(1000):
        for first in range(10):
            for second in range(first):
                ends = [
                    number_from(beginning * 100 + pair)[-1]
                    for pair in (10 * first + second, 10 * second + first)
                ]
                assert ends[0] != ends[1]


@given(numbers)
def test_the_shown_form_is_four_four_four_and_read_back(number: Number) -> None:
    shown = format_number(number)
    assert [len(group) for group in shown.split("-")] == [4, 4, 4]
    assert parse_number(shown) == number


@given(
    numbers,
    st.lists(st.sampled_from(LEFT_OUT), max_size=20),
    st.randoms(use_true_random=False),
    st.sampled_from([0x30, 0x660, 0x6F0, 0x966, 0xFF10, 0x1D7CE]),
)
def test_spaces_hyphens_and_digits_of_other_scripts_change_nothing(
    number: Number,
    added: list[str],
    order: Random,
    zero: int,
) -> None:
    characters = [chr(zero + int(digit)) for digit in number]
    for character in added:
        characters.insert(order.randint(0, len(characters)), character)
    assert parse_number("".join(characters)) == number


@given(st.text() | st.text(alphabet="0123456789- ", max_size=14))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    try:
        number = parse_number(text)
    except Refused:
        return
    assert parse_number(number) == number


def test_a_refusal_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(Refused) as caught:
        parse_number("000000005720")
    assert "5720" not in str(caught.value)

"""A slip is read back however it was copied, and a wrong character in it is noticed."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ojak_protocol.cbor import Value, encode
from ojak_protocol.errors import LocalError, Malformed
from ojak_protocol.number import Number, new_number
from ojak_protocol.primitives import blake2b
from ojak_protocol.slip import Slip, decode_slip, encode_slip, format_slip

NUMBER = Number("000000005724")
RELAY = "https://relay.example"
SLIP = Slip(NUMBER, RELAY)
SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BETWEEN = " -\n\t" + "".join(map(chr, (0x3000, 0x2010, 0x2014, 0xFF0D, 0x200B)))

numbers = st.integers(0, 10**12 - 1).map(lambda drawn: new_number(lambda _: drawn.to_bytes(5)))
relays = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=160)
texts = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=120)
slips = st.builds(Slip, numbers, relays, st.lists(texts, max_size=3).map(tuple))


def written(body: bytes, check: bytes | None = None) -> str:
    """Write any body with its check in Crockford's base32, by another way than the program's."""
    data = body + (blake2b(b"slip", body)[:4] if check is None else check)
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(SYMBOLS[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


@given(slips)
def test_a_slip_is_read_back(slip: Slip) -> None:
    assert decode_slip(encode_slip(slip)) == slip
    assert decode_slip(format_slip(encode_slip(slip))) == slip


@given(slips)
def test_a_slip_is_one_upper_case_word_of_32_symbols(slip: Slip) -> None:
    assert set(encode_slip(slip)) <= set(SYMBOLS)


def test_a_slip_is_the_body_and_check_of_the_protocol() -> None:
    body = encode({0: 1, 1: 5724, 2: RELAY})
    assert encode_slip(SLIP) == written(body)
    body = encode({0: 1, 1: 5724, 2: RELAY, 3: ["누구?"]})
    assert encode_slip(Slip(NUMBER, RELAY, ("누구?",))) == written(body)


@given(slips, st.lists(st.tuples(st.integers(0, 300), st.sampled_from(BETWEEN)), max_size=20))
def test_case_width_spaces_and_hyphens_do_not_matter(
    slip: Slip, added: list[tuple[int, str]]
) -> None:
    typed = list(encode_slip(slip).lower())
    for position, character in added:
        typed.insert(position, character)
    assert decode_slip("".join(typed)) == slip
    wide = "".join(chr(ord(character) + 0xFEE0) for character in encode_slip(slip))
    assert decode_slip(wide) == slip


@given(slips)
def test_letters_that_look_like_digits_count_as_digits(slip: Slip) -> None:
    encoded = encode_slip(slip)
    for one in "iIlL":
        for zero in "oO":
            assert decode_slip(encoded.replace("1", one).replace("0", zero)) == slip


def test_a_letter_whose_capital_looks_like_a_digit_is_no_symbol() -> None:
    encoded = encode_slip(Slip(NUMBER, "http://127.0.0.1:8080"))
    assert "1" in encoded
    with pytest.raises(Malformed):
        decode_slip(encoded.replace("1", "\u0131"))


def test_every_single_wrong_character_is_noticed() -> None:
    encoded = encode_slip(SLIP)
    for position, right in enumerate(encoded):
        for wrong in set(SYMBOLS) - {right}:
            with pytest.raises(Malformed):
                decode_slip(encoded[:position] + wrong + encoded[position + 1 :])


def test_every_missing_and_every_swapped_character_is_noticed() -> None:
    encoded = encode_slip(SLIP)
    for position in range(len(encoded)):
        head, tail = encoded[:position], encoded[position:]
        with pytest.raises(Malformed):
            decode_slip(head + tail[1:])
        if tail[:1] != tail[1:2] and tail[1:]:
            with pytest.raises(Malformed):
                decode_slip(head + tail[1] + tail[0] + tail[2:])


@given(st.text() | st.text(SYMBOLS + "oil -") | st.binary(max_size=40).map(written))
@example("")
@example("\ud800")
def test_any_text_is_malformed_or_a_slip(text: str) -> None:
    try:
        slip = decode_slip(text)
    except Malformed:
        return
    assert decode_slip(encode_slip(slip)) == slip


plain = st.integers(0, 2**64 - 1) | st.binary(max_size=8) | st.text(max_size=8)
bodies = st.dictionaries(
    st.integers(0, 4), plain | st.lists(plain, max_size=4) | st.just(RELAY), max_size=5
)


@given(bodies, st.sampled_from([{}, {0: 1}, {0: 1, 1: 5724}, {0: 1, 1: 5724, 2: RELAY}]))
def test_any_value_with_a_right_check_is_malformed_or_a_slip_written_this_way(
    body: dict[int, Value], right: dict[int, Value]
) -> None:
    text = written(encode(body | right))
    try:
        slip = decode_slip(text)
    except Malformed:
        return
    assert encode_slip(slip) == text


@pytest.mark.parametrize(
    "body",
    [
        {0: 2, 1: 5724, 2: RELAY},
        {0: 1, 1: 5725, 2: RELAY},
        {0: 1, 1: 10**12 + 5724, 2: RELAY},
        {0: 1, 1: "000000005724", 2: RELAY},
        {0: 1, 1: 5724},
        {0: 1, 1: 5724, 2: ""},
        {0: 1, 1: 5724, 2: "x" * 161},
        {0: 1, 1: 5724, 2: "https://a b"},
        {0: 1, 1: 5724, 2: "https://\x1b[2J"},
        {0: 1, 1: 5724, 2: "https://é"},
        {0: 1, 1: 5724, 2: RELAY, 3: []},
        {0: 1, 1: 5724, 2: RELAY, 3: "text"},
        {0: 1, 1: 5724, 2: RELAY, 3: [1]},
        {0: 1, 1: 5724, 2: RELAY, 3: [""]},
        {0: 1, 1: 5724, 2: RELAY, 3: ["a", "b", "c", "d"]},
        {0: 1, 1: 5724, 2: RELAY, 3: ["x" * 121]},
        {0: 1, 1: 5724, 2: RELAY, 3: ["\x1b[2J"]},
        {0: 1, 1: 5724, 2: RELAY, 3: ["\u202eabc"]},
        {0: 1, 1: 5724, 2: RELAY, 4: 0},
        [],
    ],
    ids=ascii,
)
def test_what_is_not_a_slip_is_malformed_in_spite_of_its_right_check(body: Value) -> None:
    assert decode_slip(written(encode({0: 1, 1: 5724, 2: RELAY}))) == SLIP
    with pytest.raises(Malformed):
        decode_slip(written(encode(body)))


def test_bits_beyond_the_last_byte_are_refused() -> None:
    slip = Slip(NUMBER, "https://one.example")
    encoded = encode_slip(slip)
    assert len(encoded) * 5 % 8 > 0
    with pytest.raises(Malformed):
        decode_slip(encoded[:-1] + SYMBOLS[SYMBOLS.index(encoded[-1]) + 1])


@pytest.mark.parametrize(
    "slip",
    [
        pytest.param(Slip(Number("000000005725"), RELAY), id="check digit"),
        pytest.param(Slip(Number("0000-0000-5724"), RELAY), id="written with hyphens"),
        pytest.param(Slip(NUMBER, ""), id="no relay"),
        pytest.param(Slip(NUMBER, "https://a b"), id="space in the relay"),
        pytest.param(Slip(NUMBER, RELAY, ("a", "b", "c", "d")), id="four questions"),
        pytest.param(Slip(NUMBER, RELAY, ("\ud800",)), id="surrogate"),
    ],
)
def test_a_slip_that_no_reader_would_accept_is_not_written(slip: Slip) -> None:
    with pytest.raises(LocalError):
        encode_slip(slip)


def test_number_and_longest_relay_fit_the_smallest_agreed_code() -> None:
    encoded = encode_slip(Slip(new_number(lambda _: b"\xe0" + bytes(4)), "x" * 160))
    assert len(encoded) * 5 // 8 <= 190


def test_nothing_in_a_slip_names_this_program() -> None:
    body = encode({0: 1, 1: 5724, 2: RELAY})
    assert b"ojak" not in body.lower()
    assert "OJAK" not in encode_slip(SLIP)


def test_a_question_is_not_in_the_repr() -> None:
    assert "누구" not in repr(Slip(NUMBER, RELAY, ("누구?",)))


def test_a_long_text_is_refused_unread() -> None:
    with pytest.raises(Malformed, match="too long"):
        decode_slip("0" * 8193)

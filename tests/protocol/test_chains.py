"""One chain: every place has keys of its own, and nothing leads back to an earlier one."""

import hmac
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    PlacesAhead,
    body_key,
    end_key,
    next_chain_key,
    next_mailbox_key,
    place_at,
)

KEY = MailboxKey(b"k" * 32)


def test_places_follow_the_formulas_of_the_design() -> None:
    place = place_at(KEY, 3)
    assert place.index == 3
    assert place.delete_key == hmac.digest(KEY, b"dk", "sha512")[:32]
    assert place.header_key == hmac.digest(KEY, b"header", "sha512")[:32]
    assert place.id == blake2b(place.delete_key, digest_size=32, person=b"box").digest()
    assert next_mailbox_key(KEY) == blake2b(KEY, digest_size=32, person=b"next").digest()
    assert end_key(KEY) == blake2b(KEY, digest_size=32, person=b"ended").digest()
    chain = ChainKey(KEY)
    assert body_key(chain) == hmac.digest(KEY, b"body", "sha512")[:32]
    assert next_chain_key(chain) == hmac.digest(KEY, b"chain", "sha512")[:32]


@given(start=st.integers(0, 1000), count=st.integers(0, 64))
def test_places_in_a_row_are_those_of_single_steps(start: int, count: int) -> None:
    key, expected = KEY, []
    for index in range(start, start + count):
        expected.append(place_at(key, index))
        key = next_mailbox_key(key)
    places = PlacesAhead(KEY, start, count)
    assert list(places) == expected == [places[step] for step in range(len(places))]
    assert [place.id for place in expected] == list(places.ids_at(range(count)).values())
    some = {count // 3, count - 1} if count else set()
    assert places.ids_at(some) == {step: expected[step].id for step in some}
    assert [place.id for place in expected] == [places.id_at(step) for step in range(count)]
    for beyond in (-1, count):
        with pytest.raises(IndexError):
            places.id_at(beyond)
        with pytest.raises(IndexError):
            places[beyond]
        with pytest.raises(IndexError):
            places.ids_at({beyond})


def test_no_two_keys_of_a_chain_are_equal() -> None:
    places = list(PlacesAhead(KEY, 0, 64))
    chain, bodies = ChainKey(KEY), []
    for _ in places:
        bodies.append(body_key(chain))
        chain = next_chain_key(chain)
    keys = [KEY, *bodies, chain]
    for place in places:
        keys += [place.delete_key, place.header_key, place.id]
    assert len(set(keys)) == len(keys)

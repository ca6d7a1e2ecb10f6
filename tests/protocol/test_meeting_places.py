"""Meeting places follow from the number, and what lies there fills a whole box."""

import os
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.errors import LocalError, Malformed, RemoteError, Unopenable
from ojak_protocol.meeting_places import (
    answer_place,
    offer_place,
    open_at,
    seal_at,
    seen_place,
)
from ojak_protocol.stretch import Seed

SEED, OTHER = Seed(b"s" * 32), Seed(b"t" * 32)
PLACE = offer_place(SEED, 1, 20_000, 0)


def test_every_place_is_another() -> None:
    nonces = (b"a" * 32, b"b" * 32)
    places = [
        make
        for seed in (SEED, OTHER)
        for make in (
            *(offer_place(seed, set_, day, n) for set_ in (1, 2) for day in (0, 1) for n in (0, 1)),
            *(answer_place(seed, nonce, run) for nonce in nonces for run in range(4)),
            *(seen_place(seed, nonce, run) for nonce in nonces for run in range(4)),
        )
    ]
    assert len(set(places)) == len(places)
    assert {len(place) for place in places} == {32}


@given(st.binary(max_size=3960))
@settings(max_examples=30)
def test_what_is_sealed_at_a_place_opens_there_and_fills_a_box(message: bytes) -> None:
    box = seal_at(SEED, PLACE, message, entropy=os.urandom)
    assert len(box) == BOX_BYTES
    assert open_at(SEED, PLACE, box) == message.ljust(3960, b"\0")


def test_it_opens_at_no_other_place_and_under_no_other_number() -> None:
    box = seal_at(SEED, PLACE, b"message", entropy=os.urandom)
    for seed, place in ((OTHER, PLACE), (SEED, offer_place(SEED, 1, 20_000, 1))):
        with pytest.raises(Unopenable):
            open_at(seed, place, box)


def test_a_sealed_text_of_another_size_than_a_box_is_malformed() -> None:
    box = seal_at(SEED, PLACE, b"message!", entropy=os.urandom)
    with pytest.raises(Malformed):
        open_at(SEED, PLACE, box + b"!")


def test_a_message_of_more_than_3960_bytes_is_refused() -> None:
    with pytest.raises(LocalError):
        seal_at(SEED, PLACE, bytes(3961), entropy=os.urandom)


@given(st.one_of(st.binary(max_size=60), st.binary(min_size=BOX_BYTES, max_size=BOX_BYTES)))
@settings(max_examples=30)
def test_arbitrary_bytes_open_nowhere(box: bytes) -> None:
    with pytest.raises(RemoteError):
        open_at(SEED, PLACE, box)


@pytest.mark.parametrize("make", [answer_place, seen_place])
def test_the_number_alone_does_not_tell_where_answers_lie(
    make: Callable[[Seed, bytes, int], MailboxId],
) -> None:
    assert make(SEED, os.urandom(32), 0) != make(SEED, os.urandom(32), 0)

"""Acknowledgements: in the order of places, never of arrival; a lie or a copy does not fit."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_protocol.acknowledgement import (
    Acknowledgement,
    Entry,
    Outcome,
    Reading,
    Writing,
    WrittenPlace,
    accepted,
    acknowledge,
    chain_ended,
    form_of,
    heard,
    wrote,
)
from ojak_protocol.addresses import MailboxId
from ojak_protocol.errors import CopyDetected, Exhausted

Written = list[tuple[int, int]]


def place(chain: int, index: int) -> MailboxId:
    return MailboxId(bytes([chain, index]) * 16)


def letter(chain: int, index: int) -> bytes:
    return form_of(b"letter" + place(chain, index))


def taken_back(chain: int, index: int) -> bytes:
    return form_of(b"withdrawn" + place(chain, index))


def writer_of(places: Written) -> Writing:
    writing = Writing()
    for at in places:
        writing = wrote(writing, WrittenPlace(place(*at), letter(*at), taken_back(*at)))
    return writing


def entry(at: tuple[int, int], outcome: Outcome) -> Entry:
    form = {
        Outcome.ARRIVED: letter(*at),
        Outcome.WITHDRAWN: taken_back(*at),
        Outcome.LOST: b"",
    }[outcome]
    return Entry(*at, place(*at), form, withdrawn=outcome is Outcome.WITHDRAWN)


lengths_of_chains = st.lists(st.integers(1, 12), min_size=1, max_size=5)


@given(lengths=lengths_of_chains, data=st.data())
def test_the_writer_learns_what_became_of_each_place_whatever_the_order(
    lengths: list[int], data: st.DataObject
) -> None:
    places = [(chain, index) for chain, length in enumerate(lengths) for index in range(length)]
    told = data.draw(st.lists(st.sampled_from(Outcome), min_size=len(places), max_size=len(places)))
    fates = dict(zip(places, told, strict=True))
    reading = Reading()
    for at in data.draw(st.permutations(places)):
        reading = accepted(reading, entry(at, fates[at]))
        if at[0]:
            reading = chain_ended(reading, at[0] - 1, lengths[at[0] - 1])
    assert reading.count == len(places)
    assert not reading.waiting
    assert not reading.lengths
    left, outcomes = heard(writer_of(places), acknowledge(reading), chain=0, index=0)
    assert list(outcomes) == told
    assert left.places == ()


def test_a_gap_stops_the_hash_until_it_is_closed() -> None:
    reading = accepted(Reading(), entry((0, 1), Outcome.ARRIVED))
    assert (reading.count, len(reading.waiting)) == (0, 1)
    reading = accepted(reading, entry((0, 0), Outcome.LOST))
    assert (reading.count, len(reading.waiting)) == (2, 0)
    _, outcomes = heard(writer_of([(0, 0), (0, 1)]), acknowledge(reading), chain=0, index=0)
    assert outcomes == (Outcome.LOST, Outcome.ARRIVED)


def test_the_end_of_a_chain_counts_once() -> None:
    reading = accepted(chain_ended(Reading(), 1, 3), entry((0, 0), Outcome.ARRIVED))
    assert chain_ended(reading, 1, 4) == reading
    ended = chain_ended(reading, 0, 1)
    assert (ended.chain, ended.index) == (1, 0)
    assert chain_ended(ended, 0, 5) == ended


def acknowledged(count: int, *, of: Written) -> Acknowledgement:
    reading = Reading()
    for at in of[:count]:
        reading = accepted(reading, entry(at, Outcome.ARRIVED))
    return acknowledge(reading)


PLACES: Written = [(0, index) for index in range(6)]


def test_an_older_box_that_comes_later_tells_nothing_new() -> None:
    writing, _ = heard(writer_of(PLACES), acknowledged(4, of=PLACES), chain=1, index=1)
    assert heard(writing, acknowledged(2, of=PLACES), chain=1, index=0) == (writing, ())
    assert heard(writing, acknowledged(2, of=PLACES), chain=0, index=9) == (writing, ())


def test_an_acknowledgement_is_heard_again_without_effect() -> None:
    writing, _ = heard(writer_of(PLACES), acknowledged(4, of=PLACES), chain=1, index=1)
    again, outcomes = heard(writing, acknowledged(4, of=PLACES), chain=1, index=2)
    assert outcomes == ()
    assert again == replace(writing, heard_at=(1, 2))


@pytest.mark.parametrize(
    ("told", "at"),
    [
        pytest.param(acknowledged(3, of=PLACES), (1, 2), id="fewer in a newer box"),
        pytest.param(acknowledged(5, of=PLACES), (1, 0), id="more in an older box"),
        pytest.param(
            acknowledged(7, of=[*PLACES, (0, 6)]), (1, 2), id="more than was ever written"
        ),
        pytest.param(replace(acknowledged(5, of=PLACES), tag=bytes(8)), (1, 2), id="another hash"),
        pytest.param(
            replace(acknowledged(5, of=PLACES), withdrawn=1), (1, 2), id="withdrawn that was not"
        ),
        pytest.param(replace(acknowledged(5, of=PLACES), lost=1), (1, 2), id="lost that was not"),
        pytest.param(
            replace(acknowledged(4, of=PLACES), tag=bytes(8)), (1, 2), id="the same of others"
        ),
        pytest.param(Acknowledgement(2**64 - 1, bytes(8), 0, 0), (1, 2), id="the most there is"),
    ],
)
def test_what_does_not_fit_means_a_copy(told: Acknowledgement, at: tuple[int, int]) -> None:
    writing, _ = heard(writer_of(PLACES), acknowledged(4, of=PLACES), chain=1, index=1)
    with pytest.raises(CopyDetected):
        heard(writing, told, chain=at[0], index=at[1])


def test_at_most_64_places_are_unacknowledged_and_the_maps_hold_them_all() -> None:
    places: Written = [(0, index) for index in range(64)]
    writing = writer_of(places)
    with pytest.raises(Exhausted):
        wrote(writing, WrittenPlace(place(0, 64), b"", b""))
    reading = Reading()
    for at in places:
        reading = accepted(
            reading, entry(at, Outcome.LOST if at[1] in {0, 63} else Outcome.WITHDRAWN)
        )
    _, outcomes = heard(writing, acknowledge(reading), chain=0, index=0)
    assert [outcomes[0], outcomes[1], outcomes[63]] == [
        Outcome.LOST,
        Outcome.WITHDRAWN,
        Outcome.LOST,
    ]
    for at in [(0, index) for index in range(64, 80)]:
        reading = accepted(reading, entry(at, Outcome.ARRIVED))
    assert max(acknowledge(reading).withdrawn, acknowledge(reading).lost) < 2**64

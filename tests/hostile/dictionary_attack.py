"""A relay tries a dictionary against everything it recorded, and ranks the words.

For each word w and visit the attacker computes all that follows from public things and w:

    g_0, g_1    the two CPace generators of the run times 8: the share of w with the smallest scalar
    a           an address made from the number, the visit and w
    p           what w is stretched to
    k_0, k_1    where the host's first box would lie if the CPace key were a hash of w

and compares them with all that is recorded: the four shares of the run, every place that was
polled or deposited to, the first 32 bytes of every box. A word scores, in this order,

1. hits: g equal to a share, or a, k_0 or k_1 equal to a place;
2. the largest deviation: for each pair of one of (g_0, g_1, a, p) and one recorded value the
   number of equal bits over all visits, and its distance from half of all bits in standard
   deviations; the same for what changes of g and of each share from one visit to the next, which
   finds a mask used twice;
3. the sum of the squares of these distances.

k is tried where one visit is all there is, because it costs most: what one visit shows at once
needs no more of them.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.hostile.recorded_visits import (
    Recorded,
    generator,
    key_of_word,
    place_of_key,
    place_of_word,
    word,
)

WORDS: Final = 1000
_P: Final = 2**255 - 19
_BITS: Final = 256

Score = tuple[int, float, float]


@dataclass(frozen=True)
class Candidates:
    """What follows from one word for each of the visits."""

    prs: bytes
    generators: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """y of the generators times 8, by branch and visit."""
    addresses: tuple[bytes, ...]
    rows: tuple[int, ...]
    """g_0, g_1, a and p, each over all visits as one number."""
    changes: tuple[int, ...]
    """What changes of g_0 and g_1 from one visit to the next, as one number."""


def candidates(visits: int) -> list[Candidates]:
    """What follows from each word of the dictionary, before any visit is recorded."""
    return [_candidates(word(number), visits) for number in range(WORDS)]


def rank_of(
    true: int, words: Sequence[Candidates], records: Sequence[Recorded], drawn: random.Random
) -> int:
    """How many words the attacker holds for likelier than the true one; ties fall as *drawn*."""
    seen = _Seen(records)
    scores = [_score(candidate, seen) for candidate in words]
    better = sum(score > scores[true] for score in scores)
    return better + drawn.randrange(scores.count(scores[true]))


def chi_squared(ranks: Sequence[int], bins: int) -> float:
    """Pearson's statistic of *ranks* against equal numbers in each of *bins*."""
    expected = len(ranks) / bins
    counts = [0] * bins
    for rank in ranks:
        counts[rank * bins // WORDS] += 1
    return sum((count - expected) ** 2 / expected for count in counts)


class _Seen:
    """The recorded visits, laid out for comparing."""

    def __init__(self, records: Sequence[Recorded]) -> None:
        self.records = records
        self.bits = _BITS * len(records)
        self.shares = [[_edwards_y(share) for share in record.shares] for record in records]
        self.places = [set[bytes](record.places) for record in records]
        lists = [
            [*shares, *record.places, *record.beginnings]
            for shares, record in zip(self.shares, records, strict=True)
        ]
        self.rows = tuple(_row(values) for values in zip(*lists, strict=True))
        self.changes = tuple(_changes(values) for values in zip(*self.shares, strict=True))


def _candidates(prs: bytes, visits: int) -> Candidates:
    first, second = (
        tuple(_without_sign(generator(number, j, prs)) for number in range(visits)) for j in (0, 1)
    )
    addresses = tuple(bytes(place_of_word(number, prs)) for number in range(visits))
    return Candidates(
        prs,
        (first, second),
        addresses,
        rows=(_row(first), _row(second), _row(addresses), _row((prs,) * visits)),
        changes=(_changes(first), _changes(second)),
    )


def _score(one: Candidates, seen: _Seen) -> Score:
    middle, deviation = seen.bits / 2, seen.bits**0.5 / 2
    apart = [abs((row ^ value).bit_count() - middle) for row in one.rows for value in seen.rows]
    largest, squares = max(apart), sum(distance * distance for distance in apart)
    if len(seen.records) > 1:
        # One visit less: there are so many steps from one to the next.
        middle, shorter = middle - _BITS / 2, (seen.bits - _BITS) ** 0.5 / 2
        steps = [
            abs((row ^ value).bit_count() - middle) * deviation / shorter
            for row in one.changes
            for value in seen.changes
        ]
        largest, squares = max(largest, *steps), squares + sum(step * step for step in steps)
    return _hits(one, seen), largest, squares


def _hits(one: Candidates, seen: _Seen) -> int:
    hits = 0
    for number, (shares, places) in enumerate(zip(seen.shares, seen.places, strict=True)):
        hits += one.addresses[number] in places
        hits += sum(generators[number] in shares for generators in one.generators)
    if len(seen.records) == 1:
        key = key_of_word(one.prs)
        hits += sum(place_of_key(key, seen.records[0], j) in seen.places[0] for j in (0, 1))
    return hits


def _row(values: Sequence[bytes]) -> int:
    return int.from_bytes(b"".join(values), "big")


def _changes(values: Sequence[bytes]) -> int:
    return _row(values[1:]) ^ _row(values[:-1])


def _without_sign(point: bytes) -> bytes:
    return point[:31] + bytes([point[31] & 0x7F])


def _edwards_y(share: bytes) -> bytes:
    """y of the Edwards point whose Montgomery u is *share*: (u - 1) / (u + 1), RFC 7748."""
    u = int.from_bytes(share, "little")
    return ((u - 1) * pow(u + 1, -1, _P) % _P).to_bytes(32, "little")

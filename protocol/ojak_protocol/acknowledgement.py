"""Acknowledgements: one running hash per direction over all boxes, in the order of their places.

    h' = H("ack", h ‖ id ‖ H("form", box))         for a box that was accepted
    h' = H("ack", h ‖ id)                          for a place whose keys are gone ("lost")

The reader folds places strictly by chain and index; a gap stops it. It tells the writer how many
places it folded, eight bytes of the hash, and which of the latest 64 were withdrawn or lost. The
writer, who knows both boxes of each place, computes the same hash: equal means that the other
side holds just what was sent. Anything else means that one side was restored from a copy.

Source: docs/protocol.md, "Acknowledgement".
"""

from enum import Enum
from typing import Final, assert_never

from ojak_protocol.addresses import MailboxId
from ojak_protocol.errors import CopyDetected, Exhausted
from ojak_protocol.hidden import Hidden
from ojak_protocol.labels import H_ACKNOWLEDGE, H_FORM
from ojak_protocol.primitives import blake2b
from ojak_protocol.values import dataclass, replace

MOST_UNACKNOWLEDGED: Final = 64
TAG_BYTES: Final = 8
_MAP_MASK: Final = (1 << MOST_UNACKNOWLEDGED) - 1
_START: Final = bytes(32)


class Outcome(Enum):
    """What became of a place we wrote to."""

    ARRIVED = "arrived"
    WITHDRAWN = "withdrawn"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a reader tells the writer about the places it has folded."""

    count: int
    tag: bytes
    """The first 8 bytes of the running hash."""
    withdrawn: int
    """64 bits: bit 0 is the latest place."""
    lost: int
    """64 bits: bit 0 is the latest place."""


@dataclass(frozen=True, slots=True, repr=False)
class Entry(Hidden):
    """One place as the reader met it: *form* is the hash of its box, empty if it is lost."""

    chain: int
    index: int
    id: MailboxId
    form: bytes
    withdrawn: bool


@dataclass(frozen=True, slots=True, repr=False)
class Reading(Hidden):
    """The reader's half: what was folded, and what waits behind a gap."""

    chain: int = 0
    index: int = 0
    count: int = 0
    digest: bytes = _START
    withdrawn: int = 0
    lost: int = 0
    waiting: tuple[Entry, ...] = ()
    lengths: tuple[tuple[int, int], ...] = ()
    """(chain, number of its places) of chains that ended beyond the gap."""


@dataclass(frozen=True, slots=True, repr=False)
class WrittenPlace(Hidden):
    """One place as its writer knows it."""

    id: MailboxId
    letter: bytes
    """Hash of the box with the letter."""
    withdrawn: bytes
    """Hash of the box that takes the letter back."""


@dataclass(frozen=True, slots=True, repr=False)
class Writing(Hidden):
    """The writer's half: the hash up to the last acknowledged place, and the places after it."""

    count: int = 0
    digest: bytes = _START
    places: tuple[WrittenPlace, ...] = ()
    heard_at: tuple[int, int] = (-1, -1)
    """Chain and index of the box that carried the newest acknowledgement."""


def form_of(box: bytes) -> bytes:
    """Return the hash by which *box* enters the running hash."""
    return blake2b(H_FORM, box)


def accepted(reading: Reading, entry: Entry) -> Reading:
    """Return *reading* after a place was opened or became lost."""
    return _fold(replace(reading, waiting=(*reading.waiting, entry)))


def chain_ended(reading: Reading, chain: int, length: int) -> Reading:
    """Return *reading* after it became known that *chain* has *length* places."""
    if chain < reading.chain or any(known == chain for known, _ in reading.lengths):
        return reading
    return _fold(replace(reading, lengths=(*reading.lengths, (chain, length))))


def acknowledge(reading: Reading) -> Acknowledgement:
    """Return what the other side is to be told."""
    return Acknowledgement(
        reading.count, reading.digest[:TAG_BYTES], reading.withdrawn, reading.lost
    )


def wrote(writing: Writing, place: WrittenPlace) -> Writing:
    """Return *writing* with one more place.

    Raises:
        Exhausted: 64 places are already unacknowledged.
    """
    if len(writing.places) >= MOST_UNACKNOWLEDGED:
        raise Exhausted("64 letters are waiting to be acknowledged")
    return replace(writing, places=(*writing.places, place))


def heard(
    writing: Writing, told: Acknowledgement, *, chain: int, index: int
) -> tuple[Writing, tuple[Outcome, ...]]:
    """Return what became of the oldest unacknowledged places, which are then no longer kept.

    Args:
        writing: our half.
        told: the acknowledgement.
        chain: the chain of the box that carried it.
        index: the place of that box in its chain.

    Raises:
        CopyDetected: it does not fit what we wrote, or runs backwards.
    """
    if (chain, index) < writing.heard_at:
        if told.count > writing.count:
            raise CopyDetected("an older box acknowledges more than a newer one")
        return writing, ()
    gained = told.count - writing.count
    if not 0 <= gained <= len(writing.places):
        raise CopyDetected("an acknowledgement counts other places than were written")
    digest, outcomes = writing.digest, []
    for position, place in enumerate(writing.places[:gained]):
        outcome = _outcome(told, gained - 1 - position)
        digest = _next(digest, place.id, _form(place, outcome))
        outcomes.append(outcome)
    if digest[:TAG_BYTES] != told.tag:
        raise CopyDetected("an acknowledgement is of other boxes than were written")
    left = Writing(told.count, digest, writing.places[gained:], (chain, index))
    return left, tuple(outcomes)


def _outcome(told: Acknowledgement, bit: int) -> Outcome:
    if told.lost >> bit & 1:
        return Outcome.LOST
    if told.withdrawn >> bit & 1:
        return Outcome.WITHDRAWN
    return Outcome.ARRIVED


def _form(place: WrittenPlace, outcome: Outcome) -> bytes:
    match outcome:
        case Outcome.ARRIVED:
            return place.letter
        case Outcome.WITHDRAWN:
            return place.withdrawn
        case Outcome.LOST:
            return b""
        case _:
            assert_never(outcome)


def _next(digest: bytes, place: MailboxId, form: bytes) -> bytes:
    return blake2b(H_ACKNOWLEDGE, digest + place + form)


def _fold(reading: Reading) -> Reading:
    waiting = {(entry.chain, entry.index): entry for entry in reading.waiting}
    lengths = dict(reading.lengths)
    while True:
        if lengths.get(reading.chain) == reading.index:
            del lengths[reading.chain]
            reading = replace(reading, chain=reading.chain + 1, index=0)
        elif (reading.chain, reading.index) in waiting:
            reading = _fold_one(reading, waiting.pop((reading.chain, reading.index)))
        else:
            break
    return replace(reading, waiting=tuple(waiting.values()), lengths=tuple(sorted(lengths.items())))


def _fold_one(reading: Reading, entry: Entry) -> Reading:
    return replace(
        reading,
        index=reading.index + 1,
        count=reading.count + 1,
        digest=_next(reading.digest, entry.id, entry.form),
        withdrawn=(reading.withdrawn << 1 | entry.withdrawn) & _MAP_MASK,
        lost=(reading.lost << 1 | (not entry.form)) & _MAP_MASK,
    )

"""Places of the other side where boxes were read: what lies there again may be a copy's.

A device restored from an older copy writes where the other side has read already. Of the latest
chains the reader keeps from where on they lie, and for each place that it opened eight bytes of the
header that it opened there. One state seals one header for a place, so another one that opens there
was sealed by a copy. So is one behind the end of a chain that its writer ended itself. A relay can
make neither: all it can show is what was read, and that is deleted once more.

Source: docs/protocol.md, "The ratchet".
"""

from collections.abc import Collection
from typing import Final

from ojak_protocol.addresses import DeleteKey, MailboxId
from ojak_protocol.box import open_header, seal_of
from ojak_protocol.chains import MailboxKey, Place, PlacesAhead, end_key, next_mailbox_key
from ojak_protocol.errors import CopyDetected, RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.values import dataclass, replace

MOST_READ_CHAINS: Final = 9
"""The present chain of the other side and eight before it."""
MOST_READ_PLACES: Final = 48
"""In all these chains together."""


@dataclass(frozen=True, slots=True, repr=False)
class ReadChain(Hidden):
    """A chain of the other side of which boxes were read: under 1 KB with nine of them."""

    number: int
    end_key: MailboxKey
    """Of the place at which its writer is told of a copy."""
    first: int
    """Index of the first place that is still known."""
    mailbox_key: MailboxKey
    """Of that place."""
    seals: tuple[bytes, ...] = ()
    """Of each place from there on the 8 bytes of `seal_of`; empty where nothing was opened."""
    ended: bool = False
    """Whether its writer wrote no more behind these."""
    deleted_again: tuple[int, ...] = ()
    """Indices of places where what was read lay once more, and was deleted once more."""

    @property
    def again(self) -> tuple[int, ...]:
        """The places to look at, counted from the first that is known, the latest first."""
        behind = (len(self.seals),) if self.ended else ()
        opened = (step for step in reversed(range(len(self.seals))) if self.seals[step])
        return (*behind, *opened)

    @property
    def places(self) -> PlacesAhead:
        """Every place that is known, and the one behind them."""
        return PlacesAhead(self.mailbox_key, self.first, len(self.seals) + 1)


Read = tuple[ReadChain, ...]
"""Oldest first."""


def begun(read: Read, number: int, mailbox_key: MailboxKey) -> Read:
    """Return *read* with chain *number*, of which nothing was read yet."""
    return _bounded((*read, ReadChain(number, end_key(mailbox_key), 0, mailbox_key)))


def ended(read: Read, number: int, length: int) -> Read:
    """Return *read* after chain *number* was said to have *length* places."""
    return _bounded(
        tuple(
            replace(_padded(chain, length), ended=True) if chain.number == number else chain
            for chain in read
        )
    )


def noted(read: Read, number: int, index: int, box: bytes) -> Read:
    """Return *read* after *box* was opened at place *index* of chain *number*."""
    return _bounded(
        tuple(
            _noted(chain, index - chain.first, seal_of(box)) if chain.number == number else chain
            for chain in read
        )
    )


def count_again(read: Read) -> int:
    """Return how many places there are to look at again, at most 57."""
    return sum(len(chain.again) for chain in read)


def ids_again(read: Read, positions: Collection[int]) -> dict[int, MailboxId]:
    """Return where to look again of the places at *positions*, the latest place at position 0."""
    found: dict[int, MailboxId] = {}
    before = 0
    for chain in reversed(read):
        again = chain.again
        steps = {at: again[at - before] for at in positions if 0 <= at - before < len(again)}
        ids = chain.places.ids_at(frozenset(steps.values()))
        found |= {at: ids[step] for at, step in steps.items()}
        before += len(again)
    return found


def read_again(read: Read, where: MailboxId, box: bytes) -> DeleteKey | None:
    """Return what deletes *box*, found at *where*, if it was read there before; else None.

    Once for each place: a relay that shows it for ever makes nobody delete it again and again.

    Raises:
        CopyDetected: somebody with the other side's keys sealed it, and not the state whose box was
            read. `chain_at` tells the chain.
    """
    chain = chain_at(read, where)
    if chain is None:
        return None
    place, seal = next(
        (place, seal)
        for place, seal in zip(chain.places, (*chain.seals, b""), strict=True)
        if place.id == where
    )
    if seal == seal_of(box):
        return None if place.index in chain.deleted_again else place.delete_key
    if _opens(place, box):
        raise CopyDetected("a second box for a place that was read")
    return None


def deleted_again(read: Read, where: MailboxId) -> Read:
    """Return *read* after what `read_again` found at *where* is to be deleted."""
    chain = chain_at(read, where)
    if chain is None:
        return read
    index = next(place.index for place in chain.places if place.id == where)
    later = replace(chain, deleted_again=(*chain.deleted_again, index))
    return tuple(later if one is chain else one for one in read)


def chain_at(read: Read, where: MailboxId) -> ReadChain | None:
    """Return the chain of which a place to look at again is *where*."""
    for chain in read:
        ids = chain.places.ids_at(chain.again)
        if where in ids.values():
            return chain
    return None


def _opens(place: Place, box: bytes) -> bool:
    try:
        open_header(place.id, box, header_key=place.header_key)
    except RemoteError:
        return False
    return True


def _padded(chain: ReadChain, length: int) -> ReadChain:
    missing = length - chain.first - len(chain.seals)
    return replace(chain, seals=chain.seals + (b"",) * max(0, missing))


def _noted(chain: ReadChain, step: int, seal: bytes) -> ReadChain:
    if step < 0:
        return chain
    seals = list(_padded(chain, chain.first + step + 1).seals)
    seals[step] = seal
    return replace(chain, seals=tuple(seals))


def _bounded(read: Read) -> Read:
    while len(read) > MOST_READ_CHAINS or sum(len(one.seals) for one in read) > MOST_READ_PLACES:
        oldest, *others = read
        if len(read) > MOST_READ_CHAINS or not oldest.seals:
            read = tuple(others)
            continue
        later = replace(
            oldest,
            first=oldest.first + 1,
            mailbox_key=next_mailbox_key(oldest.mailbox_key),
            seals=oldest.seals[1:],
            deleted_again=tuple(at for at in oldest.deleted_again if at != oldest.first),
        )
        read = (later, *others)
    return read

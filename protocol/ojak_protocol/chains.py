"""The keys of one chain: from a mailbox key and a chain key to the keys of each place.

    dk_n = MAC(mbk_n, "dk")        hk_n = MAC(mbk_n, "header")      mbk_{n+1} = H("next", mbk_n)
    bk_n = MAC(ck_n, "body")       ck_{n+1} = MAC(ck_n, "chain")
    mbk_ended = H("ended", mbk_0)

The mailbox key tells where to look and opens headers; the chain key opens bodies. The id of a box
therefore tells its chain and index to those who hold the mailbox key, and to nobody else.

Source: docs/protocol.md, "Chains".
"""

from collections.abc import Collection, Iterator
from typing import NewType

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.hidden import Hidden
from ojak_protocol.labels import H_ENDED, H_NEXT, MAC_BODY, MAC_CHAIN, MAC_DELETE, MAC_HEADER
from ojak_protocol.primitives import blake2b, mac
from ojak_protocol.values import dataclass

MailboxKey = NewType("MailboxKey", bytes)
"""32 bytes: where one chain's boxes lie, and their headers' keys."""

ChainKey = NewType("ChainKey", bytes)
"""32 bytes: the bodies of one chain from one place on."""


@dataclass(frozen=True, slots=True, repr=False)
class Place(Hidden):
    """The address of one box of a chain and the key of its header."""

    index: int
    delete_key: DeleteKey
    header_key: bytes

    @property
    def id(self) -> MailboxId:
        """Where the box lies."""
        return mailbox_id(self.delete_key)


def place_at(key: MailboxKey, index: int) -> Place:
    """Return the place that *key*, the mailbox key of *index*, opens."""
    return Place(
        index=index,
        delete_key=_delete_key(key),
        header_key=mac(key, MAC_HEADER),
    )


def next_mailbox_key(key: MailboxKey) -> MailboxKey:
    """Return the mailbox key of the next place; *key* does not follow from it."""
    return MailboxKey(blake2b(H_NEXT, key))


def end_key(key: MailboxKey) -> MailboxKey:
    """Return the mailbox key of the one place beside the chain whose place 0 is that of *key*.

    Nothing lies there, unless one side tells the writer of the chain that a copy was detected. All
    copies of a state that begin this chain know it, whatever keys they draw.
    """
    return MailboxKey(blake2b(H_ENDED, key))


def body_key(key: ChainKey) -> bytes:
    """Return the 32-byte key of the body at the place of *key*."""
    return mac(key, MAC_BODY)


def next_chain_key(key: ChainKey) -> ChainKey:
    """Return the chain key of the next place; *key* does not follow from it."""
    return ChainKey(mac(key, MAC_CHAIN))


@dataclass(frozen=True, slots=True, repr=False)
class PlacesAhead(Hidden):
    """The places of a chain from one on, each made only when it is asked for.

    Attributes:
        key: the mailbox key of the first.
        index: where in its chain the first is.
        count: how many there are.
    """

    key: MailboxKey
    index: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, step: int) -> Place:
        return place_at(self._after(self.key, 0, step), self.index + step)

    def id_at(self, step: int) -> MailboxId:
        """Return where the place at *step* lies, without the key of its headers."""
        return mailbox_id(_delete_key(self._after(self.key, 0, step)))

    def ids_at(self, steps: Collection[int]) -> dict[int, MailboxId]:
        """Return where the places at *steps* lie, walking once, without the keys of headers."""
        ids, key, walked = {}, self.key, 0
        for step in sorted(steps):
            key, walked = self._after(key, walked, step), step
            ids[step] = mailbox_id(_delete_key(key))
        return ids

    def _after(self, key: MailboxKey, walked: int, step: int) -> MailboxKey:
        if not walked <= step < self.count:
            raise IndexError("beyond the places that may be looked at")
        for _ in range(step - walked):
            key = next_mailbox_key(key)
        return key

    def __iter__(self) -> Iterator[Place]:
        key = self.key
        for step in range(self.count):
            yield place_at(key, self.index + step)
            key = next_mailbox_key(key)


def _delete_key(key: MailboxKey) -> DeleteKey:
    return DeleteKey(mac(key, MAC_DELETE))

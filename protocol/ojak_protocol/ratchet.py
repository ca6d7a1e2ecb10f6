"""The double ratchet of a conversation, with mailbox keys in the place of header keys.

A root step gives (root, chain key, next mailbox key). A chain's mailbox key is known one step
before its chain key, so that each side knows where the other's next chain will lie. Every chain
begins with a new X25519 key and a new ML-KEM key, and both secrets are mixed in.

A side begins its next chain with the first box it writes after it opened a chain of the other
side; the guest's chain 0 comes from the meeting itself and always holds at least one box. The
steps of the two sides therefore alternate, and a side never writes under keys it could have
replaced.

All functions take a state and return a new one; where they raise, the old state still holds.

Source: docs/protocol.md, "The ratchet"; Signal, "The Double Ratchet Algorithm", revision 4,
"Double Ratchet with header encryption".
"""

from hashlib import sha512
from itertools import zip_longest
from typing import Final, NewType

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError

from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import DH_BYTES, Header, TurnKeys, open_body, open_header, seal_forms
from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    Place,
    PlacesAhead,
    body_key,
    end_key,
    next_chain_key,
    next_mailbox_key,
    place_at,
)
from ojak_protocol.errors import CopyDetected, LocalError, Malformed, Unopenable
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import SEED_BYTES, Kem
from ojak_protocol.labels import KDF_STEP
from ojak_protocol.primitives import KEY_BYTES, Entropy, kdf
from ojak_protocol.read_places import Read, begun, noted
from ojak_protocol.read_places import ended as read_ended
from ojak_protocol.values import dataclass, replace

RootKey = NewType("RootKey", bytes)
"""32 bytes from which the next root step goes on."""

MOST_SKIPPED: Final = 64
"""How many places of one chain a reader may pass over before they arrive."""
MOST_END_KEYS: Final = 3
"""At how many of our latest chains the other side may tell us of a copy."""


@dataclass(frozen=True, slots=True, repr=False)
class TurnSecrets(Hidden):
    """The secrets of our newest chain's keys; they open one chain of the other side, then go."""

    dh: bytes
    kem_seed: bytes


@dataclass(frozen=True, slots=True, repr=False)
class TheirKeys(Hidden):
    """Keys of the other side's newest chain, to which our next chain has to be sealed."""

    dh: bytes
    ek: bytes


@dataclass(frozen=True, slots=True, repr=False)
class SendingChain(Hidden):
    """Our newest chain, from the next free place on."""

    number: int
    index: int
    mailbox_key: MailboxKey
    chain_key: ChainKey
    keys: TurnKeys
    previous_length: int


@dataclass(frozen=True, slots=True, repr=False)
class SkippedPlace(Hidden):
    """A place passed over, with the keys that open it alone."""

    place: Place
    body_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ReceivingChain(Hidden):
    """A chain of the other side, from the first place not yet opened or passed over."""

    number: int
    index: int
    mailbox_key: MailboxKey
    chain_key: ChainKey
    keys: TurnKeys
    skipped: tuple[SkippedPlace, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class EndedChain(Hidden):
    """The other side's previous chain: only what is still missing of it."""

    number: int
    keys: TurnKeys
    skipped: tuple[SkippedPlace, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Ratchet(Hidden):
    """All keys of one side of a conversation."""

    root: RootKey
    next_sending: MailboxKey
    next_receiving: MailboxKey
    ours: TurnSecrets | None
    theirs: TheirKeys | None
    sending: SendingChain | None
    receiving: ReceivingChain | None
    ended: EndedChain | None = None
    read: Read = ()
    """Where boxes of the other side were read, to look at again."""
    end_keys: tuple[MailboxKey, ...] = ()
    """Of the places beside our latest chains at which we are told of a copy, oldest first."""


@dataclass(frozen=True, slots=True, repr=False)
class SealedPlace(Hidden):
    """One place of our chain with the two boxes that may lie there; its keys are erased."""

    chain: int
    place: Place
    letter: bytes
    withdrawn: bytes


@dataclass(frozen=True, slots=True, repr=False)
class LostPlace(Hidden):
    """A place of the other side that can no longer be opened."""

    chain: int
    index: int
    id: MailboxId


@dataclass(frozen=True, slots=True, repr=False)
class Opened(Hidden):
    """A box of the other side that was opened, and what its opening decided."""

    chain: int
    place: Place
    body: bytes
    previous_length: int
    lost: tuple[LostPlace, ...] = ()


def seal(
    state: Ratchet, letter: bytes, withdrawn: bytes, *, entropy: Entropy, kem: Kem
) -> tuple[Ratchet, SealedPlace]:
    """Return the next place of our chain, holding either of two bodies of 1608 bytes each.

    Both have one header, and are sealed under one key with nonces of their own. The key is not
    kept, so that a letter taken back cannot be read in a state stolen later.

    Raises:
        LocalError: the other side's keys are not known yet.
    """
    if begins_chain(state) and state.theirs is not None:
        state = _begin_sending(state, state.theirs, entropy, kem)
    chain = state.sending
    if chain is None:
        raise LocalError("no chain to write to before the other side's keys are known")
    place = place_at(chain.mailbox_key, chain.index)
    header = Header(chain.keys, chain.index, chain.previous_length)
    boxes = seal_forms(
        place.id,
        header_key=place.header_key,
        header=header,
        body_key=body_key(chain.chain_key),
        bodies=(letter, withdrawn),
        entropy=entropy,
    )
    advanced = replace(
        chain,
        index=chain.index + 1,
        mailbox_key=next_mailbox_key(chain.mailbox_key),
        chain_key=next_chain_key(chain.chain_key),
    )
    return replace(state, sending=advanced), SealedPlace(chain.number, place, *boxes)


def begins_chain(state: Ratchet) -> bool:
    """Return whether the next box we write is the first of a new chain.

    The guest's chain 0 holds at least one box: it is what confirms the guest to the host.
    """
    return state.theirs is not None and (state.sending is None or state.sending.index > 0)


def open_(state: Ratchet, where: MailboxId, box: bytes, *, kem: Kem) -> tuple[Ratchet, Opened]:
    """Return the state after *box*, which lay at *where*, was opened.

    Raises:
        Malformed: *box*, or a header sealed by the other side, is not in the format.
        Unopenable: nothing of the other side is expected at *where*, or it is not theirs.
        CopyDetected: a chain shows other keys than before, or is told to be shorter than what was
            opened of it: its writer has two states.
    """
    later, opened = _open(state, where, box, kem)
    return replace(later, read=noted(later.read, opened.chain, opened.place.index, box)), opened


def _open(state: Ratchet, where: MailboxId, box: bytes, kem: Kem) -> tuple[Ratchet, Opened]:
    for chain in (state.ended, state.receiving):
        if chain is None:
            continue
        for skipped in chain.skipped:
            if skipped.place.id == where:
                return _open_skipped(state, chain, skipped, box)
    present = state.receiving
    # In turn, because most boxes lie at the beginning of one of the two.
    for current, coming in zip_longest(_ahead(present), _ahead_of_next(state)):
        if present is not None and current is not None and current.id == where:
            return _open_present(state, present, current, box)
        if coming is not None and coming.id == where:
            return _open_next(state, coming, box, kem)
    raise Unopenable("no box of the other side is expected there")


def end_keys(state: Ratchet) -> tuple[MailboxKey, ...]:
    """Return the keys of the places at which we are told of a copy, the most telling first.

    The one beside our next chain is among them: a copy may have begun that chain already.
    """
    return (*reversed(state.end_keys), end_key(state.next_sending))


def expected_places(state: Ratchet) -> tuple[list[Place], PlacesAhead, PlacesAhead]:
    """Return where boxes of the other side may lie: missing ones, its present chain, its next.

    Each is in the order in which boxes are to be expected, at most 64 long.
    """
    missing = [
        skipped.place
        for chain in (state.ended, state.receiving)
        if chain is not None
        for skipped in chain.skipped
    ]
    return missing, _ahead(state.receiving), _ahead_of_next(state)


def _ahead(chain: ReceivingChain | None) -> PlacesAhead:
    if chain is None:
        return PlacesAhead(MailboxKey(b""), 0, 0)
    return PlacesAhead(chain.mailbox_key, chain.index, MOST_SKIPPED - len(chain.skipped))


def _ahead_of_next(state: Ratchet) -> PlacesAhead:
    return PlacesAhead(state.next_receiving, 0, 0 if state.ours is None else MOST_SKIPPED)


def _open_skipped(
    state: Ratchet, chain: EndedChain | ReceivingChain, skipped: SkippedPlace, box: bytes
) -> tuple[Ratchet, Opened]:
    header = open_header(skipped.place.id, box, header_key=skipped.place.header_key)
    _check_header(header, skipped.place, chain.keys)
    body = open_body(skipped.place.id, box, body_key=skipped.body_key)
    left = tuple(other for other in chain.skipped if other is not skipped)
    if isinstance(chain, EndedChain):
        state = replace(state, ended=replace(chain, skipped=left))
    else:
        state = replace(state, receiving=replace(chain, skipped=left))
    return state, Opened(chain.number, skipped.place, body, header.previous_length)


def _open_present(
    state: Ratchet, chain: ReceivingChain, place: Place, box: bytes
) -> tuple[Ratchet, Opened]:
    header = open_header(place.id, box, header_key=place.header_key)
    _check_header(header, place, chain.keys)
    chain, body = _open_at(chain, place, box)
    return replace(state, receiving=chain), Opened(
        chain.number, place, body, header.previous_length
    )


def _open_next(state: Ratchet, place: Place, box: bytes, kem: Kem) -> tuple[Ratchet, Opened]:
    header = open_header(place.id, box, header_key=place.header_key)
    if header.index != place.index:
        raise Malformed("a header tells another place than its own")
    ours, sending = state.ours, state.sending
    if ours is None or sending is None:
        raise LocalError("a chain can only answer one of ours")
    # Our next chain has to be sealed to this key: found out only then, we could never write again.
    kem.encapsulate(header.keys.ek)
    root, chain_key, next_receiving = _root_step(
        state.root,
        shared=_dh(ours.dh, header.keys.dh) + kem.decapsulate(ours.kem_seed, header.keys.ct),
        sealed_to=sending.keys.ek,
        keys=header.keys,
    )
    chain = ReceivingChain(
        number=0 if state.receiving is None else state.receiving.number + 1,
        index=0,
        mailbox_key=state.next_receiving,
        chain_key=chain_key,
        keys=header.keys,
    )
    chain, body = _open_at(chain, place, box)
    opened = Opened(chain.number, place, body, header.previous_length, _lost(state.ended))
    state = replace(
        state,
        root=root,
        next_receiving=next_receiving,
        ours=None,
        theirs=TheirKeys(header.keys.dh, header.keys.ek),
        receiving=chain,
        ended=_end(state.receiving, header.previous_length),
        read=begun(
            read_ended(state.read, chain.number - 1, header.previous_length),
            chain.number,
            state.next_receiving,
        ),
    )
    return state, opened


def _open_at(chain: ReceivingChain, place: Place, box: bytes) -> tuple[ReceivingChain, bytes]:
    """Open a place at or ahead of the chain's next, keeping keys for those in between."""
    chain = _skip_to(chain, place.index)
    body = open_body(place.id, box, body_key=body_key(chain.chain_key))
    return _advance(chain), body


def _skip_to(chain: ReceivingChain, index: int) -> ReceivingChain:
    while chain.index < index:
        skipped = SkippedPlace(place_at(chain.mailbox_key, chain.index), body_key(chain.chain_key))
        chain = replace(_advance(chain), skipped=(*chain.skipped, skipped))
    return chain


def _advance(chain: ReceivingChain) -> ReceivingChain:
    return replace(
        chain,
        index=chain.index + 1,
        mailbox_key=next_mailbox_key(chain.mailbox_key),
        chain_key=next_chain_key(chain.chain_key),
    )


def _end(chain: ReceivingChain | None, length: int) -> EndedChain | None:
    """Close the other side's previous chain at the *length* that its next chain tells."""
    if chain is None:
        if length:
            raise Malformed("a first chain follows no other")
        return None
    if length < chain.index:
        # Its writer sealed what we opened of it, and here tells that it did not.
        raise CopyDetected("a chain is shorter than what was opened of it")
    if length > chain.index + MOST_SKIPPED - len(chain.skipped):
        raise Malformed("a previous chain of an impossible length")
    chain = _skip_to(chain, length)
    return EndedChain(chain.number, chain.keys, chain.skipped)


def _lost(chain: EndedChain | None) -> tuple[LostPlace, ...]:
    if chain is None:
        return ()
    return tuple(
        LostPlace(chain.number, skipped.place.index, skipped.place.id) for skipped in chain.skipped
    )


def _check_header(header: Header, place: Place, keys: TurnKeys) -> None:
    # The header key is known to the two sides alone, and a side draws its keys once for a chain:
    # other keys behind the same header key come from a second copy of the same state.
    if header.keys != keys:
        raise CopyDetected("a chain shows two sets of keys")
    if header.index != place.index:
        raise Malformed("a header tells another place than its own")


def _begin_sending(state: Ratchet, theirs: TheirKeys, entropy: Entropy, kem: Kem) -> Ratchet:
    ours = TurnSecrets(dh=entropy(DH_BYTES), kem_seed=entropy(SEED_BYTES))
    shared, ciphertext = kem.encapsulate(theirs.ek)
    keys = TurnKeys(
        dh=crypto_scalarmult_base(ours.dh), ek=kem.public_key(ours.kem_seed), ct=ciphertext
    )
    root, chain_key, next_sending = _root_step(
        state.root, shared=_dh(ours.dh, theirs.dh) + shared, sealed_to=theirs.ek, keys=keys
    )
    last = state.sending
    chain = SendingChain(
        number=0 if last is None else last.number + 1,
        index=0,
        mailbox_key=state.next_sending,
        chain_key=chain_key,
        keys=keys,
        previous_length=0 if last is None else last.index,
    )
    return replace(
        state,
        root=root,
        next_sending=next_sending,
        ours=ours,
        theirs=None,
        sending=chain,
        end_keys=(*state.end_keys, end_key(chain.mailbox_key))[-MOST_END_KEYS:],
    )


def _root_step(
    root: RootKey, *, shared: bytes, sealed_to: bytes, keys: TurnKeys
) -> tuple[RootKey, ChainKey, MailboxKey]:
    # Both public values of the KEM and both new keys are hashed in: ML-KEM alone does not bind a
    # shared secret to its ciphertext and key, and a swapped key must give another root.
    bound = sha512(keys.ct + sealed_to + keys.dh + keys.ek).digest()
    out = kdf(salt=root, ikm=shared + bound, info=KDF_STEP, size=3 * KEY_BYTES)
    return (
        RootKey(out[:KEY_BYTES]),
        ChainKey(out[KEY_BYTES : 2 * KEY_BYTES]),
        MailboxKey(out[2 * KEY_BYTES :]),
    )


def _dh(secret: bytes, public: bytes) -> bytes:
    try:
        return crypto_scalarmult(secret, public)
    except CryptoError:
        raise Malformed("not a usable X25519 key") from None

"""One side of a conversation: what it wrote, what it read, what is still to be done at the relay.

Order that the caller keeps, and that makes a crash at any moment harmless:
    reading   fetch → `receive` → write the new state durably → delete at the relay
    writing   `write` → write the new state durably → deposit

The writer keeps each place's boxes until they are acknowledged and deposits them again when the
relay's answer was lost, two hours later, and then at every third of their time to live. A letter
past its expiry is replaced by its withdrawn form. Boxes are never sealed again: what is repeated is
identical.

A side that sees a copy, or is told of one, ends: it reads and writes nothing more but the boxes of
`end`, by which every other device that goes on with this conversation is told.

Of the 64 places that may be unacknowledged the last four hold receipts only (greetings), so that
two sides that both wrote all they may can still tell each other what arrived.

Source: docs/protocol.md, "Conversation".
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import field
from functools import partial
from itertools import chain, zip_longest
from typing import Final, TypeAlias, TypeVar

from ojak_protocol import ratchet as ratchet_
from ojak_protocol.acknowledgement import (
    MOST_UNACKNOWLEDGED,
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
from ojak_protocol.addresses import DeleteKey, MailboxId
from ojak_protocol.box import DH_BYTES, Header, TurnKeys, open_header, seal_box, seal_of
from ojak_protocol.chains import ChainKey, MailboxKey, Place, PlacesAhead, body_key, place_at
from ojak_protocol.errors import CopyDetected, Exhausted, LocalError, Malformed, RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import CIPHERTEXT_BYTES, PUBLIC_BYTES, Kem
from ojak_protocol.letters import Body, Kind, decode_body, encode_body
from ojak_protocol.primitives import Entropy
from ojak_protocol.ratchet import Opened, Ratchet
from ojak_protocol.read_places import (
    chain_at,
    count_again,
    deleted_again,
    ids_again,
    read_again,
)
from ojak_protocol.values import dataclass, replace

T = TypeVar("T")

Unmade: TypeAlias = Callable[[], MailboxId]
"""Makes the id of a place: of a place far ahead that is a hash for each step of its chain."""

LETTER_TTL_SECONDS: Final = 7 * 24 * 3600
AGAIN_SECONDS: Final = 2 * 3600
"""After how long a box is deposited a second time. A relay stores nothing for an hour where a box
was deleted: a copy wrote it perhaps, and then ours is found where it was read."""
PLACES_FOR_RECEIPTS: Final = 4
"""How many of the unacknowledged places no letter may take."""
UNREADABLE: Final = -1
"""Stands for the kind of a body that was sealed by the other side and is not in the format. No
body can say it: kinds are not negative."""


@dataclass(frozen=True, slots=True, repr=False)
class Outgoing(Hidden):
    """A place we wrote to that is not acknowledged yet."""

    reference: int
    """Which of our person's letters it is; 0 for a greeting."""
    place: Place
    letter: bytes
    """The box with the letter; empty once it is to be taken back."""
    withdrawn: bytes
    expires_at: int
    deposited_at: int = 0
    """When the relay last said that the box lies there; 0: not since the form last changed."""
    replaces: bool = False
    """Whether it is deposited by its delete key, over what lies there."""
    contested: bool = False
    """Whether other bytes lie at its place, so that we have to look whose they are."""
    repeated: bool = False
    """Whether this form was deposited a second time."""

    @property
    def box(self) -> bytes:
        """The form that is to lie at the relay."""
        return self.letter or self.withdrawn


@dataclass(frozen=True, slots=True, repr=False)
class Conversation(Hidden):
    """The whole state of one side."""

    ratchet: Ratchet
    reading: Reading = field(default_factory=Reading)
    writing: Writing = field(default_factory=Writing)
    outbox: tuple[Outgoing, ...] = ()
    deletes: tuple[DeleteKey, ...] = ()
    """Boxes read and recorded, still to be deleted at the relay."""
    owes_receipt: bool = False
    """Whether we can acknowledge a letter that no box of ours has acknowledged yet."""
    broken: bool = False
    """Whether we know of a copy: nothing is accepted any more, and only `farewell` is sent."""
    owes_end: bool = False
    """Whether the other devices are still to be told of it, with `end`."""
    farewell: tuple[Outgoing, ...] = ()
    """The boxes of `end`, once they are written; nothing acknowledges them."""
    ends_at: tuple[MailboxKey, ...] = ()
    """Beside which chains of the other side `end` tells as well."""


@dataclass(frozen=True, slots=True, repr=False)
class Arrived(Hidden):
    """A box of the other side was opened and says *body*.

    Boxes arrive in any order; *chain* and *index* tell in which they were written.
    """

    body: Body
    chain: int = 0
    index: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """A letter of ours needs no more care: it arrived, was taken back in time, or was lost."""

    reference: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Broken:
    """One of the two sides was restored from a copy; a new meeting is needed."""


Event = Arrived | Settled | Broken


def write(
    state: Conversation, body: Body, *, reference: int, entropy: Entropy, kem: Kem
) -> Conversation:
    """Return the state with *body* sealed into the next place, with our acknowledgement added.

    Args:
        state: the side that writes.
        body: what it says; its acknowledgement is filled in here.
        reference: which letter of the person it is; 0 for none.
        entropy: fresh randomness.
        kem: the key encapsulation.

    Raises:
        Exhausted: 64 places are unacknowledged, or 60 and this is not a greeting.
        Refused: the text is too long.
        LocalError: the other side's keys are not known yet, the conversation is broken, or *body*
            is the withdrawn form or an end, which come from `expire` and `end` alone.
    """
    if state.broken or body.kind in {Kind.WITHDRAWN, Kind.ENDED}:
        raise LocalError("nothing of this kind can be written here")
    if body.kind != Kind.GREETING and not places_for_letters(state):
        raise Exhausted("60 letters are waiting to be acknowledged")
    told = acknowledge(state.reading) if state.reading.count else None
    letter = encode_body(replace(body, acknowledgement=told))
    withdrawn = encode_body(Body(Kind.WITHDRAWN, acknowledgement=told, kept=body.kept))
    ratchet, sealed = ratchet_.seal(state.ratchet, letter, withdrawn, entropy=entropy, kem=kem)
    writing = wrote(
        state.writing,
        WrittenPlace(sealed.place.id, form_of(sealed.letter), form_of(sealed.withdrawn)),
    )
    outgoing = Outgoing(reference, sealed.place, sealed.letter, sealed.withdrawn, body.expires_at)
    return replace(
        state,
        ratchet=ratchet,
        writing=writing,
        outbox=(*state.outbox, outgoing),
        owes_receipt=False,
    )


def places_for_letters(state: Conversation) -> int:
    """Return how many letters may be written before another one is acknowledged."""
    return max(0, MOST_UNACKNOWLEDGED - PLACES_FOR_RECEIPTS - len(state.writing.places))


def end(state: Conversation, *, entropy: Entropy, kem: Kem) -> Conversation:
    """Return the broken state with the boxes that tell every other device of the copy.

    One goes into the next place of our newest chain, over whatever lies there, for who reads on
    where we write. The others go beside chains of the other side, where their writers look: beside
    the latest two, and beside that in which a second box was found. They acknowledge nothing: what
    this state has read may not be what another one has read.

    Raises:
        LocalError: the others need not be told, or were told already.
    """
    if not state.owes_end:
        raise LocalError("an end is written once, by each device that knows of a copy")
    body = encode_body(Body(Kind.ENDED))
    # A copy of this state may have sealed a letter for this place under the same key. That is safe
    # as it is for a letter and its withdrawn form: each has a random nonce of 24 bytes. Where the
    # copy began this chain with keys of its own, ours in the header already tell of it.
    ratchet, sealed = ratchet_.seal(state.ratchet, body, body, entropy=entropy, kem=kem)
    ends = [(sealed.place, sealed.letter)]
    nothing = Header(TurnKeys(bytes(DH_BYTES), bytes(PUBLIC_BYTES), bytes(CIPHERTEXT_BYTES)), 0, 0)
    for key in state.ends_at:
        # Several devices may seal here, under keys that all of them have: of random nonces again.
        place = place_at(key, 0)
        box = seal_box(
            place.id,
            header_key=place.header_key,
            header=nothing,
            body_key=body_key(ChainKey(key)),
            body=body,
            entropy=entropy,
        )
        ends.append((place, box))
    farewell = tuple(
        Outgoing(0, place, box, b"", expires_at=0, replaces=True) for place, box in ends
    )
    return replace(state, ratchet=ratchet, owes_end=False, farewell=farewell, ends_at=())


def receive(
    state: Conversation, where: MailboxId, box: bytes, *, kem: Kem
) -> tuple[Conversation, tuple[Event, ...]]:
    """Return the state after *box* was found at *where*, and what happened.

    What cannot be opened is left alone: the state stays as it is and nothing happens.
    """
    if state.broken:
        return state, ()
    for outgoing in state.outbox:
        if outgoing.place.id == where:
            return _own_place(state, outgoing, box)
    try:
        ratchet, opened = ratchet_.open_(state.ratchet, where, box, kem=kem)
    except CopyDetected:
        return _break(state)
    except RemoteError:
        return _found_besides(state, where, box)
    later, events = _accept(replace(state, ratchet=ratchet), where, box, opened)
    if len(later.reading.waiting) > MOST_UNACKNOWLEDGED:
        # An honest writer has fewer places behind a gap: what waits there must not grow for ever.
        return state, ()
    return later, events


def _found_besides(
    state: Conversation, where: MailboxId, box: bytes
) -> tuple[Conversation, tuple[Event, ...]]:
    """Decide about bytes that no place opens at which a box of the other side is expected."""
    for place in (place_at(key, 0) for key in ratchet_.end_keys(state.ratchet)):
        if place.id == where:
            return _break(state) if _has_our_header(place, box) else (state, ())
    chain = chain_at(state.ratchet.read, where)
    return (state, ()) if chain is None else _read_again(state, where, box, chain.end_key)


def _read_again(
    state: Conversation, where: MailboxId, box: bytes, beside: MailboxKey
) -> tuple[Conversation, tuple[Event, ...]]:
    """Decide about bytes found where a box was read, or behind the end of a chain."""
    try:
        key = read_again(state.ratchet.read, where, box)
    except CopyDetected:
        return _break(state, beside)
    if key is None or key in state.deletes:
        return state, ()
    # Its writer does not know yet that it was read, and laid it once more.
    ratchet = replace(state.ratchet, read=deleted_again(state.ratchet.read, where))
    return replace(state, ratchet=ratchet, deletes=(*state.deletes, key)), ()


def is_shut(state: Conversation, where: MailboxId, box: bytes) -> bool:
    """Return whether the other side sealed the header of *box* for *where*, where we look for it.

    If `receive` did not open it all the same, what stands behind the header was damaged on its way,
    or was sealed for another state than this one: one of the two devices was restored from a copy.
    A relay can do the former, so it is no proof of the latter.
    """
    missing, present, coming = ratchet_.expected_places(state.ratchet)
    expected = chain(missing, chain.from_iterable(zip_longest(present, coming)))
    place = next((one for one in expected if one is not None and one.id == where), None)
    return place is not None and not state.broken and _has_our_header(place, box)


def expire(state: Conversation, *, now: int) -> Conversation:
    """Return the state with letters past their expiry turned into their withdrawn form."""
    return _withdraw(state, lambda outgoing: 0 < outgoing.expires_at <= now)


def recall(state: Conversation, reference: int) -> tuple[Conversation, bool]:
    """Return the state with the letter of *reference* asked back, and whether that was possible.

    It is possible as long as nothing acknowledged the letter. Its box is erased at once, and its
    withdrawn form goes over what lies at the relay. The other side may have read it by then: only
    the letter's `Settled` tells.
    """
    ours = {outgoing.reference for outgoing in state.outbox} - {0}
    if state.broken or reference not in ours:
        return state, False
    return _withdraw(state, lambda outgoing: outgoing.reference == reference), True


def due(state: Conversation, *, now: int, again: bool = False) -> tuple[Outgoing, ...]:
    """Return what has to be deposited now, oldest first; nothing is marked.

    Args:
        state: the side that wrote it.
        now: device clock.
        again: whether a letter, or an end, is deposited a second time two hours after the first.
            What only acknowledges is acknowledged by nothing, and would always be.
    """
    sent = state.farewell if state.broken else state.outbox
    return tuple(
        one
        for one in sent
        if not one.contested
        and _is_due(one, now, again=again and (state.broken or one.reference != 0))
    )


def _is_due(outgoing: Outgoing, now: int, *, again: bool) -> bool:
    # A clock that ran backwards, or that begins in 1970, only makes a deposit come too early.
    age = now - outgoing.deposited_at
    soon = again and not outgoing.repeated
    rest = AGAIN_SECONDS if soon else LETTER_TTL_SECONDS // 3
    return not outgoing.deposited_at or not 0 <= age < rest


def stored(state: Conversation, where: MailboxId, *, now: int) -> Conversation:
    """Return the state after the relay said that our box lies at *where*."""
    # An end goes over what was laid there since, each time.
    return _changed(
        state,
        where,
        lambda outgoing: replace(
            outgoing,
            deposited_at=now,
            repeated=bool(outgoing.deposited_at),
            replaces=state.broken and outgoing.replaces,
        ),
    )


def occupied(state: Conversation, where: MailboxId) -> Conversation:
    """Return the state after the relay said that other bytes lie at *where*: we have to look."""
    return _changed(state, where, lambda outgoing: replace(outgoing, contested=True))


def overwrite(state: Conversation, where: MailboxId) -> Conversation:
    """Return the state set to replace whatever lies at *where*, without looking at it first."""
    return _changed(state, where, lambda outgoing: replace(outgoing, replaces=True))


def is_contested(state: Conversation) -> bool:
    """Return whether a look at a place of ours is owed; without, `absent` changes nothing."""
    return any(outgoing.contested for outgoing in (*state.outbox, *state.farewell))


def absent(state: Conversation, where: MailboxId) -> Conversation:
    """Return the state after a look at *where* found nothing."""
    # Of most looks this is all there is to say, and an id need not be made for each place of ours.
    if not is_contested(state):
        return state
    return _changed(state, where, lambda outgoing: replace(outgoing, contested=False))


def deleted(state: Conversation, keys: frozenset[DeleteKey]) -> Conversation:
    """Return the state after the relay deleted what *keys* name."""
    if keys.isdisjoint(state.deletes):
        return state
    return replace(state, deletes=tuple(key for key in state.deletes if key not in keys))


def places(state: Conversation, *, most: int, turn: int) -> tuple[MailboxId, ...]:
    """Return at most *most* ids to look at.

    Contested places of ours and places missing on the other side come first, but leave half the
    room for what is to be expected next. Only the last of those changes with *turn*, so that over
    128 turns every place where a box of the other side may lie was looked at. With less than six,
    the first place of the other side's next chain may have to wait for its turn as well.
    """
    return tuple(made() for made in unmade_places(state, most=most, turn=turn))


def unmade_places(state: Conversation, *, most: int, turn: int) -> list[Unmade]:
    """Return what makes each id of `places`, for whoever asks for some of them only."""
    if state.broken:
        return []
    contested = [outgoing.place for outgoing in state.outbox if outgoing.contested]
    missing, *chains = ratchet_.expected_places(state.ratchet)
    first = _turned(contested + missing, turn)[: most // 2]
    ahead = sum(chain.count for chain in chains)
    near = list(range(min(ahead, most - len(first))))
    if ahead > len(near) > 1:
        near[-1] += turn % (ahead - near[-1])
    return [*(partial(_id_of, place) for place in first), *_unmade(chains, near)]


def _id_of(place: Place) -> MailboxId:
    return place.id


def _unmade(chains: Sequence[PlacesAhead], positions: list[int]) -> list[Unmade]:
    """Return what makes the ids at *positions* of two chains taken in turn, step by step."""
    shorter, longer = sorted(chains, key=len)
    return [
        partial(chains[position % 2].id_at, position // 2)
        if position < 2 * shorter.count
        else partial(longer.id_at, position - shorter.count)
        for position in positions
    ]


def count_watched(state: Conversation) -> int:
    """Return how many places there are at which only a copy shows, at most 61.

    Nothing lies there as a rule. Beside our latest chains and the next one we are told of a copy;
    where boxes were read a copy of the other side may write.
    """
    if state.broken:
        return 0
    return len(ratchet_.end_keys(state.ratchet)) + count_again(state.ratchet.read)


def watched(state: Conversation, positions: Collection[int]) -> dict[int, MailboxId]:
    """Return where those at *positions* of these places are, the most telling one at position 0.

    They are to be looked at besides, if there is room.
    """
    keys = ratchet_.end_keys(state.ratchet)
    beside = {at: place_at(keys[at], 0).id for at in positions if at < len(keys)}
    others = {at - len(keys) for at in positions if at >= len(keys)}
    again = ids_again(state.ratchet.read, others)
    return beside | {at + len(keys): place for at, place in again.items()}


def _turned(items: list[T], turn: int) -> list[T]:
    start = turn % len(items) if items else 0
    return items[start:] + items[:start]


def _changed(
    state: Conversation, where: MailboxId, change: Callable[[Outgoing], Outgoing]
) -> Conversation:
    def changed(outgoing: Outgoing) -> Outgoing:
        return change(outgoing) if outgoing.place.id == where else outgoing

    if all(outgoing.place.id != where for outgoing in (*state.outbox, *state.farewell)):
        return state
    outbox, farewell = map(changed, state.outbox), map(changed, state.farewell)
    return replace(state, outbox=tuple(outbox), farewell=tuple(farewell))


def _withdraw(state: Conversation, chosen: Callable[[Outgoing], bool]) -> Conversation:
    """Erase letters; their withdrawn form goes over whatever may lie at the relay."""

    def withdrawn(outgoing: Outgoing) -> Outgoing:
        if not outgoing.letter or not chosen(outgoing):
            return outgoing
        later = replace(outgoing, letter=b"", deposited_at=0, replaces=True, contested=False)
        return replace(later, repeated=False)

    return replace(state, outbox=tuple(map(withdrawn, state.outbox)))


def _own_place(
    state: Conversation, outgoing: Outgoing, box: bytes
) -> tuple[Conversation, tuple[Event, ...]]:
    """Decide about bytes found at a place of ours."""
    where = outgoing.place.id
    if box in {outgoing.letter, outgoing.withdrawn}:
        return absent(state, where), ()
    # Only the two sides hold the header key, and the other side writes elsewhere: a header that we
    # did not seal is a copy's. A relay that kept a box of ours must not make us believe in a copy
    # by showing it again, whole or with other bytes behind its header.
    if _has_our_header(outgoing.place, box) and not _is_sealed_here(outgoing, box):
        return _break(state)
    # Who saw the id and sat down there, or kept an old letter there, cannot show the delete key.
    return _changed(
        state,
        where,
        lambda outgoing: replace(
            outgoing, contested=False, deposited_at=0, repeated=False, replaces=True
        ),
    ), ()


def _has_our_header(place: Place, box: bytes) -> bool:
    try:
        open_header(place.id, box, header_key=place.header_key)
    except RemoteError:
        return False
    return True


def _is_sealed_here(outgoing: Outgoing, box: bytes) -> bool:
    # A header that opens was sealed by a holder of its key, who draws a nonce for each: one nonce
    # is one header, whatever stands behind it. Both forms of a place have the same.
    return seal_of(box) == seal_of(outgoing.box)


def _break(state: Conversation, *beside: MailboxKey) -> tuple[Conversation, tuple[Event, ...]]:
    """End, and set what tells the others: *beside* which chains, and beside the latest two."""
    latest = tuple(chain.end_key for chain in state.ratchet.read[-2:])
    ends_at = tuple(dict.fromkeys((*latest, *beside)))
    return replace(state, broken=True, owes_end=True, ends_at=ends_at), (Broken(),)


def _accept(
    state: Conversation, where: MailboxId, box: bytes, opened: Opened
) -> tuple[Conversation, tuple[Event, ...]]:
    body = _body(opened)
    reading = state.reading
    for lost in opened.lost:
        reading = accepted(reading, Entry(lost.chain, lost.index, lost.id, b"", withdrawn=False))
    if opened.chain:
        reading = chain_ended(reading, opened.chain - 1, opened.previous_length)
    withdrawn = body.kind == Kind.WITHDRAWN
    entry = Entry(opened.chain, opened.place.index, where, form_of(box), withdrawn)
    reading = accepted(reading, entry)
    # A receipt is owed when there is more to tell. Behind a gap there is not; where a gap closes,
    # letters may stand behind it. A greeting alone is owed none, or receipts would never end.
    more = reading.count - state.reading.count
    if body.kind == Kind.ENDED:
        # It is not deleted: who has a copy of this state looks there as well.
        return _break(replace(state, reading=reading))
    state = replace(
        state,
        reading=reading,
        deletes=(*state.deletes, opened.place.delete_key),
        owes_receipt=state.owes_receipt or more > 1 or (more == 1 and body.kind != Kind.GREETING),
    )
    state, settled = _settle(state, body, opened)
    return state, (Arrived(body, opened.chain, opened.place.index), *settled)


def _body(opened: Opened) -> Body:
    try:
        return decode_body(opened.body)
    except Malformed:
        return Body(UNREADABLE)


def _settle(
    state: Conversation, body: Body, opened: Opened
) -> tuple[Conversation, tuple[Event, ...]]:
    told = body.acknowledgement
    if told is None:
        return state, ()
    try:
        writing, outcomes = heard(state.writing, told, chain=opened.chain, index=opened.place.index)
    except CopyDetected:
        return _break(state)
    settled = tuple(
        Settled(outgoing.reference, outcome)
        for outgoing, outcome in zip(state.outbox, outcomes, strict=False)
    )
    return replace(state, writing=writing, outbox=state.outbox[len(outcomes) :]), settled

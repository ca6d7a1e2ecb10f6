"""A relative's device in a conversation: what it keeps, what a sync asks for, what comes of it.

It does what `conversation`, `parcels` and `comparison` ask of their caller, and no more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ojak_protocol import conversation as talk
from ojak_protocol import parcels
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import DeleteKey
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Arrived, Conversation, Event, Settled
from ojak_protocol.details import Parcel
from ojak_protocol.errors import RemoteError
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import SealedPart
from tests.machines.world import Deposit, Request
from tests.people import ENTROPY, KEM, receipt
from tests.simulator import Reply, Status


@dataclass(frozen=True)
class OurTimed:
    """A timed letter of ours: its part is deposited until the letter is taken back."""

    reference: int
    text: str
    part: SealedPart
    due_at: int
    stored_at: int = 0
    replaces: bool = False


@dataclass(frozen=True)
class Side:
    """All that one device keeps of a conversation."""

    talk: Conversation
    wrote: dict[int, str] = field(default_factory=dict)
    """How the other side names each of our letters in `arrived`."""
    expiring: frozenset[int] = frozenset()
    asked_back: frozenset[int] = frozenset()
    settled: dict[int, Outcome] = field(default_factory=dict)
    bodies: tuple[Body, ...] = ()
    """What arrived, other than greetings and letters taken back, in that order."""
    told_of_a_copy: bool = False
    timed: tuple[OurTimed, ...] = ()
    awaited: tuple[Parcel, ...] = ()
    """Timed letters of the other side whose part was not fetched yet."""
    fetched: tuple[tuple[Parcel, str], ...] = ()
    later: tuple[str, ...] = ()
    """Timed letters that were shown."""
    deletes: tuple[DeleteKey, ...] = ()
    """Of parts, still to be deleted at the relay."""
    turn: int = 0

    @property
    def arrived(self) -> tuple[str, ...]:
        """The names of the letters that arrived: their text, or the file key of a parcel."""
        return tuple(_name(body) for body in self.bodies)

    @property
    def texts(self) -> tuple[str, ...]:
        """What the person was shown."""
        return (*(body.text for body in self.bodies if body.kind == Kind.TEXT), *self.later)


def written(side: Side, body: Body, *, reference: int) -> Side:
    """The side after its person wrote a letter.

    Raises:
        Exhausted: too many letters wait.
    """
    state = talk.write(side.talk, body, reference=reference, entropy=ENTROPY, kem=KEM)
    return replace(
        side,
        talk=state,
        wrote=side.wrote | {reference: _name(body)},
        expiring=side.expiring | ({reference} if body.expires_at else set()),
    )


def written_for_later(side: Side, text: str, *, reference: int, due_at: int, now: int) -> Side:
    """The side after its person wrote a letter that is to be shown later."""
    content = text.encode()
    parcel = parcels.pack_timed(content, due_at=due_at, now=now, entropy=ENTROPY)
    (part,) = parcels.seal_parts(parcel, content, entropy=ENTROPY)
    side = written(side, Body(Kind.PARCEL, details=parcel), reference=reference)
    return replace(side, timed=(*side.timed, OurTimed(reference, text, part, due_at)))


def recalled(side: Side, reference: int) -> Side:
    """The side after its person asked a letter back."""
    state, possible = talk.recall(side.talk, reference)
    if not possible:
        assert state is side.talk
        return side
    return replace(
        side,
        talk=state,
        asked_back=side.asked_back | {reference},
        timed=tuple(one for one in side.timed if one.reference != reference),
        deletes=(
            *side.deletes,
            *(one.part.delete_key for one in side.timed if one.reference == reference),
        ),
    )


def prepared(side: Side, *, now: int) -> Side:
    """The side before a sync: what is over is taken back, what is owed is written."""
    state = talk.expire(side.talk, now=now)
    if state.owes_end:
        state = talk.end(state, entropy=ENTROPY, kem=KEM)
    if state.owes_receipt and not state.broken:
        state = receipt(state)
    return replace(side, talk=state, turn=side.turn + 1)


def request_of(side: Side, *, most: int, now: int) -> Request:
    """What the side asks the relay for."""
    letters = (Deposit(out.place.id, out.box, out.replaces) for out in talk.due(side.talk, now=now))
    parts = (
        Deposit(one.part.id, one.part.box, one.replaces, max(0, one.due_at - now))
        for one in side.timed
        if not one.stored_at or not 0 <= now - one.stored_at < LETTER_TTL_SECONDS // 3
    )
    wanted = (parcels.part_ids(parcel)[0] for parcel in side.awaited)
    watched = talk.watched(side.talk, range(talk.count_watched(side.talk)))
    return Request(
        deletes=(*side.talk.deletes, *side.deletes),
        deposits=(*letters, *parts),
        polls=(*talk.places(side.talk, most=most, turn=side.turn), *wanted, *watched.values()),
    )


def after(side: Side, request: Request, reply: Reply, *, now: int) -> Iterator[Side]:
    """The side after each thing that *reply* tells; each is written, and may be found later."""
    gone = frozenset(request.deletes)
    side = replace(
        side,
        talk=talk.deleted(side.talk, gone),
        deletes=tuple(key for key in side.deletes if key not in gone),
    )
    for deposit, status in zip(request.deposits, reply.deposits, strict=True):
        side = _deposited(side, deposit, status, now=now)
    yield side
    for place in request.polls:
        box = reply.found.get(place)
        if box is None:
            side = replace(side, talk=talk.absent(side.talk, place))
            continue
        state, events = talk.receive(side.talk, place, box, kem=KEM)
        side = _fetched(replace(side, talk=state), place, box)
        for event in events:
            side = _happened(side, event)
        yield side


def shown(side: Side, *, now: int) -> Side:
    """The side after its person was shown what is due."""
    due = [(parcel, text) for parcel, text in side.fetched if parcel.due_at <= now]
    return replace(
        side,
        fetched=tuple(one for one in side.fetched if one not in due),
        later=(*side.later, *(text for _, text in due)),
    )


def _name(body: Body) -> str:
    return body.details.file_key.hex() if isinstance(body.details, Parcel) else body.text


def _deposited(side: Side, deposit: Deposit, status: Status, *, now: int) -> Side:
    lies = status is Status.STORED
    state = (
        talk.stored(side.talk, deposit.place, now=now)
        if lies
        else talk.occupied(side.talk, deposit.place)
    )
    timed = tuple(
        replace(one, stored_at=now if lies else 0, replaces=not lies)
        if one.part.id == deposit.place
        else one
        for one in side.timed
    )
    return replace(side, talk=state, timed=timed)


def _fetched(side: Side, place: bytes, box: bytes) -> Side:
    for parcel in side.awaited:
        if parcels.part_ids(parcel)[0] != place:
            continue
        try:
            text = parcels.join(parcel, {0: parcels.open_part(parcel, 0, box)}).decode()
        except RemoteError:
            return side
        return replace(
            side,
            awaited=tuple(other for other in side.awaited if other != parcel),
            fetched=(*side.fetched, (parcel, text)),
            deletes=(*side.deletes, parcels.part_delete_key(parcel, 0)),
        )
    return side


def _happened(side: Side, event: Event) -> Side:
    match event:
        case Arrived(body) if body.kind in {Kind.GREETING, Kind.WITHDRAWN}:
            return side
        case Arrived(body) if isinstance(body.details, Parcel):
            return replace(side, bodies=(*side.bodies, body), awaited=(*side.awaited, body.details))
        case Arrived(body):
            return replace(side, bodies=(*side.bodies, body))
        case Settled(reference, outcome):
            if not reference:
                return side
            assert reference not in side.settled
            return replace(side, settled=side.settled | {reference: outcome})
        case _:
            return replace(side, told_of_a_copy=True)

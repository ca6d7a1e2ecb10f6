"""Two people for tests: fixed stretched answers, real randomness, real ML-KEM."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass

from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol.acknowledgement import Outcome
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import Header, seal_box
from ojak_protocol.chains import body_key, place_at
from ojak_protocol.conversation import Arrived, Broken, Conversation, Event, Settled
from ojak_protocol.guest import Attempt
from ojak_protocol.kem import MlKem768
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import Number
from ojak_protocol.offers import offer_box
from ojak_protocol.stretch import Seed
from ojak_protocol.visits import Confirmed, Letter, Visit

KEM = MlKem768()
ENTROPY = os.urandom
SEED = Seed(b"s" * 32)
RIGHT = b"r" * 32
ALARM = b"a" * 32
WRONG = b"w" * 32
CLOCK = 20_000 * DAY_SECONDS + 1000
DAY = CLOCK // DAY_SECONDS
GREETING = Letter(0, Body(Kind.GREETING), Body(Kind.GREETING))


def new_point(*, alarm: bytes | None = None) -> MeetingPoint:
    """A host's point with its offers laid."""
    point = MeetingPoint(Number("0" * 12), SEED, 1, RIGHT, alarm, bits=24)
    return point_.lay(point, day=DAY, now=CLOCK, entropy=ENTROPY)


def come(point: MeetingPoint, typed: bytes, *, until: int = CLOCK + 60) -> Attempt:
    """A guest reads today's newest offer and answers its lowest free run."""
    laid = max((laid for laid in point.offers if laid.day == DAY), key=lambda laid: laid.n)
    run = laid.open_runs[0]
    place = guest_.offer_places(SEED, 1, DAY)[2 - laid.n]
    offer = guest_.read_offer(SEED, place, offer_box(SEED, laid, kem=KEM), set_number=1)
    return guest_.attempt(
        typed, seed=SEED, offer=offer, run=run, until=until, entropy=ENTROPY, kem=KEM
    )


def take(
    point: MeetingPoint,
    attempt: Attempt,
    letters: tuple[Letter, ...] = (GREETING,),
    *,
    box: bytes | None = None,
) -> tuple[MeetingPoint, Visit]:
    """The host finds the answer and opens a visit."""
    at = point_.answer_places(point, day=DAY, older=False)[attempt.place]
    point = point_.take(
        point,
        at,
        attempt.box if box is None else box,
        letters=letters,
        relay_clock=CLOCK,
        now=CLOCK,
        entropy=ENTROPY,
        kem=KEM,
    )
    return point, point.visits[-1]


def boxes_of(*sides: Conversation) -> dict[bytes, bytes]:
    """Everything these sides would deposit now."""
    return {bytes(out.place.id): out.box for side in sides for out in side.outbox}


def look(attempt: Attempt, lying: dict[bytes, bytes]) -> tuple[Conversation, list[Body]] | None:
    """The guest looks in both branches among what is lying at the relay."""
    for place in guest_.places(attempt):
        if place in lying:
            found = guest_.confirm(attempt, place, lying[place], kem=KEM)
            if found is not None:
                return found[0], [e.body for e in found[1] if isinstance(e, Arrived)]
    return None


def confirm(
    point: MeetingPoint, lying: dict[bytes, bytes]
) -> tuple[MeetingPoint, Confirmed] | None:
    """The host looks for confirmations among what is lying at the relay."""
    for place in point_.visit_places(point):
        if place in lying:
            confirmed = point_.confirm(point, place, lying[place], kem=KEM)
            if confirmed is not None:
                return confirmed
    return None


NOW = 1_800_000_000
"""A device's clock."""


def newest(state: Conversation) -> tuple[MailboxId, bytes]:
    """Place and box of what was written last."""
    outgoing = state.outbox[-1]
    return outgoing.place.id, outgoing.box


def contested(state: Conversation) -> Conversation:
    return talk.occupied(state, state.outbox[-1].place.id)


def forged(
    writer: Conversation, change: Callable[[Header], Header], *, body: bytes = bytes(1608)
) -> tuple[MailboxId, bytes]:
    """A box as the writer would seal it at its next place, with another header or body."""
    chain = writer.ratchet.sending
    assert chain is not None
    place = place_at(chain.mailbox_key, chain.index)
    return place.id, seal_box(
        place.id,
        header_key=place.header_key,
        header=change(Header(chain.keys, chain.index, chain.previous_length)),
        body_key=body_key(chain.chain_key),
        body=body,
        entropy=ENTROPY,
    )


@dataclass
class Pair:
    """A host and a guest in the middle of a conversation that they confirmed."""

    host: Conversation
    guest: Conversation


def meet(*, typed: bytes = RIGHT, alarm: bytes | None = None) -> Pair:
    """Two people meet: offer, answer, greeting, and the guest's first box, which confirms."""
    point = new_point(alarm=alarm)
    attempt = come(point, typed)
    point, visit = take(point, attempt)
    found = look(attempt, boxes_of(*visit.branches))
    assert found is not None
    guest = talk.write(
        found[0], Body(Kind.GREETING, kept=True), reference=0, entropy=ENTROPY, kem=KEM
    )
    confirmed = confirm(point, boxes_of(guest))
    assert confirmed is not None
    return Pair(confirmed[1].conversation, guest)


def said(
    state: Conversation, *letters: str, reference: int = 1, expires_at: int = 0
) -> Conversation:
    """The side after it wrote these letters."""
    for text in letters:
        body = Body(Kind.TEXT, text=text, expires_at=expires_at)
        state = talk.write(state, body, reference=reference, entropy=ENTROPY, kem=KEM)
    return state


def receipt(state: Conversation) -> Conversation:
    """The side after it wrote a box that says nothing but what it received."""
    return talk.write(state, Body(Kind.GREETING), reference=0, entropy=ENTROPY, kem=KEM)


def heard(state: Conversation, place: bytes, box: bytes) -> tuple[Conversation, tuple[Event, ...]]:
    """The side after it found *box* at *place*."""
    return talk.receive(state, MailboxId(place), box, kem=KEM)


def collected(reader: Conversation, writer: Conversation) -> tuple[Conversation, list[Event]]:
    """The reader after every box that the writer keeps was brought to it, and what happened."""
    happened: list[Event] = []
    for place, box in boxes_of(writer).items():
        reader, events = heard(reader, place, box)
        happened += events
    return reader, happened


def texts(events: list[Event] | tuple[Event, ...]) -> list[str]:
    """The letters that arrived."""
    return [e.body.text for e in events if isinstance(e, Arrived) and e.body.kind == Kind.TEXT]


def outcomes(events: list[Event] | tuple[Event, ...]) -> list[Outcome]:
    """What became of letters."""
    return [e.outcome for e in events if isinstance(e, Settled) and e.reference]


def is_broken(events: list[Event] | tuple[Event, ...]) -> bool:
    """Whether a copy was told of."""
    return any(isinstance(event, Broken) for event in events)


def inside(value: object) -> Iterator[object]:
    """Every value reachable from *value* through fields of dataclasses and tuples, itself first."""
    yield value
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from inside(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for item in value:
            yield from inside(item)


def holds(value: object, secret: bytes) -> bool:
    """Whether *secret* stands in any byte string inside *value*."""
    return any(isinstance(item, bytes) and secret in item for item in inside(value))

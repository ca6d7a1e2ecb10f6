"""What several lives of one device seal, each begun from a copy of its state, old or new.

Each box is taken apart into the keys and nonces under which its two halves were sealed. The key of
a body is erased when it was used, so its name stands for it: the number of the place in a chain
whose key was drawn.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from ojak_protocol import conversation as talk
from ojak_protocol import meeting_point as point_
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import SEALED_HEADER_BYTES, open_header
from ojak_protocol.conversation import Conversation, Outgoing
from ojak_protocol.errors import Exhausted
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.offers import offer_box
from ojak_protocol.primitives import NONCE_BYTES, Entropy, u32
from ojak_protocol.visits import Letter
from tests.people import ALARM, CLOCK, DAY, KEM, SEED, come, meet, new_point

PAIR = meet()
NewLife = Callable[[int], Entropy]
"""Number of a life to the randomness of its process."""


@dataclass
class Sealed:
    """Every pair of key and nonce so far, with the box that it sealed.

    Attributes:
        repeated: how often a pair sealed a second box.
    """

    pairs: dict[tuple[bytes, bytes], bytes] = field(default_factory=dict)
    repeated: int = 0

    def note(self, key: bytes, nonce: bytes, sealed: bytes) -> None:
        """Note what was sealed under *key* with *nonce*; the same bytes again are no second box."""
        before = self.pairs.setdefault((key, nonce), sealed)
        self.repeated += before != sealed

    def note_box(self, outgoing: Outgoing) -> None:
        """Note the halves of both forms of a box of a conversation."""
        place = outgoing.place
        for box in (outgoing.letter, outgoing.withdrawn):
            if box:
                header = open_header(place.id, box, header_key=place.header_key)
                first, second = box[:SEALED_HEADER_BYTES], box[SEALED_HEADER_BYTES:]
                self.note(place.header_key, first[:NONCE_BYTES], first)
                key = header.keys.dh + u32(header.index)
                self.note(key, second[:NONCE_BYTES], second)

    def note_all(self, state: Conversation) -> None:
        """Note everything that waits in a conversation."""
        for outgoing in (*state.outbox, *state.farewell):
            self.note_box(outgoing)


def copied_conversation(chance: random.Random, new_life: NewLife, sealed: Sealed) -> None:
    """A conversation one of whose devices lives on from copies of two or three ages."""
    ours, theirs = chance.sample((PAIR.host, PAIR.guest), 2)
    first = new_life(0)
    ever = [ours]
    for _ in range(chance.randrange(1, 5)):
        if chance.random() < 0.5:
            theirs = _wrote(theirs, chance, first)
            ours = _read(ours, theirs)
        else:
            ours = _wrote(ours, chance, first)
            sealed.note_all(ours)
            theirs = _read(theirs, ours)
        ever.append(ours)
    for life in range(chance.choice((2, 2, 3))):
        entropy = new_life(life)
        copy = ever[-1 - chance.randrange(min(len(ever), 3))]
        for _ in range(chance.randrange(1, 3)):
            if chance.random() < 0.4:
                copy = _read(copy, theirs)
            copy = _wrote(copy, chance, entropy)
        sealed.note_all(copy)
        if not copy.broken and chance.random() < 0.3:
            copy = replace(copy, broken=True, owes_end=True)
        if copy.owes_end:
            sealed.note_all(talk.end(copy, entropy=entropy, kem=KEM))
    sealed.note_all(theirs)


def copied_number(chance: random.Random, new_life: NewLife, sealed: Sealed) -> None:
    """A host restored from before it took an answer takes it again, or lays offers again."""
    point = new_point(alarm=chance.choice((None, ALARM)))
    attempt = come(point, chance.choice((b"r" * 32, b"w" * 32)))
    for life in range(2):
        entropy = new_life(life)
        letter = Letter(1, Body(Kind.TEXT, text=f"life {life}"), Body(Kind.GREETING))
        at = point_.answer_places(point, day=DAY, older=False)[attempt.place]
        taken = point_.take(
            point,
            at,
            attempt.box,
            letters=(letter,),
            relay_clock=CLOCK,
            now=CLOCK,
            entropy=entropy,
            kem=KEM,
        )
        for branch in taken.visits[-1].branches:
            sealed.note_all(branch)
        for place, box in _offers(point_.lay(taken, day=DAY + 1, now=CLOCK, entropy=entropy)):
            del place
            # Everything at a number is sealed under one key.
            sealed.note(b"number", box[:NONCE_BYTES], box)


def _offers(point: MeetingPoint) -> Iterator[tuple[MailboxId, bytes]]:
    for laid in point.offers:
        if laid.day == DAY + 1:
            yield MailboxId(laid.nonce), offer_box(SEED, laid, kem=KEM)


def _wrote(state: Conversation, chance: random.Random, entropy: Entropy) -> Conversation:
    body = Body(Kind.TEXT, text=f"{chance.random()}")
    if state.broken:
        return state
    try:
        return talk.write(state, body, reference=1, entropy=entropy, kem=KEM)
    except Exhausted:
        return state


def _read(reader: Conversation, writer: Conversation) -> Conversation:
    for outgoing in writer.outbox[-2:]:
        reader, _ = talk.receive(reader, outgoing.place.id, outgoing.box, kem=KEM)
    return reader

"""One side of a conversation: chains, ratchet, boxes, letters, acknowledgements.

Written from docs/protocol.md alone, sections "Chains" to "Conversation". State is kept in memory
only, where a client must write it down before it sends or deletes anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .wire import (
    OCCUPIED,
    STORED,
    Deposit,
    KeyPair,
    Malformed,
    Relay,
    Value,
    blake,
    decode,
    encapsulate,
    encode,
    kdf,
    lv,
    mac,
    seal,
    sha512,
    u,
    unseal,
    x25519,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

GREETING, TEXT, WITHDRAWN = 0, 1, 2
HEADER, SEALED_HEADER, BODY = 2312, 2352, 1608
KEYS = 32 + 1184 + 1088
WINDOW = 64


class CopyDetected(Exception):
    """Two states of one side exist: the conversation ends."""


@dataclass(frozen=True)
class Place:
    """One place of a chain; without *bk* while the chain is not open."""

    chain: int
    index: int
    dk: bytes
    hk: bytes
    bk: bytes

    @property
    def id(self) -> bytes:
        return blake("box", self.dk)

    @property
    def order(self) -> tuple[int, int]:
        return self.chain, self.index


@dataclass
class Chain:
    """A row of boxes of one side, from its next place on. *ck* is empty before its first step."""

    number: int
    mbk: bytes
    ck: bytes = b""
    index: int = 0
    keys: bytes = b""

    def ahead(self, count: int) -> Iterator[Place]:
        mbk, ck = self.mbk, self.ck
        for index in range(self.index, self.index + count):
            bk = mac(ck, "body") if ck else b""
            yield Place(self.number, index, mac(mbk, "dk"), mac(mbk, "header"), bk)
            mbk, ck = blake("next", mbk), mac(ck, "chain") if ck else b""

    def beside(self) -> Place:
        """Where its writer is told of a copy; called while the chain is at its place 0."""
        mbk = blake("ended", self.mbk)
        return Place(self.number, 0, mac(mbk, "dk"), mac(mbk, "header"), mac(mbk, "body"))

    def pass_until(self, index: int) -> list[Place]:
        """Move on to *index* and return the places passed over."""
        passed = list(self.ahead(index - self.index))
        for _ in passed:
            self.mbk, self.ck = blake("next", self.mbk), mac(self.ck, "chain")
        self.index = index
        return passed


def step(
    root: bytes, agreed: bytes, ss: bytes, ct: bytes, ek_their: bytes, dh: bytes, ek: bytes
) -> list[bytes]:
    """Return root', ck_0 and the mailbox key of the writer's chain after this one."""
    bound = sha512(ct + ek_their + dh + ek)
    return kdf(root, agreed + ss + bound, b"step", 96)


def seal_box(
    place: Place, header: bytes, body: bytes, nonces: tuple[bytes | None, bytes | None]
) -> bytes:
    sealed = seal(place.hk, header, place.id, nonces[0])
    return sealed + seal(place.bk, body, lv(place.id, sealed), nonces[1])


# --- Letters --------------------------------------------------------------------------------------

Body = dict[int, Value]


def encode_body(body: Body) -> bytes:
    encoded = encode(body)
    if len(encoded) > BODY - 2:
        raise ValueError("too long")
    return (u(len(encoded), 16) + encoded).ljust(BODY, b"\0")


def decode_body(filled: bytes) -> Body:
    length = int.from_bytes(filled[:2], "big")
    encoded, zeros = filled[2 : 2 + length], filled[2 + length :]
    body = decode(encoded)
    if any(zeros) or not isinstance(body, dict) or not isinstance(body.get(0), int):
        raise Malformed("no body")
    if body[0] in (GREETING, TEXT, WITHDRAWN) and not all(
        _valid(key, value) for key, value in body.items()
    ):
        raise Malformed("a field that says nothing, or one of a later version")
    return body


def _valid(key: int, value: Value) -> bool:
    match key, value:
        case (0, int()) | (4, 0 | 1):
            return True
        case 1, str(text):
            return text != ""  # a reader sets no bound of its own
        case 2, [int(count), bytes(tag), int(), int()]:
            return count > 0 and len(tag) == 8
        case ((3 | 5), int(seconds_or_letters)):
            return seconds_or_letters > 0
    return False


# --- Acknowledgement ------------------------------------------------------------------------------


def fold(h: bytes, place_id: bytes, form: bytes) -> bytes:
    """Accept a box, whose hash is *form*, or count the place as lost, without one."""
    return blake("ack", h + place_id + form)


def form_of(box: bytes) -> bytes:
    return blake("form", box)


@dataclass
class Received:
    """What became of the places of the other side, in the order of chain and index."""

    places: dict[tuple[int, int], tuple[bytes, bytes | None, str]] = field(default_factory=dict)

    def note(self, place: Place, form: bytes | None, outcome: str) -> None:
        self.places[place.order] = place.id, form, outcome

    def acknowledgement(self) -> list[Value] | None:
        h, count, withdrawn, lost = bytes(32), 0, 0, 0
        for _, (place_id, form, outcome) in sorted(self.places.items()):
            if outcome == "missing":
                break
            h, count = fold(h, place_id, form or b""), count + 1
            withdrawn = (withdrawn << 1 | (outcome == "withdrawn")) % 2**64
            lost = (lost << 1 | (outcome == "lost")) % 2**64
        return [count, h[:8], withdrawn, lost] if count else None


class Written(NamedTuple):
    """A box of ours, its withdrawn form, and what became of it."""

    place: Place
    box: bytes
    withdrawn: bytes

    @property
    def deposit(self) -> Deposit:
        return Deposit(self.place.id, self.box)

    @property
    def withdrawal(self) -> Deposit:
        return Deposit(self.place.dk, self.withdrawn, replace=True)


# --- Conversation ---------------------------------------------------------------------------------


@dataclass
class Letter:
    """A box that was opened; *body* is None if it was malformed."""

    place: Place
    body: Body | None

    @property
    def text(self) -> Value | None:
        return self.body.get(1) if self.body else None


@dataclass
class Conversation:
    """What one side keeps of a conversation."""

    root: bytes
    ours: KeyPair
    theirs: bytes  # dh and ek of the other side's newest chain
    writes: Chain
    reads: Chain
    next_written: bytes  # mailbox keys of the chains after these
    next_read: bytes
    turn: bool  # the next box begins a chain
    kept: bool | None = None  # only the guest says it, in chain 0
    previous: int = 0
    answered: bool = True  # the other side answered our newest chain
    missing: dict[bytes, Place] = field(default_factory=dict)
    chain_keys: dict[int, bytes] = field(default_factory=dict)
    received: Received = field(default_factory=Received)
    written: list[Written] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)
    newest_ack: tuple[tuple[int, int], int] = ((-1, -1), 0)

    # Writing

    def write(self, text: str | None = None, following: int = 0) -> Written:
        """Seal a letter, or a greeting without *text*, and its withdrawn form."""
        if self.turn and (self.writes.index or not self.writes.ck):
            self._begin_chain()
        place = next(self.writes.ahead(1))
        ride: Body = {}
        if acknowledgement := self.received.acknowledgement():
            ride[2] = acknowledgement
        if self.kept is not None and place.chain == 0:
            ride[4] = int(self.kept)
        body: Body = {0: GREETING if text is None else TEXT, **ride}
        if text is not None:
            body[1] = text
        if following:
            body[5] = following
        header = self.writes.keys + u(place.index, 32) + u(self.previous, 32)
        nonce = os.urandom(24)  # both forms have one sealed header
        written = Written(
            place,
            seal_box(place, header, encode_body(body), (nonce, None)),
            seal_box(place, header, encode_body({0: WITHDRAWN, **ride}), (nonce, None)),
        )
        self.writes.pass_until(place.index + 1)
        self.written.append(written)
        return written

    def _begin_chain(self) -> None:
        dh_their, ek_their = self.theirs[:32], self.theirs[32:]
        fresh = KeyPair()
        ct, ss = encapsulate(ek_their)
        agreed = x25519(fresh.secret, dh_their)
        self.root, ck, following = step(self.root, agreed, ss, ct, ek_their, fresh.dh, fresh.ek)
        self.previous = self.writes.index
        number = self.writes.number + 1 if self.writes.ck else 0
        self.writes = Chain(number, self.next_written, ck, 0, fresh.dh + fresh.ek + ct)
        self.next_written, self.ours = following, fresh
        self.turn, self.answered = False, False

    # Reading

    def places(self) -> list[Place]:
        """Six places where boxes are expected."""
        following = [] if self.answered else list(self._next().ahead(3))
        present = self.reads.ahead(6) if self.reads.ck else ()
        known = [*list(self.missing.values())[:3], *present]
        return known[: 6 - len(following)] + following

    def _next(self) -> Chain:
        return Chain(self.reads.number + bool(self.reads.ck), self.next_read)

    def open(self, place: Place, box: bytes) -> Letter | None:
        """Open a box found at one of *places*; what does not open changes nothing."""
        sealed = box[:SEALED_HEADER]
        header = unseal(place.hk, sealed, place.id)
        if header is None:
            return None
        keys, index, previous = (
            header[:KEYS],
            int.from_bytes(header[KEYS:-4], "big"),
            int.from_bytes(header[-4:], "big"),
        )
        if index != place.index:
            return None
        known = self.chain_keys.get(place.chain)
        if known not in (None, keys):
            raise CopyDetected
        stepped = None
        if known is None:
            if (stepped := self._step_of(keys, previous)) is None:
                return None
            root, chain, following = stepped
            place = list(chain.ahead(index + 1))[-1]
        body = unseal(place.bk, box[SEALED_HEADER:], lv(place.id, sealed))
        if body is None:
            return None
        if stepped:
            self._end_chain(previous)
            self.root, self.reads, self.next_read = root, chain, following
            self.chain_keys[chain.number] = keys
            self.theirs, self.turn, self.answered = keys[: 32 + 1184], True, True
        return self._accept(place, box, body)

    def _step_of(self, keys: bytes, previous: int) -> tuple[bytes, Chain, bytes] | None:
        passed_over = previous - self.reads.index
        if not 0 <= passed_over <= WINDOW - len(self.missing):
            return None
        dh, ek, ct = keys[:32], keys[32:-1088], keys[-1088:]
        try:
            agreed = x25519(self.ours.secret, dh)
        except Malformed:
            return None
        root, ck, following = step(
            self.root, agreed, self.ours.decapsulate(ct), ct, self.ours.ek, dh, ek
        )
        chain = self._next()
        return root, Chain(chain.number, chain.mbk, ck, 0, keys), following

    def _end_chain(self, length: int) -> None:
        for place in self.missing.values():
            if place.chain < self.reads.number:
                self.received.note(place, None, "lost")
        self.missing = {i: p for i, p in self.missing.items() if p.chain == self.reads.number}
        self._pass_until(length)

    def _pass_until(self, index: int) -> None:
        for place in self.reads.pass_until(index):
            self.missing[place.id] = place
            self.received.note(place, None, "missing")

    def _accept(self, place: Place, box: bytes, body: bytes) -> Letter:
        if self.missing.pop(place.id, None) is None:
            self._pass_until(place.index)
            self.reads.pass_until(place.index + 1)
        try:
            fields: Body | None = decode_body(body)
        except Malformed:
            fields = None
        withdrawn = fields is not None and fields[0] == WITHDRAWN
        self.received.note(place, form_of(box), "withdrawn" if withdrawn else "accepted")
        if fields and isinstance(fields.get(2), list):
            self._acknowledged(place, fields[2])
        return Letter(place, fields)

    def _acknowledged(self, place: Place, acknowledgement: Value) -> None:
        match acknowledgement:
            case [int(count), bytes(tag), int(withdrawn), int(lost)]:
                newest, best = self.newest_ack
            case _:
                return
        if place.order < newest:
            if count > best:
                raise CopyDetected
            return
        if not best <= count <= len(self.written):
            raise CopyDetected
        outcomes = (self.outcomes + ["arrived"] * count)[:count]
        for back in range(min(64, count)):
            bits = withdrawn >> back & 1, lost >> back & 1
            outcomes[-1 - back] = {(0, 0): "arrived", (1, 0): "withdrawn"}.get(bits, "lost")
        h = bytes(32)
        for ours, outcome in zip(self.written, outcomes, strict=False):
            boxes = {"arrived": ours.box, "withdrawn": ours.withdrawn}
            form = form_of(boxes[outcome]) if outcome in boxes else b""
            h = fold(h, ours.place.id, form)
        if h[:8] != tag:
            raise CopyDetected
        self.outcomes, self.newest_ack = outcomes, (place.order, count)

    # With a relay

    def deposit(self, relay: Relay, *letters: Written) -> None:
        """Lay our letters; what lies at a place of ours and is not ours is replaced."""
        _, outcomes = relay.sync(deposits=[letter.deposit for letter in letters])
        for letter, outcome in zip(letters, outcomes, strict=True):
            if outcome == OCCUPIED:
                (there,), _ = relay.sync([letter.place.id])
                if isinstance(there, bytes) and unseal(
                    letter.place.hk, there[:SEALED_HEADER], letter.place.id
                ):
                    raise CopyDetected
                replacement = Deposit(letter.place.dk, letter.box, replace=True)
                relay.sync(deposits=[replacement])
            elif outcome != STORED:
                raise Malformed("the relay takes no letters now")

    def collect(self, relay: Relay, wait: int = 0) -> list[Letter]:
        """Read everything there is, wait for the first if told to, and delete what was read."""
        letters: list[Letter] = []
        done: list[bytes] = []
        while True:
            places = self.places()
            found, _ = relay.sync([p.id for p in places], deletes=done, room=4, wait=wait)
            opened = [
                letter
                for place, box in zip(places, found, strict=True)
                if isinstance(box, bytes) and (letter := self.open(place, box))
            ]
            if not opened:
                return letters
            letters += opened
            done, wait = [letter.place.dk for letter in opened], 0
            relay.draw_filling()

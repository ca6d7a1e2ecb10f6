"""The relay's only call: one request and one reply carry everything.

A request belongs to a size class and a reply to a room. All bodies of one class, and all bodies of
one room, have one length whatever they hold, so that a length tells nothing but the class. This
file alone knows the keys and the padding of both.

Source: docs/protocol.md, "Sync"; schema: docs/sync.cddl.
"""

import struct
from collections.abc import Sequence
from dataclasses import field
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Final, NoReturn, TypeAlias, assert_never, cast

from ojak_protocol import cbor
from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, DeleteKey, MailboxId, mailbox_id
from ojak_protocol.errors import LocalError, Malformed, TooNew
from ojak_protocol.values import dataclass

VERSION: Final = 1

MIN_TTL_SECONDS: Final = 60
MAX_TTL_SECONDS: Final = 30 * 86_400
MAX_AFTER_SECONDS: Final = 30 * 86_400
MAX_WAIT_SECONDS: Final = 25
MAX_CLOCK: Final = 2**40

_KEYS: Final = tuple(cbor.head(0, key) for key in range(8))
_ID_HEAD: Final = cbor.head(2, ID_BYTES)
_BOX_HEAD: Final = cbor.head(2, BOX_BYTES)
_LIST: Final = 4 << 5
_INTEGER_BYTES: Final = {24: 1, 25: 2, 26: 4, 27: 8}
"""How many bytes follow the first one of an integer that is not written in itself."""
_START: Final = cbor.head(5, 7) + _KEYS[0] + cbor.head(0, VERSION) + _KEYS[1]
_REPLY_START: Final = cbor.head(5, 5) + _KEYS[0] + cbor.head(0, VERSION) + _KEYS[1]
_WITH_ID: Final = cbor.head(5, 4) + _KEYS[0] + _ID_HEAD
_WITH_KEY: Final = cbor.head(5, 4) + _KEYS[1] + _ID_HEAD
_NO_BOX: Final = cbor.head(0, 0)
_NO_ROOM: Final = cbor.head(0, 1)
"""As short as `_NO_BOX`, one byte."""
_BEFORE_BOX: Final = _KEYS[4] + _BOX_HEAD

NO_DELETE: Final = DeleteKey(bytes(ID_BYTES))
"""What fills up the deletes of a request; it deletes nothing."""


class SyncClass(Enum):
    """The four sizes of a request, named after how many boxes may be deposited."""

    ZERO = (0, 32, 8, 1379)
    ONE = (1, 32, 8, 5431)
    FOUR = (4, 32, 32, 18_404)
    SIXTEEN = (16, 64, 64, 69_204)

    def __init__(self, deposits: int, polls: int, deletes: int, body_bytes: int) -> None:
        self.deposits = deposits
        """At most so many deposits."""
        self.polls = polls
        """Exactly so many polls; the caller fills up."""
        self.deletes = deletes
        """At most so many deletes; the encoder fills up."""
        self.body_bytes = body_bytes
        """Length of every request body of this class."""


REPLY_BYTES: Final = {0: 102, 1: 4104, 4: 16_110, 16: 64_134}
"""Length of every reply body, by its room: how many boxes it may hold."""

_WISH_BYTES: Final = sum(
    map(len, (_KEYS[4], cbor.head(0, max(REPLY_BYTES)), _KEYS[5], cbor.head(0, MAX_WAIT_SECONDS)))
)
"""In so many bytes at most stand the room and the time to wait, each behind its key."""

MAX_REQUEST_BYTES: Final = max(size.body_bytes for size in SyncClass)
REQUEST_BYTES: Final = {size.body_bytes: size for size in SyncClass}

_ID: Final = f"{len(_ID_HEAD)}x{ID_BYTES}s"
_IDS: Final = {
    size.body_bytes: struct.Struct(
        f"{len(_START + cbor.head(4, size.polls))}x{size.polls * _ID}"
        f"{len(_KEYS[2] + cbor.head(4, size.deletes))}x{size.deletes * _ID}"
    )
    for size in SyncClass
}
"""Where the polls and the deletes of a request lie."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """One box to keep at *id*; with *delete_key* it replaces whatever lies there.

    With a delete key the wire shows that key in place of the id.

    Attributes:
        id: 32 bytes, where the box will lie.
        delete_key: 32 bytes that give *id*, or None.
        ttl_seconds: how long it may lie once released, 60 s to 30 days.
        after_seconds: how long until it is released, 0 to 30 days.
        box: 4000 bytes.

    Raises:
        LocalError: an attribute is outside these limits, or the key does not give the id.
    """

    id: MailboxId = field(repr=False)
    delete_key: DeleteKey | None = field(repr=False)
    ttl_seconds: int
    after_seconds: int
    box: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_bytes(self.id, ID_BYTES)
        if self.delete_key is not None and mailbox_id(self.delete_key) != self.id:
            raise LocalError("the delete key belongs to another id")
        _check_integer(self.ttl_seconds, MIN_TTL_SECONDS, MAX_TTL_SECONDS)
        _check_integer(self.after_seconds, 0, MAX_AFTER_SECONDS)
        _check_bytes(self.box, BOX_BYTES)


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Everything one visit to the relay asks for.

    The relay deletes first, then deposits, then looks. All of it is committed before it waits.

    Attributes:
        sync_class: the size of the request.
        polls: exactly as many ids as the class has; what is not needed is filled up with random
            ids, drawn once and repeated like real ones.
        deletes: keys of boxes to delete, at most as many as the class allows.
        deposits: boxes to keep, at most as many as the class allows.
        room: how many boxes the reply may hold: 0, 1, 4 or 16.
        wait_seconds: how long the relay may hold the reply until something polled for is there,
            0 to 25 s.

    Raises:
        LocalError: an attribute is outside these limits.
    """

    sync_class: SyncClass
    polls: tuple[MailboxId, ...] = field(repr=False)
    deletes: tuple[DeleteKey, ...] = field(default=(), repr=False)
    deposits: tuple[Deposit, ...] = field(default=(), repr=False)
    room: int = 0
    wait_seconds: int = 0

    def __post_init__(self) -> None:
        limits = self.sync_class
        if len(self.polls) != limits.polls:
            raise LocalError("the polls must fill the class exactly")
        if len(self.deletes) > limits.deletes or len(self.deposits) > limits.deposits:
            raise LocalError("more deletes or deposits than the class allows")
        keys = (*self.polls, *self.deletes)
        if set(map(type, keys)) != {bytes} or set(map(len, keys)) != {ID_BYTES}:
            raise LocalError("an id and a key have 32 bytes")
        _check_wish(self.room, self.wait_seconds)


_SETTERS: Final = [vars(SyncRequest)[name].__set__ for name in SyncRequest.__match_args__]
"""What sets each attribute of a request, in their order."""


@dataclass(frozen=True, slots=True)
class Found:
    """A box lies at the polled id; it stays there until it is deleted or its time is over.

    Raises:
        LocalError: the box has not 4000 bytes.
    """

    box: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_bytes(self.box, BOX_BYTES)


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing lies at the polled id, or nothing that is released yet."""


@dataclass(frozen=True, slots=True)
class NoRoom:
    """A box lies at the polled id, but the reply has no room left for it: ask again."""


PollResult: TypeAlias = Found | Nothing | NoRoom

# It has no fields to set, and to call its class would compile a method for whoever only imports.
NOTHING: Final = object.__new__(Nothing)
"""The result of most polls, made once: to see that it is the same object takes no call."""


class DepositOutcome(IntEnum):
    """What became of one deposit."""

    STORED = 0
    """It lies there, or the same bytes lay there already, or did within the last hour."""
    OCCUPIED = 1
    """Other bytes lie there, and they stay."""
    FULL = 2
    """The relay has no room for new ids at present."""
    REFUSED = 3
    """The relay does not take deposits at present."""


@dataclass(frozen=True, slots=True)
class SyncReply:
    """What the relay answers: its clock (Unix seconds) and one result per poll and per deposit.

    That it was answered means that every delete asked for was done.

    Raises:
        LocalError: the clock is outside 0 to 2^40.
    """

    clock: int
    polls: tuple[PollResult, ...]
    deposits: tuple[DepositOutcome, ...]

    def __post_init__(self) -> None:
        _check_integer(self.clock, 0, MAX_CLOCK)


def encode_request(request: SyncRequest) -> bytes:
    """Return the body of *request*: exactly `request.sync_class.body_bytes` bytes.

    Source: docs/protocol.md, "Sync".
    """
    missing = request.sync_class.deletes - len(request.deletes)
    return _request_body(request, (*request.deletes, *[NO_DELETE] * missing))


def decode_request(body: bytes) -> SyncRequest:
    """Return the request whose body is *body*, without the deletes that only fill up.

    Raises:
        Malformed: *body* is not a request of this version.
        TooNew: it is one of a later version.
    """
    try:
        return _request_in(body)
    except (ValueError, LookupError, struct.error, LocalError):
        return _refuse(body)


def encode_reply(reply: SyncReply, room: int) -> bytes:
    """Return the body of *reply*: exactly `REPLY_BYTES[room]` bytes.

    Raises:
        LocalError: *room* is not 0, 1, 4 or 16, or more boxes were found than it holds, or there
            are more results than any request can ask for.
    """
    if room not in REPLY_BYTES:
        raise LocalError("room is 0, 1, 4 or 16 boxes")
    shown = (
        _REPLY_START,
        cbor.head(0, reply.clock),
        _KEYS[2],
        cbor.head(4, len(reply.polls)),
        *_polls(reply.polls, room),
        _KEYS[3],
        cbor.head(4, len(reply.deposits)),
        *[cbor.head(0, outcome) for outcome in reply.deposits],
        _KEYS[4],
    )
    # In one piece: to put the padding behind it later would copy every box once more.
    return b"".join((*shown, _padding(REPLY_BYTES[room] - sum(map(len, shown)))))


def decode_reply(body: bytes, request: SyncRequest) -> SyncReply:
    """Return the reply to *request* whose body is *body*.

    Raises:
        Malformed: *body* is not a reply of this version to a request of this form.
        TooNew: it is one of a later version.
    """
    value = cbor.read(body, max_bytes=REPLY_BYTES[request.room])
    clock, polls, deposits = _fields(value, 3)
    if len(body) != REPLY_BYTES[request.room]:
        raise Malformed("the length is not that of the room asked for")
    results = tuple(_poll_result(value) for value in _list(polls))
    outcomes = tuple(_outcome(value) for value in _list(deposits))
    if len(results) != len(request.polls) or len(outcomes) != len(request.deposits):
        raise Malformed("not one result for each poll and each deposit")
    try:
        reply = SyncReply(clock=_integer(clock), polls=results, deposits=outcomes)
        written = encode_reply(reply, request.room)
    except LocalError as outside_limits:
        raise Malformed(str(outside_limits)) from None
    if written != body:
        raise Malformed("not the one encoding of this reply")
    return reply


def _request_body(request: SyncRequest, deletes: Sequence[DeleteKey]) -> bytes:
    """Return the one encoding of *request*, with exactly these *deletes*."""
    before = b"".join(
        (
            _before_deposits(request.polls, deletes),
            cbor.head(4, len(request.deposits)),
            *[part for one in request.deposits for part in (_before_box(one), one.box)],
        )
    )
    rest = request.sync_class.body_bytes - len(before)
    return before + _after_deposits(request.room, request.wait_seconds, rest)


def _before_deposits(polls: Sequence[bytes], deletes: Sequence[bytes]) -> bytes:
    return b"".join((_START, _ids(polls), _KEYS[2], _ids(deletes), _KEYS[3]))


@lru_cache(maxsize=64)
def _after_deposits(room: int, wait_seconds: int, size_bytes: int) -> bytes:
    shown = (_KEYS[4], cbor.head(0, room), _KEYS[5], cbor.head(0, wait_seconds), _KEYS[6])
    return b"".join((*shown, _padding(size_bytes - sum(map(len, shown)))))


def _request_in(body: bytes) -> SyncRequest:
    """Return the request in *body*, which has exactly the bytes that `encode_request` gives.

    But for one thing: deletes that only fill up are taken at any place among the others.

    A request has one encoding, and its class says where everything lies but its deposits. So
    nothing is read as CBOR here: each part is taken from its place, and then must be what the
    encoder writes for it.

    Raises:
        ValueError, LookupError, struct.error, LocalError: it does not.
    """
    limits = REQUEST_BYTES[len(body)]
    ids = _IDS[len(body)].unpack_from(body)
    polls, deletes = ids[: limits.polls], ids[limits.polls :]
    at = _past(_before_deposits(polls, deletes), body, 0)
    count = max(0, body[at] - _LIST)
    at = _past(cbor.head(4, count), body, at)
    deposits = []
    for _ in range(count):
        deposit, at = _deposit_at(body, at)
        deposits.append(deposit)
    room, wait = _room_and_wait(body[at : at + _WISH_BYTES])
    # Whatever was read: only what these two numbers are written as, and nothing longer, is taken.
    if body[at:] != _after_deposits(room, wait, len(body) - at):
        raise ValueError
    _check_wish(room, wait)
    return _asked(limits, polls, _asked_for(deletes), tuple(deposits), room, wait)


def _asked(
    sync_class: SyncClass,
    polls: tuple[MailboxId, ...],
    deletes: tuple[DeleteKey, ...],
    deposits: tuple[Deposit, ...],
    room: int,
    wait_seconds: int,
) -> SyncRequest:
    """Return a request whose ids and keys were taken out of a body by its class.

    By that they are as many as the class has, of 32 bytes each: to look at all of them once more
    would cost more than to read them.
    """
    request = object.__new__(SyncRequest)
    fields = (sync_class, polls, deletes, deposits, room, wait_seconds)
    for put, value in zip(_SETTERS, fields, strict=True):
        put(request, value)
    return request


def _asked_for(deletes: tuple[DeleteKey, ...]) -> tuple[DeleteKey, ...]:
    """Return *deletes* without those that only fill up, which mostly are the last ones."""
    first = deletes[: len(deletes) - deletes.count(NO_DELETE)]
    return first if NO_DELETE not in first else tuple([key for key in deletes if key != NO_DELETE])


@lru_cache(maxsize=64)
def _room_and_wait(shown: bytes) -> tuple[int, int]:
    """Return the numbers in what follows the deposits, of which nothing else is looked at."""
    room, end = _integer_at(shown, len(_KEYS[4]))
    wait, _ = _integer_at(shown, end + len(_KEYS[5]))
    return room, wait


def _past(piece: bytes, body: bytes, at: int) -> int:
    """Return where *piece*, which must lie at *at*, ends.

    Raises:
        ValueError: something else lies there.
    """
    if not body.startswith(piece, at):
        raise ValueError
    return at + len(piece)


def _integer_at(body: bytes, at: int) -> tuple[int, int]:
    size = _INTEGER_BYTES.get(body[at], 0)
    end = at + 1 + size
    return (int.from_bytes(body[at + 1 : end]) if size else body[at]), end


def _deposit_at(body: bytes, at: int) -> tuple[Deposit, int]:
    start = at + len(_WITH_ID)
    shown = body[start : start + ID_BYTES]
    key = DeleteKey(shown) if body.startswith(_WITH_KEY, at) else None
    ttl, end = _integer_at(body, start + ID_BYTES + len(_KEYS[2]))
    after, end = _integer_at(body, end + len(_KEYS[3]))
    start = end + len(_BEFORE_BOX)
    deposit = Deposit(
        id=MailboxId(shown) if key is None else mailbox_id(key),
        delete_key=key,
        ttl_seconds=ttl,
        after_seconds=after,
        box=body[start : start + BOX_BYTES],
    )
    # It has as many bytes as a box has, and they were taken from there.
    return deposit, _past(_before_box(deposit), body, at) + BOX_BYTES


def _refuse(body: bytes) -> NoReturn:
    """Say what is wrong with *body*, from which no request can be read.

    Raises:
        Malformed: it is not a request of this version.
        TooNew: it is one of a later version.
    """
    polls, deletes, deposits, room, wait = _fields(cbor.read(body, max_bytes=MAX_REQUEST_BYTES), 5)
    if len(body) not in REQUEST_BYTES:
        raise Malformed("the length is that of no class")
    limits = REQUEST_BYTES[len(body)]
    if len(_list(deletes)) != limits.deletes:
        raise Malformed("the deletes must fill the class exactly")
    try:
        SyncRequest(
            sync_class=limits,
            polls=tuple(cast("list[MailboxId]", _list(polls))),
            deletes=tuple(cast("list[DeleteKey]", deletes)),
            deposits=tuple([_deposit(value) for value in _list(deposits)]),
            room=_integer(room),
            wait_seconds=_integer(wait),
        )
    except LocalError as outside_limits:
        # The rules, types included, stand once: where the values are made. Their messages quote
        # nothing.
        raise Malformed(str(outside_limits)) from None
    raise Malformed("not the one encoding of this request")


def _ids(ids: Sequence[bytes]) -> bytes:
    """Return a list of ids or keys, which have 32 bytes each; every class has some."""
    return cbor.head(4, len(ids)) + _ID_HEAD + _ID_HEAD.join(ids)


def _before_box(deposit: Deposit) -> bytes:
    return b"".join(
        (
            _WITH_ID if deposit.delete_key is None else _WITH_KEY,
            deposit.id if deposit.delete_key is None else deposit.delete_key,
            _KEYS[2],
            cbor.head(0, deposit.ttl_seconds),
            _KEYS[3],
            cbor.head(0, deposit.after_seconds),
            _BEFORE_BOX,
        )
    )


def _polls(results: Sequence[PollResult], room: int) -> list[bytes]:
    """Return the results of polls in pieces.

    Raises:
        LocalError: more boxes were found than *room*.
    """
    absent = _NO_BOX * len(results)
    if results.count(NOTHING) == len(results):
        return [absent]
    found = []
    for at in [at for at, result in enumerate(results) if result is not NOTHING]:
        result = results[at]
        match result:
            case Found():
                found.append((at, result.box))
            case NoRoom():
                absent = absent[:at] + _NO_ROOM + absent[at + 1 :]
            case Nothing():
                pass  # Made elsewhere, and not the one object: it stands there as no box already.
            case _:
                assert_never(result)
    if len(found) > room:
        raise LocalError("more boxes than the reply has room for")
    pieces: list[bytes] = []
    start = 0
    for at, box in found:
        pieces += (absent[start:at], _BOX_HEAD, box)
        start = at + 1
    return [*pieces, absent[start:]]


@lru_cache(maxsize=64)
def _padding(size_bytes: int) -> bytes:
    """Return two strings of zeros that take *size_bytes* encoded in a list, at least 3.

    The head of a byte string grows with its length, so one string alone skips some sizes (25,
    258, 65539, 65540); 0 to 2 bytes in a second one reach them. The fewest are taken.
    """
    for second in range(3):
        last = cbor.head(2, second) + bytes(second)
        rest = size_bytes - 1 - len(last)
        for head_bytes in (1, 2, 3, 5):
            head = cbor.head(2, max(0, rest - head_bytes))
            if rest >= head_bytes == len(head):
                return cbor.head(4, 2) + head + bytes(rest - head_bytes) + last
    raise LocalError("more than any body of this size holds")


def _fields(value: cbor.Value, count: int) -> list[cbor.Value]:
    """Return the *count* fields between version and padding."""
    if type(value) is not dict or type(value.get(0)) is not int:
        raise Malformed("no version")
    match value[0]:
        case int(version) if version > VERSION:
            raise TooNew("made by a later version")
        case int(version) if version < VERSION:
            raise Malformed("no such version")
    if list(value) != list(range(count + 2)):
        raise Malformed("not the fields of this version")
    _, *fields, _ = value.values()
    return fields


def _deposit(value: cbor.Value) -> Deposit:
    if type(value) is not dict or list(value) not in ([0, 2, 3, 4], [1, 2, 3, 4]):
        raise Malformed("not a deposit")
    shown = _bytes(value[min(value)], ID_BYTES)
    key = DeleteKey(shown) if 1 in value else None
    return Deposit(
        id=MailboxId(shown) if key is None else mailbox_id(key),
        delete_key=key,
        ttl_seconds=_integer(value[2]),
        after_seconds=_integer(value[3]),
        box=_bytes(value[4], BOX_BYTES),
    )


def _poll_result(value: cbor.Value) -> PollResult:
    if type(value) is bytes:
        return Found(_bytes(value, BOX_BYTES))
    match _integer(value):
        case 0:
            return NOTHING
        case 1:
            return NoRoom()
        case _:
            raise Malformed("not the result of a poll")


def _outcome(value: cbor.Value) -> DepositOutcome:
    try:
        return DepositOutcome(_integer(value))
    except ValueError:
        raise Malformed("not the outcome of a deposit") from None


def _list(value: cbor.Value) -> list[cbor.Value]:
    if type(value) is not list:
        raise Malformed("not a list")
    return value


def _integer(value: cbor.Value) -> int:
    if type(value) is not int:
        raise Malformed("not an integer")
    return value


def _bytes(value: cbor.Value, size: int) -> bytes:
    if type(value) is not bytes or len(value) != size:
        raise Malformed("not bytes of that length")
    return value


def _check_bytes(value: bytes, size: int) -> None:
    if type(value) is not bytes or len(value) != size:
        raise LocalError("an id and a key have 32 bytes and a box 4000")


def _check_wish(room: int, wait_seconds: int) -> None:
    if type(room) is not int or room not in REPLY_BYTES:
        raise LocalError("room is 0, 1, 4 or 16 boxes")
    _check_integer(wait_seconds, 0, MAX_WAIT_SECONDS)


def _check_integer(value: int, lowest: int, highest: int) -> None:
    if type(value) is not int or not lowest <= value <= highest:
        raise LocalError("a number of seconds outside its limits")

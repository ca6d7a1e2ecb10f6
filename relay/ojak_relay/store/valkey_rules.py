"""What a relay asks a Valkey server for, as commands; `valkey_scripts` has what it does then."""

import hashlib
from binascii import crc_hqx
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store.base import record_of
from ojak_relay.store.deleted import REMEMBERED_AT_MOST, REMEMBERED_SECONDS
from ojak_relay.store.valkey_wire import packed, word

TAGS: Final = 256
SLOTS: Final = 16_384
CHANNEL: Final = b"ojak"
"""Where the id of each box that comes is told to all relays."""

ID_BYTES: Final = 32

_ID: Final = b"$32\r\n"
_END: Final = b"\r\n"
_MOST: Final = 9_999_999_999
"""What has the ten digits that a number of a deposit has."""
_MARKS: Final = word(b"%d" % (REMEMBERED_AT_MOST // TAGS + 2))
"""How many members stay of a `deleted`, the one that keeps it alive and one more included."""


def _tags() -> list[bytes]:
    """Return four digits for each 256th part of a cluster's slots, so that it is spread evenly."""
    found: dict[int, bytes] = {}
    for number in range(10_000):
        tag = b"%04d" % number
        found.setdefault(crc_hqx(tag, 0) % SLOTS * TAGS // SLOTS, tag)
    return [found[part] for part in range(TAGS)]


_TAGS: Final = _tags()
TAG_SLOTS: Final = [crc_hqx(tag, 0) % SLOTS for tag in _TAGS]
"""The cluster's slot of each tag."""
_BOX: Final = [b"{%b}" % tag for tag in _TAGS]
_KEY: Final = [b"\r\n$38\r\n" + box for box in _BOX]
_DUE: Final = [b"{%b}due" % tag for tag in _TAGS]
_DELETED: Final = [b"{%b}deleted" % tag for tag in _TAGS]
_SETS: Final = [
    b"\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(due), due, len(deleted), deleted)
    for due, deleted in zip(_DUE, _DELETED, strict=True)
]
KEYS_OF_A_TAG: Final = 2

# Each second there is one for each tag.
_WHEN: Final = b"%010d"
_OVER: Final = [
    packed(b"ZRANGE", due, b"-inf", bytes(10), b"BYSCORE", b"LIMIT", b"0", b"8").replace(
        bytes(10), _WHEN
    )
    for due in _DUE
]
_FORGET: Final = [
    packed(b"ZREMRANGEBYSCORE", deleted, b"-inf", bytes(10)).replace(bytes(10), _WHEN)
    for deleted in _DELETED
]

_EXISTS: Final = (b"*2\r\n$6\r\nEXISTS\r\n$38\r\n", b"\r\n")
_WHOLE: Final = (b"*2\r\n$4\r\nMGET\r\n$38\r\n", b"\r\n")


def tag_of(id_: MailboxId) -> int:
    """Return the tag of what belongs to *id_*."""
    return id_[0]


def exists(ids: Iterable[MailboxId]) -> bytes:
    """Return one command for each of *ids*; the reply is 1 if anything lies there, or 0."""
    return _for_each(ids, *_EXISTS)


def wholes(ids: Iterable[MailboxId]) -> bytes:
    """Return one command for each of *ids*; the reply is a list of one: head and box, or None."""
    return _for_each(ids, *_WHOLE)


def all_wholes(ids: Sequence[MailboxId]) -> list[bytes]:
    """Return the pieces of one command; the reply is a list of heads and boxes, or None.

    Not for a cluster. There must be an id: a command without keys is none, and shifts all later
    replies.
    """
    # Each sync asks for dozens: to put keys together one by one would take most of the time.
    words = [_END] * (2 + 2 * len(ids))
    words[0] = b"*%d\r\n$4\r\nMGET" % (1 + len(ids))
    words[1:-1:2] = [_KEY[id_[0]] for id_ in ids]
    words[2:-1:2] = ids
    return words


def _for_each(ids: Iterable[MailboxId], before: bytes, after: bytes) -> bytes:
    # Dozens of these go into each request: packed one by one they would cost more than the rest.
    keys = [_BOX[id_[0]] + id_ for id_ in ids]
    return b"".join((before, (after + before).join(keys), after))


def times(whole: bytes) -> tuple[int, int] | None:
    """Return when a box is released and when it is over, or None if *whole* is none."""
    head = whole[: scripts.HEAD_BYTES]
    if len(whole) != scripts.WHOLE_BYTES or not head.isdigit():
        return None
    return int(head[:10]), int(head[10:])


def deposit(asked: Deposit, now: int, limit: int) -> tuple[bytes, ...]:
    """Return the pieces of a command that deposits; the reply is a word of `valkey_scripts`.

    Args:
        asked: what.
        now: Unix seconds.
        limit: how many keys its server may have.
    """
    record = record_of(asked, now)
    tag = asked.id[0]
    return (
        _head(scripts.DEPOSIT, 6),
        _BOX[tag],
        asked.id,
        _SETS[tag],
        b"$10\r\n%010d\r\n$%d\r\n%010d%010d"
        % (
            now,
            scripts.HEAD_BYTES + len(asked.box),
            record.released_at,
            record.expires_at,
        ),
        asked.box,
        b"\r\n$1\r\n%d\r\n$10\r\n%010d\r\n$10\r\n%010d\r\n$32\r\n"
        % (asked.delete_key is not None, record.expires_at - now, min(limit, _MOST)),
        asked.id,
        _END,
    )


def changes(
    deletes: Sequence[MailboxId], deposits: Sequence[Deposit], now: int
) -> Callable[[Iterable[int], int], list[bytes]]:
    """Return what makes the commands for some of *deletes*, then *deposits*, by their numbers.

    In pieces, and in the order of the numbers, which need not be rising.
    """

    def pack(numbers: Iterable[int], limit: int) -> list[bytes]:
        commands: list[bytes] = []
        for number in numbers:
            if number < len(deletes):
                commands += delete(deletes[number], now)
            else:
                commands += deposit(deposits[number - len(deletes)], now, limit)
        return commands

    return pack


def delete(id_: MailboxId, now: int) -> tuple[bytes, ...]:
    """Return the pieces of a command that deletes; the reply is how many boxes."""
    tag = id_[0]
    return _head(scripts.DELETE, 4), _BOX[tag], id_, _SETS[tag], _deletion(now), id_, _END


@lru_cache(maxsize=2)
def _deletion(now: int) -> bytes:
    times = word(b"%d" % now), word(b"%d" % (now + REMEMBERED_SECONDS))
    return b"".join((*times, _MARKS, _ID))


def clear(id_: MailboxId, now: int) -> bytes:
    """Return a command that erases a box if it is over; the reply is how many boxes."""
    tag, words = id_[0], (word(b"%d" % now), word(id_))
    return b"".join((_head(scripts.CLEAR, 2), _BOX[tag], id_, _SETS[tag], *words))


def over(tag: int, now: int) -> bytes:
    """Return a command; the reply is some ids of *tag* whose boxes are over."""
    return _OVER[tag] % now


def is_due(member: bytes, tag: int) -> bool:
    """Return whether *member* can stand for a box in the set `due` of *tag*."""
    return len(member) == ID_BYTES and tag_of(MailboxId(member)) == tag


def drop(tag: int, member: bytes) -> bytes:
    """Return a command that takes what stands for no box out of the set `due` of *tag*."""
    if not member:
        # This one keeps the set alive, whenever somebody says that it is over.
        return packed(b"ZADD", _DUE[tag], b"+inf", member)
    return packed(b"ZREM", _DUE[tag], member)


def forget(tag: int, now: int) -> bytes:
    """Return a command that forgets what was deleted an hour ago."""
    return _FORGET[tag] % now


def keep(tag: int) -> bytes:
    """Return two commands that make both sets of *tag*, which then always are there.

    So the number of keys of a server less those of its tags is the number of its boxes.
    """
    return b"".join(packed(b"ZADD", key, b"NX", b"+inf", b"") for key in _sets_of(tag))


def anew(tag: int) -> bytes:
    """Return two commands that do the same, and erase first what is no set."""
    return b"".join(packed(b"EVAL", scripts.ANEW, b"1", key) for key in _sets_of(tag))


def _sets_of(tag: int) -> tuple[bytes, bytes]:
    return _DUE[tag], _DELETED[tag]


def loads() -> list[bytes]:
    """Return the commands that a server must have seen before any other of these."""
    some = (scripts.DEPOSIT, scripts.DELETE, scripts.CLEAR)
    return [packed(b"SCRIPT", b"LOAD", script) for script in some]


@cache
def _head(script: bytes, arguments: int) -> bytes:
    """Return how a command begins that runs *script*, up to its first key."""
    # As servers call it; nothing is kept secret by it.
    name = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    return b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n3\r\n$38\r\n" % (6 + arguments, name)

"""The rules of `base.judge` as scripts: what a Valkey server does at once, whoever else asks.

A box is one key, its value 20 digits (released at, expires at) and the box, with the server's own
expiry. Beside the boxes stand two sorted sets for each of 256 tags: `due`, each box with the time
when it is over, and `deleted`, each id deleted within the hour with the time until which it counts.
All three have the tag of the box in braces, by which a cluster puts them on one server. What an id
is not enough for is in no name and no value: servers see what they keep, and when.

What lies at a box's key and is no box counts as nothing: it is replaced, or deleted. A set of
another type is made anew (`anew`); a script fails at it before it has changed anything.
"""

import hashlib
from binascii import crc_hqx
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from ojak_protocol.addresses import BOX_BYTES, MailboxId
from ojak_protocol.sync import Deposit
from ojak_relay.store.base import record_of
from ojak_relay.store.deleted import REMEMBERED_AT_MOST, REMEMBERED_SECONDS
from ojak_relay.store.valkey_wire import packed

TAGS: Final = 256
SLOTS: Final = 16_384
CHANNEL: Final = b"ojak"
"""Where the id of each box that comes is told to all relays."""

ID_BYTES: Final = 32
HEAD_BYTES: Final = 20

ADDED: Final = b"added"
REPLACED: Final = b"replaced"
KEPT: Final = b"kept"
OCCUPIED: Final = b"occupied"
FULL: Final = b"full"
MENDED: Final = b"mended"
"""Stored in the place of what was no box."""

_WHOLE_BYTES: Final = HEAD_BYTES + BOX_BYTES

_LYING: Final = b"""
local now = tonumber(ARGV[1])
local lying = redis.pcall('GET', KEYS[1])
local ends
if type(lying) == 'string' and #lying == %d
  and string.find(string.sub(lying, 1, 20), '^%%d+$') then
  ends = tonumber(string.sub(lying, 11, 20))
end
""" % (_WHOLE_BYTES)
"""What lies at the key, if anything, and when it ends, if it is a box."""

DEPOSIT: Final = (
    _LYING
    + b"""
redis.call('ZCARD', KEYS[2])
if ends and now < ends then
  if string.sub(lying, 21) == string.sub(ARGV[2], 21) then
    -- A write, so that who asked waits for the replicas that the first one may not have waited for.
    redis.call('PEXPIRE', KEYS[1], 1000 * (ends - now))
    return 'kept'
  end
  if ARGV[3] == '0' then return 'occupied' end
else
  local deleted = redis.call('ZSCORE', KEYS[3], ARGV[6])
  if deleted and now < tonumber(deleted) then return 'kept' end
end
if not lying and redis.call('DBSIZE') >= tonumber(ARGV[5]) then return 'full' end
-- A server without memory refuses what begins with SET, and takes what makes room before.
if lying then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], string.sub(ARGV[2], 11, 20), ARGV[6])
redis.call('PUBLISH', 'ojak', ARGV[6])
return not lying and 'added' or ends and 'replaced' or 'mended'
"""
)

DELETE: Final = (
    _LYING
    + b"""
local deleted = redis.call('ZSCORE', KEYS[3], ARGV[4])
if not lying then
  if deleted and now < tonumber(deleted) then
    -- A write, for the same reason as that of the same deposit: to set what is set would be none.
    redis.call('ZREM', KEYS[3], ARGV[4])
    redis.call('ZADD', KEYS[3], deleted, ARGV[4])
  end
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[1])
-- What was no box may lie where one was, which a sender would bring back.
if not ends or now < ends then
  redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[3])
end
return 1
"""
)

CLEAR: Final = (
    _LYING
    + b"""
if ends and now < ends then
  -- Otherwise it would be found to be over again and again.
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('DEL', KEYS[1])
"""
)

_ANEW: Final = b"""
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
return redis.call('ZADD', KEYS[1], 'NX', '+inf', '')
"""

_MARKS: Final = b"%d" % (REMEMBERED_AT_MOST // TAGS + 2)
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


def all_wholes(ids: Sequence[MailboxId]) -> bytes:
    """Return one command with one reply, a list of heads and boxes, or None; not for a cluster.

    There must be an id: a command without keys is none, and shifts all later replies.
    """
    keys = [_BOX[id_[0]] + id_ for id_ in ids]
    return b"".join(
        (b"*%d\r\n$4\r\nMGET\r\n$38\r\n" % (1 + len(ids)), b"\r\n$38\r\n".join(keys), b"\r\n")
    )


def _for_each(ids: Iterable[MailboxId], before: bytes, after: bytes) -> bytes:
    # Dozens of these go into each request: packed one by one they would cost more than the rest.
    keys = [_BOX[id_[0]] + id_ for id_ in ids]
    return b"".join((before, (after + before).join(keys), after))


def times(whole: bytes) -> tuple[int, int] | None:
    """Return when a box is released and when it is over, or None if *whole* is none."""
    head = whole[:HEAD_BYTES]
    if len(whole) != _WHOLE_BYTES or not head.isdigit():
        return None
    return int(head[:10]), int(head[10:])


def deposit(asked: Deposit, now: int, limit: int) -> bytes:
    """Return a command that deposits; the reply is a word above.

    Args:
        asked: what.
        now: Unix seconds.
        limit: how many keys its server may have.
    """
    record = record_of(asked, now)
    return _run(
        DEPOSIT,
        asked.id,
        b"%d" % now,
        b"%010d%010d%b" % (record.released_at, record.expires_at, asked.box),
        b"0" if asked.delete_key is None else b"1",
        b"%d" % (1000 * (record.expires_at - now)),
        b"%d" % limit,
        asked.id,
    )


def delete(id_: MailboxId, now: int) -> bytes:
    """Return a command that deletes; the reply is how many boxes."""
    return _run(DELETE, id_, b"%d" % now, b"%d" % (now + REMEMBERED_SECONDS), _MARKS, id_)


def clear(id_: MailboxId, now: int) -> bytes:
    """Return a command that erases a box if it is over; the reply is how many boxes."""
    return _run(CLEAR, id_, b"%d" % now, id_)


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
    return b"".join(packed(b"EVAL", _ANEW, b"1", key) for key in _sets_of(tag))


def _sets_of(tag: int) -> tuple[bytes, bytes]:
    return _DUE[tag], _DELETED[tag]


def scripts() -> list[bytes]:
    """Return the commands that a server must have seen before any other of these."""
    return [packed(b"SCRIPT", b"LOAD", script) for script in (DEPOSIT, DELETE, CLEAR)]


def _run(script: bytes, id_: MailboxId, *arguments: bytes) -> bytes:
    tag = id_[0]
    words = [b"$%d\r\n%b\r\n" % (len(word), word) for word in arguments]
    return b"".join([_head(script, len(arguments)), _BOX[tag], id_, _SETS[tag], *words])


@cache
def _head(script: bytes, arguments: int) -> bytes:
    """Return how a command begins that runs *script*, up to its first key."""
    # As servers call it; nothing is kept secret by it.
    name = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    return b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n3\r\n$38\r\n" % (6 + arguments, name)

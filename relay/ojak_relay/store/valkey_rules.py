"""What a relay asks a Valkey server for, as commands; `valkey_scripts` has what it does then."""

import hashlib
from binascii import crc_hqx
from collections.abc import Callable, Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_protocol.sync import Deposit
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store.base import times_of
from ojak_relay.store.deleted import REMEMBERED_SECONDS
from ojak_relay.store.valkey_wire import packed, word

TAGS: Final = 256
SLOTS: Final = 16_384
KEPT_SECONDS: Final = 2 * REMEMBERED_SECONDS
"""How long what is known of ids stays where no relay runs any more."""

KEYS_AT_ONCE: Final = 256
"""How many places one command looks at: with a box at each its reply has less than 1 MB."""

_END: Final = b"\r\n"
_MOST: Final = 9_999_999_999
"""What has the ten digits that a number of a deposit has."""


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
_DIGITS: Final = [bytes(tag[place] for tag in _TAGS) for place in range(4)]
"""Of the tag of an id by its first byte, as `bytes.translate` wants them."""
_SET: Final = [box + b"known" for box in _BOX]
_SET_WORD: Final = [_END + word(key) for key in _SET]
KEYS_OF_A_TAG: Final = 1

# Each second there is one for each tag.
_OVER: Final = [
    packed(b"ZRANGE", key, b"-inf", bytes(10), b"BYSCORE", b"LIMIT", b"0", b"8").replace(
        bytes(10), b"%010d"
    )
    for key in _SET
]
_FORGET: Final = [
    packed(b"ZREMRANGEBYSCORE", key, bytes(11), b"(+inf").replace(bytes(11), b"%011d")
    + packed(b"ZCOUNT", key, b"%d" % scripts.DELETED_FROM, b"(+inf")
    for key in _SET
]
_KEEP: Final = [
    packed(b"ZADD", key, b"NX", b"+inf", b"") + packed(b"EXPIRE", key, b"%d" % KEPT_SECONDS)
    for key in _SET
]

_EXISTS: Final = b"\r\n*2\r\n$6\r\nEXISTS\r\n$38\r\n{0000}"
_WHOLE: Final = b"\r\n*2\r\n$4\r\nMGET\r\n$38\r\n{0000}"
_KEY: Final = b"\r\n$38\r\n{0000}"


def tag_of(id_: MailboxId) -> int:
    """Return the tag of what belongs to *id_*."""
    return id_[0]


def exists(ids: Iterable[MailboxId]) -> bytes:
    """Return one command for each of *ids*; the reply is 1 if anything lies there, or 0."""
    return _for_each(_EXISTS, ids)[len(_END) :] + _END


def wholes(ids: Iterable[MailboxId]) -> bytes:
    """Return one command for each of *ids*; the reply is a list of one: head and box, or None."""
    return _for_each(_WHOLE, ids)[len(_END) :] + _END


def all_wholes(ids: Sequence[MailboxId]) -> list[bytes]:
    """Return the pieces of one command; the reply is a list of heads and boxes, or None.

    Not for a cluster. There must be an id: a command without keys is none, and shifts all later
    replies.
    """
    return [b"*%d\r\n$4\r\nMGET" % (1 + len(ids)), _for_each(_KEY, ids), _END]


def _for_each(before: bytes, ids: Iterable[MailboxId]) -> bytes:
    """Return *before*, which ends with a tag, and the id for each, the tag being that of the id."""
    # Dozens of these go into each request: put together one by one they would take most of the
    # time. So the first bytes of all ids at once become the first digits of all tags, and so on.
    keys = bytearray(before.join((b"", *ids)))
    step, at = len(before) + ID_BYTES, len(before)
    firsts = keys[at::step]
    for place, digits in enumerate(_DIGITS, at - len("0000}")):
        keys[place::step] = firsts.translate(digits)
    return bytes(keys)


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
    tag = asked.id[0]
    before, after = _around(
        now,
        *times_of(asked, now),
        len(asked.box),
        limit,
        is_replacing=asked.delete_key is not None,
    )
    return (
        _head(scripts.DEPOSIT, 5),
        _BOX[tag],
        asked.id,
        _SET_WORD[tag],
        before,
        asked.box,
        after,
    )


@lru_cache(maxsize=8)
def _around(
    now: int, released_at: int, expires_at: int, size: int, limit: int, *, is_replacing: bool
) -> tuple[bytes, bytes]:
    """Return what stands before and after a box that is deposited."""
    lasts = word(b"%d000" % (expires_at - now))
    return (
        b"$10\r\n%010d\r\n$%d\r\n%010d%010d"
        % (now, scripts.HEAD_BYTES + size, released_at, expires_at),
        b"\r\n$1\r\n%d\r\n%b$10\r\n%010d\r\n" % (is_replacing, lasts, min(limit, _MOST)),
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


def all_changes(
    deletes: Sequence[MailboxId], deposits: Sequence[Deposit], now: int, limit: int
) -> list[bytes]:
    """Return the pieces of all commands that `changes` would make."""
    commands: list[bytes] = []
    for id_ in deletes:
        commands += delete(id_, now)
    for one in deposits:
        commands += deposit(one, now, limit)
    return commands


def delete(id_: MailboxId, now: int) -> tuple[bytes, ...]:
    """Return the pieces of a command that deletes; the reply is how many boxes."""
    tag = id_[0]
    return _head(scripts.DELETE, 2), _BOX[tag], id_, _SET_WORD[tag], _deletion(now)


@lru_cache(maxsize=2)
def _deletion(now: int) -> bytes:
    return word(b"%d" % now) + word(b"%d" % (scripts.DELETED - now - REMEMBERED_SECONDS))


def clear(id_: MailboxId, now: int) -> bytes:
    """Return a command that erases a box if it is over; the reply is how many boxes."""
    tag = id_[0]
    words = _BOX[tag], id_, _SET_WORD[tag], word(b"%d" % now)
    return b"".join((_head(scripts.CLEAR, 1), *words))


def over(tag: int, now: int) -> bytes:
    """Return a command; the reply is some ids of *tag* whose boxes are over."""
    return _OVER[tag] % now


def is_due(member: bytes, tag: int) -> bool:
    """Return whether *member* can stand for a box in the set of *tag*."""
    return len(member) == ID_BYTES and tag_of(MailboxId(member)) == tag


def drop(tag: int, member: bytes) -> bytes:
    """Return a command that takes what stands for no box out of the set of *tag*."""
    if not member:
        # This one keeps the set alive, whenever somebody says that it is over.
        return packed(b"ZADD", _SET[tag], b"+inf", member)
    return packed(b"ZREM", _SET[tag], member)


def forget(tag: int, until: int) -> bytes:
    """Return two commands that forget deletions that count until then or earlier, and count.

    The second reply is how many are left.
    """
    return _FORGET[tag] % (scripts.DELETED - until)


def keep(tag: int) -> bytes:
    """Return two commands that make the set of *tag*, and keep it for two hours from now.

    As long as relays run it is always there: so the number of keys of a server less those of its
    tags is the number of its boxes. Where none runs any more the server ends it by itself.
    """
    return _KEEP[tag]


def anew(tag: int) -> bytes:
    """Return a command that erases what is no set, and makes one."""
    return packed(b"EVAL", scripts.ANEW, b"1", _SET[tag])


def former() -> list[bytes]:
    """Return commands whose replies are 1 where relays of the state before left a set.

    Their sets have an end, as boxes do, so that the number of keys does not show them.
    """
    return [packed(b"EXISTS", box + b"ids") for box in _BOX]


def loads() -> list[bytes]:
    """Return the commands that a server must have seen before any other of these."""
    some = (scripts.DEPOSIT, scripts.DELETE, scripts.CLEAR)
    return [packed(b"SCRIPT", b"LOAD", script) for script in some]


@cache
def _head(script: bytes, arguments: int) -> bytes:
    """Return how a command begins that runs *script*, up to its first key."""
    # As servers call it; nothing is kept secret by it.
    name = hashlib.sha1(script, usedforsecurity=False).hexdigest().encode()
    return b"*%d\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n2\r\n$38\r\n" % (5 + arguments, name)

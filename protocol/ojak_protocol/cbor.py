"""One way to write each value: the strict deterministic CBOR of everything Ojak sends.

A value is an unsigned integer below 2^64, a byte string, a text, a list, or a map whose keys are
integers from 0 to 255. Nothing else exists here: no negative numbers, floats, booleans, null,
tags or indefinite lengths. Each value has exactly one encoding, so what was read can be compared,
hashed and sealed as bytes.

The reader bounds its work before it looks at anything: bytes first, then depth, then the number
of items. Types are compared exactly, because to Python `True == 1`.

Source: docs/protocol.md, "CBOR"; RFC 8949, section 4.2.1.
"""

from functools import lru_cache
from typing import Final, NoReturn, TypeAlias

import cbor2

from ojak_protocol.errors import LocalError, Malformed

Value: TypeAlias = "int | bytes | str | list[Value] | dict[int, Value]"

MAX_DEPTH: Final = 6
"""How deep lists and maps may stand in each other."""

MAX_ITEMS: Final = 2048
"""How many entries the lists and maps of one value may have in all."""

MAX_KEY: Final = 255
MAX_INTEGER: Final = 2**64 - 1

_PLAIN: Final = frozenset({int, bytes, str})
_TYPES: Final = _PLAIN | {list, dict}


def encode(value: Value) -> bytes:
    """Return the one encoding of *value*.

    Raises:
        LocalError: *value*, or something inside it, is not a value of this profile.
    """
    problem = _problem(value, in_order=False)
    if problem:
        raise LocalError(problem)
    try:
        return cbor2.dumps(value, canonical=True)
    except (cbor2.CBORError, UnicodeEncodeError):
        raise LocalError("a text that UTF-8 cannot hold") from None


def decode(data: bytes, *, max_bytes: int) -> Value:
    """Return the value whose one encoding is *data*.

    Args:
        data: bytes from outside.
        max_bytes: longer input is refused unread.

    Raises:
        Malformed: *data* is longer, or is not the encoding of a value of this profile.
    """
    value = read(data, max_bytes=max_bytes)
    problem = _problem(value, in_order=True)
    if problem:
        raise Malformed(problem)
    # Catches what the library lets through: trailing bytes, and numbers and lengths written longer
    # than needed. A map is written in the order it was read, which `_problem` has checked; whatever
    # is in the profile can be encoded, so this cannot fail.
    if cbor2.dumps(value) != data:
        raise Malformed("not the one encoding of its value")
    return value


def read(data: bytes, *, max_bytes: int) -> Value:
    """Return what *data* holds, for whoever writes it again and compares; else use `decode`.

    Nothing is promised of its types, of the order of its keys, or of how its numbers are written.

    Raises:
        Malformed: *data* is longer, or is not CBOR without tags and indefinite lengths.
    """
    if len(data) > max_bytes:
        raise Malformed("too long")
    return _loads(data)


@lru_cache(maxsize=4096)
def head(kind: int, number: int) -> bytes:
    """Return the shortest head of an item: of *kind* 0 (integer), 2 (bytes), 4 (list) or 5 (map).

    Args:
        kind: the major type.
        number: the integer itself, or how many bytes or entries follow; below 2^64.
    """
    if number < 24:
        return bytes(((kind << 5) + number,))
    for code, size in ((24, 1), (25, 2), (26, 4)):
        if number < 256**size:
            return bytes(((kind << 5) + code,)) + number.to_bytes(size, "big")
    return bytes(((kind << 5) + 27,)) + number.to_bytes(8, "big")


def _refuse(*_: object) -> NoReturn:
    raise Malformed("a tag")


# Tags that cbor2 would interpret. Refused when met, not afterwards: 64 KB of tags made into
# dates, patterns or fractions cost more than all the rest of a request.
_NO_TAGS: Final = dict.fromkeys((*range(300), 1004, 43000, 55799), _refuse)


def _loads(data: bytes) -> Value:
    try:
        value: Value = cbor2.loads(
            data,
            max_depth=MAX_DEPTH,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_NO_TAGS,
            tag_hook=_refuse,
        )
    except (cbor2.CBORError, Malformed, ValueError, RecursionError) as wrong:
        ended_by = wrong.__cause__
        if ended_by is not None and not isinstance(ended_by, Exception):
            # cbor2 takes whatever leaves `_refuse` for its own; this one is to end the program.
            raise ended_by from None
        # `from None`: a decoder's message may quote what was sent.
        raise Malformed("not CBOR of this profile") from None
    return value


def _problem(value: Value, *, in_order: bool) -> str | None:
    """Say what keeps *value* out of the profile, in time bounded by `MAX_ITEMS`.

    Whole lists are looked at by the set of their types: a request has dozens of ids, and the relay
    reads thousands of requests a second.
    """
    items = depth = 0
    level: list[Value] = [value]
    while True:
        types = set(map(type, level))
        if not types <= _TYPES:
            return "a type outside the profile"
        if int in types and not all(map(_is_small, level)):
            return "a number outside the profile"
        if types <= _PLAIN:
            return None
        below: list[Value] = []
        for item in level:
            if type(item) is list:
                below += item
            elif type(item) is dict:
                if not all(map(_is_key, item)) or (in_order and list(item) != sorted(item)):
                    return "a key that is no small integer, or out of order"
                below += item.values()
        items += len(below)
        if depth == MAX_DEPTH or items > MAX_ITEMS:
            return "nested too deep, or too many items"
        level = below
        depth += 1


def _is_small(item: Value) -> bool:
    return type(item) is not int or 0 <= item <= MAX_INTEGER


def _is_key(key: int) -> bool:
    return type(key) is int and 0 <= key <= MAX_KEY

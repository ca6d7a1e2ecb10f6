"""The requests of one cycle at our relay: a box deposited, collected and deleted in two syncs.

The first sync deletes the box of the cycle before and deposits the next one; the second one
collects it. Requests are cut from a template, so that whoever sends them does little, and every
answer is looked at: a relay that answers nothing useful is not fast.
"""

import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import REPLY_BYTES, Deposit, SyncClass, SyncRequest, encode_request

Cycle: TypeAlias = Generator[bytes, bytes, None]
"""Gives one request after another, is sent each answer, and ends after one cycle."""

TTL_SECONDS: Final = 600


@dataclass(frozen=True)
class Template:
    """A request, in which marked bytes are replaced."""

    body: bytes
    places: tuple[int, ...]

    @classmethod
    def of(cls, request: SyncRequest, *marks: bytes) -> "Template":
        body = encode_request(request)
        return cls(body, tuple(body.index(mark) for mark in marks))

    def filled(self, *values: bytes) -> bytes:
        body = bytearray(self.body)
        for place, value in zip(self.places, values, strict=True):
            body[place : place + len(value)] = value
        return bytes(body)


def posted(body: bytes, *, path: bytes = b"/v1/sync", close: bool = False) -> bytes:
    """Return the whole HTTP request."""
    end = b"Connection: close\r\n" if close else b""
    head = b"POST %s HTTP/1.1\r\nHost: relay\r\nContent-Type: application/cbor\r\n" % path
    return head + end + b"Content-Length: %d\r\n\r\n" % len(body) + body


class Cycles:
    """Cycles with ids of their own, one after the other; for one connection, at one relay.

    Each deletes the box of the one before, which may have been cut off.
    """

    def __init__(self, *, close: bool = False, checks: bool = True) -> None:
        self._close = close
        self._checks = checks
        self._box = os.urandom(BOX_BYTES)
        self._last = DeleteKey(bytes(ID_BYTES))
        fillers = [MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ZERO.polls)]
        key = DeleteKey(os.urandom(ID_BYTES))
        old = DeleteKey(os.urandom(ID_BYTES))
        place = mailbox_id(key)
        deposit = Deposit(place, None, TTL_SECONDS, 0, self._box)
        leave = SyncRequest(SyncClass.ONE, tuple(fillers), (old,), (deposit,))
        self._leave = Template.of(leave, old, place)
        fetch = SyncRequest(SyncClass.ZERO, (place, *fillers[1:]), room=1)
        self._fetch = Template.of(fetch, place)

    def cycle(self) -> Cycle:
        key = DeleteKey(os.urandom(ID_BYTES))
        place = mailbox_id(key)
        last, self._last = self._last, key
        yield posted(self._leave.filled(last, place), close=self._close)
        answer = yield posted(self._fetch.filled(place), close=self._close)
        if self._checks and self._box not in answer:
            raise RuntimeError("the box was not given back")


class EmptyPolls:
    """A sync of class 0 in which 16 places are looked at and nothing lies at any."""

    def __init__(self, path: bytes = b"/v1/sync") -> None:
        ids = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ZERO.polls))
        self._request = posted(encode_request(SyncRequest(SyncClass.ZERO, ids)), path=path)

    def cycle(self) -> Cycle:
        answer = yield self._request
        if len(answer) != REPLY_BYTES[0]:
            raise RuntimeError("not the answer of room 0")


class Waits:
    """A sync that waits longer than anybody measures, at places where nothing comes to lie."""

    def __init__(self) -> None:
        ids = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ZERO.polls))
        self._request = posted(encode_request(SyncRequest(SyncClass.ZERO, ids, wait_seconds=25)))

    def cycle(self) -> Cycle:
        yield self._request

"""A head that a connection showed before is not parsed again, and nobody can tell."""

import asyncio
import gc
import os
import re
import time
import warnings
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.sync import SyncClass, encode_request
from ojak_relay.app import App
from ojak_relay.config import Config
from ojak_relay.connections import Connection, Server
from ojak_relay.http import Head
from ojak_relay.known_heads import HEAD_BYTES_AT_MOST, KNOWN_AT_MOST, KnownHeads
from ojak_relay.limits import Limits
from ojak_relay.service import Service
from ojak_relay.store.memory import MemoryStore
from tests.relay.kit import NOW, deposit, request
from tests.relay.lines import BODY, HEAD, head
from tests.relay.memory_lines import MemoryLine, connected_to

TURNS = 10
"""Of the loop: in so many is answered what comes together here."""

ZERO = SyncClass.ZERO.body_bytes
SENT = {
    "the usual one": HEAD + b"\r\n" + BODY,
    "another body": HEAD + b"\r\n" + BODY[::-1],
    "a body like a head": HEAD + b"\r\n" + (20 * (HEAD + b"\r\n"))[:ZERO],
    "a body of line ends": HEAD + b"\r\n" + (ZERO * b"\r\n")[:ZERO],
    "another class": head(SyncClass.ONE.body_bytes) + b"\r\n" + bytes(SyncClass.ONE.body_bytes),
    "another host": HEAD.replace(b"relay", b"other") + b"\r\n" + BODY,
    "another case": HEAD.replace(b"Host", b"HOST") + b"\r\n" + BODY,
    "blank lines before": b"\r\n\r\n" + HEAD + b"\r\n" + BODY,
    "a blank line behind": HEAD + b"\r\n" + BODY + b"\r\n",
    "less": HEAD + b"\r\n" + BODY[:-2],
    "more": HEAD + b"\r\n" + BODY + b"PO",
    "two": 2 * (HEAD + b"\r\n" + BODY),
    "bare line feeds": HEAD.replace(b"\r\n", b"\n") + b"\n" + BODY,
    "one bare line feed": HEAD.replace(b"\r\nHost", b"\nHost") + b"\r\n" + BODY,
    "from a proxy": HEAD + b"X-Forwarded-For: 192.0.2.7\r\n\r\n" + BODY,
    "with an encoding": HEAD + b"Content-Encoding: gzip\r\n\r\n" + BODY,
    "the last one": HEAD + b"Connection: close\r\n\r\n" + BODY,
    "of version 1.0": HEAD.replace(b"1.1", b"1.0") + b"\r\n" + BODY,
    "of version 1.0, kept": HEAD.replace(b"1.1", b"1.0") + b"Connection: keep-alive\r\n\r\n" + BODY,
    "the length of no class": head(ZERO + 1) + b"\r\n" + BODY + b"\0",
    "two lengths": HEAD + b"Content-Length: %d\r\n\r\n" % ZERO + BODY,
    "health": b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n",
    "none of ours": b"POST /v1 HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n" % ZERO + BODY,
}


def connected(per_minute: int = 0) -> tuple[Connection, MemoryLine]:
    """Return a connection of a relay over memory whose replies leave at once, and its line."""
    config = Config(requests_per_minute=per_minute, reply_milliseconds=0)
    limits = Limits(config, time.monotonic, os.urandom)
    app = App(Service(MemoryStore(10), lambda: NOW), config, limits, "", print)
    return connected_to(Server(app, config, limits))


async def answered(pieces: Sequence[bytes], per_minute: int = 0) -> tuple[bytes, bool]:
    """Return all that is answered to *pieces*, and whether the line is ended then."""
    connection, line = connected(per_minute)
    for piece in pieces:
        connection.data_received(piece)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    # The second may change meanwhile.
    return re.sub(rb"Date: [^\r]*", b"", line.sent), line.is_ended


def in_halves(pieces: Sequence[bytes]) -> list[bytes]:
    """Return *pieces* so that no whole request comes at once: then none is known."""
    return [half for piece in pieces for half in (piece[:50], piece[50:])]


@settings(max_examples=300, deadline=None)
@given(names=st.lists(st.sampled_from(list(SENT)), max_size=6), again=st.booleans())
def test_a4_a_known_head_is_answered_as_one_that_is_parsed(names: list[str], again: bool) -> None:  # noqa: FBT001 (drawn)
    names = ["the usual one", *names, "the usual one"] * (1 + again)
    pieces = [SENT[name] for name in names]
    assert asyncio.run(answered(pieces)) == asyncio.run(answered(in_halves(pieces)))


@pytest.mark.parametrize("name", SENT)
def test_a4_a_request_that_comes_three_times_is_answered_as_when_parsed(name: str) -> None:
    pieces = [SENT[name]] * 3
    assert asyncio.run(answered(pieces)) == asyncio.run(answered(in_halves(pieces)))


def test_a4_an_own_idea_of_where_a_head_ends_would_be_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A planted bug: a known head takes whatever follows for its body."""

    def split(known: KnownHeads, data: bytes) -> tuple[Head, bytes] | None:
        at = next((len(raw) for raw in known._heads if data.startswith(raw)), 0)  # noqa: SLF001 (the planted bug)
        return (known._heads[data[:at]][0], data[at:]) if at else None  # noqa: SLF001 (the planted bug)

    monkeypatch.setattr(KnownHeads, "split", split)
    pieces = [SENT["the usual one"], SENT["two"]]
    assert asyncio.run(answered(pieces)) != asyncio.run(answered(in_halves(pieces)))


def test_a8_whoever_repeats_a_head_is_held_to_the_limit() -> None:
    sent, is_ended = asyncio.run(answered([SENT["the usual one"]] * 5, per_minute=3))
    assert sent.count(b" 200 OK") == 3
    assert sent.count(b" 429 ") == 1
    assert is_ended


def test_a_head_is_known_once_it_was_taken() -> None:
    known = KnownHeads()
    data = SENT["the usual one"]
    assert known.split(data) is None
    known.remember(data, USUAL, BODY)
    assert known.split(data) == (USUAL, BODY)
    assert known.split(SENT["another body"]) == (USUAL, BODY[::-1])
    for name in ("another host", "another case", "less", "more", "two", "blank lines before"):
        assert known.split(SENT[name]) is None


@pytest.mark.parametrize(
    "name",
    ["from a proxy", "two", "a blank line behind", "blank lines before", "bare line feeds", "more"],
)
def test_nothing_else_is_remembered(name: str) -> None:
    known = KnownHeads()
    headers = {b"host": b"relay"} | ({b"x-forwarded-for": b""} if name == "from a proxy" else {})
    data = SENT[name]
    known.remember(data, Head(b"POST", b"/v1/sync", "1.1", headers), BODY)
    assert known.split(data) is None


def test_of_a_connection_few_short_heads_are_kept() -> None:
    known = KnownHeads()
    kept = [HEAD.replace(b"relay", b"relay%d" % n) + b"\r\n" + BODY for n in range(9)]
    for data in kept:
        known.remember(data, USUAL, BODY)
    assert [known.split(data) is not None for data in kept] == [False] * (9 - KNOWN_AT_MOST) + (
        [True] * KNOWN_AT_MOST
    )
    long = HEAD.replace(b"relay", b"r" * HEAD_BYTES_AT_MOST) + b"\r\n" + BODY
    known.remember(long, USUAL, BODY)
    assert known.split(long) is None


USUAL = Head(b"POST", b"/v1/sync", "1.1", {b"host": b"relay"})


def test_many_requests_in_one_breath_are_answered_without_going_deeper() -> None:
    one = SENT["the usual one"]

    async def run() -> bytes:
        connection, line = connected()
        # While nothing is taken, the rest waits for its turn.
        connection.data_received(one)
        connection.pause_writing()
        connection.data_received(300 * one)
        connection.resume_writing()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        return line.sent

    assert asyncio.run(run()).count(b" 200 OK") == 301


def test_s5_a_line_lost_before_its_request_was_begun_says_nothing() -> None:
    body = encode_request(request(deposits=(deposit(1, 7),)))

    async def run() -> None:
        connection, _ = connected()
        connection.data_received(head(len(body)) + b"\r\n" + body)
        connection.connection_lost(None)
        for _ in range(TURNS):
            await asyncio.sleep(0)

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        asyncio.run(run())
        gc.collect()
    assert told == []

"""Answers that no relay gives: H6 and N5 of the tests of reliability, and refusals."""

import re
import socket
import struct
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.dial import Deadline
from ojak_client.errors import (
    NoAnswer,
    RelayRefused,
    Unsure,
    WrongPlace,
)
from ojak_client.incoming import Incoming
from ojak_client.transport import RelayConnection
from tests.client.asking import (
    ANSWER,
    GOOD,
    REQUEST,
    ask,
    ask_once,
    dripping_body,
    relay_of,
    silent,
    taking_less_memory_than,
    within,
)
from tests.client.hostile_server import Guest, Talk, answering, reply, serving

NOT_A_RELAY = {
    "html": reply(b"<html>log in</html>", kind="text/html"),
    "html of the right length": reply(ANSWER, kind="text/html; charset=utf-8"),
    "no type": GOOD.replace(b"Content-Type: application/cbor\r\n", b""),
    "type with more": reply(ANSWER, kind="application/cbor; x=y"),
    "two types": reply(ANSWER, "Content-Type: text/html"),
    "over-long": reply(ANSWER + b"x"),
    "short": reply(ANSWER[:-1]),
    "empty": reply(b""),
    "10 GB": GOOD.replace(b"5376", b"10000000000"),
    "a length of many digits": GOOD.replace(b"5376", b"9" * 5000),
    "no length": GOOD.replace(b"Content-Length: 5376\r\n", b""),
    "two lengths": reply(ANSWER, "Content-Length: 5376"),
    "length with a sign": GOOD.replace(b"5376", b"+5376"),
    "length with a zero": GOOD.replace(b"5376", b"05376"),
    "length with an underscore": GOOD.replace(b"5376", b"5_376"),
    "negative length": GOOD.replace(b"5376", b"-1"),
    "gzip": reply(ANSWER, "Content-Encoding: gzip"),
    "identity said": reply(ANSWER, "Content-Encoding: identity"),
    "chunked": reply(ANSWER, "Transfer-Encoding: chunked"),
    "moved": reply(b"", "Location: http://127.0.0.1:1/", status="301 Moved"),
    "found": reply(ANSWER, "Location: /v1/sync", status="302 Found"),
    "moved, same method": reply(ANSWER, "Location: /", status="307 Temporary Redirect"),
    "not modified": reply(b"", 'ETag: "x"', status="304 Not Modified"),
    "no content": reply(b"", status="204 No Content"),
    "part": reply(ANSWER, "Content-Range: bytes 0-1/2", status="206 Partial Content"),
    "another protocol": reply(b"", "Upgrade: h2c", status="101 Switching Protocols"),
    "no such place": reply(b"nothing here", status="404 Not Found"),
    "no such request": reply(b"", status="405 Method Not Allowed"),
    "portal": reply(b"log in", status="511 Network Authentication Required"),
    "status of four digits": reply(ANSWER, status="2000 OK"),
    "status of no digits": reply(ANSWER, status="OK"),
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "mail": b"220 mail.example ESMTP ready\r\n",
    "noise": bytes(range(256)) * 8,
    "header of 101 fields": reply(ANSWER, *["X: y"] * 101),
    "header of 1 MB": reply(ANSWER, "X: " + "y" * 1_000_000),
    "status line of 1 MB": reply(ANSWER, status="200 " + "y" * 1_000_000),
    "endless continue": b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + GOOD,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD,
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + GOOD,
    "two lengths that differ": reply(ANSWER, "Content-Length: 5377"),
    "a length twice in one field": GOOD.replace(b"5376", b"5376, 5376"),
    "length with a space behind": GOOD.replace(b"5376", b"5376 "),
    "chunked without a length": GOOD.replace(
        b"Content-Length: 5376", b"Transfer-Encoding: chunked"
    ),
    "length within another field": GOOD.replace(
        b"\r\nContent-Length", b"\r\nX: y\r\n Content-Length"
    ),
    "encoding behind an empty field": reply(ANSWER, "X:", "Content-Encoding: gzip"),
    "lines without carriage return": GOOD[: -len(ANSWER)].replace(b"\r\n", b"\n") + ANSWER,
    "one line without carriage return": GOOD.replace(b"\r\nContent-Type", b"\nContent-Type"),
    "line without line feed": GOOD.replace(b"\r\nContent-Type", b"\rContent-Type"),
    "space before the colon": GOOD.replace(b"Content-Length:", b"Content-Length :"),
    "field without a colon": reply(ANSWER, "nothing"),
    "zero byte in a field": reply(ANSWER, "X: \0"),
    "blank line first": b"\r\n" + GOOD,
    "blank lines first": b"\r\n\r\n" + GOOD,
    "another protocol at once": reply(
        b"", "Connection: Upgrade", "Upgrade: h2c", status="101 Switching Protocols"
    ),
    "HTTP/2 that looks like HTTP/1": GOOD.replace(b"HTTP/1.1", b"HTTP/2.0"),
    "header of 8193 bytes": reply(ANSWER, "X: " + "y" * (8193 - len(GOOD) + len(ANSWER) - 5)),
}


@pytest.mark.parametrize("raw", NOT_A_RELAY.values(), ids=NOT_A_RELAY.keys())
def test_h6_n5_what_no_relay_says_is_another_place(raw: bytes) -> None:
    with serving(answering(raw)) as server:
        with taking_less_memory_than(16_000_000), pytest.raises(WrongPlace):
            ask_once(server)
        assert len(server.requests) == 1


HEADER_LINES = st.lists(
    st.sampled_from(
        [
            b"Content-Type: application/cbor",
            b"Content-Length: 3",
            b"Content-Length: 4",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b" folded",
            b": nameless",
            b"\xff\x00: \x80",
        ]
    )
    | st.binary(max_size=20),
    max_size=6,
)
ANY_ANSWER = st.binary(max_size=200) | st.builds(
    lambda status, lines, body: b"\r\n".join([b"HTTP/1.1 " + status, *lines, b"", body]),
    st.sampled_from([b"200 OK", b"200", b"100 C", b"204 N", b"429 T", b"99999 X", b"-1 X"]),
    HEADER_LINES,
    st.binary(max_size=8),
)


@settings(max_examples=300, deadline=None)
@given(raw=ANY_ANSWER)
def test_any_bytes_are_an_answer_of_the_right_length_or_a_documented_error(raw: bytes) -> None:
    with serving(answering(raw)) as server, RelayConnection(relay_of(server)) as connection:
        try:
            found = connection.sync(b"", reply_bytes=3, wait_seconds=0)
        except (Unsure, WrongPlace, RelayRefused):
            return
        assert len(found) == 3


def test_a_header_may_have_8_kilobytes() -> None:
    raw = reply(ANSWER, "X: " + "y" * (8192 - len(GOOD) + len(ANSWER) - 5))
    assert len(raw) == 8192 + len(ANSWER)
    with serving(answering(raw)) as server:
        assert ask_once(server) == ANSWER


@settings(max_examples=100, deadline=None)
@given(cuts=st.sets(st.integers(1, len(GOOD) - 1), max_size=6))
def test_where_an_answer_is_cut_into_pieces_makes_no_difference(cuts: set[int]) -> None:
    ends = sorted({*cuts, *range(GOOD.index(ANSWER) - 5, GOOD.index(ANSWER) + 2)})
    raw = GOOD + b"more"
    pieces = [raw[begin:end] for begin, end in zip([0, *ends], [*ends, len(raw)], strict=True)]
    with closing(InPieces(pieces)) as stream:
        incoming = Incoming(stream, Deadline(60.0), None)
        head = incoming.head()
        assert head.status == 200
        assert head.keeps
        assert incoming.body(head, len(ANSWER)) == ANSWER
        assert stream.pieces == [b"more"]


class InPieces(socket.socket):
    """A connection that brings one piece at each receive, as far as it is asked for."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self.pieces = pieces

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        del flags
        piece = self.pieces.pop(0)
        if len(piece) > bufsize:
            self.pieces.insert(0, piece[bufsize:])
        return piece[:bufsize]


def test_h6_after_an_answer_with_more_behind_it_the_connection_is_not_used_again() -> None:
    with serving(answering(GOOD + GOOD[:99], GOOD)) as server:
        with RelayConnection(relay_of(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.connections == 2
        assert len(server.requests) == 2


def endless(guest: Guest) -> None:
    guest.hear()
    guest.say(GOOD)
    while not guest.server.over.is_set():
        guest.say(bytes(65536))


def test_h6_an_endless_answer_is_left_after_its_length() -> None:
    with serving(endless) as server, taking_less_memory_than(16_000_000):
        assert ask_once(server) == ANSWER


def test_h6_what_nobody_asked_for_is_never_taken_for_an_answer() -> None:
    with serving(endless) as server, RelayConnection(relay_of(server)) as connection:
        assert ask(connection) == ANSWER
        # The rest is noticed before the next request, or is no answer to it.
        try:
            assert ask(connection) == ANSWER
        except WrongPlace:
            assert server.connections == 1
        else:
            assert server.connections == 2


def test_h6_an_endless_header_is_left_after_8_kilobytes() -> None:
    def talk(guest: Guest) -> None:
        guest.hear()
        guest.say(b"HTTP/1.1 200 OK\r\nX: ")
        while not guest.server.over.is_set():
            guest.say(b"y" * 65536)

    with serving(talk) as server, taking_less_memory_than(1_000_000), pytest.raises(WrongPlace):
        ask_once(server)


def dripping_head(guest: Guest) -> None:
    guest.hear()
    guest.drip(GOOD)


def not_reading(guest: Guest) -> None:
    guest.hold()


@pytest.mark.parametrize("talk", [dripping_head, dripping_body, silent])
def test_h6_a_slow_answer_ends_at_the_deadline_of_the_whole(talk: Talk) -> None:
    with serving(talk) as server:
        with within(at_least=0.95, at_most=2.0), pytest.raises(Unsure):
            ask_once(server, patience_seconds=1.0)


def test_h6_a_relay_that_does_not_read_ends_at_the_deadline() -> None:
    with (
        serving(not_reading) as server,
        RelayConnection(relay_of(server), patience_seconds=1.0) as connection,
    ):
        with within(at_least=0.95, at_most=2.0), pytest.raises(Unsure):
            connection.sync(bytes(30_000_000), reply_bytes=1, wait_seconds=0)


def test_the_wait_that_was_asked_for_is_added_to_the_patience() -> None:
    with (
        serving(silent) as server,
        RelayConnection(relay_of(server), patience_seconds=0.1) as connection,
    ):
        with within(at_least=1.05, at_most=2.0), pytest.raises(Unsure):
            connection.sync(REQUEST, reply_bytes=1, wait_seconds=1)


def test_h6_no_cookie_and_no_etag_comes_back() -> None:
    marked = reply(ANSWER, "Set-Cookie: who=you; Path=/", 'ETag: "you"', "Last-Modified: today")
    with (
        serving(answering(marked, GOOD)) as server,
        RelayConnection(relay_of(server)) as connection,
    ):
        assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
    assert server.requests[0] == server.requests[1]


@pytest.mark.parametrize("status", [400, 401, 403, 413, 415, 429, 500, 502, 503, 507])
def test_a_refusal_of_the_relay_tells_its_status_only(status: int) -> None:
    with serving(answering(reply(b"why", status=f"{status} Peer's Words"))) as server:
        with pytest.raises(RelayRefused) as refused:
            ask_once(server)
    assert refused.value.status == status
    assert "Peer" not in str(refused.value)


def test_a_refusal_that_ends_our_sending_is_still_heard() -> None:
    def talk(guest: Guest) -> None:
        guest.stream.recv(1000)
        guest.say(reply(b"", status="413 Content Too Large"))
        guest.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(talk) as server, RelayConnection(relay_of(server)) as connection:
        with pytest.raises(RelayRefused):
            connection.sync(bytes(30_000_000), reply_bytes=1, wait_seconds=0)


def test_after_a_refusal_nothing_of_the_old_connection_is_used() -> None:
    with serving(answering(reply(b"x" * 99, status="429 Slow Down"), GOOD)) as server:
        with RelayConnection(relay_of(server)) as connection:
            for _ in range(2):
                with pytest.raises(RelayRefused):
                    ask(connection)
        assert server.connections == 2


def test_no_error_carries_a_byte_of_the_peer() -> None:
    marker = "MARKER"
    for raw in (
        reply(ANSWER, kind=marker),
        reply(ANSWER, status=f"429 {marker}"),
        f"HTTP/9 {marker}\r\n\r\n".encode(),
        marker.encode() * 9,
    ):
        with serving(answering(raw)) as server:
            with pytest.raises((NoAnswer, RelayRefused)) as refused:
                ask_once(server)
        seen: BaseException | None = refused.value
        assert not re.search(marker, repr(seen))
        assert seen is not None
        assert seen.__suppress_context__ or seen.__context__ is None

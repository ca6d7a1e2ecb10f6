"""One request and its answer, over a connection that lives for a visit or is lost."""

import socket
import struct
import subprocess
import sys

import pytest

from ojak_client.errors import (
    BadPass,
    NotReached,
    Unsure,
    WrongPlace,
)
from ojak_client.relay_url import RelayUrl, parse_relay_url
from ojak_client.transport import INFO_TYPE, RelayConnection
from tests.client.asking import (
    ANSWER,
    GOOD,
    REQUEST,
    ask,
    ask_once,
    dropping_each_second_request,
    relay_of,
    silent,
    within,
)
from tests.client.hostile_server import Guest, answering, reply, serving


def test_a_sync_is_one_plain_post_and_nothing_that_names_the_device() -> None:
    with serving(answering(GOOD)) as server:
        assert ask_once(server) == ANSWER
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert body == REQUEST
    assert head.decode().split("\r\n") == [
        "POST /v1/sync HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}",
        "Accept-Encoding: identity",
        "Content-Type: application/cbor",
        "Content-Length: 5376",
    ]


def test_a_whole_visit_is_one_connection() -> None:
    with serving(answering(GOOD, GOOD, GOOD)) as server:
        with RelayConnection(relay_of(server)) as connection:
            assert [ask(connection) for _ in range(3)] == [ANSWER] * 3
        assert server.connections == 1


def test_the_prefix_and_the_pass_are_sent() -> None:
    with serving(answering(reply(b"{}", kind=INFO_TYPE))) as server:
        relay = parse_relay_url(f"{server.url}/ojak/")
        with RelayConnection(relay, bearer_pass="p4ss-w0rd==") as connection:  # noqa: S106 - made up
            assert connection.info() == b"{}"
            assert "p4ss" not in repr(connection)
    assert server.requests[0].startswith(b"GET /ojak/v1/info HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer p4ss-w0rd==\r\n" in server.requests[0]


def test_a_pass_cannot_smuggle_a_header() -> None:
    with pytest.raises(BadPass) as refused:
        RelayConnection(parse_relay_url("https://relay.example"), bearer_pass="x\r\nHost: y")  # noqa: S106 - made up
    assert "Host" not in str(refused.value)


def test_a_relay_that_closes_after_each_answer_is_reconnected_to() -> None:
    last = reply(ANSWER, "Connection: close")
    with serving(answering(last)) as closing, serving(answering(last, last)) as forgetting:
        for server in (closing, forgetting):
            with RelayConnection(relay_of(server)) as connection:
                assert [ask(connection) for _ in range(3)] == [ANSWER] * 3
            assert server.connections == 3


def test_an_answer_in_many_small_pieces_is_whole() -> None:
    def talk(guest: Guest) -> None:
        guest.hear()
        guest.drip(GOOD[:200], every_seconds=0.001)
        guest.say(GOOD[200:])

    with serving(talk) as server:
        assert ask_once(server) == ANSWER


def test_information_is_at_most_4096_bytes() -> None:
    for size_bytes, is_taken in ((1, True), (4096, True), (0, False), (4097, False)):
        with serving(answering(reply(bytes(size_bytes), kind=INFO_TYPE))) as server:
            with RelayConnection(relay_of(server)) as connection:
                if is_taken:
                    assert connection.info() == bytes(size_bytes)
                else:
                    with pytest.raises(WrongPlace):
                        connection.info()


# N1, N2: lost connections


@pytest.mark.parametrize("kept", range(0, len(GOOD), 97))
def test_n1_an_answer_cut_after_any_byte_is_unsure(kept: int) -> None:
    with serving(answering(GOOD[:kept])) as server, pytest.raises(Unsure):
        ask_once(server)


def test_n1_an_answer_cut_within_the_header_is_unsure() -> None:
    for kept in range(GOOD.index(ANSWER)):
        with serving(answering(GOOD[:kept])) as server, pytest.raises(Unsure):
            ask_once(server)


def test_n1_a_reset_within_the_answer_is_unsure() -> None:
    def talk(guest: Guest) -> None:
        guest.hear()
        guest.say(GOOD[:500])
        guest.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(talk) as server, pytest.raises(Unsure):
        ask_once(server)


def test_n2_a_kept_connection_closed_without_an_answer_is_asked_again_once() -> None:
    with serving(dropping_each_second_request) as server:
        with RelayConnection(relay_of(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.connections == 2
        assert len(server.requests) == 3
        assert len(set(server.requests)) == 1


def closing_after_a_request(guest: Guest) -> None:
    guest.hear()


def test_n2_a_fresh_connection_closed_without_an_answer_is_not_asked_again() -> None:
    with serving(closing_after_a_request) as server:
        with pytest.raises(Unsure):
            ask_once(server)
        assert len(server.requests) == 1


def test_n2_asking_again_happens_once_only() -> None:
    answers = iter([GOOD])

    def talk(guest: Guest) -> None:
        guest.hear()
        for answer in answers:
            guest.say(answer)
            guest.hear()

    with serving(talk) as server, RelayConnection(relay_of(server)) as connection:
        assert ask(connection) == ANSWER
        with pytest.raises(Unsure):
            ask(connection)
        assert len(server.requests) == 3


def test_n2_a_half_answered_kept_connection_is_not_asked_again() -> None:
    with (
        serving(answering(GOOD, GOOD[:9])) as server,
        RelayConnection(relay_of(server)) as connection,
    ):
        ask(connection)
        with pytest.raises(Unsure):
            ask(connection)
        assert len(server.requests) == 2


def test_n2_a_kept_connection_reset_within_the_answer_is_not_asked_again() -> None:
    def talk(guest: Guest) -> None:
        guest.hear()
        guest.say(GOOD)
        guest.hear()
        guest.say(GOOD[:9])
        guest.server.over.wait(0.1)
        guest.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with serving(talk) as server, RelayConnection(relay_of(server)) as connection:
        ask(connection)
        with pytest.raises(Unsure):
            ask(connection)
        assert len(server.requests) == 2


def test_nothing_listening_is_not_reached() -> None:
    with serving(silent) as server:
        pass
    with pytest.raises(NotReached):
        ask_once(server)


def test_a_relay_that_accepts_no_connection_is_not_reached_by_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for taken in waiting:
            taken.setblocking(False)  # noqa: FBT003 - the standard library's own
            taken.connect_ex(("127.0.0.1", port))
        with RelayConnection(
            RelayUrl("http", "127.0.0.1", port), patience_seconds=1.0
        ) as connection:
            with within(at_least=0.95, at_most=2.0), pytest.raises(NotReached):
                ask(connection)
        for taken in waiting:
            taken.close()


def test_a_relay_gone_between_two_requests_is_not_reached() -> None:
    with serving(answering(GOOD)) as server:
        connection = RelayConnection(relay_of(server))
        ask(connection)
    with connection, pytest.raises(NotReached):
        ask(connection)


def test_a_relay_gone_with_our_request_is_unsure_although_it_cannot_be_reached_again() -> None:
    def talk(guest: Guest) -> None:
        guest.hear()
        guest.say(GOOD)
        guest.server.stop_listening()
        guest.hear()

    with serving(talk) as server, RelayConnection(relay_of(server)) as connection:
        ask(connection)
        with pytest.raises(Unsure):
            ask(connection)
        assert len(server.requests) == 2


def test_a_name_that_does_not_exist_is_not_reached_by_the_deadline() -> None:
    relay = parse_relay_url("https://no-such-relay.invalid")
    with RelayConnection(relay, patience_seconds=1.0) as connection:
        with within(at_least=0, at_most=2.0), pytest.raises(NotReached):
            ask(connection)


# This program


def test_importing_the_transport_loads_nothing_slow() -> None:
    script = "import sys, ojak_client.transport; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    slow = {
        "ssl",
        "httptools",
        "http.client",
        "email",
        "asyncio",
        "python_socks",
        "logging",
        "cryptography",
    }
    assert not slow & set(loaded)

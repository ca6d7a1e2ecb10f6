"""One request and its answer, against servers that do everything a relay never does."""

import ipaddress
import re
import socket
import ssl
import struct
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.errors import (
    BadPass,
    NoAnswer,
    NotReached,
    ProxyNeeded,
    RelayRefused,
    Unsure,
    WrongPlace,
)
from ojak_client.relay_url import ProxyUrl, RelayUrl, parse_relay_url
from ojak_client.transport import RelayConnection
from tests.client.hostile_server import Guest, Server, Talk, answering, reply, serving

REQUEST = bytes(range(256)) * 21
ANSWER = bytes(reversed(range(256))) * 21
GOOD = reply(ANSWER)
ONION = "a" * 56 + ".onion"


def relay_of(server: Server) -> RelayUrl:
    return parse_relay_url(server.url)


def ask(connection: RelayConnection) -> bytes:
    return connection.sync(REQUEST, reply_bytes=len(ANSWER), wait_seconds=0)


def ask_once(server: Server, *, patience_seconds: float = 20.0) -> bytes:
    with RelayConnection(relay_of(server), patience_seconds=patience_seconds) as connection:
        return ask(connection)


@contextmanager
def within(*, at_least: float, at_most: float) -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert at_least <= time.monotonic() - begun <= at_most


@contextmanager
def taking_less_memory_than(limit_bytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit_bytes
    finally:
        tracemalloc.stop()


# An honest relay


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
    with serving(answering(reply(b"\xa0"))) as server:
        relay = parse_relay_url(f"{server.url}/ojak/")
        with RelayConnection(relay, bearer_pass="p4ss-w0rd==") as connection:  # noqa: S106 - made up
            assert connection.info() == b"\xa0"
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
        with serving(answering(reply(bytes(size_bytes)))) as server:
            with RelayConnection(relay_of(server)) as connection:
                if is_taken:
                    assert connection.info() == bytes(size_bytes)
                else:
                    with pytest.raises(WrongPlace):
                        connection.info()


# H6, N5: a hostile relay, or a portal in its place

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


def dripping_body(guest: Guest) -> None:
    guest.hear()
    guest.say(GOOD[:-2000])
    guest.drip(GOOD[-2000:])


def silent(guest: Guest) -> None:
    guest.hear()
    guest.hold()


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


def dropping_each_second_request(guest: Guest) -> None:
    guest.hear()
    guest.say(GOOD)
    guest.hear()


def test_n2_a_kept_connection_closed_without_an_answer_is_asked_again_once() -> None:
    with serving(dropping_each_second_request) as server:
        with RelayConnection(relay_of(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.connections == 2
        assert len(server.requests) == 3
        assert len(set(server.requests)) == 1


def closing_after_a_request(guest: Guest) -> None:
    guest.hear()


def closing_at_once(guest: Guest) -> None:
    guest.stream.recv(65536)


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


# Under TLS, N3


def certificate(directory: Path, *, name: str = "localhost", days: int = 1) -> ssl.SSLContext:
    """Return a server's settings; its certificate, its own authority, lies in *directory*."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    begin = datetime.now(UTC) - timedelta(days=9)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), serial_number=7)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=9 + days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    certificate_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    return context


def trust(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(directory / "certificate.pem"))


def secure(server: Server, host: str = "localhost") -> RelayUrl:
    return RelayUrl("https", host, server.port)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_trusted_certificate_for_this_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(answering(GOOD, GOOD), tls=tls) as server:
        with RelayConnection(secure(server, host)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.connections == 1


@pytest.mark.parametrize(
    ("name", "days", "trusted"),
    [("localhost", 1, False), ("other.example", 1, True), ("localhost", -1, True)],
    ids=["unknown authority", "other host", "expired"],
)
def test_n3_a_wrong_certificate_is_another_place_and_sees_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, days: int, *, trusted: bool
) -> None:
    tls = certificate(tmp_path, name=name, days=days)
    if trusted:
        trust(monkeypatch, tmp_path)
    with serving(silent, tls=tls) as server:
        with RelayConnection(secure(server)) as connection, pytest.raises(WrongPlace):
            ask(connection)
    assert server.requests == []


def test_n3_stripped_tls_is_another_place() -> None:
    def talk(guest: Guest) -> None:
        guest.stream.recv(65536)
        guest.say(GOOD)
        guest.hold()

    with serving(talk) as server, RelayConnection(secure(server)) as connection:
        with pytest.raises(WrongPlace):
            ask(connection)


def test_n3_an_old_version_of_tls_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hello: list[bytes] = []

    def talk(guest: Guest) -> None:
        hello.append(guest.stream.recv(65536))
        # A ServerHello that chooses TLS 1.1 with an old cipher.
        chosen = b"\x03\x02" + bytes(32) + b"\x00" + b"\xc0\x13" + b"\x00"
        shake = b"\x02" + len(chosen).to_bytes(3, "big") + chosen
        guest.say(b"\x16\x03\x02" + len(shake).to_bytes(2, "big") + shake)
        guest.hold()

    certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(talk) as server, RelayConnection(secure(server)) as connection:
        with pytest.raises(WrongPlace):
            ask(connection)
    assert b"\x03\x04" in hello[0]  # TLS 1.3 was offered


def test_tls_that_is_closed_or_never_agreed_is_not_reached() -> None:
    with serving(closing_at_once) as server:
        with RelayConnection(secure(server)) as connection, pytest.raises(NotReached):
            ask(connection)
    with serving(Guest.hold) as server:
        with RelayConnection(secure(server), patience_seconds=1.0) as connection:
            with within(at_least=0.95, at_most=2.0), pytest.raises(NotReached):
                ask(connection)


def test_a_tls_answer_that_drips_or_is_cut_is_unsure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(dripping_body, tls=tls) as server:
        with RelayConnection(secure(server), patience_seconds=1.0) as connection:
            with within(at_least=0.95, at_most=2.0), pytest.raises(Unsure):
                ask(connection)
    with serving(answering(GOOD[:-1]), tls=tls) as server:
        with RelayConnection(secure(server)) as connection, pytest.raises(Unsure):
            ask(connection)


def test_a_kept_tls_connection_closed_without_an_answer_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(dropping_each_second_request, tls=tls) as server:
        with RelayConnection(secure(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert len(server.requests) == 3


def test_no_tls_session_is_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(answering(reply(ANSWER, "Connection: close")), tls=tls) as server:
        with RelayConnection(secure(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.tls_resumed == [False, False]


def test_the_environment_cannot_have_the_keys_of_tls_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    with serving(answering(GOOD), tls=tls) as server:
        with RelayConnection(secure(server)) as connection:
            assert ask(connection) == ANSWER
    assert not (tmp_path / "keys.log").exists()


# The way


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answering(GOOD)) as server:
        assert ask_once(server) == ANSWER


def test_plain_http_stays_on_this_device_whatever_a_name_resolves_to() -> None:
    with serving(answering(GOOD)) as server:
        # This address reaches the server on this system and is not a loopback address.
        relay = RelayUrl("http", "0.0.0.0", server.port)  # noqa: S104 - nothing is bound to it
        with RelayConnection(relay) as connection, pytest.raises(NotReached):
            ask(connection)
        assert server.connections == 0


def test_an_onion_address_is_named_to_the_proxy_and_to_nobody_else() -> None:
    greetings: list[bytes] = []

    def talk(guest: Guest) -> None:
        greetings.append(guest.stream.recv(3))
        guest.say(b"\x05\x00")
        greetings.append(guest.stream.recv(4 + 1 + len(ONION) + 2))
        guest.say(b"\x05\x00\x00\x01" + bytes(6))
        guest.hear()
        guest.say(GOOD)

    with serving(talk) as proxy:
        way = ProxyUrl("127.0.0.1", proxy.port)
        with RelayConnection(parse_relay_url(f"http://{ONION}"), proxy=way) as connection:
            assert ask(connection) == ANSWER
    name = bytes([len(ONION)]) + ONION.encode()
    assert greetings == [b"\x05\x01\x00", b"\x05\x01\x00\x03" + name + b"\x00\x50"]
    assert f"\r\nHost: {ONION}\r\n".encode() in proxy.requests[0]


def test_an_onion_address_without_a_proxy_is_not_even_looked_up() -> None:
    with pytest.raises(ProxyNeeded):
        RelayConnection(parse_relay_url(f"https://{ONION}"))


def refusing_proxy(guest: Guest) -> None:
    guest.stream.recv(3)
    guest.say(b"\x05\x00")
    guest.stream.recv(999)
    guest.say(b"\x05\x04\x00\x01" + bytes(6))


def slow_proxy(guest: Guest) -> None:
    guest.drip(b"\x05\x00" + b"\x05\x00\x00\x03\xff" + bytes(257), every_seconds=0.3)


@pytest.mark.parametrize("talk", [refusing_proxy, answering(GOOD), Guest.hold, slow_proxy])
def test_a_proxy_that_fails_is_not_reached_by_the_deadline(talk: Talk) -> None:
    with serving(talk) as proxy:
        way = ProxyUrl("127.0.0.1", proxy.port)
        relay = parse_relay_url(f"http://{ONION}")
        with RelayConnection(relay, proxy=way, patience_seconds=1.0) as connection:
            with within(at_least=0, at_most=2.0), pytest.raises(NotReached):
                ask(connection)


def test_no_proxy_listening_is_not_reached() -> None:
    with serving(silent) as proxy:
        pass
    way = ProxyUrl("127.0.0.1", proxy.port)
    with RelayConnection(parse_relay_url(f"http://{ONION}"), proxy=way) as connection:
        with pytest.raises(NotReached):
            ask(connection)


# This program


def test_importing_the_transport_loads_nothing_slow() -> None:
    script = "import sys, ojak_client.transport; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60
    ).stdout.split()
    slow = {"ssl", "http.client", "email", "asyncio", "python_socks", "logging", "cryptography"}
    assert not slow & set(loaded)


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

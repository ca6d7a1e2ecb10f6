"""Who is connected to, and by which way: TLS, names, proxies."""

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ojak_client.errors import (
    NotReached,
    ProxyNeeded,
    Unsure,
    WrongPlace,
)
from ojak_client.relay_url import ProxyUrl, RelayUrl, parse_relay_url
from ojak_client.transport import RelayConnection
from tests.client.asking import (
    ANSWER,
    GOOD,
    ONION,
    ask,
    ask_once,
    closing_at_once,
    dripping_body,
    dropping_each_second_request,
    silent,
    within,
)
from tests.client.hostile_server import Guest, Server, Talk, answering, reply, serving

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


def test_h6_what_tls_has_read_behind_an_answer_is_no_answer_to_the_next_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system shows nothing of it: it was taken from the line with the end of the answer."""

    def talk(guest: Guest) -> None:
        guest.hear()
        head, end, body = GOOD.partition(b"\r\n\r\n")
        guest.say(head + end)
        guest.say(body + reply(bytes(len(ANSWER))))
        guest.hear()

    tls = certificate(tmp_path)
    trust(monkeypatch, tmp_path)
    with serving(talk, tls=tls) as server:
        with RelayConnection(secure(server)) as connection:
            assert [ask(connection), ask(connection)] == [ANSWER, ANSWER]
        assert server.connections == 2


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

"""Which relays may be spoken to, and by which way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_client.errors import BadProxyUrl, BadRelayUrl, ProxyNeeded, UnsafeRelay
from ojak_client.relay_url import (
    ProxyUrl,
    RelayUrl,
    check_way,
    parse_proxy_url,
    parse_relay_url,
)

ONION = "a" * 56 + ".onion"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://relay.example", RelayUrl("https", "relay.example", 443)),
        ("HTTPS://Relay.Example/", RelayUrl("https", "relay.example", 443)),
        ("https://relay.example:8443/ojak/", RelayUrl("https", "relay.example", 8443, "/ojak")),
        ("https://192.0.2.7/a/b.c", RelayUrl("https", "192.0.2.7", 443, "/a/b.c")),
        ("https://[2001:DB8:0::7]:8443", RelayUrl("https", "2001:db8::7", 8443)),
        ("http://localhost:8080", RelayUrl("http", "localhost", 8080)),
        ("http://127.9.8.7", RelayUrl("http", "127.9.8.7", 80)),
        ("http://[::1]:80", RelayUrl("http", "::1", 80)),
        (f"http://{ONION}", RelayUrl("http", ONION, 80)),
        (f"http://www.{ONION}/x", RelayUrl("http", f"www.{ONION}", 80, "/x")),
    ],
)
def test_an_address_of_a_relay_is_taken_apart(text: str, expected: RelayUrl) -> None:
    assert parse_relay_url(text) == expected
    assert parse_relay_url(str(expected)) == expected


def test_the_host_header_names_no_port_that_the_scheme_implies() -> None:
    assert parse_relay_url("https://[2001:db8::7]:443").authority == "[2001:db8::7]"
    assert parse_relay_url("http://localhost:443").authority == "localhost:443"


@pytest.mark.parametrize(
    "text",
    [
        "http://relay.example",
        "http://192.0.2.7:8080",
        "http://[2001:db8::7]",
        "http://[::ffff:127.0.0.1]",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "http://my.localhost",
        f"http://{ONION}.example",
    ],
)
def test_plain_http_to_others_is_unsafe(text: str) -> None:
    with pytest.raises(UnsafeRelay):
        parse_relay_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "relay.example",
        "//relay.example",
        "ftp://relay.example",
        "https:relay.example",
        "https://",
        "https:///v1",
        "https://user@relay.example",
        "https://user:pass@relay.example",
        "https://relay.example?x=1",
        "https://relay.example?",
        "https://relay.example#",
        "https://relay.example:0",
        "https://relay.example:65536",
        "https://relay.example:+443",
        "https://relay.example:x",
        "https://relay.example/a//b",
        "https://relay.example/../b",
        "https://relay.example/%2e%2e",
        "https://relay.example//",
        "https://relay.example/a b",
        "https://relay.example\r\nHost: other",
        "https://relay\t.example",
        " https://relay.example",
        "https://relay.example\\@other",
        "https://relay..example",
        "https://relay.example.",
        "https://-relay.example",
        "https://rel_ay.example",
        "https://오작교.example",
        "https://[::1",
        "https://[fe80::1%25eth0]",
        "https://[127.0.0.1]",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.0.0.01",
        "http://short.onion",
        "http://onion",
        "https://" + "a" * 64 + ".example",
        "https://relay.example/" + "a" * 300,
    ],
)
def test_what_is_no_address_of_a_relay_is_refused(text: str) -> None:
    with pytest.raises(BadRelayUrl):
        parse_relay_url(text)


def test_no_message_repeats_what_was_typed() -> None:
    with pytest.raises(BadRelayUrl) as refused:
        parse_relay_url("https://secret:word@relay.example")
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


@given(st.text() | st.from_regex(r"https?://[\x00-\x7f]{0,20}", fullmatch=True))
def test_any_text_is_an_address_that_reads_back_or_refused(text: str) -> None:
    try:
        relay = parse_relay_url(text)
    except (BadRelayUrl, UnsafeRelay):
        return
    assert parse_relay_url(str(relay)) == relay


def test_a_proxy_resolves_names_itself() -> None:
    assert parse_proxy_url("socks5h://127.0.0.1:9050") == ProxyUrl("127.0.0.1", 9050)
    assert parse_proxy_url("socks5h://[::1]:9050/") == ProxyUrl("::1", 9050)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "127.0.0.1:9050",
        "socks5://127.0.0.1:9050",
        "socks4://127.0.0.1:9050",
        "http://127.0.0.1:9050",
        "socks5h://127.0.0.1",
        "socks5h://:9050",
        "socks5h://user:pass@127.0.0.1:9050",
        "socks5h://127.0.0.1:9050/x",
    ],
)
def test_other_proxies_are_refused(text: str) -> None:
    with pytest.raises(BadProxyUrl):
        parse_proxy_url(text)


def test_an_onion_address_needs_a_proxy() -> None:
    for scheme in ("http", "https"):
        relay = parse_relay_url(f"{scheme}://{ONION}")
        with pytest.raises(ProxyNeeded):
            check_way(relay, None)
        check_way(relay, ProxyUrl("127.0.0.1", 9050))


def test_plain_http_never_crosses_to_a_proxy_on_another_device() -> None:
    far = ProxyUrl("proxy.example", 1080)
    for url in (f"http://{ONION}", "http://localhost:8080"):
        with pytest.raises(UnsafeRelay):
            check_way(parse_relay_url(url), far)
    check_way(parse_relay_url("https://relay.example"), far)

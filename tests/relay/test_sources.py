"""From where a request comes: what a proxy says is believed, what a client says never."""

from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_relay.errors import ConfigError
from ojak_relay.sources import SITE_SHARES, parse_networks, prefixes, source_address

PROXIES = parse_networks("10.0.0.0/8, fd00::/64 127.0.0.1")
CLIENT = "198.51.100.7"


def packed(text: str) -> bytes:
    return ip_address(text).packed


def said(peer: str | None, *forwarded: str, proxies: bool = True) -> str:
    address = source_address(peer, forwarded, PROXIES if proxies else ())
    return "None" if address is None else str(ip_address(address))


def test_without_a_proxy_a_request_comes_from_the_other_end_whatever_it_says() -> None:
    assert said(CLIENT, "203.0.113.1") == CLIENT
    assert said(CLIENT, "203.0.113.1", proxies=False) == CLIENT
    assert said("2001:db8::1", "203.0.113.1") == "2001:db8::1"
    assert said("::ffff:198.51.100.7") == CLIENT
    assert said("fe80::1%eth0") == "fe80::1"


def test_behind_a_proxy_it_comes_from_where_the_proxy_says() -> None:
    assert said("10.0.0.1", CLIENT) == CLIENT
    assert said("fd00::5", "2001:db8::1") == "2001:db8::1"
    assert said("127.0.0.1", CLIENT) == CLIENT
    assert said("10.0.0.1", f"{CLIENT}, 10.0.0.2") == CLIENT
    assert said("10.0.0.1", CLIENT, "10.0.0.2") == CLIENT


def test_what_stands_left_of_the_first_stranger_is_never_looked_at() -> None:
    for invented in ("203.0.113.1", "10.0.0.9", "127.0.0.1", "", "nonsense", "a," * 4000):
        assert said("10.0.0.1", f"{invented}, {CLIENT}") == CLIENT
        assert said("10.0.0.1", invented, CLIENT) == CLIENT


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=5))
def test_no_field_of_a_client_changes_where_it_comes_from(fields: list[str]) -> None:
    assert said(CLIENT, *fields) == CLIENT
    assert said("10.0.0.1", *fields, CLIENT) == CLIENT


def test_nobody_is_told_apart_where_all_the_world_may_stand_behind_one_address() -> None:
    for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "", None):
        assert said(peer, CLIENT, proxies=False) == "None"
    assert said("10.0.0.1") == "None"
    assert said("10.0.0.1", "unknown") == "None"
    assert said("10.0.0.1", "10.0.0.2") == "None"


def test_an_address_counts_by_itself_and_an_ipv6_address_by_its_network_and_its_site() -> None:
    assert prefixes(packed("198.51.100.7")) == ((b"\xc6\x33\x64\x07", 1),)
    one = prefixes(packed("2001:db8:1:2::1"))
    assert one == prefixes(packed("2001:db8:1:2:ffff::"))
    other = prefixes(packed("2001:db8:1:3::1"))
    assert (one[0] != other[0], one[1] == other[1]) == (True, True)
    assert [shares for _, shares in one] == [1, SITE_SHARES]
    assert prefixes(packed("2001:db8:2:2::1"))[1] != one[1]


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.1/8", "proxy.example", "10.0.0.1;::1"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        parse_networks(text)

"""How much one source may ask: fair to the others, bounded in memory, forgotten every hour."""

import os
import tracemalloc
from dataclasses import dataclass
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_relay.config import Config
from ojak_relay.limits import KEY_BYTES, KEY_SECONDS, REMEMBERED, Limits, Peer, Rate, Source
from ojak_relay.sources import SITE_SHARES

MINUTE = 60
SOURCES = int(os.environ.get("OJAK_TEST_SOURCES", "200000"))
"""A million with the variable."""


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def source(name: object) -> Source:
    return ((str(name).encode(), 1),)


def limits(clock: Clock, **given: int | str) -> Limits:
    keys = count(1)
    return Limits(Config(**given), clock, lambda size: next(keys).to_bytes(size, "big"))  # type: ignore[arg-type]  # each is of its type


def test_a_minutes_worth_may_be_spent_at_once_and_comes_back_evenly() -> None:
    rate = Rate(60)
    assert [rate.spend(source(1), 1, 0) for _ in range(61)] == [True] * 60 + [False]
    assert not rate.spend(source(1), 1, 0.9)
    assert rate.spend(source(1), 1, 1)
    assert not rate.spend(source(1), 1, 1)
    assert rate.spend(source(1), 9, 10)
    assert rate.spend(source(1), 60, 200)


def test_what_is_refused_costs_nothing() -> None:
    rate = Rate(60)
    assert rate.spend(source(1), 60, 0)
    assert not any(rate.spend(source(1), 60, second) for second in range(1, 60))
    assert rate.spend(source(1), 60, 60)


def test_zero_is_no_limit() -> None:
    rate = Rate(0)
    assert all(rate.spend(source(1), 1000, 0) for _ in range(1000))
    assert len(rate) == 0


def test_an_ipv6_network_has_one_share_and_its_site_sixteen() -> None:
    rate = Rate(10)
    networks = [((b"network %d" % n, 1), (b"site", SITE_SHARES)) for n in range(100)]
    taken = [[rate.spend(network, 1, 0) for _ in range(11)].count(True) for network in networks]
    assert taken == [10] * SITE_SHARES + [0] * (100 - SITE_SHARES)


@settings(max_examples=200)
@given(
    st.integers(1, 100),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 20), st.floats(0, 30)), max_size=80),
)
def test_nobody_spends_more_than_a_minutes_worth_and_what_came_back(
    per_minute: int, asked: list[tuple[int, int, float]]
) -> None:
    rate, now = Rate(per_minute), 0.0
    spent = dict.fromkeys(range(4), 0)
    for who, much, later in asked:
        now += later
        if rate.spend(source(who), much, now):
            spent[who] += much
    for much in spent.values():
        assert much <= per_minute * (1 + now / MINUTE) + 1e-6


def test_a8_one_source_at_ten_times_its_share_is_refused_and_no_other() -> None:
    clock = Clock()
    held = limits(clock, requests_per_minute=600)
    loud, quiet = held.source(Peer("198.51.100.7")), held.source(Peer("198.51.100.8"))
    taken = {loud: 0, quiet: 0}
    for _ in range(10 * 60):
        clock.now += 0.1
        taken[quiet] += held.takes_request(quiet)
        taken[loud] += sum(held.takes_request(loud) for _ in range(10))
    assert taken[quiet] == 600
    assert 1190 < taken[loud] <= 1200  # A minute's worth at once, and a minute's.


def test_a8_hundreds_of_thousands_of_sources_are_forgotten_before_they_take_memory() -> None:
    rate = Rate(60)
    loud = source("loud")
    most = taken = 0
    for number in range(SOURCES):
        rate.spend(((number.to_bytes(16, "big"), 1),), 1, number / 10_000)
        if number % 100 == 0:
            taken += rate.spend(loud, 1, number / 10_000)
            most = max(most, len(rate))
    assert most <= 2 * REMEMBERED
    # Whoever is loud all the while is remembered: a minute's worth, and what came back.
    came_back = SOURCES / 10_000
    assert 55 + came_back < taken <= 60 + came_back


def test_a8_what_is_remembered_of_all_sources_takes_a_few_megabytes() -> None:
    rate = Rate(60)
    tracemalloc.start()
    try:
        for number in range(4 * REMEMBERED):
            rate.spend(((number.to_bytes(16, "big"), 1),), 1, number / 10_000)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used < 7 * 2**20, used


def test_a8_the_key_is_drawn_anew_every_hour_and_all_that_was_counted_goes() -> None:
    clock = Clock()
    held = limits(clock, requests_per_minute=1)
    peer = Peer("198.51.100.7")
    first = held.source(peer)
    assert (held.takes_request(first), held.takes_request(first)) == (True, False)
    clock.now += KEY_SECONDS - 1
    assert held.source(peer) == first
    assert held.takes_deposits(first, 1, 0)
    assert held.remembered == 2
    clock.now += 1
    second = held.source(peer)
    assert held.remembered == 0
    assert second != first
    assert held.takes_request(second)


def test_a8_behind_a_proxy_each_request_of_a_connection_counts_for_whom_it_was_written() -> None:
    held = limits(Clock(), trusted_proxies="192.0.2.1")
    proxy = Peer("192.0.2.1")
    for address in ("198.51.100.7", "198.51.100.8", "198.51.100.7"):
        assert held.source(proxy, (address,)) == held.source(Peer(address))
    assert held.source(proxy) == ()


def test_a8_a_source_is_a_digest_that_tells_no_address() -> None:
    drawn: list[int] = []

    def entropy(size: int) -> bytes:
        drawn.append(size)
        return bytes(size)

    held = Limits(Config(), Clock(), entropy)
    assert drawn == [KEY_BYTES]
    ((digest, _),) = held.source(Peer("198.51.100.7"))
    assert len(digest) == 16
    assert (
        digest
        != Limits(Config(), Clock(), lambda size: b"\1" * size).source(Peer("198.51.100.7"))[0][0]
    )


def test_the_less_room_is_left_the_fewer_boxes_one_source_may_deposit() -> None:
    taken = {}
    for boxes in (0, 500, 750, 900, 990, 999, 1000):
        held = limits(Clock(), capacity=1000, deposits_per_minute=100)
        who = held.source(Peer("198.51.100.7"))
        taken[boxes] = sum(held.takes_deposits(who, 16, boxes) for _ in range(10))
    assert taken == {0: 100, 500: 100, 750: 50, 900: 20, 990: 2, 999: 1, 1000: 1}


def test_one_source_alone_takes_hours_for_the_last_room() -> None:
    clock = Clock()
    held = limits(clock, capacity=10_000, deposits_per_minute=300)
    who, other, boxes = held.source(Peer("198.51.100.7")), held.source(Peer("198.51.100.8")), 0
    for _ in range(60 * MINUTE):
        clock.now += 1
        boxes += held.takes_deposits(who, 16, boxes)
    assert 8000 < boxes < 9900
    assert held.takes_deposits(other, 1, boxes) == 1


def test_deposits_without_a_limit_are_all_taken_while_there_is_room() -> None:
    held = limits(Clock(), capacity=10, deposits_per_minute=0)
    assert held.takes_deposits(held.source(Peer("198.51.100.7")), 16, 9) == 16


def test_connections_of_one_source_are_counted_and_given_back() -> None:
    held = limits(Clock(), connections_per_source=2)
    who, other = held.source(Peer("198.51.100.7")), held.source(Peer("198.51.100.8"))
    assert [held.opens(who) for _ in range(3)] == [True, True, False]
    assert held.opens(other)
    held.closes(who)
    assert [held.opens(who) for _ in range(2)] == [True, False]
    for left in (who, who, other):
        held.closes(left)
    with pytest.raises(KeyError):
        held.closes(who)


def test_nobody_is_limited_who_cannot_be_told_apart() -> None:
    held = limits(Clock(), requests_per_minute=1, deposits_per_minute=1, connections_per_source=1)
    nobody = held.source(Peer("127.0.0.1"))
    assert all(held.takes_request(nobody) for _ in range(100))
    assert held.takes_deposits(nobody, 16, 0) == 16
    assert all(held.opens(nobody) for _ in range(100))

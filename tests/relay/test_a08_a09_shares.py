"""A8 and A9: who asks too much is refused alone; a full relay gives out and deletes all the same.

Real processes; a source is an address of this machine in 127.66.0.0/16.
"""

import http.client
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing, SyncClass, encode_request
from ojak_relay.service import Service
from ojak_relay.store.memory import MemoryStore
from tests.relay.full_relay import FAMILY, ONE_MORE, fill, sources, violations
from tests.relay.kit import (
    CBOR,
    MEMORY,
    NOW,
    Relay,
    box,
    deposit,
    pages,
    request,
    running,
    sync_over,
)
from tests.relay.lines import dial, is_ended
from tests.relay.planted import limits_all_together, makes_room, running_with

LOUD, QUIET = "127.66.0.1", "127.66.0.2"
OUTCOME = DepositOutcome


def asking(relay: Relay, source: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(
        relay.host, relay.port, timeout=20, source_address=(source, 0)
    )


def status_of(relay: Relay, source: str, headers: dict[str, str] | None = None) -> int:
    with closing(asking(relay, source)) as line:
        line.request("POST", "/v1/sync", encode_request(request()), CBOR | (headers or {}))
        return line.getresponse().status


def outcomes(relay: Relay, source: str, *numbers: int) -> list[DepositOutcome]:
    with closing(asking(relay, source)) as line:
        asked = request(deposits=tuple(deposit(number, number) for number in numbers))
        return list(sync_over(line, asked).deposits)


def is_cut(relay: Relay, source: str) -> bool:
    with dial(relay, source=source, timeout=1) as line:
        try:
            return is_ended(line)
        except TimeoutError:
            return False


def test_a8_a_source_over_its_quota_is_refused_alone() -> None:
    environment = {"OJAK_RELAY_REQUESTS_PER_MINUTE": "20"}
    with running(*MEMORY, environment=environment) as relay:
        got = Counter(status_of(relay, LOUD) for _ in range(200))
        assert 20 <= got[200] <= 40  # A minute's worth, and what came back meanwhile.
        assert got[429] == 200 - got[200]
        assert [status_of(relay, QUIET) for _ in range(20)] == [200] * 20
        code, err = relay.stop()
    assert code == 0
    assert "127.66" not in err


def test_a8_a_field_of_the_client_makes_no_other_source_of_it() -> None:
    environment = {
        "OJAK_RELAY_REQUESTS_PER_MINUTE": "5",
        "OJAK_RELAY_TRUSTED_PROXIES": "127.66.1.1",
    }
    with running(*MEMORY, environment=environment) as relay:
        invented = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(50)]
        got = Counter(status_of(relay, LOUD, field) for field in invented)
        assert got[429] >= 40
        # The same through a proxy, which adds what it sees to what the client invented.
        added = [{"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.1"} for n in range(50)]
        got = Counter(status_of(relay, "127.66.1.1", field) for field in added)
        assert got[429] >= 40
        # Others behind the same proxy are others.
        assert status_of(relay, "127.66.1.1", {"X-Forwarded-For": "203.0.113.2"}) == 200


def test_a8_limits_are_off_at_zero_and_for_what_comes_from_this_machine() -> None:
    off = {
        "OJAK_RELAY_REQUESTS_PER_MINUTE": "0",
        "OJAK_RELAY_DEPOSITS_PER_MINUTE": "0",
        "OJAK_RELAY_CONNECTIONS_PER_SOURCE": "0",
    }
    with running(*MEMORY, environment=off) as relay:
        assert {status_of(relay, LOUD) for _ in range(50)} == {200}
    with running(*MEMORY, environment={"OJAK_RELAY_REQUESTS_PER_MINUTE": "1"}) as relay:
        assert {status_of(relay, "127.0.0.1") for _ in range(50)} == {200}


def test_a7_one_source_cannot_take_all_connections() -> None:
    environment = {"OJAK_RELAY_CONNECTIONS_PER_SOURCE": "3"}
    with running(*MEMORY, environment=environment) as relay:
        lines = [dial(relay, source=LOUD, timeout=5) for _ in range(4)]
        assert is_ended(lines[3])
        assert status_of(relay, QUIET) == 200
        lines[0].close()
        # The relay learns of the end a moment later; then a line is kept, and brings nothing.
        while is_cut(relay, LOUD):
            pass
        for left in lines:
            left.close()


@pytest.mark.parametrize("count", [1, 40])
def test_a9_a_full_relay_still_gives_out_replaces_and_deletes(tmp_path: Path, count: int) -> None:
    capacity = 400
    environment = {"OJAK_RELAY_DEPOSITS_PER_MINUTE": "60"}
    with running(*pages(tmp_path / "s", capacity), environment=environment) as relay:
        filled = fill(relay, capacity, sources(count))
        assert filled.outcomes[OUTCOME.REFUSED] > 0
        if count == 1:
            # It had its share and no more: the others still have room.
            assert len(filled.acknowledged) < capacity / 2
            assert outcomes(relay, QUIET, ONE_MORE) == [OUTCOME.STORED]
        else:
            assert len(filled.acknowledged) > capacity / 2
        assert violations(relay, filled) == []


def test_a9_without_limits_it_is_full_and_does_the_same(tmp_path: Path) -> None:
    environment = {"OJAK_RELAY_DEPOSITS_PER_MINUTE": "0"}
    with running(*pages(tmp_path / "s", 200), environment=environment) as relay:
        filled = fill(relay, 200, sources(1))
        assert filled.outcomes[OUTCOME.FULL] > 0
        assert len(filled.acknowledged) == 200 - len(FAMILY)
        assert violations(relay, filled) == []


def test_a9_the_checker_sees_a_relay_that_makes_room_by_forgetting() -> None:
    environment = {"OJAK_RELAY_DEPOSITS_PER_MINUTE": "0"}
    store = ("--store", "memory", "--capacity", "100")
    with running_with(makes_room, *store, environment=environment) as relay:
        assert violations(relay, fill(relay, 100, sources(1)))


def test_a8_the_checker_sees_limits_that_all_share() -> None:
    environment = {"OJAK_RELAY_REQUESTS_PER_MINUTE": "20"}
    with running_with(limits_all_together, *MEMORY, environment=environment) as relay:
        assert 429 in [status_of(relay, LOUD) for _ in range(40)]
        assert status_of(relay, QUIET) == 429


def test_a9_a_source_over_its_share_of_deposits_may_look_and_delete() -> None:
    with running(*MEMORY, environment={"OJAK_RELAY_DEPOSITS_PER_MINUTE": "1"}) as relay:
        relay.sync(request(deposits=(deposit(1, 7),)))
        assert outcomes(relay, LOUD, 2, 3) == [OUTCOME.STORED, OUTCOME.REFUSED]
        with closing(asking(relay, LOUD)) as line:
            body = encode_request(request(1, deposits=(deposit(4, 4),)))
            line.request("POST", "/v1/sync", body, CBOR)
            assert box(7) in line.getresponse().read()
            body = encode_request(request(1, deletes=(1,), deposits=(deposit(4, 4),)))
            line.request("POST", "/v1/sync", body, CBOR)
            assert box(7) not in line.getresponse().read()
        assert relay.sync(request(4)).polls[0] == Nothing()


@pytest.mark.asyncio
async def test_a9_room_comes_back_with_the_time_of_the_boxes() -> None:
    now = NOW
    store = MemoryStore(4)
    service = Service(store, lambda: now)
    full = tuple(deposit(n, n, ttl=60) for n in range(5))
    kept = await service.sync(request(deposits=full))
    assert kept.deposits == (OUTCOME.STORED,) * 4 + (OUTCOME.FULL,)
    now += 60
    while await store.expire(now=now):
        pass
    later = await service.sync(request(deposits=(deposit(5, 5),)))
    assert later.deposits == (OUTCOME.STORED,)


def test_a_relay_that_is_read_only_refuses_deposits_and_serves_all_else(tmp_path: Path) -> None:
    store = pages(tmp_path / "store")
    with running(*store) as relay:
        relay.sync(request(deposits=(deposit(1, 1), deposit(2, 2))))
    with running(*store, "--read-only") as relay:
        both = (deposit(1, 1), deposit(3, 3), deposit(2, 9, shown=True))
        reply = relay.sync(request(1, 2, deletes=(2,), deposits=both, room=4))
        assert reply.deposits == (OUTCOME.REFUSED,) * 3
        assert reply.polls[:2] == (Found(box(1)), Nothing())
    with running(*store) as relay:
        assert relay.sync(request(1, 2, 3, room=4)).polls[:3] == (
            Found(box(1)),
            Nothing(),
            Nothing(),
        )


@pytest.mark.asyncio
@pytest.mark.parametrize("taken", [None, 0, 1, 2, 3])
async def test_the_first_deposits_are_taken_and_the_others_refused(taken: int | None) -> None:
    service = Service(MemoryStore(9), lambda: NOW)
    asked = request(1, 2, 3, deposits=tuple(deposit(n, n) for n in (1, 2, 3)), room=4)
    reply = await service.sync(asked, taken=taken)
    count = 3 if taken is None else taken
    assert reply.deposits == (OUTCOME.STORED,) * count + (OUTCOME.REFUSED,) * (3 - count)
    assert sum(isinstance(result, Found) for result in reply.polls) == count
    assert asked.sync_class is SyncClass.FOUR

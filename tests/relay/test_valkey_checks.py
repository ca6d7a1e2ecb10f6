"""What a relay says of the servers that it is to keep boxes in, and when it does not start."""

import time

import pytest

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreUnusable
from ojak_relay.store import valkey_checks
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_checks import BYTES_A_BOX, check
from ojak_relay.store.valkey_wire import Login
from tests.relay.kit import NOW, deposit
from tests.relay.meddler import meddled
from tests.relay.test_valkey_strange import ask_owner
from tests.relay.valkeys import Listens, Valkey, flush, replicated, until, valkey_store, valkeys


async def said_of(
    *servers: Listens, login: Login | None = None, capacity: int = 10, ahead: int = 0
) -> list[str]:
    """Return what the operator is told of *servers*, a refusal last."""
    said: list[str] = []
    seeds = [("127.0.0.1", server.port) for server in servers]
    now = int(time.time()) - ahead
    try:
        await check(seeds, login or Login(), capacity, said.append, now=now)
    except StoreUnusable as refusal:
        said.append(f"refused: {refusal}")
    return said


@pytest.mark.asyncio
async def test_a_server_that_is_fit_is_taken_without_a_word(
    one_valkey: Valkey, valkey_cluster: list[Valkey]
) -> None:
    flush([one_valkey])
    assert await said_of(one_valkey) == []
    assert await said_of(*valkey_cluster) == []


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("save", "3600 1 300 100", True),
        ("appendonly", "yes", True),
        ("maxmemory-policy", "allkeys-lru", True),
        ("repl-diskless-sync", "no", True),
        ("repl-diskless-load", "disabled", True),
        ("slowlog-log-slower-than", "10000", False),
        ("commandlog-request-larger-than", "1000", False),
        ("commandlog-reply-larger-than", "100000", False),
        ("timeout", "4", False),
        ("crash-log-enabled", "yes", False),
    ],
)
@pytest.mark.asyncio
async def test_a_setting_that_is_not_fit_is_named_with_what_to_do(
    name: str, value: str, *, refused: bool
) -> None:
    with valkeys() as (server,):
        server.ask("CONFIG", "SET", name, value)
        (line,) = await said_of(server)
    assert line.startswith("refused") == refused
    assert f"the server at 127.0.0.1:{server.port} has {name} {value}: it " in line
    assert f"; set it to {valkey_checks.RULES[name].allowed[0] or chr(34) * 2}" in line


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("commandlog-request-larger-than", "-1"),
        ("commandlog-request-larger-than", "1048576"),
        ("commandlog-reply-larger-than", "2000000"),
        ("timeout", "300"),
    ],
)
@pytest.mark.asyncio
async def test_a_number_that_is_large_enough_is_taken(name: str, value: str) -> None:
    with valkeys() as (server,):
        server.ask("CONFIG", "SET", name, value)
        assert await said_of(server) == []


def test_a_setting_that_a_server_does_not_have_does_no_harm() -> None:
    assert valkey_checks.RULES["commandlog-reply-larger-than"].takes("")
    assert not valkey_checks.RULES["save"].takes("3600 1")
    assert not valkey_checks.RULES["slowlog-log-slower-than"].takes("")


@pytest.mark.asyncio
async def test_the_settings_of_replicas_count_as_well() -> None:
    with replicated() as (primary, replica):
        replica.ask("CONFIG", "SET", "appendonly", "yes")
        (line,) = await said_of(primary)
        assert line.startswith(f"refused: the server at 127.0.0.1:{replica.port} has appendonly")


@pytest.mark.asyncio
async def test_too_few_replicas_other_keys_a_replica_alone_and_nobody_are_refused() -> None:
    with replicated() as (primary, replica):
        assert await said_of(primary, login=Login(replicas=1)) == []
        (line,) = await said_of(primary, login=Login(replicas=2))
        assert line.endswith(f"is 2, and the server at 127.0.0.1:{primary.port} has 1 replicas")
        (line,) = await said_of(replica)
        assert line.endswith(f"the server at 127.0.0.1:{replica.port}: not a primary")
        for number in range(257):
            primary.ask("SET", f"somebody's {number}", "else")
        (line,) = await said_of(primary)
        assert "keeps other things than boxes" in line
        primary.kill()
        (line,) = await said_of(primary)
        assert line.endswith(f"the server at 127.0.0.1:{primary.port}: no server answers")


@pytest.mark.asyncio
async def test_what_relays_of_an_earlier_state_left_is_refused(servers: list[Valkey]) -> None:
    """They had two sets of each tag, without an end, that nobody would ever erase."""
    await (await valkey_store(servers)).close()
    assert await said_of(*servers) == []
    for first in range(rules.TAGS):
        _, tag, *_ = rules.delete(MailboxId(bytes([first]) + bytes(31)), NOW)
        for kind in (b"due", b"deleted"):
            ask_owner(servers, "ZADD", tag + kind, "+inf", "")
    (line,) = await said_of(*servers)
    assert "keeps other things than boxes" in line


@pytest.mark.parametrize("first", [0, 127, 255])
@pytest.mark.asyncio
async def test_one_set_that_a_relay_of_the_state_before_left_is_refused(
    servers: list[Valkey], first: int
) -> None:
    """It has an end, as a box has, and what it knows of deletions would be lost."""
    await (await valkey_store(servers)).close()
    _, tag, *_ = rules.delete(MailboxId(bytes([first]) + bytes(31)), NOW)
    ask_owner(servers, "ZADD", tag + b"ids", "+inf", "")
    ask_owner(servers, "EXPIRE", tag + b"ids", "7200")
    (line,) = await said_of(*servers)
    assert "keeps boxes of a relay of an earlier state" in line


@pytest.mark.asyncio
async def test_two_servers_that_both_say_that_they_are_the_primary_are_refused() -> None:
    with valkeys(2) as (one, other):
        (line,) = await said_of(one, other)
        assert line.endswith(
            f"the server at 127.0.0.1:{one.port} and the server at 127.0.0.1:{other.port} "
            "are primaries both: name one, and its replicas"
        )
        other.ask("REPLICAOF", "127.0.0.1", one.port)
        until(lambda: b"connected" in other.ask("ROLE")[3])
        assert await said_of(one, other) == await said_of(other, one) == []


@pytest.mark.asyncio
async def test_a_relay_takes_a_server_that_other_relays_use(one_valkey: Valkey) -> None:
    flush([one_valkey])
    store = await valkey_store([one_valkey])
    assert await said_of(one_valkey) == []
    await store.close()


@pytest.mark.asyncio
async def test_a_cluster_that_is_not_whole_is_refused() -> None:
    with valkeys(cluster_enabled="yes") as (server,):
        (line,) = await said_of(server)
        assert line.endswith(f"the server at 127.0.0.1:{server.port}: the cluster is not whole")


@pytest.mark.asyncio
async def test_little_memory_and_another_clock_are_said(one_valkey: Valkey) -> None:
    flush([one_valkey])
    (line,) = await said_of(one_valkey, capacity=25_000)
    assert line.endswith(f"25000 boxes need {25_000 * BYTES_A_BOX}")
    (line,) = await said_of(one_valkey, ahead=7200)
    assert " s ahead of ours" in line
    (line,) = await said_of(one_valkey, ahead=-1800)
    assert " -1800 s ahead of ours" in line or " -1799 s ahead of ours" in line


@pytest.mark.asyncio
async def test_c5_a_relay_whose_clock_would_erase_the_boxes_of_all_others_does_not_start(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    (line,) = await said_of(one_valkey, ahead=-7200)
    assert line.startswith("refused: our clock is 7")
    assert "boxes would be erased before their time" in line


@pytest.mark.parametrize("host", ["a..b", "a" * 70])
@pytest.mark.asyncio
async def test_a_name_that_no_server_can_have_is_refused_with_a_sentence(host: str) -> None:
    with pytest.raises(StoreUnusable, match=f"the server at {host}:1: no server answers"):
        await check([(host, 1)], Login(), 10, pytest.fail, now=NOW)


@pytest.mark.asyncio
async def test_a_server_that_is_too_old_is_refused(one_valkey: Valkey) -> None:
    flush([one_valkey])
    async with meddled(one_valkey) as meddler:
        meddler.changed = (b"redis_version:7", b"redis_version:6")
        (line,) = await said_of(meddler)
    assert "is of version 6." in line
    assert line.endswith("7.0 or newer is needed")


@pytest.mark.asyncio
async def test_a_server_that_hides_its_settings_is_taken_with_a_warning() -> None:
    with valkeys() as (server,):
        server.ask("ACL", "SETUSER", "default", "-config")
        (line,) = await said_of(server)
        assert line.endswith(
            "does not show its settings; see to it that it writes nothing to its disk"
        )


@pytest.mark.asyncio
async def test_a_password_opens_and_is_repeated_nowhere() -> None:
    right = "5502"
    with valkeys(requirepass=right) as (server,):
        assert await said_of(server, login=Login("", right)) == []
        assert await said_of(server, login=Login("default", right)) == []
        for login, word in ((Login("", "7703"), "WRONGPASS"), (Login(), "NOAUTH")):
            (line,) = await said_of(server, login=login)
            assert line.endswith(f"the server refuses with {word}")
            assert "7703" not in line + repr(login)


@pytest.mark.asyncio
async def test_a_user_without_a_password_is_not_let_in_as_another(one_valkey: Valkey) -> None:
    flush([one_valkey])
    (line,) = await said_of(one_valkey, login=Login("somebody"))
    assert line.endswith("the server refuses with WRONGPASS")


@pytest.mark.asyncio
async def test_a_box_takes_no_more_memory_than_is_said() -> None:
    with valkeys() as (server,):
        store = await valkey_store([server], 5000)
        before = used(server)
        for first in range(0, 4000, 500):
            few = [deposit(n, n) for n in range(first, first + 500)]
            await store.apply([], few, now=NOW)
        assert (used(server) - before) / 4000 < BYTES_A_BOX
        await store.close()


def used(server: Valkey) -> int:
    told: bytes = server.ask("INFO", "memory")
    return int(told.partition(b"used_memory:")[2].split()[0])

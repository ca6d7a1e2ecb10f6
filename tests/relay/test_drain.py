"""A relay that is restarted, upgraded or drained in the middle of 100 syncs.

C6 for every way in which an operator ends a relay: each sync is answered or nothing of it is kept.
"""

import http.client
import json
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

import pytest

from ojak_protocol.sync import DepositOutcome, Found, Nothing, decode_reply, encode_request
from ojak_relay.commands.asking import ask
from ojak_relay.config import Config
from ojak_relay.store.page_file import PageFile
from tests.ports import free_port
from tests.relay.commands import ended, run
from tests.relay.kit import (
    CBOR,
    MEMORY,
    Relay,
    address_of,
    box,
    deposit,
    pages,
    request,
    running,
    start,
    sync_over,
)
from tests.relay.lines import certificate

SYNCS = 100
PATIENCE_SECONDS = 60


def serving(port: int, *arguments: str) -> Relay:
    # Those who come again and again are all there are: nobody leads them elsewhere.
    short = {"OJAK_RELAY_DRAIN_SECONDS": "1"}
    process = start(*arguments, "--listen", f"127.0.0.1:{port}", environment=short)
    return Relay(process, *address_of(process))


def once(port: int, number: int) -> DepositOutcome | None:
    """Send one deposit; return its outcome, or None where no answer came."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    asked = request(deposits=(deposit(number, number),))
    try:
        line.request("POST", "/v1/sync", encode_request(asked), CBOR)
        answer = line.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        line.close()
    assert answer.status == HTTPStatus.OK, answer.status
    return decode_reply(body, asked).deposits[0]


def until_stored(port: int, number: int, first: dict[int, DepositOutcome | None]) -> None:
    """Do what a client does: ask again until it is told that the box is stored."""
    until = time.monotonic() + PATIENCE_SECONDS
    outcome = once(port, number)
    first[number] = outcome
    while outcome is not DepositOutcome.STORED and time.monotonic() < until:
        time.sleep(0.05)
        outcome = once(port, number)
    assert outcome is DepositOutcome.STORED, number


def kept(port: int) -> set[int]:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    found = set()
    for at in range(0, SYNCS, 16):
        few = range(at, min(at + 16, SYNCS))
        reply = sync_over(line, request(*few, room=16))
        found |= {n for n, one in zip(few, reply.polls, strict=False) if one == Found(box(n))}
    line.close()
    return found


def drained(relay: Relay, path: Path) -> None:
    done = run("drain", "--path", str(path))
    assert ended(done) == (0, "the relay has ended\n", "")
    assert relay.process.wait(20) == 0


def stopped(relay: Relay, _: Path) -> None:
    relay.signal(signal.SIGTERM)
    assert relay.process.wait(20) == 0


def killed(relay: Relay, _: Path) -> None:
    relay.kill()
    relay.process.wait(20)


def changed_over(
    end: Callable[[Relay, Path], None], *arguments: str, path: Path
) -> tuple[set[int], set[int], set[int]]:
    """End a relay in the middle of 100 syncs and start another in its place.

    Returns:
        What the first one said was stored, what of that the second one has, and what it has at the
        end, once all were tried again until they were stored.
    """
    port = free_port()
    first: dict[int, DepositOutcome | None] = {}
    relay = serving(port, *arguments)
    visits = [
        threading.Thread(target=until_stored, args=(port, number, first)) for number in range(SYNCS)
    ]
    for one in visits[: SYNCS // 2]:
        one.start()
    while len(first) < SYNCS // 10:
        time.sleep(0.005)
    ending = threading.Thread(target=end, args=(relay, path))
    ending.start()
    for one in visits[SYNCS // 2 :]:
        one.start()
    ending.join()
    told = {number for number, outcome in first.items() if outcome is DepositOutcome.STORED}
    after = serving(port, *arguments)
    has = kept(port)
    for one in visits:
        one.join()
    in_the_end = kept(port)
    after.stop()
    relay.process.communicate()
    return told, has & told, in_the_end


@pytest.mark.parametrize("end", [stopped, drained, killed])
def test_c6_each_of_100_syncs_is_answered_and_kept_though_a_relay_ends_and_another_begins(
    end: Callable[[Relay, Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "store"
    told, has, in_the_end = changed_over(end, *pages(path, 200), path=path)
    assert told
    assert told == has
    assert in_the_end == set(range(SYNCS))


def test_c6_a_relay_that_forgets_what_it_acknowledged_is_found(tmp_path: Path) -> None:
    told, has, _ = changed_over(stopped, *MEMORY, path=tmp_path / "store")
    assert told != has


def test_a_relay_that_drains_says_so_refuses_deposits_and_serves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with running(*pages(path), environment={"OJAK_RELAY_DRAIN_SECONDS": "30"}) as relay:
        relay.sync(request(deposits=(deposit(1, 7),)))
        waits: list[object] = []
        waiting = threading.Thread(target=lambda: waits.append(relay.sync(request(5, wait=20))))
        waiting.start()
        command = subprocess.Popen(
            [sys.executable, "-m", "ojak_relay", "drain", "--path", str(path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        while json.loads(run("stats", "--json", "--path", str(path)).stdout)["ready"]:
            pass
        line = relay.connect()
        line.request("GET", "/readyz")
        assert line.getresponse().status == HTTPStatus.SERVICE_UNAVAILABLE
        line.close()
        reply = relay.sync(request(1, deposits=(deposit(2, 8),), deletes=(9,)))
        assert reply.deposits == (DepositOutcome.REFUSED,)
        assert reply.polls[0] == Found(box(7))
        # Who waits is answered at the end, long before his time.
        waiting.join(15)
        assert len(waits) == 1
        assert command.communicate(timeout=20)[0] == "the relay has ended\n"
        assert relay.process.wait(20) == 0
    with running(*pages(path)) as relay:
        assert relay.sync(request(1, 2)).polls[:2] == (Found(box(7)), Nothing())


def test_when_drain_returns_the_store_is_free(tmp_path: Path) -> None:
    config = Config(path=str(tmp_path / "store"))
    with running(*pages(tmp_path / "store"), environment={"OJAK_RELAY_DRAIN_SECONDS": "1"}):
        assert ask(config, "drain", until_gone=30)["draining"] == 1
        PageFile.open(tmp_path / "store").close()


def test_a_relay_that_drains_is_told_to_stop_at_once(tmp_path: Path) -> None:
    own = ("--control", str(tmp_path / "control"))
    with running(*MEMORY, *own) as relay:
        draining = subprocess.Popen(
            [sys.executable, "-m", "ojak_relay", "drain", *own], stdout=subprocess.PIPE, text=True
        )
        while json.loads(run("stats", "--json", *own).stdout)["ready"]:
            pass
        began = time.monotonic()
        relay.signal(signal.SIGTERM)
        assert relay.process.wait(20) == 0
        assert time.monotonic() - began < 2.5
        draining.communicate(timeout=20)
        assert draining.returncode == 0
    gone = "ojak-relay: no relay is running with these settings\n"
    assert ended(run("drain", *own)) == (1, "", gone)


# The certificate


def shown(relay: Relay) -> bytes:
    """Return the certificate that *relay* shows."""
    return ssl.get_server_certificate((relay.host, relay.port), timeout=10).encode()


def test_a_new_certificate_is_shown_after_a_signal_and_a_bad_one_never(tmp_path: Path) -> None:
    made, private = certificate(tmp_path)
    first = made.read_bytes()
    (tmp_path / "new").mkdir()
    with running(*MEMORY, "--tls-certificate", str(made), "--tls-key", str(private)) as relay:
        assert relay.process.stderr is not None
        context = ssl.create_default_context(cafile=str(made))
        open_line = http.client.HTTPSConnection("localhost", relay.port, context=context)
        sync_over(open_line, request())
        new, new_private = certificate(tmp_path / "new")
        made.write_bytes(new.read_bytes())
        relay.signal(signal.SIGHUP)
        lines = iter(relay.process.stderr.readline, "")
        assert any("the certificate before is still used" in line for line in lines)
        assert shown(relay) == first
        private.write_bytes(new_private.read_bytes())
        relay.signal(signal.SIGHUP)
        assert any("the certificate was read again" in line for line in lines)
        assert shown(relay) == new.read_bytes() != first
        # A line that was open stays, with the certificate that it began with.
        sync_over(open_line, request())
        open_line.close()


def test_a_relay_without_tls_survives_the_signal() -> None:
    with running(*MEMORY) as relay:
        relay.signal(signal.SIGHUP)
        with suppress(StopIteration):
            assert relay.sync(request()).polls
        assert "no certificate to read again" in relay.stop()[1]

"""Relay processes over one Valkey: two serve one family, either may die, and nothing is left."""

import http.client
import random
import ssl
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from ojak_protocol.sync import Deposit, DepositOutcome, Found, Nothing
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_open import tls_from
from tests.journeys.secure import make_certificate
from tests.relay.balancer import balanced
from tests.relay.created import watched
from tests.relay.kit import Relay, address_of, box, deposit, request, running, start
from tests.relay.marked import BOX, ID, KEY, MARKS, asked, marks_in, send_all
from tests.relay.sharing import compared, load, over, relays, serves
from tests.relay.test_d04_memory import after_deleting, in_memory
from tests.relay.valkeys import Valkey, flush, replicated, until, valkeys


def test_what_is_left_at_one_relay_is_collected_and_deleted_at_the_other(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    with relays([one_valkey]) as (one, other):
        assert one.sync(request(deposits=(deposit(1, 7),))).deposits == (DepositOutcome.STORED,)
        assert other.sync(request(1)).polls[0] == Found(box(7))
        other.sync(request(deletes=(1,)))
        assert one.sync(request(1)).polls[0] == Nothing()


def test_who_waits_at_one_relay_is_answered_when_the_box_comes_to_the_other(
    one_valkey: Valkey,
) -> None:
    flush([one_valkey])
    with relays([one_valkey]) as (one, other):
        replies = []
        waits = request(2, deposits=(deposit(3, 5),), wait=25)
        waiting = threading.Thread(target=lambda: replies.append(one.sync(waits)))
        began = time.monotonic()
        waiting.start()
        # What is asked together with a wait is committed before it.
        assert other.sync(request(3, wait=25)).polls[0] == Found(box(5))
        other.sync(request(deposits=(deposit(2, 7),)))
        waiting.join()
        assert replies[0].polls[0] == Found(box(7))
        assert time.monotonic() - began < 20


def test_killing_either_relay_loses_nothing_that_was_acknowledged(one_valkey: Valkey) -> None:
    flush([one_valkey])
    for killed in (0, 1):
        with relays([one_valkey]) as both:
            chance = random.Random(killed)  # noqa: S311 (repeatable on purpose)
            with load(both, chance, 10_000_000 * (1 + killed)) as workers:
                until(lambda: sum(worker.asked for worker in workers) > 50)
                both[killed].kill()
                until(lambda: sum(worker.asked for worker in workers) > 200)
            counts = compared(both[1 - killed], workers)
        assert counts["acknowledged boxes"] > 20
        assert (counts["lost"], counts["back"]) == (0, 0)


def test_a_relay_outlasts_its_server_and_says_in_two_lines_that_it_was_away(
    tmp_path: Path,
) -> None:
    said = tmp_path / "said"
    with valkeys() as (server,), said.open("w") as errors:
        process = start(*over([server], capacity=100), errors=errors)
        relay = Relay(process, *address_of(process))
        assert serves(relay)
        server.kill()
        until(lambda: "tried again" in said.read_text())
        assert not serves(relay)
        server.start()
        until(lambda: serves(relay))
        assert relay.stop()[0] == 0
    assert said.read_text().splitlines()[1:] == [
        "ojak-relay: the servers of the store do not all answer; they are tried again",
        "ojak-relay: the servers of the store answer again",
    ]


def test_a_relay_does_not_start_over_a_server_that_writes_to_its_disk(tmp_path: Path) -> None:
    with valkeys(appendonly="yes") as (server,):
        process = start(*over([server]))
        _, err = process.communicate(timeout=20)
        assert process.returncode == 1
        assert err.splitlines()[-1].endswith(
            f"the server at 127.0.0.1:{server.port} has appendonly yes: "
            "it would keep on its disk what is deleted; set it to no"
        )
    (tmp_path / "empty").write_text("\n")
    for arguments, environment in (
        (("--valkey", "valkey://:Secret88@127.0.0.1"), {}),
        (("--valkey", "127.0.0.1:6379"), {}),
        (("--valkey-password-file", str(tmp_path / "empty")), {}),
        ((), {"OJAK_RELAY_VALKEY": "valkey://a:Secret88@b:1"}),
    ):
        process = start("--store", "valkey", *arguments, environment=environment)
        _, err = process.communicate(timeout=20)
        assert process.returncode == 2
        assert len(err.splitlines()) == 1
        assert "Secret88" not in err


def test_the_password_of_the_servers_is_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("Secret88\n")
    with valkeys(requirepass="Secret88") as (server,):
        with running(*over([server]), "--valkey-password-file", str(tmp_path / "password")) as one:
            assert serves(one)
            _, err = one.stop()
    assert "password" in err
    assert "Secret88" not in err


def test_a_line_to_servers_is_tls_with_a_certificate_that_somebody_vouches_for(
    tmp_path: Path, one_valkey: Valkey
) -> None:
    make_certificate(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    with balanced([one_valkey.port], tls) as port:
        url = f"valkeys://localhost:{port}"
        trusted = ("--valkey-ca", str(tmp_path / "certificate.pem"))
        with running("--store", "valkey", "--valkey", url, *trusted) as relay:
            assert serves(relay)
        untrusted = "nobody we trust vouches for its certificate"
        for arguments, why in (
            (("--valkey", url), untrusted),
            (("--valkey", f"valkeys://127.0.0.1:{port}", *trusted), untrusted),
            (("--valkey", f"valkey://localhost:{port}"), "the line was lost"),
        ):
            process = start("--store", "valkey", *arguments)
            _, err = process.communicate(timeout=20)
            assert process.returncode == 1
            assert err.endswith(f": {why}\n")


def test_a_line_is_of_tls_1_2_or_newer_whoever_vouches(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    for file in ("", str(tmp_path / "certificate.pem")):
        assert tls_from(file).minimum_version is ssl.TLSVersion.TLSv1_2


def test_s5_no_mark_is_left_by_relay_or_servers() -> None:
    with replicated() as servers:
        folders = [server.folder for server in servers]
        with watched(*folders) as created, running(*over(servers, replicas=1)) as relay:
            relay.sync(asked(deposits=(Deposit(ID, None, 600, 0, BOX),)))
            assert send_all(relay) == []
            relay.sync(asked(deletes=(KEY,)))
            for server in servers:
                server.ask("SLOWLOG", "GET")
            code, err = relay.stop()
        assert code == 0
        assert marks_in(err.encode()) == []
        assert created == set()
        # An hour long a server knows the id of what was deleted, and nothing else of it.
        assert [server.ask("DBSIZE") for server in servers] == [rules.TAGS, rules.TAGS]
        for server in servers:
            assert marks_in(server.log.encode()) == []
    assert MARKS["id"] == ID


def boxes_after_a_full_sync(**settings: str) -> tuple[set[str], int]:
    """Return which files appeared while a replica took over boxes, and how many it has."""
    with valkeys(2) as (primary, replica), running(*over([primary])) as relay:
        for first in range(0, 64, 16):
            relay.sync(request(deposits=tuple(deposit(first + n, n) for n in range(16))))
        for name, value in settings.items():
            for server in (primary, replica):
                server.ask("CONFIG", "SET", name.replace("_", "-"), value)
        with watched(primary.folder, replica.folder) as created:
            replica.ask("REPLICAOF", "127.0.0.1", primary.port)
            until(lambda: replica.ask("DBSIZE") == rules.TAGS + 64)
        return created, replica.ask("DBSIZE") - rules.TAGS


def test_d6_a_replica_that_takes_over_all_boxes_writes_no_file() -> None:
    assert boxes_after_a_full_sync() == (set(), 64)


@pytest.mark.parametrize(
    "setting", [{"repl_diskless_load": "disabled"}, {"repl_diskless_sync": "no"}], ids=str
)
def test_d6_the_watch_sees_the_file_of_a_server_set_otherwise(setting: dict[str, str]) -> None:
    created, _ = boxes_after_a_full_sync(**setting)
    assert created


def test_d4_no_box_is_in_the_memory_of_a_relay_between_requests(one_valkey: Valkey) -> None:
    flush([one_valkey])
    with running(*over([one_valkey])) as relay:
        assert after_deleting(relay, set()) == set()
    # The server does hold the one that lies there, so that the search means something.
    assert one_valkey.process is not None
    assert 202 in in_memory(one_valkey.process.pid)


def test_c6_a_relay_told_to_stop_answers_or_does_not_keep(one_valkey: Valkey) -> None:
    flush([one_valkey])
    with relays([one_valkey]) as (one, other):
        told: set[int] = set()

        def visit(number: int) -> None:
            with suppress(OSError, http.client.HTTPException):
                if one.sync(request(deposits=(deposit(number, number),))).deposits:
                    told.add(number)

        visits = [threading.Thread(target=visit, args=(number,)) for number in range(60)]
        for each in visits:
            each.start()
        until(lambda: told)
        assert one.stop()[0] == 0
        for each in visits:
            each.join()
        assert told == set(kept(other, 60))


def kept(relay: Relay, count: int) -> list[int]:
    found: list[int] = []
    for first in range(0, count, 16):
        reply = relay.sync(request(*range(first, first + 16), room=16))
        found += [first + n for n, one in enumerate(reply.polls[:16]) if isinstance(one, Found)]
    return found

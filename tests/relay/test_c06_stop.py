"""C6: told to stop with a hundred requests under way, each is answered or nothing of it kept."""

import http.client
import signal
import threading
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from ojak_protocol.sync import Found, encode_request
from tests.relay.killing import starter
from tests.relay.kit import CBOR, Relay, box, deposit, request

IN_FLIGHT = 100


def visit(relay: Relay, number: int, told: set[int], first: threading.Event) -> None:
    line = relay.connect()
    body = encode_request(request(deposits=(deposit(number, number),)))
    with suppress(OSError, http.client.HTTPException):
        line.request("POST", "/v1/sync", body, CBOR)
        if line.getresponse().status == HTTPStatus.OK:
            told.add(number)
            first.set()
    line.close()


def answered(relay: Relay) -> set[int]:
    """Send a hundred deposits at once and tell the relay to stop; return which were answered."""
    told: set[int] = set()
    first = threading.Event()
    visits = [
        threading.Thread(target=visit, args=(relay, number, told, first))
        for number in range(IN_FLIGHT)
    ]
    for one in visits[: IN_FLIGHT // 2]:
        one.start()
    # On a slow machine the signal could come before the first request.
    first.wait(20)
    relay.signal(signal.SIGTERM)
    for one in visits[IN_FLIGHT // 2 :]:
        one.start()
    for one in visits:
        one.join()
    return told


def kept(relay: Relay) -> set[int]:
    numbers = list(range(IN_FLIGHT))
    found = set()
    for few in (numbers[at : at + 16] for at in range(0, IN_FLIGHT, 16)):
        reply = relay.sync(request(*few, room=16))
        found |= {n for n, one in zip(few, reply.polls, strict=False) if one == Found(box(n))}
    return found


def stopped(folder: Path, bug: str = "") -> tuple[set[int], set[int]]:
    """Return which deposits were answered, and which are kept."""
    with starter(folder, bug) as starts:
        relay = starts.start()
        told = answered(relay)
        starts.until_over()
        relay = starts.start()
        found = kept(relay)
        relay.kill()
        starts.until_over()
    return told, found


def test_c6_each_request_under_way_at_a_stop_is_answered_or_not_kept(tmp_path: Path) -> None:
    told, found = stopped(tmp_path)
    assert told == found
    assert told


NOBODY_WAITS = """
from ojak_relay import __main__ as relay, connections
import asyncio, itertools

count = itertools.count()

async def no_finish(self): pass
connections.Server.finish = no_finish

async def slow(self, request, **others):
    reply = await honest(self, request, **others)
    # The first is answered at once: when it is, the relay is told to stop.
    if request.deposits and next(count):
        await asyncio.sleep(4)
    return reply

from ojak_relay.service import Service
honest, Service.sync = Service.sync, slow
"""


def test_c6_a_relay_that_stops_without_answering_is_found(tmp_path: Path) -> None:
    told, found = stopped(tmp_path, NOBODY_WAITS)
    assert told != found

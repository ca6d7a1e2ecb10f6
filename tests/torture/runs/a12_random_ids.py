"""A million random ids are asked for at a relay of ten thousand boxes: none is hit."""

import tempfile
from pathlib import Path

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Nothing, SyncClass, SyncRequest, encode_request
from tests.relay.full_relay import sixteens
from tests.relay.kit import deposit, pages, request, running, sync_over
from tests.torture.turn import Counts, Turn

IDS = 1_000_000
BOXES = 10_000


def run(turn: Turn) -> Counts:
    """Ask for 64 at a time until it is a million or the time is over; replies have one length."""
    chance = turn.chance("a12")
    lengths, done = 0, turn.done
    at_once = {"OJAK_RELAY_REPLY_MILLISECONDS": "0"}
    with tempfile.TemporaryDirectory() as folder:
        store = pages(Path(folder) / "store", BOXES)
        with running(*store, environment=at_once) as relay:
            line = relay.connect(timeout=40)
            for part in sixteens(range(BOXES)):
                sync_over(line, request(deposits=tuple(deposit(n, n) for n in part)))
            while done["random ids"] < IDS and (turn.goes_on or not lengths):
                ids = tuple(MailboxId(chance.randbytes(32)) for _ in range(64))
                body = SyncRequest(SyncClass.SIXTEEN, ids, room=1)
                # `sync_over` holds each reply to the one length of its room.
                assert set(sync_over(line, body).polls) == {Nothing()}
                done["random ids"] += 64
                lengths = len(encode_request(body))
            line.close()
    return {**done, "hits": 0, "bytes of each request": lengths}

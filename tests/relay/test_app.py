"""What the front makes of a sync is the same whether its store begins visits or is waited for."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from ojak_protocol.sync import Found, SyncRequest, decode_reply, encode_request
from ojak_relay.app import App
from ojak_relay.config import Config
from ojak_relay.http import Again, Answer
from ojak_relay.limits import Limits, Source
from ojak_relay.service import Service
from ojak_relay.store.memory import MemoryStore
from tests.relay.kit import NOW, deposit, request
from tests.relay.visiting import Far


@dataclass
class TakesFew:
    """Limits that take no more than *most* deposits of one request."""

    most: int

    def takes_deposits(self, source: Source, count: int, boxes: int) -> int:
        del source, boxes
        return min(count, self.most)


@dataclass
class Front:
    """A front over *store*."""

    store: MemoryStore
    most: int = 16
    read_only: bool = False
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = Config(read_only=self.read_only)
        limits = cast("Limits", TakesFew(self.most))
        self.service = Service(self.store, lambda: NOW)
        self.app = App(self.service, config, limits, "", self.said.append)

    async def answered(self, asked: SyncRequest) -> Answer:
        """Return the answer to *asked*, as a connection would."""
        body = encode_request(asked)
        came: list[Answer | Again] = []
        is_there = asyncio.Event()

        def come(answer: Answer | Again) -> None:
            came.append(answer)
            is_there.set()

        begun = self.app.sync(body, (), come)
        if begun is None:
            await is_there.wait()
            await asyncio.sleep(0)
            (answer,) = came
            return answer if isinstance(answer, Answer) else await answer(body)
        assert not came
        return begun if isinstance(begun, Answer) else await begun()


ASKED = (
    request(1, 2, 3, deposits=tuple(deposit(n, 5) for n in (1, 2, 3)), room=4),
    request(1, deletes=(1, 9), room=1),
    request(1, 2, 3, deletes=(2,), deposits=(deposit(4, 6),), room=1),
    request(4, room=0),
    request(2, 3, 4, deposits=(deposit(4, 7), deposit(3, 5)), room=16),
    request(3, 4, deletes=(3,), deposits=(deposit(5, 5),), wait=25, room=1),
)


@pytest.mark.parametrize("shift", range(4), ids="begun {}".format)
@pytest.mark.parametrize(
    ("most", "read_only"), [(16, False), (1, False), (16, True)], ids=["all", "few", "read only"]
)
@pytest.mark.asyncio
async def test_a_sync_is_answered_and_counted_the_same_however_its_store_works(
    *, most: int, read_only: bool, shift: int
) -> None:
    far = Far(50)
    far.begun = shift
    # Nobody waits where a relay is about to end.
    one, other = (Front(store, most, read_only) for store in (MemoryStore(50), far))
    one.service.drain()
    other.service.drain()
    async with asyncio.timeout(20):
        for asked in ASKED:
            answers = [await front.answered(asked) for front in (one, other)]
            assert answers[0] == answers[1]
    assert one.app.counts == other.app.counts
    assert (one.store.boxes, one.said, other.said) == (other.store.boxes, [], [])
    assert far.visits == sum(bool(asked.deletes or asked.deposits) for asked in ASKED)


@pytest.mark.parametrize("shift", range(4), ids="begun {}".format)
@pytest.mark.asyncio
async def test_a_wait_is_answered_by_what_comes_and_changes_once(shift: int) -> None:
    far = Far(50)
    far.begun = shift
    front = Front(far)
    waits = request(1, deposits=(deposit(2, 5),), wait=25, room=1)
    async with asyncio.timeout(20):
        waiting = asyncio.create_task(front.answered(waits))
        # What is asked together with a wait is committed before it.
        await front.answered(request(2, wait=25))
        await front.answered(request(deposits=(deposit(1, 7),)))
        found = decode_reply((await waiting).body, waits)
    assert found.polls[0] == Found(deposit(1, 7).box)
    assert far.visits == len(("the wait", "the look", "the deposit"))

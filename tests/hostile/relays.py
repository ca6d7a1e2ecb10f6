"""What a relay can do beyond the lies of `SimulatedRelay`: keep, withhold, change, show at will."""

import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import replace

from ojak_protocol.addresses import BOX_BYTES, ID_BYTES, MailboxId
from ojak_protocol.sync import (
    REPLY_BYTES,
    Deposit,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncClass,
    SyncReply,
    SyncRequest,
    encode_request,
)
from tests.client.simulated_relay import SimulatedRelay

Change = Callable[[bytes], bytes]


def flipped(box: bytes, position: int) -> bytes:
    """The box with one bit of the byte at *position* changed."""
    changed = bytearray(box)
    changed[position] ^= 1 << position % 8
    return bytes(changed)


class HostileRelay(SimulatedRelay):
    """A relay that turns against its people for the length of a `with` block."""

    @property
    def recorded(self) -> list[bytes]:
        """Every box that was ever deposited here, in order."""
        return [deposit.box for request in self.arrived for deposit in request.deposits]

    def put(self, place: MailboxId, box: bytes) -> None:
        """Let *box* lie at *place* for a while, as if somebody had deposited it."""
        fillers = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ONE.polls))
        deposits = (Deposit(place, None, 600, 0, box),)
        request = SyncRequest(SyncClass.ONE, fillers, deposits=deposits)
        self.sync(encode_request(request), reply_bytes=REPLY_BYTES[0], wait_seconds=0)

    @contextmanager
    def keeps_what_is_deleted(self) -> Iterator[None]:
        """It answers as if it deleted, and gives out for ever what it once had."""
        kept: dict[MailboxId, bytes] = {}

        def answer(request: SyncRequest) -> SyncReply:
            reply = self._honest(replace(request, deletes=()))
            for deposit in request.deposits:
                kept.setdefault(deposit.id, deposit.box)
            for place, result in zip(request.polls, reply.polls, strict=True):
                if isinstance(result, Found):
                    kept[place] = result.box
            return replace(reply, polls=_from(kept, request))

        with self._answering(answer):
            yield

    @contextmanager
    def withholds(self, places: Container[MailboxId]) -> Iterator[None]:
        """It says that nothing lies at *places*."""

        def answer(request: SyncRequest) -> SyncReply:
            elsewhere = (
                MailboxId(os.urandom(ID_BYTES)) if place in places else place
                for place in request.polls
            )
            return self._honest(replace(request, polls=tuple(elsewhere)))

        with self._answering(answer):
            yield

    @contextmanager
    def changes(self, change: Change) -> Iterator[None]:
        """It gives out *change* of every box."""

        def changed(result: PollResult) -> PollResult:
            return Found(change(result.box)) if isinstance(result, Found) else result

        with self._changing_polls(lambda results: tuple(map(changed, results))):
            yield

    @contextmanager
    def shows_noise(self) -> Iterator[None]:
        """It shows random bytes anywhere somebody looks, as many as the reply has room for."""

        def answer(request: SyncRequest) -> SyncReply:
            # Drawn anew each time: at the same ones it might never meet a place that is looked at.
            drawn = sorted(range(len(request.polls)), key=lambda _: os.urandom(4))
            shown = drawn[: request.room]
            polls = tuple(
                Found(os.urandom(BOX_BYTES)) if n in shown else NoRoom()
                for n in range(len(request.polls))
            )
            return replace(self._honest(request), polls=polls)

        with self._answering(answer):
            yield

    @contextmanager
    def intercepts(self, instead: Callable[[MailboxId, bytes], bytes]) -> Iterator[None]:
        """It stores *instead* of each box that is deposited."""

        def answer(request: SyncRequest) -> SyncReply:
            deposits = tuple(
                replace(deposit, box=instead(deposit.id, deposit.box))
                for deposit in request.deposits
            )
            return self._honest(replace(request, deposits=deposits))

        with self._answering(answer):
            yield

    @contextmanager
    def says_occupied(self, times: int) -> Iterator[None]:
        """It says of the first *times* requests that deposit something that others were quicker."""
        left = times

        def answer(request: SyncRequest) -> SyncReply:
            nonlocal left
            if not request.deposits or not left:
                return self._honest(request)
            left -= 1
            return self._lie_about_deposits(request, "OCCUPIED")

        with self._answering(answer):
            yield


def _from(kept: dict[MailboxId, bytes], request: SyncRequest) -> tuple[PollResult, ...]:
    room, polls = request.room, list[PollResult]()
    for place in request.polls:
        shown = place in kept and room > 0
        room -= shown
        polls.append(Found(kept[place]) if shown else Nothing())
    return tuple(polls)

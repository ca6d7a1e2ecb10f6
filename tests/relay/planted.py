"""Relays with a planted bug, as programs: every checker of hostile clients is shown to see its own.

python -m tests.relay.planted BUG serve --listen 127.0.0.1:0 ...
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import click

from ojak_protocol import sync
from ojak_protocol.addresses import MailboxId
from ojak_protocol.errors import Malformed
from ojak_protocol.sync import Deposit, DepositOutcome, PollResult, SyncRequest
from ojak_relay import connections
from ojak_relay.__main__ import main
from ojak_relay.app import App
from ojak_relay.connections import Connection
from ojak_relay.limits import Peer, Rate, Source
from ojak_relay.store.memory import MemoryStore
from ojak_relay.store.pages import PagesStore
from tests.relay.kit import Relay, address_of, start

_decode = sync.decode_request
_look = PagesStore.look
_source = App.source
_received = Connection.data_received
_apply = MemoryStore.apply


def fails_on_some() -> None:
    """One body in about fifty makes the handler fail with what is no refusal."""

    def decode(body: bytes) -> SyncRequest:
        if sum(body[-64:]) + sum(body[:64]) % 50 == 7:
            raise RuntimeError
        return _decode(body)

    sync.decode_request = decode


def keeps_bodies() -> None:
    """Every body is kept for ever."""
    kept = []

    def decode(body: bytes) -> SyncRequest:
        kept.append(bytearray(body))
        return _decode(body)

    sync.decode_request = decode


def repeats_bodies() -> None:
    """A refusal quotes what was wrong."""

    def decode(body: bytes) -> SyncRequest:
        try:
            return _decode(body)
        except Malformed:
            raise Malformed(f"cannot read {body[:200].hex()}") from None

    sync.decode_request = decode


def tells_sources() -> None:
    """Requests are logged with the address that they came from."""

    def source(self: App, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        click.echo(f"{peer.address} asked", err=True)
        return _source(self, peer, headers)

    App.source = source  # type: ignore[method-assign]  # the bug


def finds_slowly(seconds: float = 0.0002) -> None:
    """To find a box takes a fifth of a millisecond more than to find none."""

    async def look(
        self: PagesStore, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        results = await _look(self, ids, room=room, now=now)
        until = time.perf_counter() + seconds * sum(
            isinstance(result, sync.Found) for result in results
        )
        while time.perf_counter() < until:
            pass
        return results

    PagesStore.look = look  # type: ignore[method-assign]  # the bug
    PagesStore.glance = lambda *_, **__: None  # type: ignore[method-assign]  # all go through it


def finds_very_slowly() -> None:
    """To find a box takes half a millisecond more than to find none."""
    finds_slowly(0.0005)


def reads_at_any_time() -> None:
    """The same, and it may be done shortly before a tick."""
    finds_very_slowly()
    connections.read_at = lambda now: now + connections.GATHERED


def stands_still() -> None:
    """A piece of a header holds up everybody."""

    def received(self: Connection, data: bytes) -> None:
        if len(data) < 100:
            time.sleep(0.05)
        _received(self, data)

    Connection.data_received = received  # type: ignore[method-assign]  # the bug


def makes_room() -> None:
    """A full store lets go of what lies there for longest."""

    async def apply(
        self: MemoryStore, deletes: Sequence[MailboxId], deposits: Sequence[Deposit], *, now: int
    ) -> tuple[DepositOutcome, ...]:
        outcomes = await _apply(self, deletes, deposits, now=now)
        while DepositOutcome.FULL in outcomes:
            await _apply(self, [next(iter(self._records))], (), now=now)
            outcomes = await _apply(self, (), deposits, now=now)
        return outcomes

    MemoryStore.apply = apply  # type: ignore[method-assign]  # the bug


def limits_all_together() -> None:
    """What one source spends is missing to all others."""
    spend = Rate.spend

    def together(self: Rate, source: Source, count: float, now: float) -> bool:
        return spend(self, ((b"all", 1),) if source else (), count, now)

    Rate.spend = together  # type: ignore[method-assign]  # the bug


BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug
    for bug in (
        fails_on_some,
        keeps_bodies,
        repeats_bodies,
        tells_sources,
        finds_slowly,
        finds_very_slowly,
        reads_at_any_time,
        stands_still,
        makes_room,
        limits_all_together,
    )
}


@contextmanager
def running_with(
    bug: Callable[[], None], *arguments: str, environment: dict[str, str] | None = None
) -> Iterator[Relay]:
    """Run a relay with *bug* for the length of the block."""
    program = ("-m", "tests.relay.planted", bug.__name__, "serve", "--listen", "127.0.0.1:0")
    process = start(*arguments, environment=environment, program=program)
    try:
        yield Relay(process, *address_of(process))
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    main(sys.argv[2:], prog_name="ojak-relay")

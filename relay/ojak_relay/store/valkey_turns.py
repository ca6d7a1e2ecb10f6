"""What syncs of one turn of the loop ask of a single server, with few commands that look for them.

A command costs a server, and a relay, as much as several places that one looks at. Each sync
changes by commands of its own, in their order; then the places of all are looked at together.
"""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

from ojak_protocol.addresses import MailboxId
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_primary import Primary
from ojak_relay.store.valkey_wire import Reply

PLACES_AT_ONCE: Final = 512
"""From how many places on no further sync is asked together with those: each waits for all."""


class Told(NamedTuple):
    """What a server told one sync.

    Attributes:
        changes: the reply to each command that changes, refusals among them.
        lying: head and box at each place that was looked at, or None.
    """

    changes: list[Reply]
    lying: list[Reply]


class Turns:
    """Asks together what is asked in one turn of the loop."""

    def __init__(self) -> None:
        self._turn: _Turn | None = None

    def ask(
        self,
        server: Primary,
        changes: Sequence[bytes],
        count: int,
        news: Sequence[bytes],
        places: Sequence[MailboxId],
    ) -> "asyncio.Future[Told]":
        """Return what *server* will have told of changes, and then of *places*.

        It fails with `StoreAway` if the line is lost or not all that was asked together is
        answered; then changes may or may not have happened.

        Args:
            server: one that does all of it on one line.
            changes: the pieces of commands.
            count: how many commands these are.
            news: ids of which all relays are told behind them.
            places: at least one.
        """
        turn = self._turn
        if turn is None or turn.server is not server or len(turn.places) >= PLACES_AT_ONCE:
            turn = self._turn = _Turn(server)
            asyncio.get_running_loop().call_soon(self._leave, turn)
        return turn.take(changes, count, news, places)

    def _leave(self, turn: "_Turn") -> None:
        if self._turn is turn:
            self._turn = None
        turn.leave()


class _Turn:
    """What is asked of *server* together, until it is answered."""

    def __init__(self, server: Primary) -> None:
        self.server = server
        self.asked: list[tuple[asyncio.Future[Told], int, int]] = []
        """Who is told, of how many commands that change, and of how many places."""
        self._changes: list[bytes] = []
        self._count = 0
        self._news: list[bytes] = []
        self.places: list[MailboxId] = []

    def take(
        self,
        changes: Sequence[bytes],
        count: int,
        news: Sequence[bytes],
        places: Sequence[MailboxId],
    ) -> "asyncio.Future[Told]":
        """Have it asked with the others."""
        self._changes += changes
        self._count += count
        self._news += news
        self.places += places
        # One for each, though all are told at once: who is broken off then breaks off no other.
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self.asked.append((told, count, len(places)))
        return told

    def leave(self) -> None:
        """Send it."""
        try:
            parts = [self.places[at : at + rules.KEYS_AT_ONCE] for at in self._firsts()]
            pieces = chain(self._changes, *map(rules.all_wholes, parts))
            done = self.server.looks.ask([*pieces], self._count + len(parts), self._news)
        except Exception:
            # Else they would wait for ever.
            self._fail()
            raise
        done.add_done_callback(self._answer)

    def _firsts(self) -> range:
        """Return with which place each command begins."""
        return range(0, len(self.places), rules.KEYS_AT_ONCE)

    def _answer(self, done: "asyncio.Future[list[Reply]]") -> None:
        replies = [] if done.exception() is not None else done.result()
        changes, looks = replies[: self._count], replies[self._count :]
        places = len(self.places)
        sizes = [min(rules.KEYS_AT_ONCE, places - first) for first in self._firsts()]
        # Of another length they would be what lies at somebody else's places.
        if [len(one) if isinstance(one, list) else None for one in looks] != sizes:
            self._fail()
            return
        lying = [*chain.from_iterable(looks)]
        change = place = 0
        for told, count, size in self.asked:
            of = changes[change : (change := change + count)]
            at = lying[place : (place := place + size)]
            if not told.done():
                told.set_result(Told(of, at))

    def _fail(self) -> None:
        for told, *_ in self.asked:
            if not told.done():
                told.set_exception(StoreAway("not all that was asked together was answered"))

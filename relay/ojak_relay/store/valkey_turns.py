"""What syncs of one turn of the loop ask of a single server, with few commands that look for them.

A command costs a server, and a relay, as much as several places that one looks at. Each sync
changes by commands of its own, in their order; then the places of all are looked at together.
"""

import asyncio
from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeAlias

from ojak_protocol.addresses import MailboxId
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_line import Line
from ojak_relay.store.valkey_primary import Primary
from ojak_relay.store.valkey_wire import Refusal, Reply

PLACES_AT_ONCE: Final = 512
"""With so many places a turn leaves before the loop's turn ends: nobody waits for many more, and
what is put together is still near the processor."""


class Told(NamedTuple):
    """What a server told one sync.

    Attributes:
        changes: the reply to each command that changes, refusals among them.
        lying: head and box at each place that was looked at, or None.
    """

    changes: list[Reply]
    lying: list[Reply]


Come: TypeAlias = Callable[[Told | None], None]
"""Takes what a server told one sync: once, in a later turn of the loop.

With None the line was lost or not all was answered; then changes may or may not have happened.
"""

_Asked: TypeAlias = tuple[Sequence[bytes], int, Sequence[bytes], Sequence[MailboxId], Come]
"""What `Turns.ask` was given, behind the server."""


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
        come: Come,
    ) -> None:
        """Ask *server* for changes, and then what lies at *places*.

        Args:
            server: one that does all of it on one line.
            changes: the pieces of commands.
            count: how many commands these are.
            news: ids of which all relays are told behind them.
            places: at least one.
            come: takes what it told.
        """
        turn = self._turn
        if turn is None or turn.server is not server:
            if turn is not None:
                self._leave(turn)
            turn = _Turn(server)
            asyncio.get_running_loop().call_soon(self._leave, turn)
            self._turn = turn
        turn.asked.append((changes, count, news, places, come))
        turn.places += len(places)
        if turn.places >= PLACES_AT_ONCE:
            self._leave(turn)

    def _leave(self, turn: "_Turn") -> None:
        if self._turn is turn:
            self._turn = None
            turn.leave()


class _Turn:
    """What is asked of *server* together, until it is answered."""

    def __init__(self, server: Primary) -> None:
        self.server = server
        self.asked: list[_Asked] = []
        """What has not been sent."""
        self._sent: list[tuple[int, int, Come]] = []
        # For each how many changes and places it had, and what takes what is told of them. What
        # they were is let go when it is sent, and used again while it is near.
        self.places = 0

    def leave(self) -> None:
        """Send it."""
        line = self.server.looks
        try:
            done = self._ask(line)
        except Exception as error:  # noqa: BLE001 - else they would wait for ever
            _note(error)
            asyncio.get_running_loop().call_soon(self._fail)
            # If a part of it was asked, the next answers would be taken for those to others.
            _close(line)
            return
        done.add_done_callback(self._answer)
        try:
            line.send()
        except Exception as error:  # noqa: BLE001 - when the line is closed all that was asked on it fails
            _note(error)
            _close(line)

    def _ask(self, line: Line) -> "asyncio.Future[list[Reply]]":
        changes, counts, news, places, come = zip(*self.asked, strict=True)
        self._sent, self.asked = [*zip(counts, map(len, places), come, strict=True)], []
        all_places = [*chain.from_iterable(places)]
        parts = [all_places[at : at + rules.KEYS_AT_ONCE] for at in self._firsts()]
        pieces = chain(*changes, *map(rules.all_wholes, parts))
        return line.ask([*pieces], sum(counts) + len(parts), [*chain.from_iterable(news)])

    def _firsts(self) -> range:
        """Return with which place each command begins."""
        return range(0, self.places, rules.KEYS_AT_ONCE)

    def _answer(self, done: "asyncio.Future[list[Reply]]") -> None:
        try:
            told = self._told([] if done.exception() is not None else done.result())
        except Exception as error:  # noqa: BLE001 - else they would wait for ever
            _note(error)
            told = None
        if told is None:
            self._fail()
            return
        for (*_, come), one in zip(self._sent, told, strict=True):
            _tell(come, one)

    def _told(self, replies: list[Reply]) -> list[Told] | None:
        """Return what each is told, or None if that cannot be known."""
        count = sum(count for count, *_ in self._sent)
        changes, looks = replies[:count], replies[count:]
        sizes = [min(rules.KEYS_AT_ONCE, self.places - first) for first in self._firsts()]
        # What is of another length is what lies at somebody else's places.
        if [len(one) if isinstance(one, list) else None for one in looks] != sizes:
            if replies and not any(isinstance(one, Refusal) for one in looks):
                # So would be all that follows.
                _close(self.server.looks)
            return None
        lying = [*chain.from_iterable(looks)]
        told: list[Told] = []
        change = place = 0
        for count, places, _ in self._sent:
            of = changes[change : (change := change + count)]
            told.append(Told(of, lying[place : (place := place + places)]))
        return told

    def _fail(self) -> None:
        for come in [*[one[-1] for one in self.asked], *[one[-1] for one in self._sent]]:
            _tell(come, None)


def _tell(come: Come, told: Told | None) -> None:
    try:
        come(told)
    except Exception as error:  # noqa: BLE001 - a fault of one keeps back none of the others
        _note(error)


def _close(line: Line) -> None:
    try:
        line.close()
    except Exception as error:  # noqa: BLE001 - who is told next must be told all the same
        _note(error)


def _note(error: Exception) -> None:
    loop = asyncio.get_running_loop()
    loop.call_exception_handler({"message": "asking servers together", "exception": error})

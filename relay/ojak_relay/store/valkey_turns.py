"""What all syncs of one turn of the loop ask of a single server, in few commands for all of them.

A command costs a server, and a relay, as much as several places that one looks at. Nearly always a
deletion finds a box whose time is not over, and a deposit finds nothing where it is to lie. That is
tried for all syncs at once, and then all places are looked at; what is otherwise with one of them
is left as it was, for whoever asked to ask for it alone.
"""

import asyncio
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple, TypeAlias, TypeVar

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store.valkey_primary import Primary
from ojak_relay.store.valkey_wire import Reply

_T = TypeVar("_T")


SYNCS_AT_ONCE: Final = 32
"""How many syncs are answered together: while a relay goes on with them, a server does the next."""


class Told(NamedTuple):
    """What a server told one sync.

    Attributes:
        gone: a letter of `valkey_scripts` for each deletion.
        kept: one for each deposit.
        lying: head and box at each place that was looked at, or None.
    """

    gone: bytes
    kept: bytes
    lying: list[Reply]


_Asked: TypeAlias = tuple[
    "asyncio.Future[Told]", Sequence[MailboxId], Sequence[Deposit], Sequence[MailboxId]
]
"""What one sync deletes, deposits and looks at, and what it is told."""


class Turns:
    """Asks together what is asked in one turn of the loop."""

    def __init__(self) -> None:
        self._turn: _Turn | None = None

    def ask(
        self,
        server: Primary,
        deletes: Sequence[MailboxId],
        deposits: Sequence[Deposit],
        polls: Sequence[MailboxId],
        now: int,
    ) -> "asyncio.Future[Told]":
        """Return what *server* will have told of all three, done in this order.

        It fails with `StoreAway` if the line is lost or the server refuses some of all that was
        asked together; then all of it may or may not have happened.
        """
        loop = asyncio.get_running_loop()
        turn = self._turn
        if (
            turn is None
            or turn.server is not server
            or turn.now != now
            or len(turn.asked) >= SYNCS_AT_ONCE
        ):
            turn = self._turn = _Turn(server, now)
            loop.call_soon(self._leave, turn)
        # One for each, though all are told at once: who is broken off then breaks off no other.
        told: asyncio.Future[Told] = loop.create_future()
        turn.asked.append((told, deletes, deposits, polls))
        return told

    def _leave(self, turn: "_Turn") -> None:
        if self._turn is turn:
            self._turn = None
        turn.leave()


class _Turn:
    """What is asked of *server* at *now*, until it is answered."""

    def __init__(self, server: Primary, now: int) -> None:
        self.server = server
        self.now = now
        self.asked: list[_Asked] = []
        self._first_deposit = self._first_look = 0
        """Which of the replies these are."""

    def leave(self) -> None:
        """Send it."""
        deletes = [id_ for _, ids, _, _ in self.asked for id_ in ids]
        deposits = [one for _, _, some, _ in self.asked for one in some]
        polls = list(chain.from_iterable([ids for _, _, _, ids in self.asked]))
        deleting = [
            rules.first_deletes(some, self.now) for some in _in_parts(deletes, rules.BOXES_AT_ONCE)
        ]
        depositing = [
            rules.first_deposits(some, self.now, self.server.limit)
            for some in _in_parts(deposits, rules.BOXES_AT_ONCE)
        ]
        looking = [rules.all_wholes(some) for some in _in_parts(polls, rules.KEYS_AT_ONCE)]
        self._first_deposit = len(deleting)
        self._first_look = len(deleting) + len(depositing)
        commands = [*deleting, *depositing, *looking]
        pieces = list(chain.from_iterable(commands))
        done = self.server.looks.ask(pieces, len(commands), [one.id for one in deposits])
        done.add_done_callback(self._answer)

    def _answer(self, done: "asyncio.Future[list[Reply]]") -> None:
        asked, self.asked = self.asked, []
        replies = [] if done.exception() is not None else done.result()
        changes, looks = replies[: self._first_look], replies[self._first_look :]
        # A refusal is neither. Whatever came instead, nobody is left to wait.
        if not looks or {*map(type, changes)} - {bytes} or {*map(type, looks)} - {list}:
            for told, *_ in asked:
                if not told.done():
                    told.set_exception(StoreAway("not all that was asked together was answered"))
            return
        gone = b"".join(changes[: self._first_deposit])
        kept = b"".join(changes[self._first_deposit :])
        lying = list(chain.from_iterable(looks))
        delete = deposit = poll = 0
        for told, deletes, deposits, polls in asked:
            of = Told(
                gone[delete : (delete := delete + len(deletes))],
                kept[deposit : (deposit := deposit + len(deposits))],
                lying[poll : (poll := poll + len(polls))],
            )
            if not told.done():
                told.set_result(of)


def _in_parts(some: Sequence[_T], most: int) -> list[Sequence[_T]]:
    return [some[at : at + most] for at in range(0, len(some), most)]

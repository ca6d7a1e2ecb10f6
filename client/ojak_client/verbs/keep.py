"""`ojak keep`: stay on, answer guests, carry letters, and say what happens."""

import contextlib
import random
import signal
import time
from types import FrameType
from typing import Final, NoReturn

import click

from ojak_client.errors import NoAnswer, RelayRefused
from ojak_client.exchange import Exchange, Round
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import told
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import connect, open_vault, relays_of
from ojak_client.rounds import keeping_shape
from ojak_client.store import Store
from ojak_client.telling import tell
from ojak_client.verb import verb

WAIT_SECONDS: Final = 25
WAIT_BY_TURNS_SECONDS: Final = 5
"""With several relays each is waited at for a short time, in turn."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0
OLDER_EVERY_SECONDS: Final = 24 * 3600


class _Stopped(BaseException):
    """SIGTERM arrived. Every step survives a kill, so any place is good to stop at."""


@verb(HelpText.KEEP, examples=("ojak keep",))
@click.option("--proxy", help=told(HelpText.PROXY), metavar=told(HelpText.PROXY_METAVAR))
def command(invocation: Invocation, proxy: str | None) -> ExitCode:
    """Wait at each number and on each conversation until stopped."""
    signal.signal(signal.SIGTERM, _stop)
    try:
        with open_vault(invocation) as store, contextlib.ExitStack() as connections:
            if not relays_of(store.read()):
                raise Failure(Message.NO_CONTACTS, command="ojak invite")
            invocation.output.say(Message.KEEPING)
            _keep(invocation, store, proxy, connections)
    except (_Stopped, KeyboardInterrupt) as ended:
        invocation.output.say(Message.KEEP_STOPPED)
        return ExitCode.DONE if isinstance(ended, _Stopped) else ExitCode.INTERRUPTED


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _keep(
    invocation: Invocation, store: Store, proxy: str | None, connections: contextlib.ExitStack
) -> NoReturn:
    watches: dict[str, _Watch] = {}
    while True:
        # Read each time: another command may have added a contact.
        relays = relays_of(store.read())
        for relay in relays:
            if relay not in watches:
                exchange = connections.enter_context(connect(store, relay, proxy))
                watches[relay] = _Watch(invocation, exchange)
            watches[relay].turn(alone=len(relays) == 1)


class _Watch:
    """Rounds with one relay, pausing longer and longer while it cannot be reached."""

    def __init__(self, invocation: Invocation, exchange: Exchange) -> None:
        self._output = invocation.output
        self._exchange = exchange
        self._last: Round | None = None
        self._failures = 0
        self._looked_older_at = 0.0
        self._told_full = False

    def turn(self, *, alone: bool) -> None:
        """Do one round, or say once why it cannot be done and pause."""
        try:
            if self._last is None:
                self._exchange.learn_clock()
            self._last = self._round(alone=alone)
        except (NoAnswer, RelayRefused) as error:
            if not self._failures:
                self._output.warn(explain(error).message)
            self._failures += 1
            time.sleep(self._pause_seconds(alone=alone))
            return
        if self._failures:
            self._output.say(Message.REACHED_AGAIN)
        self._failures = 0
        tell(self._output, self._news(self._last))

    def _round(self, *, alone: bool) -> Round:
        wait = WAIT_SECONDS if alone else WAIT_BY_TURNS_SECONDS
        older = time.monotonic() - self._looked_older_at > OLDER_EVERY_SECONDS
        if self._last is None or older:
            self._looked_older_at = time.monotonic()
        shape = keeping_shape(self._last, wait_seconds=wait, older=older or self._last is None)
        return self._exchange.round(shape)

    def _news(self, last: Round) -> list[Notice]:
        """Return what to tell: that the relay has no room only once, until it has some again."""
        told_before, self._told_full = self._told_full, last.refused
        return [n for n in last.notices if n.kind is not NoticeKind.RELAY_FULL or not told_before]

    def _pause_seconds(self, *, alone: bool) -> float:
        """Doubling and drawn at random: many clients must not come back at the same moment."""
        longest = LONGEST_PAUSE_SECONDS if alone else WAIT_BY_TURNS_SECONDS
        most = min(longest, FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 16))
        return random.uniform(most / 2, most)  # noqa: S311 - no secret depends on it

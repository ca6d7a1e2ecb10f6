"""`ojak keep`: stay on, answer guests, carry letters, and say what happens."""

import contextlib
import random
import signal
import time
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn, Self

from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting, VaultBusy, VaultFull
from ojak_client.exit_codes import ExitCode
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import connect, open_vault, relays_of
from ojak_client.output import Output
from ojak_client.rounds import MOST_ROUNDS, keeping_shape
from ojak_client.store import Store
from ojak_client.telling import tell
from ojak_client.verb import verb
from ojak_client.verb_options import proxy_option

if TYPE_CHECKING:
    from ojak_client.exchange import Exchange, Round

WAIT_SECONDS: Final = 25
WAIT_BY_TURNS_SECONDS: Final = 5
"""With several relays each is waited at for a short time, in turn."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0
FULL_PAUSE_SECONDS: Final = 30.0
OLDER_EVERY_SECONDS: Final = 24 * 3600
OLDER_ROUNDS: Final = 4
"""In so many rounds every place of past days is asked for, where not all fit into one."""


class _Stopped(BaseException):
    """SIGTERM arrived. Every step survives a kill, so any place is good to stop at."""


@verb(HelpText.KEEP, examples=("ojak keep",))
@proxy_option()
def command(invocation: Invocation, proxy: str | None) -> ExitCode:
    """Wait at each number and on each conversation until stopped."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        with open_vault(invocation) as store, contextlib.ExitStack() as connections:
            if not relays_of(store.read()):
                raise Failure(Message.NO_CONTACTS, command="ojak invite")
            invocation.output.say(Message.KEEPING)
            _keep(invocation, store, proxy, connections)
    except (_Stopped, KeyboardInterrupt) as ended:
        invocation.output.say(Message.KEEP_STOPPED)
        return ExitCode.DONE if isinstance(ended, _Stopped) else ExitCode.INTERRUPTED
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _keep(
    invocation: Invocation, store: Store, proxy: str | None, connections: contextlib.ExitStack
) -> NoReturn:
    watches: dict[str, _Watch] = {}
    is_full = False
    while True:
        try:
            # Read each time: another command may have added a contact.
            relays = relays_of(store.read())
            for relay in relays:
                if relay not in watches:
                    watches[relay] = _Watch(invocation.output, store, relay, proxy)
                    connections.enter_context(watches[relay])
                watches[relay].turn(alone=len(relays) == 1)
        except VaultBusy:
            # Another command is at it for long; what was not saved was not deleted at the relay.
            invocation.output.say(Message.VAULT_BUSY)
            relays = ()
        except VaultFull:
            # What could not be saved was not acted upon: it is there when there is room again.
            if not is_full:
                invocation.output.warn(Message.VAULT_FULL)
            is_full = True
            time.sleep(FULL_PAUSE_SECONDS)
            continue
        is_full = False
        time.sleep(_until_next([watches[relay] for relay in relays]))


def _until_next(watches: list["_Watch"]) -> float:
    """Return for how many seconds no relay is to be asked."""
    if not watches:
        return FIRST_PAUSE_SECONDS
    return max(0.0, min(watch.ready_at for watch in watches) - time.monotonic())


class _Watch:
    """Rounds with one relay, pausing longer and longer while it cannot be reached.

    Attributes:
        ready_at: monotonic seconds before which a turn does nothing.
    """

    def __init__(self, output: Output, store: Store, relay: str, proxy: str | None) -> None:
        self.ready_at = 0.0
        self._output = output
        self._store = store
        self._relay = relay
        self._proxy = proxy
        self._connection = contextlib.ExitStack()
        self._exchange: Exchange | None = None
        self._last: Round | None = None
        self._failures = 0
        self._hurried = 0
        self._older_from = 0.0
        self._older_left = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def turn(self, *, alone: bool) -> None:
        """Do one round if it is time for one, or say once why it cannot be done.

        Raises:
            VaultError: the profile could not be read or saved.
        """
        if time.monotonic() < self.ready_at:
            return
        try:
            took_seconds = self._round(alone=alone)
        except (NoAnswer, RelayRefused, UnusableSetting) as error:
            if not self._failures:
                self._output.warn(explain(error).message)
            self._failures += 1
            self._pause(self._failures, LONGEST_PAUSE_SECONDS)
            return
        if self._failures:
            self._output.say(Message.REACHED_AGAIN)
        self._failures = 0
        self._hurried = self._hurried + 1 if took_seconds < FIRST_PAUSE_SECONDS else 0
        if self._hurried > MOST_ROUNDS:
            # An honest relay holds its answers; whatever this one answers, it sets no pace for us.
            self._pause(self._hurried - MOST_ROUNDS, WAIT_BY_TURNS_SECONDS)

    def _round(self, *, alone: bool) -> float:
        """Do one round, and return how many seconds it took."""
        if self._exchange is None:
            connected = connect(self._store, self._relay, self._proxy, self._tell)
            self._exchange = self._connection.enter_context(connected)
        if self._last is None:
            self._exchange.learn_clock()
        began = time.monotonic()
        if began >= self._older_from:
            self._older_from = began + OLDER_EVERY_SECONDS
            self._older_left = OLDER_ROUNDS
        shape = keeping_shape(
            self._last,
            wait_seconds=WAIT_SECONDS if alone else WAIT_BY_TURNS_SECONDS,
            older=self._older_left > 0,
        )
        self._last = self._exchange.round(shape)
        self._older_left = max(0, self._older_left - 1)
        return time.monotonic() - began

    def _tell(self, notices: tuple[Notice, ...]) -> None:
        """Say what happened, but of a relay that stays full only once."""
        known = self._last is not None and self._last.full
        tell(
            self._output,
            (one for one in notices if not (known and one.kind is NoticeKind.RELAY_FULL)),
        )

    def _pause(self, times: int, longest_seconds: float) -> None:
        """Doubling and drawn at random: many clients must not come back at the same moment."""
        most = min(longest_seconds, FIRST_PAUSE_SECONDS * 2.0 ** min(times, 16))
        seconds = random.uniform(most / 2, most)  # noqa: S311 - no secret depends on it
        self.ready_at = time.monotonic() + seconds

"""Rounds with one relay for as long as `ojak keep` runs, whatever becomes of the line."""

import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Self

from ojak_client.errors import NoAnswer, RelayRefused, UnusableSetting, VaultBusy
from ojak_client.failures import explain
from ojak_client.i18n import Text
from ojak_client.lookout import Lookout, WaitBroken
from ojak_client.messages import Message
from ojak_client.notices import Notice, NoticeKind
from ojak_client.opening import connect
from ojak_client.pace import FREELY, METERED, Pace
from ojak_client.pauses import (
    LONGEST_PAUSE_SECONDS,
    METERED_LEAST_SECONDS,
    metered_seconds,
    pause_seconds,
)
from ojak_client.requests import Shape
from ojak_client.rounds import check_kept, goes_on, keeping_shape
from ojak_client.steady import steady_seconds
from ojak_client.store import Store
from ojak_client.telling import tell
from ojak_client.voice import Voice
from ojak_protocol.primitives import Entropy
from ojak_protocol.values import dataclass

if TYPE_CHECKING:
    from ojak_client.exchange import Exchange, Round

WAIT_SECONDS: Final = 25
WAIT_BY_TURNS_SECONDS: Final = 5
"""With several relays each is waited at for a short time, in turn."""
OLDER_EVERY_SECONDS: Final = 24 * 3600
OLDER_ROUNDS: Final = 4
"""In so many rounds every place of past days is asked for, where not all fit into one."""
STAY_SECONDS: Final = 300.0
"""How long a guest is waited for, where otherwise nobody is, after anything was sent or deleted.

What is told to our person has no say in it: of a harmless letter that was read nothing is told, and
the time at which the line is left would tell a relay which word was typed.
"""
FULL_PAUSE_FROM: Final = 4
"""Of how many failures a vault without room counts at first: for a pause of 16 to 32 s."""
MOST_STAY_SECONDS: Final = 1800.0
"""No guest and no relay keeps a metered line busy for longer."""
# Of two words that were typed either makes one of these, in the same round.
_GUEST: Final = frozenset(
    {
        NoticeKind.GUEST_CAME,
        NoticeKind.GUEST_CONFIRMED,
        NoticeKind.GUEST_CONFIRMED_ALARM,
        NoticeKind.ANSWERS_WERE_SPENT,
    }
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """What all watches of one `ojak keep` share.

    Attributes:
        clock: seconds that nobody sets and that go on while the device sleeps.
    """

    voice: Voice
    store: Store
    lookout: Lookout
    proxy: str | None
    metered: bool
    entropy: Entropy
    clock: Callable[[], float] = steady_seconds


class Watch:
    """Rounds with one relay, pausing longer and longer while it cannot be reached.

    Attributes:
        relay: its address.
        ready_at: seconds of the clock before which a turn does nothing.
    """

    def __init__(self, keeping: Keeping, relay: str) -> None:
        self.ready_at = 0.0
        self._keeping = keeping
        self.relay = relay
        self._connection = contextlib.ExitStack()
        self._exchange: Exchange | None = None
        self._last: Round | None = None
        self._said: set[Text] = set()
        self._failures = 0
        self._probes = False
        self._full = 0
        self._charged_bytes = 0
        self._pace = Pace(METERED if keeping.metered else FREELY, keeping.clock())
        self._older_from = 0.0
        self._older_left = 0
        self._guest_at: float | None = None
        self._moved_at = 0.0
        self._seen = (keeping.lookout.changes, keeping.lookout.sleeps)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def wait_for_room(self) -> None:
        """Do nothing for a while, as there was no room here for what the last round brought.

        It cost as much as one that brought something, and the next brings it again.
        """
        self._full += 1
        self._charge()
        now, entropy = self._keeping.clock(), self._keeping.entropy
        if self._keeping.metered:
            self._leave()
        else:
            times = FULL_PAUSE_FROM + self._full
            seconds = pause_seconds(times, entropy, longest_seconds=LONGEST_PAUSE_SECONDS)
            self.ready_at = now + max(seconds, self._pace.pause_seconds(now, entropy))

    def turn(self, *, alone: bool) -> None:
        """Do one round if it is time for one, or say why it cannot be done, each reason once.

        Raises:
            VaultError: the profile could not be read or saved, or not all that came fits into it.
        """
        self._wake()
        if self._keeping.clock() < self.ready_at:
            return
        try:
            last, took_seconds = self._round(alone=alone)
        except WaitBroken:
            # What the request carried may have arrived: the same bytes again change nothing.
            return
        except (NoAnswer, RelayRefused, UnusableSetting) as error:
            self._fail(explain(error).message)
            return
        check_kept(last)
        now = self._keeping.clock()
        self._pace.note(last, now=now, took_seconds=took_seconds)
        self._charged_bytes = 0 if self._exchange is None else self._exchange.asked_bytes
        self._full = 0
        if self._probes:
            # What costs more is asked at once, and only its answer ends the outage.
            self._probes = False
            return
        if self._said:
            self._keeping.voice.say(Message.REACHED_AGAIN)
        self._said.clear()
        self._failures = 0
        pause = self._pace.pause_seconds(now, self._keeping.entropy)
        ends = pause or self._pace.is_light(now) or not goes_on(last)
        if self._keeping.metered and not self._stays and ends:
            self._leave()
        elif pause:
            self.ready_at = now + pause

    def _wake(self) -> None:
        """Be ready at once where what was seen meanwhile gives a reason.

        After a sleep what kept the relay away may be over. A metered line keeps its times, unless
        another command left something to do: a number just made must not wait for an hour.
        """
        lookout = self._keeping.lookout
        seen, self._seen = self._seen, (lookout.changes, lookout.sleeps)
        if seen == self._seen:
            return
        if not self._keeping.metered:
            self.ready_at = 0.0 if seen[1] != lookout.sleeps else self.ready_at
        elif self._exchange is not None and not self._failures and self._is_outdated():
            self.ready_at = 0.0

    def _round(self, *, alone: bool) -> tuple["Round", float]:
        """Do one round, and return what it brought and how many seconds it took."""
        if self._exchange is None:
            keeping = self._keeping
            connected = connect(keeping.store, self.relay, keeping.proxy, self._tell, self._look)
            self._exchange = self._connection.enter_context(connected)
        if self._last is None:
            self._exchange.learn_clock()
        began = self._keeping.clock()
        if began >= self._older_from:
            self._older_from = began + OLDER_EVERY_SECONDS
            self._older_left = OLDER_ROUNDS
        shape = keeping_shape(
            self._last,
            wait_seconds=self._wait_seconds(alone=alone),
            older=self._older_left > 0,
            light=self._pace.is_light(began),
        )
        if self._probes:
            # Whoever only takes what is sent, and gives no answer, is sent little.
            shape = Shape(bare=True)
        self._last = self._exchange.round(shape)
        if self._last.carried:
            self._moved_at = self._keeping.clock()
        self._older_left = max(0, self._older_left - 1)
        return self._last, self._keeping.clock() - began

    def _wait_seconds(self, *, alone: bool) -> int:
        if self._failures or (self._keeping.metered and not self._stays):
            return 0
        return WAIT_SECONDS if alone else WAIT_BY_TURNS_SECONDS

    @property
    def _stays(self) -> bool:
        """Whether a guest may be at the other end now."""
        now = self._keeping.clock()
        return (
            self._guest_at is not None
            and now - self._guest_at < MOST_STAY_SECONDS
            and now - self._moved_at < STAY_SECONDS
        )

    def _leave(self) -> None:
        """Close the line until the next look of a metered line."""
        self._guest_at = None
        self._pace.leave()
        if self._exchange is not None:
            self._exchange.connection.close()
            self._exchange.settle()
        self.ready_at = self._keeping.clock() + metered_seconds(self._keeping.entropy)

    def _look(self, connection: socket.socket, took_seconds: float) -> None:
        """Break the wait where its answer would not come, or not be the one to wait for."""
        lookout = self._keeping.lookout
        changes, sleeps = lookout.changes, lookout.sleeps
        lookout.look(took_seconds)
        if sleeps != lookout.sleeps or lookout.source_changed(connection):
            raise WaitBroken
        if changes != lookout.changes and self._is_outdated():
            raise WaitBroken

    def _is_outdated(self) -> bool:
        try:
            return self._exchange is None or self._exchange.is_outdated()
        except VaultBusy:
            # Whoever holds it for so long saves it once more, and then it is looked at again.
            return False

    def _tell(self, notices: tuple[Notice, ...]) -> None:
        """Say what happened, but of a relay that stays full only once."""
        if self._guest_at is None and any(one.kind in _GUEST for one in notices):
            self._guest_at = self._moved_at = self._keeping.clock()
        known = self._last is not None and self._last.full
        tell(
            self._keeping.voice.output,
            (one for one in notices if not (known and one.kind is NoticeKind.RELAY_FULL)),
        )

    def _fail(self, message: Text) -> None:
        if message not in self._said:
            self._keeping.voice.warn(message)
        self._said.add(message)
        self._charge()
        self._probes = True
        self._failures += 1
        longest = METERED_LEAST_SECONDS if self._keeping.metered else LONGEST_PAUSE_SECONDS
        self._pause(self._failures, longest)

    def _charge(self) -> None:
        """Charge what was asked since the last round that succeeded, if anything was."""
        asked_bytes = 0 if self._exchange is None else self._exchange.asked_bytes
        self._pace.note_failure(asked_bytes - self._charged_bytes, now=self._keeping.clock())
        self._charged_bytes = asked_bytes

    def _pause(self, times: int, longest_seconds: float) -> None:
        seconds = pause_seconds(times, self._keeping.entropy, longest_seconds=longest_seconds)
        self.ready_at = self._keeping.clock() + seconds

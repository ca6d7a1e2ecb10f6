"""How fast `ojak keep` asks one relay, and for how much: whatever a relay answers, it sets no pace.

An honest relay holds a request until something lies there or the wait is over. Whoever answers
sooner and gives nothing that opens is asked more and more seldom. What asking costs beyond an idle
request is charged to an allowance that fills with time; once it is used up, requests are *light*:
they deposit nothing and ask for one box at most, so that a relay that is merely full still brings
letters at once. A box of the other side that brought something, which no relay can make, gives some
back; one that opened and says nothing costs what it costs.
"""

from typing import TYPE_CHECKING, Final

from ojak_client.pauses import LONGEST_PAUSE_SECONDS, pause_seconds
from ojak_client.rounds import MOST_ROUNDS
from ojak_protocol.primitives import Entropy
from ojak_protocol.sync import REPLY_BYTES, SyncClass
from ojak_protocol.values import dataclass

if TYPE_CHECKING:
    from ojak_client.exchange import Round

IDLE_BYTES: Final = SyncClass.ZERO.body_bytes + REPLY_BYTES[0]
"""What a held request costs that finds nothing: 1481."""
LARGEST_BYTES: Final = SyncClass.SIXTEEN.body_bytes + REPLY_BYTES[16]
"""What one round costs at most: 133,338."""
WAIT_SLACK_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many bytes may be spent in vain: *at_once* after a rest, *a_second* for ever."""

    at_once: int
    a_second: float


FREELY: Final = Allowance(at_once=8_000_000, a_second=80.0)
"""Offers of a hundred sets, laid for the first time; then 7 MB a day, as much as waiting costs."""
METERED: Final = Allowance(at_once=2_000_000, a_second=10.0)
"""Offers of thirty sets; then 0.9 MB a day."""


class Pace:
    """What one relay made us spend, and how it answers.

    Args:
        allowance: what may be spent in vain.
        now: seconds of a clock that only goes on.
    """

    def __init__(self, allowance: Allowance, now: float) -> None:
        self._allowance = allowance
        self._spent = 0.0
        self._spent_at = now
        self._early = 0

    def note(self, last: "Round", *, now: float, took_seconds: float) -> None:
        """Charge what *last* cost, and count it if it was answered too soon for what it brought."""
        if last.opened:
            self._early = 0
            self._spend(-LARGEST_BYTES, now)
            return
        waited = 0 < last.wait_seconds <= took_seconds + WAIT_SLACK_SECONDS
        self._spend(last.size_bytes - (IDLE_BYTES if waited else 0), now)
        if waited:
            self._early = 0
        elif not last.stored:
            self._early += 1

    def note_failure(self, size_bytes: int, *, now: float) -> None:
        """Charge a request of *size_bytes* that was not answered as it should."""
        self._spend(size_bytes, now)

    def leave(self) -> None:
        """Begin to count anew after a rest of minutes; what was spent stays spent."""
        self._early = 0

    def is_light(self, now: float) -> bool:
        """Return whether the next request may deposit nothing and ask for one box at most."""
        return self._left(now) > self._allowance.at_once

    def pause_seconds(self, now: float, entropy: Entropy) -> float:
        """Return for how long to ask nothing, 0 as a rule; up to five minutes and longer."""
        most = self._allowance.at_once + 2 * LARGEST_BYTES
        pause = max(0.0, self._left(now) - most) / self._allowance.a_second
        if self._early <= MOST_ROUNDS:
            return pause
        times = self._early - MOST_ROUNDS
        return max(pause, pause_seconds(times, entropy, longest_seconds=LONGEST_PAUSE_SECONDS))

    def _left(self, now: float) -> float:
        """Return what of the bytes spent time has not given back yet."""
        return max(0.0, self._spent - self._allowance.a_second * (now - self._spent_at))

    def _spend(self, size_bytes: int, now: float) -> None:
        self._spent = max(0.0, self._left(now) + size_bytes)
        self._spent_at = now

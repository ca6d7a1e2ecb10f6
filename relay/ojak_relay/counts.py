"""What a relay counts since it started: how often, and nothing about whom.

The names below are all there are. None is made of anything that a request holds.
"""

from collections import Counter
from enum import Enum
from http import HTTPStatus
from typing import Final

from ojak_protocol.sync import DepositOutcome, Found, NoRoom, SyncReply, SyncRequest

STEP: Final = 10
"""Counts are told to others rounded down to this, so that two tellings show no single visit."""


class Counted(Enum):
    """What is counted."""

    SYNCS = "syncs"
    STORED = "deposits_stored"
    OCCUPIED = "deposits_occupied"
    FULL = "deposits_full"
    REFUSED = "deposits_refused"
    DELETES = "deletes"
    FOUND = "polls_found"
    NO_ROOM = "polls_without_room"
    LIMITED = "requests_over_limit"
    UNAUTHORIZED = "requests_without_pass"
    MALFORMED = "requests_refused"
    FAILED = "requests_failed"


_OUTCOMES: Final = {
    DepositOutcome.STORED: Counted.STORED,
    DepositOutcome.OCCUPIED: Counted.OCCUPIED,
    DepositOutcome.FULL: Counted.FULL,
    DepositOutcome.REFUSED: Counted.REFUSED,
}
_STATUSES: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: Counted.LIMITED,
    HTTPStatus.UNAUTHORIZED: Counted.UNAUTHORIZED,
}


class Counts:
    """How often each happened; it only goes up."""

    def __init__(self) -> None:
        self._counts: Counter[Counted] = Counter()

    def __getitem__(self, counted: Counted) -> int:
        return self._counts[counted]

    def add(self, counted: Counted, times: int = 1) -> None:
        """Count something *times* more."""
        self._counts[counted] += times

    def served(self, asked: SyncRequest, reply: SyncReply) -> None:
        """Count one sync that was answered."""
        self.add(Counted.SYNCS)
        self.add(Counted.DELETES, len(asked.deletes))
        self._counts.update(_OUTCOMES[outcome] for outcome in reply.deposits)
        # Not those that found nothing: most polls of a request only fill it up.
        self.add(Counted.FOUND, sum(isinstance(one, Found) for one in reply.polls))
        self.add(Counted.NO_ROOM, sum(isinstance(one, NoRoom) for one in reply.polls))

    def refused(self, status: HTTPStatus) -> None:
        """Count one request that was refused with *status*."""
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        self.add(Counted.FAILED if failed else _STATUSES.get(status, Counted.MALFORMED))

    def exact(self) -> dict[str, int]:
        """Return every count by its name, for the operator of this machine alone."""
        return {counted.value: self._counts[counted] for counted in Counted}


def in_steps(count: int) -> int:
    """Return *count* as others may see it."""
    return count - count % STEP

"""What a relay counts since it started: how often, and nothing about whom.

The names below are all there are. None is made of anything that a request holds.
"""

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Final

from ojak_protocol.sync import (
    NOTHING,
    DepositOutcome,
    Found,
    NoRoom,
    SyncReply,
)

STEP: Final = 10
"""Counts are told to others rounded down to this, so that two tellings show no single visit."""


@dataclass(slots=True)
class Counts:
    """How often each happened; it only goes up."""

    syncs: int = 0
    deposits_stored: int = 0
    deposits_occupied: int = 0
    deposits_full: int = 0
    deposits_refused: int = 0
    deletes: int = 0
    polls_found: int = 0
    polls_without_room: int = 0
    requests_over_limit: int = 0
    requests_without_pass: int = 0
    requests_refused: int = 0
    requests_failed: int = 0

    def served(self, reply: SyncReply, deletes: int) -> None:
        """Count one sync that was done and asked for so many deletes."""
        self.syncs += 1
        self.deletes += deletes
        for outcome in reply.deposits:
            self._deposited(outcome)
        if reply.polls.count(NOTHING) == len(reply.polls):
            return
        results = [type(result) for result in reply.polls if result is not NOTHING]
        self.polls_found += results.count(Found)
        self.polls_without_room += results.count(NoRoom)

    def refused(self, status: HTTPStatus) -> None:
        """Count one request that was refused with *status*."""
        if status is HTTPStatus.TOO_MANY_REQUESTS:
            self.requests_over_limit += 1
        elif status is HTTPStatus.UNAUTHORIZED:
            self.requests_without_pass += 1
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self.requests_failed += 1
        else:
            self.requests_refused += 1

    def exact(self) -> dict[str, int]:
        """Return every count by its name, for the operator of this machine alone."""
        return asdict(self)

    def _deposited(self, outcome: DepositOutcome) -> None:
        match outcome:
            case DepositOutcome.STORED:
                self.deposits_stored += 1
            case DepositOutcome.OCCUPIED:
                self.deposits_occupied += 1
            case DepositOutcome.FULL:
                self.deposits_full += 1
            case DepositOutcome.REFUSED:
                self.deposits_refused += 1


def in_steps(count: int) -> int:
    """Return *count* as others may see it."""
    return count - count % STEP

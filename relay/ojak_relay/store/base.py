"""What every store must do; `tests/relay/test_store_contract.py` says the same as tests.

The rules of design and protocol hold in the store, not above it, because only the store can keep
them when several relay processes share one. `judge` is those rules as one pure function.

A store takes `now` (Unix seconds) and reads no clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import field
from enum import Enum, auto
from typing import Final, Protocol, TypeAlias

from ojak_protocol.addresses import MailboxId
from ojak_protocol.sync import Deposit, DepositOutcome, PollResult
from ojak_protocol.values import dataclass

EXPIRE_AT_MOST: Final = 32
"""How many boxes one call of `Store.expire` erases: others wait no longer than for that."""


@dataclass(frozen=True, slots=True)
class Record:
    """One box as it lies: visible from *released_at* until before *expires_at*."""

    id: MailboxId = field(repr=False)
    released_at: int
    expires_at: int
    box: bytes = field(repr=False)


def record_of(deposit: Deposit, now: int) -> Record:
    """Return what *deposit* leaves when it is stored at *now*."""
    return Record(deposit.id, *times_of(deposit, now), deposit.box)


def times_of(deposit: Deposit, now: int) -> tuple[int, int]:
    """Return when it is released, and over, if stored at *now*; its time counts from release."""
    released_at = now + deposit.after_seconds
    return released_at, released_at + deposit.ttl_seconds


Visited: TypeAlias = tuple[tuple[DepositOutcome, ...], tuple[PollResult, ...]]
"""What `Store.visit` returns: what `apply` does, and what `look` does."""

Come: TypeAlias = Callable[[Visited | None], None]
"""Takes what a visit did and found: once, in a later turn of the loop.

With None not all was answered, or something was refused; it may or may not have happened, and is to
be asked for again by `Store.visit`.
"""


class Store(Protocol):
    """Keeps boxes. All methods belong to one event loop."""

    @property
    def boxes(self) -> int:
        """How many boxes lie here, those not yet swept away included."""

    @property
    def clock(self) -> int:
        """A time that the clock had reached when this was last used, Unix seconds, or 0."""

    @property
    def unreadable_pages(self) -> int:
        """How many pages the disk did not give at start; their boxes are not served."""

    @property
    def failed(self) -> bool:
        """Whether the disk refused once, which nothing ends, or servers are away, which passes."""

    async def apply(
        self, deletes: Sequence[MailboxId], deposits: Sequence[Deposit], *, now: int
    ) -> tuple[DepositOutcome, ...]:
        """Delete, then deposit; return one outcome per deposit once all of it is durable.

        Raises:
            StoreFailed: the disk refused; what was asked for may or may not have happened.
        """

    async def look(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...]:
        """Return what lies at each id: at most *room* boxes, the first ones asked for."""

    def glance(
        self, ids: Sequence[MailboxId], *, room: int, now: int
    ) -> tuple[PollResult, ...] | None:
        """Return what `look` would, where nothing has to be waited for; None where it has to."""
        del ids, room, now
        return None

    @property
    def is_far(self) -> bool:
        """Whether `begin_visit` is worth asking; with False nobody has to prepare it."""
        return False

    def begin_visit(
        self,
        deletes: Sequence[MailboxId],
        deposits: Sequence[Deposit],
        polls: Sequence[MailboxId],
        *,
        room: int,
        now: int,
        come: Come,
    ) -> bool:
        """Begin `visit` and return True, if it needs no task for that; or begin nothing.

        *come* is called with what `visit` would return. Nothing breaks that off.
        """
        del deletes, deposits, polls, room, now, come
        return False

    async def visit(
        self,
        deletes: Sequence[MailboxId],
        deposits: Sequence[Deposit],
        polls: Sequence[MailboxId],
        *,
        room: int,
        now: int,
    ) -> Visited:
        """Do `apply`, then `look`.

        Raises:
            StoreFailed: as `apply` does.
        """
        outcomes = await self.apply(deletes, deposits, now=now)
        return outcomes, await self.look(polls, room=room, now=now)

    async def wait_for(self, ids: Sequence[MailboxId], seconds: float, *, now: int) -> None:
        """Return when something lies visible at one of *ids*, after *seconds*, or on `wake_all`.

        May return early; the caller looks again.
        """

    def wake_all(self) -> None:
        """End every wait."""

    def due(self, now: int) -> int:
        """Return how many boxes are past their time and not yet swept away."""

    async def expire(self, *, now: int) -> bool:
        """Erase some boxes whose time is over, durably; return whether more may be due."""

    async def close(self) -> None:
        """Finish what was asked for and let go of everything."""


class Verdict(Enum):
    """What a store must do with a deposit."""

    KEEP = auto()
    """Answer "stored" and change nothing."""
    OCCUPIED = auto()
    """Answer "occupied" and change nothing."""
    WRITE = auto()
    """Write it, in place of whatever lies there, or answer "full"."""


def judge(deposit: Deposit, lying: bytes | None, *, deleted_lately: bool) -> Verdict:
    """Return what becomes of *deposit* where the box *lying* is alive, or nothing is.

    Args:
        deposit: what is asked for.
        lying: the box at its id whose time is not over, released or not.
        deleted_lately: whether a box at this id was deleted within the last hour.

    Source: docs/protocol.md, "Boxes at the relay".
    """
    if lying == deposit.box:
        return Verdict.KEEP
    if lying is not None:
        return Verdict.OCCUPIED if deposit.delete_key is None else Verdict.WRITE
    # A sender whose answer was lost tries again after the reader has deleted: without this the
    # deleted box would be back.
    return Verdict.KEEP if deleted_lately else Verdict.WRITE

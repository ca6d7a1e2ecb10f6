"""What was deleted within the last hour, so that a repeated deposit brings nothing back.

Only in memory and only as Python's own hashes, whose key is new in every process: nothing of it
outlives a restart, nobody outside can choose ids that meet, and a new id meets one of half a
million by chance once in 4 * 10^12. It is best effort: a bounded number, the oldest forgotten
first.
"""

from collections import OrderedDict
from typing import Final

from ojak_protocol.addresses import MailboxId

REMEMBERED_SECONDS: Final = 3600
REMEMBERED_AT_MOST: Final = 500_000


class DeletedLately:
    """Which ids had a box deleted within the last hour."""

    def __init__(self) -> None:
        self._deleted_at: OrderedDict[int, int] = OrderedDict()

    def remember(self, id_: MailboxId, now: int) -> None:
        """Note that the box at *id_* was deleted at *now*, and forget what is over an hour old."""
        mark = hash(id_)
        self._deleted_at[mark] = now
        self._deleted_at.move_to_end(mark)
        self.forget(now)

    def forget(self, now: int) -> None:
        """Forget the oldest: what is over an hour old, and what is too many."""
        while self._deleted_at:
            mark, deleted_at = next(iter(self._deleted_at.items()))
            in_time = now - deleted_at < REMEMBERED_SECONDS
            if in_time and len(self._deleted_at) <= REMEMBERED_AT_MOST:
                return
            del self._deleted_at[mark]

    def has(self, id_: MailboxId, now: int) -> bool:
        """Say whether a box at *id_* was deleted less than an hour before *now*."""
        deleted_at = self._deleted_at.get(hash(id_))
        return deleted_at is not None and now - deleted_at < REMEMBERED_SECONDS

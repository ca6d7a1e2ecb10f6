"""What was deleted within the last hour, so that a repeated deposit brings nothing back.

Only in memory and only as hashes under a key of this process: nothing of it outlives a restart,
and it is best effort (a bounded number, the oldest forgotten first).
"""

import hashlib
import os
from collections import OrderedDict
from typing import Final

from ojak_protocol.addresses import MailboxId

REMEMBERED_SECONDS: Final = 3600
REMEMBERED_AT_MOST: Final = 500_000


class DeletedLately:
    """Which ids had a box deleted within the last hour."""

    def __init__(self) -> None:
        self._key = os.urandom(32)
        self._deleted_at: OrderedDict[bytes, int] = OrderedDict()

    def remember(self, id_: MailboxId, now: int) -> None:
        """Note that the box at *id_* was deleted at *now*, and forget what is over an hour old."""
        mark = self._mark(id_)
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
        deleted_at = self._deleted_at.get(self._mark(id_))
        return deleted_at is not None and now - deleted_at < REMEMBERED_SECONDS

    def _mark(self, id_: MailboxId) -> bytes:
        return hashlib.blake2b(id_, digest_size=16, key=self._key).digest()

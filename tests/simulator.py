"""A relay in memory, with the faults that a test asks for."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id


class Status(Enum):
    """What the relay says about a deposit."""

    STORED = "stored"
    OCCUPIED = "occupied"


@dataclass(frozen=True)
class Deposit:
    """A box to be kept: by its id, or over whatever lies there by its delete key."""

    place: MailboxId
    box: bytes
    replaces: bool = False


@dataclass(frozen=True)
class Request:
    """One sync."""

    deletes: tuple[DeleteKey, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    polls: tuple[MailboxId, ...] = ()


@dataclass(frozen=True)
class Reply:
    """What came of it."""

    deposits: tuple[Status, ...]
    found: dict[MailboxId, bytes]


@dataclass
class Relay:
    """Keeps sealed boxes by id: deletes, then deposits, then polls, as the real one does."""

    boxes: dict[MailboxId, bytes] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)

    def sync(self, request: Request) -> Reply:
        """Do what *request* asks for."""
        self.seen.append(request)
        for key in request.deletes:
            self.boxes.pop(mailbox_id(key), None)
        statuses = tuple(self._deposit(deposit) for deposit in request.deposits)
        return Reply(statuses, {p: self.boxes[p] for p in request.polls if p in self.boxes})

    def sync_again(self, number: int) -> None:
        """Do once more what an earlier request asked for, as a network may that repeats."""
        if self.seen:
            self.sync(self.seen[number % len(self.seen)])
            self.seen.pop()

    def forget(self, number: int) -> None:
        """Lose one box, as if its time were over."""
        if self.boxes:
            del self.boxes[list(self.boxes)[number % len(self.boxes)]]

    def sit(self, places: Iterable[MailboxId]) -> None:
        """Put junk at free places, as somebody who saw the ids."""
        for place in places:
            self.boxes.setdefault(place, b"\0" * 4000)

    def _deposit(self, deposit: Deposit) -> Status:
        if deposit.replaces or deposit.place not in self.boxes:
            self.boxes[deposit.place] = deposit.box
        same = self.boxes[deposit.place] == deposit.box
        return Status.STORED if same else Status.OCCUPIED

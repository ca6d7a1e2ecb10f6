"""What it means that a server refuses, and what of it the operator is told, once."""

from collections.abc import Callable
from typing import Final

from ojak_relay.store.valkey_wire import Refusal, Reply

_ELSEWHERE: Final = frozenset(
    {"CLUSTERDOWN", "LOADING", "MASTERDOWN", "MOVED", "NOREPLICAS", "NOSCRIPT", "READONLY"}
)
_NO_SET: Final = "WRONGTYPE"
_MOVING: Final = frozenset({"ASK", "TRYAGAIN"})


def is_elsewhere(reply: Reply) -> bool:
    """Return whether it has to be looked up anew who answers, or sets are to be made anew."""
    return isinstance(reply, Refusal) and (reply.word in _ELSEWHERE or is_no_set(reply))


def is_no_set(reply: Reply) -> bool:
    """Return whether one of the sets beside the boxes is of another type: a look-up mends that."""
    return isinstance(reply, Refusal) and reply.word == _NO_SET


def is_moving(reply: Reply) -> bool:
    """Return whether a cluster moves what was asked for to another server, and is not yet done."""
    return isinstance(reply, Refusal) and reply.word in _MOVING


def is_full(reply: Reply) -> bool:
    """Return whether the server has no memory for this; it goes on giving out and deleting."""
    return isinstance(reply, Refusal) and reply.word == "OOM"


def passes(reply: Reply) -> bool:
    """Return whether it is to be asked again."""
    return is_elsewhere(reply) or is_moving(reply)


class Operator:
    """Who is told when something begins or ends, and not each time that it is met.

    Args:
        report: takes one line.
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._is_unconfirmed = False
        self._words: set[str] = set()
        self._strange = 0
        self._told_at = 1

    def note_confirmed(self, *, is_missing: bool, is_known: bool) -> None:
        """Tell when replicas begin or cease to confirm.

        Args:
            is_missing: too few have confirmed now.
            is_known: otherwise, whether enough have.
        """
        if is_missing and not self._is_unconfirmed:
            self._report("too few replicas confirm: deposits and deletes are refused until they do")
        elif is_known and self._is_unconfirmed and not is_missing:
            self._report("enough replicas confirm again")
        self._is_unconfirmed = is_missing or (self._is_unconfirmed and not is_known)

    def note_strange(self) -> None:
        """Tell that servers keep what no relay wrote: the first time, the tenth, the hundredth."""
        self._strange += 1
        if self._strange == self._told_at:
            self._told_at *= 10
            self._report(f"the servers keep what no relay wrote: met {self._strange} times")

    def note_refused(self, reply: Reply) -> None:
        """Tell of a refusal that trying again does not end, once of each kind."""
        if isinstance(reply, Refusal) and not is_full(reply) and reply.word not in self._words:
            self._words.add(reply.word)
            self._report(f"the servers of the store refuse with {reply.word}")

"""What servers answer, as results of the protocol."""

from collections.abc import Callable, Sequence
from typing import Final

from ojak_protocol.sync import NOTHING, DepositOutcome, Found, NoRoom, PollResult
from ojak_relay.errors import StoreAway
from ojak_relay.store import valkey_rules as rules
from ojak_relay.store import valkey_scripts as scripts
from ojak_relay.store.valkey_refusals import is_full
from ojak_relay.store.valkey_wire import Refusal, Reply

_OUTCOMES: Final = {
    scripts.ADDED: DepositOutcome.STORED,
    scripts.REPLACED: DepositOutcome.STORED,
    scripts.MENDED: DepositOutcome.STORED,
    scripts.KEPT: DepositOutcome.STORED,
    scripts.OCCUPIED: DepositOutcome.OCCUPIED,
    scripts.FULL: DepositOutcome.FULL,
}


def sound(reply: Reply) -> Reply:
    """Return *reply* if it is no refusal.

    Raises:
        StoreAway: it is one.
    """
    if isinstance(reply, Refusal):
        raise StoreAway(f"a server refuses with {reply.word}")
    return reply


def outcome(reply: Reply) -> DepositOutcome:
    """Return what became of a deposit.

    Raises:
        StoreAway: it was refused, and not for want of memory.
    """
    if is_full(reply):
        return DepositOutcome.FULL
    return _OUTCOMES[sound(reply)]


def results(
    replies: Sequence[Reply], room: int, now: int, strange: Callable[[], None]
) -> tuple[PollResult, ...]:
    """Return what is visible of heads and boxes, or None, at each place.

    Args:
        replies: what lies at the places.
        room: how many boxes are given out, the first ones.
        now: Unix seconds.
        strange: called for each reply that is no box, which counts as nothing.

    Raises:
        StoreAway: one was refused.
    """
    lying = list(filter(None, replies))
    if not lying:
        return (NOTHING,) * len(replies)
    seen: list[PollResult] = [NOTHING] * len(replies)
    number = -1
    for value in lying:
        # Nearly always it is one among dozens.
        number = replies.index(value, number + 1)
        times = rules.times(sound(value))
        if times is None:
            strange()
        elif times[0] <= now < times[1]:
            seen[number] = Found(value[scripts.HEAD_BYTES :]) if room > 0 else NoRoom()
            room -= 1
    return tuple(seen)

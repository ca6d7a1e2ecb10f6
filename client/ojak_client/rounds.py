"""How rounds follow each other: when to wait, how much room to ask for, and when to stop.

No relay may keep us running, whatever it answers: `MOST_ROUNDS` bounds what goes on without a
wait, and a round that changed nothing is not repeated in a hurry.
"""

from typing import Final

from ojak_client.exchange import Exchange, Round
from ojak_client.profile import Profile
from ojak_client.requests import Shape
from ojak_protocol.sync import MAX_WAIT_SECONDS, REPLY_BYTES

ROOMS: Final = tuple(sorted(REPLY_BYTES))
MOST_ROUNDS: Final = 32
"""More than the fullest vault needs; a relay that always wants one more is left alone."""


def room_for(boxes: int) -> int:
    """Return the smallest room that holds *boxes*, or the largest."""
    return next((room for room in ROOMS if room >= boxes), ROOMS[-1])


def goes_on(last: Round) -> bool:
    """Return whether another round is worth its while at once.

    It is when something is left to do and the last round got somewhere, or a larger one may.
    """
    if last.full or not (last.left_behind or last.errands):
        return False
    return last.moved or next_room(last) > last.room


def next_room(last: Round) -> int:
    """Return the room for what lies there after *last*.

    Boxes that were found and changed nothing may be left where they lie: they come first again,
    and must not keep out those behind them.
    """
    staying = 0 if last.moved else last.found
    return room_for(last.left_behind + staying if last.left_behind else 0)


def keeping_shape(last: Round | None, *, wait_seconds: int, older: bool) -> Shape:
    """Return the shape of a host's next request: it waits when there is nothing else to do."""
    if last is None:
        return Shape(older=older)
    wait = 0 if goes_on(last) else min(wait_seconds, MAX_WAIT_SECONDS)
    return Shape(room=next_room(last), wait_seconds=wait, older=older)


def run_errands(exchange: Exchange, known: Profile | None = None) -> list[Round]:
    """Do rounds until everything is deposited and deleted and nothing is left behind.

    Args:
        exchange: with the relay.
        known: the profile, if it was read a moment ago.

    Raises:
        NoAnswer, RelayRefused, VaultError: as `Exchange.round`; what earlier rounds brought is
            saved.
    """
    if exchange.needs_clock(known):
        exchange.learn_clock()
    rounds = [exchange.round(Shape(room=1, guest=True))]
    while len(rounds) < MOST_ROUNDS and goes_on(rounds[-1]):
        room = max(1, next_room(rounds[-1]))
        rounds.append(exchange.round(Shape(room=room, guest=True)))
    return rounds

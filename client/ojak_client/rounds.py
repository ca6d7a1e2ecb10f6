"""How rounds follow each other: when to wait, and how much room to ask for."""

from typing import Final

from ojak_client.exchange import Exchange, Round
from ojak_client.requests import Shape
from ojak_protocol.sync import MAX_WAIT_SECONDS

ROOMS: Final = (0, 1, 4, 16)
MOST_ROUNDS: Final = 32
"""More than the fullest vault needs; a relay that always wants one more is left alone."""


def room_for(boxes: int) -> int:
    """Return the smallest room that holds *boxes*, or the largest."""
    return next((room for room in ROOMS if room >= boxes), ROOMS[-1])


def keeping_shape(last: Round | None, *, wait_seconds: int, older: bool) -> Shape:
    """Return the shape of a host's next request: it waits when there is nothing else to do.

    A relay that had no room is asked again only after a wait.
    """
    if last is None:
        return Shape(older=older)
    if last.left_behind or (last.errands and not last.refused):
        return Shape(room=room_for(last.left_behind), older=older)
    return Shape(wait_seconds=min(wait_seconds, MAX_WAIT_SECONDS), older=older)


def run_errands(exchange: Exchange, *, guest: bool) -> list[Round]:
    """Do rounds until everything is deposited and deleted and nothing is left behind.

    A relay that has no room ends it: what it refused stays for the next time.

    Raises:
        NoAnswer, RelayRefused, VaultError: as `Exchange.round`.
    """
    rounds = [exchange.round(Shape(room=1, guest=guest))]
    while len(rounds) < MOST_ROUNDS and (rounds[-1].left_behind or rounds[-1].errands):
        if rounds[-1].refused and not rounds[-1].left_behind:
            break
        room = room_for(max(1, rounds[-1].left_behind))
        rounds.append(exchange.round(Shape(room=room, guest=guest)))
    return rounds

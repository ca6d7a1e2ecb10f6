"""How rounds follow each other: when to wait, how much room to ask for, and when to stop.

No relay may keep us running, whatever it answers: `MOST_ROUNDS` bounds what goes on without a
wait, and a round that changed nothing is not repeated in a hurry. Looks at everybody come on top of
that: `MOST_LOOKS` times at most, each with a bound of its own and rounds behind it.
"""

from typing import Final

from ojak_client.errors import NotAllKept, NotAllSealed
from ojak_client.exchange import Exchange, Round
from ojak_client.profile import Profile
from ojak_client.requests import Shape
from ojak_protocol.sync import MAX_WAIT_SECONDS, REPLY_BYTES, SyncClass
from ojak_protocol.values import replace

ROOMS: Final = tuple(sorted(REPLY_BYTES))
MOST_ROUNDS: Final = 32
"""More than the fullest vault needs; a relay that always wants one more is left alone."""
MOST_LOOKS: Final = 4
"""How often all places are looked at in one run, where each time brought something."""
POLLS_A_LOOK: Final = SyncClass.ONE.polls


def room_for(boxes: int) -> int:
    """Return the smallest room that holds *boxes*, or the largest."""
    return next((room for room in ROOMS if room >= boxes), ROOMS[-1])


def goes_on(last: Round) -> bool:
    """Return whether another round is worth its while at once.

    It is when something is left to do and the last round got somewhere, or a larger one may. At a
    relay that is full what came is still fetched, and deleted: by that it may have room.
    """
    came = last.found > 0 and last.moved
    if not (last.left_behind or (came if last.full else last.errands)):
        return False
    return last.moved or next_room(last) > last.room


def next_room(last: Round) -> int:
    """Return the room for what lies there after *last*.

    Boxes that were found and changed nothing may be left where they lie: they come first again,
    and must not keep out those behind them. A relay that had room left, and says that it
    had none, is asked for no more.
    """
    if last.found < last.room and not last.moved:
        return 0
    staying = 0 if last.moved else last.found
    return room_for(last.left_behind + staying if last.left_behind else 0)


def keeping_shape(
    last: Round | None, *, wait_seconds: int, older: bool, light: bool = False
) -> Shape:
    """Return the shape of a host's next request: it waits when there is nothing else to do.

    Args:
        last: what the round before it brought; None: it is the first.
        wait_seconds: for how long it may be held.
        older: look at offers of past days as well.
        light: deposit nothing, and ask for one box at most.
    """
    if last is None:
        return Shape(older=older, bare=light)
    waits = light or not goes_on(last)
    wait = min(wait_seconds, MAX_WAIT_SECONDS) if waits else 0
    room = min(next_room(last), 1 if light else ROOMS[-1])
    return Shape(room=room, wait_seconds=wait, older=older, bare=light)


def check_kept(last: Round) -> None:
    """Return if the vault had room for *last*, or another round is to follow at once.

    Raises:
        NotAllKept: it had none for something that lies at the relay.
        NotAllSealed: it had none for something that is to be sent.
    """
    _refuse_short(last, kept_out=_is_short(last))


def _is_short(last: Round) -> bool:
    return last.kept_out and not goes_on(last)


def _refuse_short(last: Round, *, kept_out: bool) -> None:
    if kept_out:
        raise NotAllKept("what lies at the relay does not fit")
    if last.unsealed and not goes_on(last):
        raise NotAllSealed("what is to be sent does not fit once it is sealed")


def run_errands(
    exchange: Exchange,
    known: Profile | None = None,
    *,
    older: bool = False,
    everybody: bool = False,
) -> list[Round]:
    """Do rounds until everything is deposited and deleted and nothing is left behind.

    Args:
        exchange: with the relay.
        known: the profile, if it was read a moment ago.
        older: look at a host's offers of past days as well, in a round of its own: it must not
            keep out letters where a request is full.
        everybody: look at every place, also where not all fit into one request.

    Raises:
        NoAnswer, RelayRefused, VaultError: as `Exchange.round`; what earlier rounds brought is
            saved.
        NotAllKept: there is no room for something that lies there; what fits was saved.
        NotAllSealed: there is none for something that is to be sent; all that came was saved.
    """
    if exchange.needs_clock(known):
        exchange.learn_clock()
    rounds = _until_done(exchange, Shape(room=1, guest=True))
    is_short, is_older_short, later = _is_short(rounds[-1]), False, len(rounds)
    if older and exchange.is_host(rounds[-1].profile):
        rounds += _until_done(exchange, Shape(room=1, guest=True, older=True))
        is_older_short = _is_short(rounds[-1])
    if everybody:
        looks, is_still_short = _at_everybody(exchange, rounds[-1].profile)
        rounds += looks
        if looks:
            # Looks find again what did not fit before, save for the boxes of past days, and where
            # places had their turn. If nothing was saved since, it lies there still.
            is_short = is_still_short or (is_short and not any(one.moved for one in rounds[later:]))
    # At last: what one sent, and does not fit, keeps back nothing of others.
    _refuse_short(rounds[-1], kept_out=is_short or is_older_short)
    return rounds


def _at_everybody(exchange: Exchange, profile: Profile) -> tuple[list[Round], bool]:
    """Look at every place, and go on as long as that brings something.

    Of one side six letters at most are found by each look. Returns the rounds, and whether at last
    something did not fit.
    """
    rounds: list[Round] = []
    is_short = False
    for _ in range(MOST_LOOKS):
        looks = _looks_at(exchange, profile)
        rounds += looks
        # What did not fit before may fit now.
        is_short = any(look.kept_out for look in looks)
        if not any(look.moved for look in looks):
            break
        rounds += _until_done(exchange, Shape(room=1, guest=True))
        is_short |= _is_short(rounds[-1])
        profile = rounds[-1].profile
    return rounds, is_short


def _looks_at(exchange: Exchange, profile: Profile) -> list[Round]:
    """Look once at every place in *profile*, with more room where more lies there."""
    looks: list[Round] = []
    left, room = exchange.places(profile), 1
    most = MOST_ROUNDS + len(left) // POLLS_A_LOOK
    while left and len(looks) < most:
        look = exchange.look(profile, left[:POLLS_A_LOOK], room=room)
        looks.append(look)
        profile = look.profile
        # Boxes that stay would take the same room again: only places that were not seen are asked
        # for. A relay that had room left, and says that it had none, is asked for these no more.
        unseen = look.unseen if look.found >= room else ()
        room = room_for(max(1, len(unseen)))
        left = (*unseen, *left[POLLS_A_LOOK:])
    return looks


def _until_done(exchange: Exchange, shape: Shape) -> list[Round]:
    rounds = [exchange.round(shape)]
    while len(rounds) < MOST_ROUNDS and goes_on(rounds[-1]):
        rounds.append(exchange.round(replace(shape, room=max(1, next_room(rounds[-1])))))
    return rounds

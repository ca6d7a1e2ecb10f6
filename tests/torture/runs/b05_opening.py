"""10,000 openings by each of two passphrases take one time, by Welch's t over CPU time."""

import tempfile
from pathlib import Path

from tests.client.opening_time import look_twice_at_a_decoy, sample, with_decoy
from tests.relay.timing import MOST_T, cropped, welch
from tests.torture.turn import CannotRun, Counts, Turn

OPENINGS = 10_000
PLANTED = 2_000
PLANTED_PART = 0.25
"""Which part of the time is for openings with a planted bug."""
LEAST = 500


def run(turn: Turn) -> Counts:
    """Open one vault so often, and then with a bug by which a decoy takes longer."""
    done = turn.done
    planted_seconds = turn.seconds_left * PLANTED_PART
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vault"
        with_decoy(path)
        real, decoy = sample(
            path,
            OPENINGS,
            turn.chance("b05"),
            goes_on=lambda: turn.seconds_left > planted_seconds,
        ).values()
        _check_enough(real)
        t = _t(real, decoy)
        done["openings"] = len(real) + len(decoy)
        done["hundredths of t"] = round(100 * abs(t))
        assert abs(t) < MOST_T, t
        real, decoy = sample(
            path,
            PLANTED,
            turn.chance("planted"),
            opening=look_twice_at_a_decoy,
            goes_on=lambda: turn.goes_on,
        ).values()
        _check_enough(real)
        assert abs(_t(real, decoy)) >= MOST_T, "a planted difference was not seen"
        done["openings with a planted difference, seen"] = len(real) + len(decoy)
    return done


def _t(real: list[int], decoy: list[int]) -> float:
    return welch(*cropped({"real": real, "decoy": decoy}).values())


def _check_enough(openings: list[int]) -> None:
    if len(openings) < LEAST:
        raise CannotRun(f"there was time for {len(openings)} openings, of {LEAST} at least")

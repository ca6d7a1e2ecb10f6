"""For how long `ojak keep` asks nothing: after failures, and between two looks of `--metered`.

Each pause is drawn at random. Thousands of clients lose a relay at one moment, and must not come
back at one moment; and a look at fixed times would be known by its times.
"""

from typing import Final

from ojak_protocol.primitives import Entropy

FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 300.0
METERED_LEAST_SECONDS: Final = 20 * 60.0
METERED_MOST_SECONDS: Final = 60 * 60.0
_BYTES: Final = 4
_MOST_DOUBLINGS: Final = 16


def pause_seconds(
    failures: int, entropy: Entropy, *, longest_seconds: float = LONGEST_PAUSE_SECONDS
) -> float:
    """Return how long to wait after so many failures in a row, at least 1.

    It is between half and all of a time that doubles from failure to failure up to
    *longest_seconds*.
    """
    most = min(longest_seconds, FIRST_PAUSE_SECONDS * 2.0 ** min(failures, _MOST_DOUBLINGS))
    return _between(most / 2, most, entropy)


def metered_seconds(entropy: Entropy) -> float:
    """Return how long to wait until the next look of `--metered`, 20 to 60 minutes."""
    return _between(METERED_LEAST_SECONDS, METERED_MOST_SECONDS, entropy)


def _between(least: float, most: float, entropy: Entropy) -> float:
    part = int.from_bytes(entropy(_BYTES), "big") / (256**_BYTES - 1)
    return least + (most - least) * part

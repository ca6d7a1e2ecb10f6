"""How many boxes a parcel takes: the number of parts says little about the size of what is sent.

A parcel takes only numbers of parts from one ladder. It begins with 1; after n comes 112 n // 100,
or n + 1 where that is more. From ten parts on each step is therefore at most 12 % (below ten, one
part is more than that), and a parcel takes the first number that holds it:

     1   2   3   4   5   6   7   8   9  10  11  12  13  14  15  16  17
    19  21  23  25  28  31  34  38  42  47  52  58  64  71  79  88  98
   109 122 136 152 170 190 212 237 265 296 331 370 414 463 518 580 649
   726 813 910 1019 1060

The last is what 4 MiB need, so that no parcel takes more boxes than the largest one. A relay that
counts the boxes of a parcel learns which of 56 sizes it has, and nothing finer.

Source: docs/protocol.md, "Parcels".
"""

from typing import Final

from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.errors import LocalError
from ojak_protocol.primitives import SEAL_OVERHEAD_BYTES

PART_BYTES: Final = BOX_BYTES - SEAL_OVERHEAD_BYTES
MOST_PARCEL_BYTES: Final = 4 * 1024 * 1024


def _needed(size: int) -> int:
    return -(-size // PART_BYTES)


def _ladder() -> tuple[int, ...]:
    most = _needed(MOST_PARCEL_BYTES)
    rungs = [1]
    while rungs[-1] < most:
        rungs.append(min(most, max(rungs[-1] + 1, rungs[-1] * 112 // 100)))
    return tuple(rungs)


PART_COUNTS: Final = _ladder()
"""Every number of parts that a parcel may have, in ascending order."""


def part_count(size: int) -> int:
    """Return how many parts a parcel of *size* bytes takes, 1 to 1060.

    Raises:
        LocalError: *size* is zero, or over 4 MiB.
    """
    if not 0 < size <= MOST_PARCEL_BYTES:
        raise LocalError("a parcel has 1 byte to 4 MiB")
    return next(count for count in PART_COUNTS if count >= _needed(size))

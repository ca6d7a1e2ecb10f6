"""How a profile that an earlier version saved becomes one of the present format.

A profile's bytes are one byte of format and msgpack. `FORMAT` counts up when they change in a way
that an older version cannot read, or would read wrongly; the step from the format before is then
written here, on what msgpack gives: maps by the names of fields, lists, numbers, text and bytes.
Steps are never changed later. Each format has a vault in `tests/client/fixtures` that every later
version must open.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

FORMAT: Final = 2

Kept = Any
"""What msgpack gives: of every format its own shape."""


def _boxes_left_the_profile(kept: Kept) -> Kept:
    """From 1 to 2: where a box stood, a reference to it may stand.

    A box that still stands there is read as it is; the next save moves it to the file of boxes.
    """
    return kept


MIGRATIONS: Final[Mapping[int, Callable[[Kept], Kept]]] = {1: _boxes_left_the_profile}
"""The step from each earlier format to the next."""

"""How a profile that an earlier version saved becomes one of the present format.

A profile's bytes are one byte of format and msgpack. `FORMAT` counts up when they change in a way
that an older version cannot read, or would read wrongly; the step from the format before is then
written here, on what msgpack gives: maps by the names of fields, lists, numbers, text and bytes.
Steps are never changed later. Each format has a vault in `tests/client/fixtures` that every later
version must open.
"""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

FORMAT: Final = 3

Kept = Any
"""What msgpack gives: of every format its own shape."""


def _boxes_left_the_profile(kept: Kept) -> Kept:
    """From 1 to 2: where a box stood, a reference to it may stand.

    A box that still stands there is read as it is; the next save moves it to the file of boxes.
    """
    return kept


def _lines_got_numbers(kept: Kept) -> Kept:
    """From 2 to 3: a line is recognised by its number, and no more by when it was confirmed.

    Whoever has the number of a meeting can come in one second with somebody else.
    """
    numbers = count(1)
    for contact in kept["contacts"]:
        of_time: dict[int, list[Kept]] = {}
        for line in contact.get("lines", ()):
            line["number"] = next(numbers)
            of_time.setdefault(line["confirmed_at"], []).append(line)
        for letter in contact.get("theirs", ()):
            confirmed_at, *place = letter.get("written", (0, 0, 0))
            lines = of_time.get(confirmed_at, [])
            # Which of several it came through, nothing says any more.
            letter["written"] = [lines[0]["number"] if len(lines) == 1 else 0, *place]
            letter["held"] = any(line.get("held", False) for line in lines)
            if len(lines) == 1:
                lines[0]["brought"] = lines[0].get("brought", 0) + 1
        contact["news"] = [
            {"kind": kind, "at": line["confirmed_at"], "line": line["number"]}
            for line in contact.get("lines", ())
            for kind, happened in (
                ("alarm", line.get("alarm", False)),
                ("held", line.get("held", False)),
                ("ended", line["conversation"]["broken"]),
            )
            if happened
        ]
        # Of these nothing says through which line they came: one warning too many does no harm.
        of_contact = contact.get("lines", ())
        for pointer in contact.get("pointers", ()):
            pointer["line"] = of_contact[0]["number"] if len(of_contact) == 1 else 0
        held = any(line.get("held", False) for line in contact.get("lines", ()))
        for one in (*contact.get("pointers", ()), *contact.get("their_questions", ())):
            one["held"] = held
    kept["line_numbers"] = next(numbers) - 1
    return kept


MIGRATIONS: Final[Mapping[int, Callable[[Kept], Kept]]] = {
    1: _boxes_left_the_profile,
    2: _lines_got_numbers,
}
"""The step from each earlier format to the next."""

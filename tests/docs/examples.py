"""Every example of docs/protocol.md by its name; `python -m tests.docs.examples` writes them there.

An example is a fenced block whose first line names it, ```example NAME; a line is `what = value`.
Long values are shown by their length and SHA-256. Inputs that are not written out are X(name, n):
the first n bytes of SHAKE256 over the name, so that a stranger can make them too.
"""

import re
from collections.abc import Callable
from pathlib import Path

from tests.docs import examples_of_formats as formats
from tests.docs import examples_of_letters as letters
from tests.docs import examples_of_meeting as meeting
from tests.docs.named_bytes import Lines

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "protocol.md"

BLOCK = re.compile(r"```example ([a-z0-9-]+)\n(.*?)```", re.DOTALL)

EXAMPLES: dict[str, Callable[[], Lines]] = {
    "conventions": formats.conventions,
    "cbor": formats.cbor_values,
    "addresses": formats.addresses,
    "sync": formats.sync_bodies,
    "number": formats.number,
    "form": formats.form,
    "estimate": formats.estimate,
    "stretching": meeting.stretching,
    "cpace": meeting.cpace_run,
    "places": meeting.meeting_places,
    "messages": meeting.messages,
    "meeting-keys": meeting.meeting_keys,
    "chains": formats.chain,
    "step": meeting.step,
    "header": formats.header,
    "bodies": letters.bodies,
    "kinds": letters.kinds,
    "acknowledgement": formats.acknowledged,
    "parcel": letters.parcel,
    "comparison": letters.compared,
    "slip": formats.slips,
    "pouch": formats.pouches,
}


def block(name: str) -> str:
    """Return the lines of the example called *name* as they stand in the document."""
    return "".join(f"{what} = {value}\n" for what, value in EXAMPLES[name]())


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(
        BLOCK.sub(lambda found: f"```example {found[1]}\n{block(found[1])}```", text),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()

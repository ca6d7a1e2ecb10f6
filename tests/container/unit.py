"""The relay's unit on a machine that has booted: the guide's lines for it, and visits to it."""

import re
import shlex
from typing import Final

from tests.container.machine import CHECKOUT, Machine
from tests.docs.kit import ROOT

BLOCK: Final = re.compile(r"^```console\n((?:[#] .*\n)+)```", re.MULTILINE)
UNIT: Final = "ojak-relay"
VISIT: Final = (
    "from tests.relay.kit import *; r = Relay(None, '127.0.0.1', 8080);"
    "h = {'Authorization': 'Bearer ' + sys.argv[1]} if sys.argv[1] else {};"
)
LAY: Final = "print(r.sync(request(deposits=(deposit(1, 7),)), h).deposits[0].name)"
FIND: Final = "print(getattr(r.sync(request(1), h).polls[0], 'box', None) == box(7))"
PASS: Final = "an-open-door-for-those-who-know"  # noqa: S105 - of this run


def typed_by_root() -> list[list[str]]:
    """Return the lines of each block of the operating guide that root types."""
    page = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    return [
        [line.removeprefix("# ") for line in found.splitlines()] for found in BLOCK.findall(page)
    ]


def pasted(*words: str) -> list[str]:
    """Return the lines of the one such block that has all *words* in it."""
    (block,) = (one for one in typed_by_root() if all(word in " ".join(one) for word in words))
    return block


def shown(machine: Machine, name: str, unit: str = UNIT) -> str:
    """Return what systemd says of a property of *unit*."""
    return machine.said(f"systemctl show --property {name} --value {unit}")


def visit(machine: Machine, what: str, relay_pass: str = "") -> str:
    """Visit the relay in the machine, and return what came of it, or the last word of a fault."""
    script = f"cd {CHECKOUT}; python -c {shlex.quote(VISIT + what)} '{relay_pass}' 2>&1 | tail -n 1"
    return machine.said(script)

"""The passes of private relays: one line each, `ADDRESS PASS`, in the file that OJAK_PASSES names.

A pass is no argument and no value of the environment, which others on a device can see, and lies in
no vault: whoever runs the relay gives it out and changes it. Each goes to its own relay only.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ojak_client.errors import BadPass, BadRelayUrl, UnsafeRelay

if TYPE_CHECKING:
    from ojak_client.relay_url import RelayUrl

VARIABLE: Final = "OJAK_PASSES"
LIMIT_BYTES: Final = 65_536


def pass_for(relay: "RelayUrl", environment: Mapping[str, str] = os.environ) -> str | None:
    """Return the pass of *relay*, or None where it needs none that is known.

    Raises:
        BadPass: the file cannot be read, or a line of it is no address and pass.
    """
    path = environment.get(VARIABLE)
    return _read(Path(path)).get(relay) if path else None


def _read(path: Path) -> "dict[RelayUrl, str]":
    from ojak_client.relay_url import parse_relay_url  # noqa: PLC0415 - only with the variable

    passes = {}
    try:
        with path.open("rb") as file:
            text = file.read(LIMIT_BYTES).decode()
        for line in filter(None, map(str.strip, text.splitlines())):
            address, shown = line.split()
            passes[parse_relay_url(address)] = shown
    except (OSError, ValueError, BadRelayUrl, UnsafeRelay):
        # `from None`: the cause could carry a line of the file.
        raise BadPass("the file of passes cannot be used") from None
    return passes

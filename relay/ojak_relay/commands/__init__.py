"""The commands, one file each, loaded only when called: a health check loads no server.

Each module holds a `command`. Exit codes: 0 as asked, 1 it cannot be done or is not so, 2 wrong
settings.
"""

from collections.abc import Mapping
from typing import Final

COMMANDS: Final[Mapping[str, str]] = {
    "serve": "Run until told to end (SIGTERM, SIGINT or drain).",
    "check-config": "Say in one sentence whether a relay could start with these settings.",
    "print-config": "Print the settings as a TOML file, without passwords.",
    "healthcheck": "Ask the relay of these settings whether it can serve.",
    "stats": "Print what a running relay counted, or what lies in its store.",
    "drain": "Have a running relay end once nobody comes any more.",
    "resize": "Make a store larger or smaller while no relay runs on it.",
    "migrate": "Bring a store of an earlier format to this one.",
    "purge": "Overwrite every box of a store while no relay runs on it.",
    "selftest": "Visit a relay through its public address, and say what an outsider sees.",
}
"""The name of each command, and its line in `--help`. Its module has _ in place of -."""

"""Words to a running relay through its control socket, and what it answers."""

import json
import socket
from pathlib import Path
from typing import Final

from ojak_relay.commands.options import fail
from ojak_relay.config import Config
from ojak_relay.sockets import connected

STEP_SECONDS: Final = 10


class NotRunning(Exception):
    """No relay answers at the control socket."""


def ask(config: Config, word: str, *, until_gone: float = 0) -> dict[str, int]:
    """Return what the relay of *config* answers to *word*.

    Args:
        config: names the control socket.
        word: "stats" or "drain".
        until_gone: how many seconds to wait for the relay to end, or 0 for not at all.

    Raises:
        NotRunning: nobody answers there.
    """
    path = control_path(config)
    try:
        line = connected(path, STEP_SECONDS)
    except PermissionError:
        fail(f"{path} is not yours: call this as the user of the relay")
    except OSError:
        raise NotRunning from None
    with line, line.makefile("rwb") as file:
        try:
            file.write(word.encode() + b"\n")
            file.flush()
            told: dict[str, int] = json.loads(file.readline() or b"{}")
            if until_gone:
                _await_end(line, until_gone)
        except (OSError, ValueError):
            fail(f"the relay at {path} did not answer in time")
    return told


def control_path(config: Config) -> Path:
    """Return where the control socket lies; end where there is none."""
    path = config.control_path()
    if path is None:
        fail("this relay has no control socket: set control")
    return path


def _await_end(line: socket.socket, seconds: float) -> None:
    line.settimeout(seconds)
    line.recv(1)

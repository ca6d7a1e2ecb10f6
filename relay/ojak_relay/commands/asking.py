"""Words to a running relay through its control socket, and what it answers."""

import json
import socket
from pathlib import Path
from typing import Final

from ojak_relay.commands.options import fail
from ojak_relay.config import Config
from ojak_relay.sockets import connected

STEP_SECONDS: Final = 10
MOST_BYTES: Final = 10_000


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
            told = _numbers(file.readline(MOST_BYTES))
            if until_gone:
                _await_end(line, until_gone)
        except (OSError, ValueError, RecursionError):
            fail(f"the relay at {path} did not answer")
    return told


def control_path(config: Config) -> Path:
    """Return where the control socket lies; end where there is none."""
    path = config.control_path()
    if path is None:
        fail("this relay has no control socket: set control")
    return path


def _numbers(line: bytes) -> dict[str, int]:
    """Return what a relay told; what another put in its place is not shown.

    Raises:
        ValueError: no relay told it.
    """
    told = json.loads(line)
    if not told or not isinstance(told, dict):
        raise ValueError
    if not all(name.isidentifier() and type(value) is int for name, value in told.items()):
        raise ValueError
    return told


def _await_end(line: socket.socket, seconds: float) -> None:
    line.settimeout(seconds)
    line.recv(1)

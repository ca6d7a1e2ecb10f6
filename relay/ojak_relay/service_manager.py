"""Tells the service manager that started this process that it serves.

Source: sd_notify(3). Where none asks for it, and where it cannot be reached, nothing happens.
"""

import socket
import sys
from typing import Final

ADDRESS_VARIABLE: Final = "NOTIFY_SOCKET"
PATIENCE_SECONDS: Final = 1.0


def tell_ready(address: str) -> None:
    """Tell the service manager at *address*, a path or `@` and an abstract name; empty: nobody."""
    if sys.platform == "win32" or not address.startswith(("/", "@")):
        return
    place = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # A manager that reads nothing must not stop us.
            sender.settimeout(PATIENCE_SECONDS)
            sender.sendto(b"READY=1", place)
    except (OSError, ValueError):
        # Gone, or an address that is none: to serve matters more than to be known to serve.
        return

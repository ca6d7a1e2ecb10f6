"""Raw lines to a relay, its memory, and a certificate: what its hostile tests share."""

import socket
import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

from ojak_protocol.sync import encode_request
from tests.relay.kit import Relay, request

BODY = encode_request(request())
HEAD = (
    b"POST /v1/sync HTTP/1.1\r\nHost: relay\r\nContent-Type: application/cbor\r\n"
    b"Content-Length: %d\r\n" % len(BODY)
)
MARKER = b"Marker77"


def head(size: int) -> bytes:
    """Return the head of a sync with a body of *size* bytes, without its last line."""
    return HEAD.replace(b"%d" % len(BODY), b"%d" % size)


def dial(relay: Relay, *, source: str = "", timeout: float = 20) -> socket.socket:
    """Return a new line to *relay*, from the address *source* if one is given."""
    return socket.create_connection(
        (relay.host, relay.port), timeout=timeout, source_address=(source, 0) if source else None
    )


def raw(relay: Relay, data: bytes, *, source: str = "") -> bytes:
    """Send *data* and return all that comes back until the relay closes."""
    pieces = []
    with dial(relay, source=source) as line:
        try:
            line.sendall(data)
            while piece := line.recv(65536):
                pieces.append(piece)
        except ConnectionError:
            pass  # The relay need not read to its end what it has refused.
    return b"".join(pieces)


def status(answer: bytes) -> int:
    return int(answer.split(b" ")[1])


def is_ended(line: socket.socket) -> bool:
    """Return whether the relay ended *line*, which it is given the line's time for."""
    try:
        return line.recv(1000) == b""
    except ConnectionError:
        return True


def memory_bytes(relay: Relay, kind: str = "VmRSS") -> int:
    """Return what the relay has in memory, or with "VmHWM" the most that it ever had."""
    for row in Path(f"/proc/{relay.pid or relay.process.pid}/status").read_text().splitlines():
        if row.startswith(f"{kind}:"):
            return int(row.split()[1]) * 1024
    raise AssertionError(f"the system does not say {kind}")


def client_hello() -> bytes:
    """Return what a client of TLS says first."""
    said = ssl.MemoryBIO()
    line = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), said, server_hostname="r")
    with suppress(ssl.SSLWantReadError):
        line.do_handshake()
    return said.read()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost in *folder*; return it and its key."""
    made, private = folder / "c.pem", folder / "k.pem"
    make = "openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=localhost"
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", private, "-out", made)
    subprocess.run([*make.split(), *names], check=True, capture_output=True)
    return made, private

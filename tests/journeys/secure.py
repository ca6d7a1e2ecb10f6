"""Relays with TLS, devices that trust them, and a line that counts what goes over it."""

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.journeys.actors import Device

HOST = "localhost"


def make_certificate(folder: Path, name: str = HOST) -> None:
    """Write `certificate.pem`, its own authority, and `key.pem` for the host *name*."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder(subject, subject, key.public_key(), serial_number=7)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@dataclass
class TrustingDevice(Device):
    """A device that trusts one certificate more."""

    certificate: Path = Path()

    @property
    def environment(self) -> dict[str, str]:
        """As any device's, and where the certificate lies."""
        return super().environment | {"SSL_CERT_FILE": str(self.certificate)}


@dataclass
class Line:
    """What went over a line, in bytes of TCP's content both ways together."""

    port: int = 0
    connections: int = 0
    total_bytes: int = 0
    exchanges: int = 0
    """How many times what went up was answered."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def carried(self, count: int, *, back: bool) -> None:
        """Note *count* bytes."""
        with self.changed:
            self.total_bytes += count
            self.exchanges += back
            self.changed.notify_all()


@contextmanager
def counted(port: int) -> Iterator[Line]:
    """Give a line to a relay on *port* of this machine that counts what it carries."""
    line = Line()
    listener = socket.create_server(("127.0.0.1", 0))
    line.port = listener.getsockname()[1]
    open_ends: list[socket.socket] = []

    def carry(source: socket.socket, target: socket.socket, *, back: bool) -> None:
        with suppress(OSError):
            while piece := source.recv(65536):
                line.carried(len(piece), back=back)
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                open_ends.extend((near, far))
                line.connections += 1
                for ends, back in (((near, far), False), ((far, near), True)):
                    threading.Thread(
                        target=carry, args=ends, kwargs={"back": back}, daemon=True
                    ).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    with closing(listener):
        yield line
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for end in open_ends:
        end.close()

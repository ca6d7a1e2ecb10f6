"""What a server shows of itself at the beginning of a line with TLS."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server shows of itself.

    Attributes:
        issuer: who signed it, as far as it says.
        days_left: until it ends.
        why_not: why this machine does not trust it, or nothing.
        tls: the version that was agreed upon.
    """

    issuer: str
    days_left: float
    why_not: str
    tls: str


def shown(line: ssl.SSLSocket, why_not: str) -> Certificate:
    """Return what was shown on *line*, and *why_not* beside it.

    Raises:
        ValueError: it cannot be read.
    """
    read = x509.load_der_x509_certificate(line.getpeercert(binary_form=True) or b"")
    left = read.not_valid_after_utc - datetime.now(UTC)
    issuer = read.issuer.rfc4514_string()
    return Certificate(issuer, left.total_seconds() / 86_400, why_not, line.version() or "")

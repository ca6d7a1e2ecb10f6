"""What names a relay: its address as people are given it."""

from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import urlsplit

from ojak_relay.config import is_host

_PORTS: Final = {"http": 80, "https": 443}


class WrongUrl(Exception):
    """What was given is no address of a relay."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a relay is, and the pass it asks for or nothing."""

    scheme: str
    host: str
    port: int
    relay_pass: str = field(default="", repr=False)

    @classmethod
    def of(cls, url: str, relay_pass: str = "") -> Self:
        """Return what *url* names.

        Raises:
            WrongUrl: it is not http:// or https:// with a host and nothing behind it.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise WrongUrl from None
        if (
            parts.scheme not in _PORTS
            or not is_host(parts.hostname or "")
            or parts.path not in {"", "/"}
        ):
            raise WrongUrl
        if parts.username is not None or parts.query or parts.fragment:
            raise WrongUrl
        return cls(parts.scheme, parts.hostname or "", port or _PORTS[parts.scheme], relay_pass)

    @property
    def is_sealed_otherwise(self) -> bool:
        """Whether nobody is in between even without TLS: this machine, or an onion service."""
        return self.host in {"localhost", "127.0.0.1", "::1"} or self.host.endswith(".onion")

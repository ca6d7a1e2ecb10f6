"""Where a profile is kept: in the vault of an own device, or in memory for one visit.

Every change is load, change, save, in one piece: what a change returns is durable before it is
acted upon. This file alone turns a profile into bytes and back.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ojak_client.errors import VaultDamaged, VaultTooNew
from ojak_client.profile import Profile
from ojak_client.vault import Vault

T = TypeVar("T")

VAULT_NAME: Final = "letters"
FORMAT: Final = 1
"""Counts up when a profile's bytes change in a way that an older version cannot read."""


class Store(Protocol):
    """A place for a profile."""

    def read(self) -> Profile:
        """Return the profile as it was saved last, by whichever process."""

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        """Save what *change* makes of the profile, then return what else it says.

        Raises:
            VaultError: nothing was saved.
        """


class MemoryStore:
    """A profile that goes with the process."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile

    def read(self) -> Profile:
        """Return the profile."""
        return self._profile

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        """Change the profile."""
        self._profile, said = change(self._profile)
        return said


class VaultStore:
    """A profile in a vault; other processes may use the same one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def read(self) -> Profile:
        """Return the profile as it lies in the vault."""
        with self._vault.locked() as session:
            return decode(session.content)

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        """Change the profile in the vault; a change that changes nothing writes nothing."""
        with self._vault.locked() as session:
            before = decode(session.content)
            after, said = change(before)
            if after != before:
                session.save(encode(after))
        return said


def vault_path(profile: Path) -> Path:
    """Return the file in the folder *profile* that holds everything."""
    return profile / VAULT_NAME


def encode(profile: Profile) -> bytes:
    """Return the bytes of *profile* for the vault."""
    import msgspec  # noqa: PLC0415 - a borrowed device never needs it

    return bytes([FORMAT]) + msgspec.msgpack.encode(profile)


def decode(content: bytes) -> Profile:
    """Return the profile in *content*; empty content is an empty profile.

    Raises:
        VaultTooNew: a later version wrote it.
        VaultDamaged: it is no profile.
    """
    import msgspec  # noqa: PLC0415 - a borrowed device never needs it

    if not content:
        return Profile()
    if content[0] > FORMAT:
        raise VaultTooNew("written by a later version")
    if content[0] < FORMAT:
        raise VaultDamaged("no such version")
    try:
        return msgspec.msgpack.decode(content[1:], type=Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The cause would quote what is kept.
        raise VaultDamaged("not a profile") from None

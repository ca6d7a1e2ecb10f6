"""Where a profile is kept: in the vault of an own device, or in memory for one visit.

Every change is load, change, save, in one piece: what a change returns is durable before it is
acted upon. This file alone turns a profile into bytes and back. In a vault a reference stands in
the place of each sealed box (`kept_boxes.py`); the box lies in the vault's second file.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol, TypeVar

from ojak_client.boxes_in_profile import boxes_in, map_boxes
from ojak_client.errors import VaultDamaged, VaultTooNew
from ojak_client.migrations import FORMAT, MIGRATIONS
from ojak_client.profile import Profile
from ojak_client.vault import Vault
from ojak_client.vault_session import Loaded, Session

T = TypeVar("T")

VAULT_NAME: Final = "letters"


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
    """A profile in a vault; other processes may use the same one.

    Args:
        vault: opened.
        remembers: keep in memory what was read or saved last, and read it anew only where another
            save lies there since. For a process that is short and waits for nobody.
    """

    def __init__(self, vault: Vault, *, remembers: bool = False) -> None:
        self._vault = vault
        self._remembers = remembers
        self._last: tuple[Loaded, Profile] | None = None

    def read(self) -> Profile:
        """Return the profile as it lies in the vault."""
        with self._locked() as session:
            profile = self._load(session)
            self._remember(session, profile)
        return profile

    def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
        """Change the profile in the vault; a change that changes nothing writes nothing."""
        with self._locked() as session:
            before = self._load(session)
            after, said = change(before)
            if after != before:
                session.save(encode(map_boxes(after, session.boxes.put)))
            self._remember(session, after)
        return said

    def _locked(self) -> AbstractContextManager[Session]:
        return self._vault.locked(earlier=None if self._last is None else self._last[0])

    def _load(self, session: Session) -> Profile:
        if self._last is not None and session.holds(self._last[0]):
            return self._last[1]
        kept = decode(session.content)
        return map_boxes(kept, session.boxes.bring(boxes_in(kept)).__getitem__)

    def _remember(self, session: Session, profile: Profile) -> None:
        if self._remembers:
            self._last = session.loaded, profile


def vault_path(profile: Path) -> Path:
    """Return the file in the folder *profile* that holds everything."""
    return profile / VAULT_NAME


def encode(profile: Profile) -> bytes:
    """Return the bytes of *profile* for the vault."""
    import msgspec  # noqa: PLC0415 - a borrowed device never needs it

    return bytes([FORMAT]) + msgspec.msgpack.encode(profile)


def decode(content: bytes | memoryview) -> Profile:
    """Return the profile in *content*; empty content is an empty profile.

    Raises:
        VaultTooNew: a later version wrote it.
        VaultDamaged: it is no profile.
    """
    import msgspec  # noqa: PLC0415 - a borrowed device never needs it

    if not content:
        return Profile()
    form, body = content[0], memoryview(content)[1:]
    if form > FORMAT:
        raise VaultTooNew("written by a later version")
    try:
        if form == FORMAT:
            return msgspec.msgpack.decode(body, type=Profile)
        kept = msgspec.msgpack.decode(body)
        for older in range(form, FORMAT):
            kept = MIGRATIONS[older](kept)
        return msgspec.convert(kept, Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError):
        # The cause would quote what is kept.
        raise VaultDamaged("not a profile") from None

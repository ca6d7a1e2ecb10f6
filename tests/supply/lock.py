"""The files of pinned packages, read as pip reads them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.kit import ROOT

RELAY: Final = ROOT / "requirements" / "relay.txt"
DEVELOPER: Final = ROOT / "requirements" / "dev.txt"
_PIN: Final = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pinned:
    """One package: its name, its version, and the hashes of the files that are taken for it."""

    name: str
    version: tuple[int, ...]
    hashes: frozenset[str]


def pinned(file: Path) -> dict[str, Pinned]:
    """Return the packages of *file* by name."""
    text = file.read_text(encoding="utf-8")
    starts = [found.start() for found in _PIN.finditer(text)]
    found = {}
    for part in (text[at:to] for at, to in zip(starts, [*starts[1:], None], strict=True)):
        match = _PIN.match(part)
        assert match is not None
        name, version = match.groups()
        found[name] = Pinned(name, numbers(version), frozenset(_HASH.findall(part)))
    return found


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of *version*, in their order."""
    return tuple(int(part) for part in re.findall(r"\d+", version))

"""How long a vault takes to open by each of its passphrases, in CPU time, Argon2id left out.

The real slot and the decoy hold the same here: what is asked is whether anything follows from
which of them opens, not how much somebody keeps.
"""

import itertools
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from ojak_client.store import VaultStore
from tests.client.vaults import WORDS, create, opened, typed

DECOY = "노란 우산 위에"

Opening = Callable[[Path, str], None]


def with_decoy(path: Path) -> None:
    """Make a vault at *path* that two passphrases open."""
    vault = create(path)
    vault.add_decoy(typed(DECOY))
    vault.close()


def open_and_read(path: Path, words: str) -> None:
    """Open the vault and decode what it holds, as every command does."""
    vault = opened(path, words)
    VaultStore(vault).read()
    vault.close()


def look_twice_at_a_decoy(path: Path, words: str) -> None:
    """Read the file once more, a tenth of a millisecond or two, where it is a decoy that opens."""
    open_and_read(path, words)
    if words == DECOY:
        path.read_bytes()


def sample(
    path: Path,
    times: int,
    chance: random.Random,
    *,
    opening: Opening = open_and_read,
    goes_on: Callable[[], bool] = lambda: True,
) -> Mapping[str, list[int]]:
    """Return nanoseconds by passphrase, of so many openings each, in an order that is drawn.

    They are fewer where it does not go on for so long.
    """
    seen: dict[str, list[int]] = {WORDS: [], DECOY: []}
    for _ in itertools.takewhile(lambda _: goes_on(), range(times)):
        for words in chance.sample(list(seen), len(seen)):
            began = time.process_time_ns()
            opening(path, words)
            seen[words].append(time.process_time_ns() - began)
    return seen

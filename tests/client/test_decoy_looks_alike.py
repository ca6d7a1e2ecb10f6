"""B5: a decoy costs the same work, touches the same files and says the same as a real vault.

Most compare two that hold the same, as a decoy and a real vault do that nobody has used yet: what
is compared is whether anything follows from which of them was made first. Looking costs the same
calls on files however much is kept: there a full vault is compared with an empty decoy.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import shake_256
from pathlib import Path
from types import FrameType

import pytest

from ojak_client.profile import Contact, OurLetter, Profile, with_contact
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from ojak_protocol import primitives
from ojak_protocol.addresses import BOX_BYTES
from ojak_protocol.stretch import argon2id
from tests.client.boxes import BOXES, keep, keeping
from tests.client.persons import NAME, RELAY, letter
from tests.client.vaults import WORDS, create, is_open, opened, stretch, typed

DECOY = "노란 우산 위에"
"""As long as WORDS, so that reading it takes as long."""
COUNTED = {
    function.__code__: function.__name__
    for function in (primitives.kdf, primitives.seal, primitives.unseal_under, stretch)
}


@contextmanager
def work() -> Iterator[Counter[tuple[str, int]]]:
    """Count each stretching, derivation and seal, with the bytes that it goes over."""
    counted: Counter[tuple[str, int]] = Counter()

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in COUNTED:
            given = [one for one in frame.f_locals.values() if isinstance(one, (bytes, bytearray))]
            counted[COUNTED[frame.f_code], sum(map(len, given))] += 1

    sys.setprofile(look)
    try:
        yield counted
    finally:
        sys.setprofile(None)


def use(path: Path, words: str) -> Counter[tuple[str, int]]:
    """Open it, look, change it, add boxes and take them out again."""
    with work() as counted:
        vault = opened(path, words)
        VaultStore(vault).read()
        VaultStore(vault).update(lambda p: (with_contact(p, Contact(NAME, RELAY)), None))
        keep(vault, *BOXES[:4])
        keep(vault)
        VaultStore(vault).update(lambda _: (Profile(), None))
        vault.close()
    return counted


def test_b5_a_decoy_costs_as_many_calls_over_as_many_bytes(tmp_path: Path) -> None:
    path = tmp_path / "vault"
    create(path).add_decoy(typed(DECOY))
    real, decoy = use(path, WORDS), use(path, DECOY)
    assert real == decoy
    by_name: Counter[str] = Counter()
    for (name, _), times in real.items():
        by_name[name] += times
    assert by_name["stretch"] == 1
    # Each slot is tried at opening, whichever of them it is that opens.
    assert by_name["kdf"] >= 4


def test_b5_the_count_tells_an_opening_that_stops_at_the_slot_that_opens(tmp_path: Path) -> None:
    """The bug that the test above is for: fewer slots tried for one passphrase than for another."""
    path = tmp_path / "vault"
    create(path).add_decoy(typed(DECOY))
    raw = path.read_bytes()
    counts = set()
    for words in (WORDS, DECOY):
        key = bytearray(stretch(words.encode(), raw[:16]))
        with work() as counted:
            next(slot for slot in range(4) if is_open(raw, slot, key))
        counts.add(sum(counted.values()))
    assert len(counts) == 2


# The system calls of the command itself


CALLS = (
    "trace=%file,read,pread64,write,pwrite64,fsync,fdatasync,lseek,ftruncate,flock,fcntl,getrandom"
)


def calls_of(folder: Path, words: str, *verb: str, new_words: str = "") -> Counter[str]:
    """Run a verb, and count its calls on files: name, paths, lengths and results, not contents.

    What it writes to the screen is not counted. Nor is which quarter of the second file it
    reads: that is the number of the slot, which is drawn.
    """
    trace = folder.with_name("trace")
    descriptors = [_given(words), _given(new_words)]
    options = ["--passphrase-fd", str(descriptors[0]), "--profile", str(folder), "--no-input"]
    if new_words:
        options += ["--new-passphrase-fd", str(descriptors[1])]
    command = [sys.executable, "-B", "-m", "ojak_client", *verb, *options]
    strace = ["strace", "-f", "-qq", "-s", "0", "-e", CALLS, "-o", str(trace)]
    try:
        subprocess.run(
            [*strace, *command],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=120,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    lines = trace.read_text().splitlines()
    trace.unlink()
    assert any(str(folder) in line for line in lines)
    lines = [line for line in lines if not re.match(r"\d+ +write\([12],", line)]
    place = re.compile(r"(pread64\(.*, \d+), \d+\) +")
    lines = [place.sub(r"\1, of a quarter) ", line) for line in lines]
    return Counter(re.sub(r"^\d+ +|st_[amc]time\w*=[^,}]*|0x[0-9a-f]+", "", line) for line in lines)


def _given(words: str) -> int:
    reading, writing = os.pipe()
    os.write(writing, f"{words}\n".encode())
    os.close(writing)
    return reading


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("verb", [("status",), ("passphrase",)])
def test_b5_the_command_makes_the_same_calls_on_files_for_a_decoy(
    tmp_path: Path, verb: tuple[str, ...]
) -> None:
    folder = tmp_path / "own"
    path = vault_path(folder)
    vault = Vault.create(path, typed(WORDS), argon2id, os.urandom, pages=64)
    vault.add_decoy(typed(DECOY))
    new = {words: f"{words}!" if verb == ("passphrase",) else "" for words in (WORDS, DECOY)}
    real, decoy = (calls_of(folder, words, *verb, new_words=new[words]) for words in (WORDS, DECOY))
    assert sum(real.values()) > 100
    assert (real - decoy, decoy - real) == (Counter(), Counter())


def full(path: Path) -> Vault:
    """A vault with letters of both sides and nearly as many boxes as there are pages for."""
    vault = Vault.create(path, typed(WORDS), argon2id, os.urandom, pages=64)
    (contact,) = keeping([shake_256(b"%d" % n).digest(BOX_BYTES) for n in range(60)]).contacts
    ours = tuple(OurLetter(n, f"편지 {n}", 2**31, at_once=False) for n in range(40))
    theirs = tuple(letter(f"답장 {n}", reference=n) for n in range(40))
    contact = replace(contact, ours=ours, theirs=theirs)
    VaultStore(vault).update(lambda _: (Profile((contact,)), None))
    return vault


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
@pytest.mark.parametrize("verb", ["status", "contacts"])
def test_b5_looking_makes_the_same_calls_on_files_for_a_full_vault_and_an_empty_decoy(
    tmp_path: Path, verb: str
) -> None:
    folder = tmp_path / "own"
    full(vault_path(folder)).add_decoy(typed(DECOY))
    real, decoy = (calls_of(folder, words, verb) for words in (WORDS, DECOY))
    assert [line for line in real if line.startswith("pread64(")]
    assert (real - decoy, decoy - real) == (Counter(), Counter())

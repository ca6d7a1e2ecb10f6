"""A vault that is full to the last byte, and a real `ojak` at it that the kernel kills.

It holds more than commands let anybody write: fifty contacts with conversations, letters in every
state, and a note that fills what is left.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ojak_client.errors import VaultError
from ojak_client.profile import Profile
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from tests.hostile.side_by_side import program, stretched
from tests.journeys.actors import Device, given
from tests.journeys.children import Ended

GONE: Final = "http://127.0.0.1:1"
"""Nobody listens there."""
PAGES: Final = 256
NEW_WORDS: Final = "새 열쇠말 하나"
CALLS: Final = ("rename", "fsync", "write", "pwrite64", "unlink")
"""What changes a file, makes it durable, or takes it away."""


def device_with(folder: Path, profile: Profile, *, bug: str = "") -> Device:
    """Return a device whose vault holds *profile*; its `ojak` may have a planted bug."""
    made = Device(folder, GONE, program=program(folder, bug))
    words = (made.passphrase or "").encode()
    path = vault_path(made.profile)
    vault = Vault.create(path, bytearray(words), stretched, os.urandom, pages=PAGES)
    VaultStore(vault).update(lambda _: (profile, None))
    vault.close()
    return made


def opened_with(folder: Path, words: str) -> Profile | None:
    """Return what *words* open in the profile *folder*; None: nothing opens."""
    try:
        vault = Vault.open(vault_path(folder), bytearray(words.encode()), stretched, os.urandom)
    except VaultError:
        return None
    try:
        return VaultStore(vault).read()
    finally:
        vault.close()


@dataclass(frozen=True)
class Verb:
    """A command at a full vault, and what is true of the files whenever it is cut off.

    Attributes:
        arguments: how it is called; `THERE` stands for another folder.
        is_old: whether what opens where is as before the command.
        is_new: whether it is as after it.
        between: whether nothing opens until the same command was called again.
    """

    arguments: tuple[str, ...]
    is_old: Callable[["Found", Profile], bool]
    is_new: Callable[["Found", Profile], bool]
    between: bool = False


@dataclass(frozen=True)
class Found:
    """What opens: at the old place with the old words, with the new ones, and at another place."""

    old: Profile | None
    with_new_words: Profile | None
    there: Profile | None


NOTHING: Final = Found(None, None, None)
THERE: Final = "THERE"
NAME: Final = "사람 7"
_FILES: Final = ("letters", "letters.boxes", "letters.lock")
_STAYING: Final = frozenset(f"profile/{name}" for name in _FILES)
FILES_OF: Final = {
    "forget": _STAYING,
    "passphrase": _STAYING,
    "decoy": _STAYING,
    "move": frozenset(f"there/{name}" for name in _FILES),
    "wipe": frozenset[str](),
}
"""What lies there once a command is done."""


def _nothing_else(found: Found, profile: Profile) -> bool:
    return found == Found(profile, None, None)


def _without_one(profile: Profile) -> Profile:
    contacts = tuple(one for one in profile.contacts if one.name != NAME)
    return replace(profile, contacts=contacts)


VERBS: Final = {
    "forget": Verb(
        ("forget", NAME), _nothing_else, lambda f, p: f == Found(_without_one(p), None, None)
    ),
    "passphrase": Verb(("passphrase",), _nothing_else, lambda f, p: f == Found(None, p, None)),
    "decoy": Verb(
        ("passphrase", "--decoy"), _nothing_else, lambda f, p: f == Found(p, Profile(), None)
    ),
    "move": Verb(
        ("move", THERE), _nothing_else, lambda f, p: f == Found(None, None, p), between=True
    ),
    "wipe": Verb(("wipe",), _nothing_else, lambda f, _: f == NOTHING, between=True),
}


@dataclass
class Cut:
    """A full vault to which a command is done, again and again, each time killed elsewhere."""

    device: Device
    profile: Profile
    pristine: Path

    @classmethod
    def of(cls, folder: Path, profile: Profile, *, bug: str = "") -> "Cut":
        """Return one with *profile*."""
        device = device_with(folder / "device", profile, bug=bug)
        pristine = folder / "pristine"
        shutil.copytree(device.profile, pristine)
        return cls(device, profile, pristine)

    @property
    def there(self) -> Path:
        """The folder to which it is moved."""
        return self.device.folder / "there"

    @property
    def found(self) -> Found:
        """What opens now."""
        words = self.device.passphrase or ""
        return Found(
            opened_with(self.device.profile, words),
            opened_with(self.device.profile, NEW_WORDS),
            opened_with(self.there, words),
        )

    def restore(self) -> None:
        """Put everything back as it was."""
        for folder in (self.device.profile, self.there):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.pristine, self.device.profile)

    def run(self, verb: Verb, *watcher: str) -> Ended:
        """Do it, under *watcher* if there is one."""
        self.device.watcher = watcher
        arguments = [str(self.there) if one == THERE else one for one in verb.arguments]
        command, descriptors = self.device.command("--no-input", "--json", "--yes", *arguments)
        if verb.arguments[0] == "passphrase":
            descriptors.append(given(NEW_WORDS + "\n"))
            command += ["--new-passphrase-fd", str(descriptors[-1])]
        try:
            ended = subprocess.run(
                command,
                env=self.device.environment,
                cwd=self.device.here,
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def cut(self, name: str, call: str, number: int) -> tuple[bool, list[str]]:
        """Kill the command *name* at its *number*-th *call*; say whether it was, and what is wrong.

        Afterwards it is done once more, and has to end well.
        """
        verb = VERBS[name]
        self.restore()
        trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
        inject = ["-e", f"inject={call}:signal=SIGKILL:when={number}"]
        ended = self.run(verb, *trace, *inject)
        was_killed = ended.code in {-signal.SIGKILL, 128 + signal.SIGKILL}
        wrong = [] if "Traceback" not in ended.out + ended.err else [f"a traceback: {ended}"]
        found = self.found
        is_new = verb.is_new(found, self.profile)
        is_between = verb.between and found == NOTHING
        if not (is_new or is_between or verb.is_old(found, self.profile)):
            wrong.append("neither the old nor the new")
        if not was_killed and not is_new:
            wrong.append(f"it ended, and not as it should: {ended}")
        if was_killed and (verb.between or not is_new):
            wrong += self._finish(verb)
        if self.files != FILES_OF[name]:
            wrong.append(f"what lies there: {sorted(self.files)}")
        return was_killed, [f"{name}, {call} {number}: {one}" for one in wrong]

    @property
    def files(self) -> frozenset[str]:
        """Every file that is there, but the program, by its path in the device's folder."""
        folder = self.device.folder
        paths = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
        return frozenset(paths - {"ojak"})

    def _finish(self, verb: Verb) -> list[str]:
        again = self.run(verb)
        # It was killed when all was done, or all but erasing remains.
        is_done = again.said in (["vault-missing"], ["move-remains-erased"])
        if again.code and not (verb.between and is_done):
            return [f"done again, it does not end well: {again}"]
        return [] if verb.is_new(self.found, self.profile) else ["done again, it is not done"]

"""Processes of `ojak-relay migrate`, killed in their middle: what is left, and does it end well?

A process kills itself before one of its calls to the system, so that each moment between two calls
has its turn; or it is killed from outside at any time, also within a call.
"""

import asyncio
import hashlib
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ojak_protocol.sync import Found
from ojak_relay.store.page_file import SPARE_PAGES
from ojak_relay.store.pages import PagesStore
from tests.relay.disks import QuickDisk
from tests.relay.kit import NOW, box, boxes_in, place

PAGE_BYTES = 4096
CALLS = "open pwritev fsync fdatasync posix_fallocate ftruncate chown link unlink replace"

STARTER = """
import os, signal, sys
from ojak_relay.__main__ import main
from ojak_relay.commands import migrate
from ojak_relay.store import migrate as migrating, page_file, pages
from pathlib import Path

{bug}

def counted(name, call):
    def counts(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        named_file = f"/proc/self/fd/{{given[0]}}" if isinstance(given[0], int) else None
        what = os.readlink(named_file) if named_file else os.fspath(given[0])
        log.write(f"{{name}} {{what}}\\n")
        return call(*given, **named)
    return counts

def nothing(descriptor):
    "A kill leaves what was written: to wait for a disk would only take time."

for line in sys.stdin:
    left = int(line)
    child = os.fork()
    if not child:
        sys.stdout = open(os.devnull, "w")
        log = open(sys.argv[2], "w", buffering=1)
        os.fsync = os.fdatasync = nothing
        for name in "%(calls)s".split():
            setattr(os, name, counted(name, getattr(os, name)))
        try:
            main(["migrate", "--path", sys.argv[1]])
        except SystemExit as ended:
            os._exit(ended.code or 0)
    print(child, flush=True)
    # Until then the number is not another's.
    sys.stdin.readline()
    print(os.waitpid(child, 0)[1], flush=True)
""".replace("%(calls)s", CALLS)


def earlier_page(number: int, commit: int, content: int) -> bytes:
    """Return a page of the earlier format."""
    body = box(content)
    times = (NOW + 1000, NOW - 100)
    fields = struct.pack(">8s32sQQQ16s", b"ojak box", place(number), commit, *times, _digest(body))
    return fields + _digest(fields) + body


def earlier_store(boxes: int) -> bytes:
    """Return a full store of the earlier format, with box n at place n."""
    first = struct.pack(">8sQ", b"ojakpg01", boxes)
    pages = [earlier_page(number, 1, number) for number in range(boxes)]
    pages += [bytes(PAGE_BYTES)] * SPARE_PAGES
    return (first + _digest(first)).ljust(PAGE_BYTES, b"\0") + b"".join(pages)


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


async def held(path: Path, boxes: int) -> dict[int, int]:
    """Return which box lies at which place of the store at *path*, which is opened and closed."""
    store = await PagesStore.open(path, boxes, disk=QuickDisk())
    found = {}
    for number in range(boxes):
        (result,) = await store.look([place(number)], room=1, now=NOW)
        if isinstance(result, Found):
            found[number] = next(iter(boxes_in(result.box)))
            assert result.box == box(found[number])
    await store.close()
    return found


class Migrations:
    """Migrates stores of the same boxes, one process after the other, and looks what is left.

    Args:
        folder: an empty one, for itself.
        boxes: how many lie in the store.
        bug: planted in the processes.
    """

    def __init__(self, folder: Path, boxes: int, bug: str) -> None:
        self._boxes = boxes
        self._all = {number: number for number in range(boxes)}
        self._filled = earlier_store(boxes)
        self._folder = folder / "stores"
        self._seen = folder / "seen"
        self._looked = folder / "looked"
        self._path = self._folder / "store"
        self.log = folder / "log"
        script = folder / "starter.py"
        script.write_text(STARTER.format(bug=bug))
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(self._path), str(self.log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        self._process.communicate()

    def begin(self) -> None:
        """Lay a store of the earlier format there, and nothing else."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        self._path.write_bytes(self._filled)
        # A second name, to look at what was in the file once its own is gone.
        self._seen.unlink(missing_ok=True)
        self._seen.hardlink_to(self._path)

    def run(self, *, dies_at_call: int = 0, dies_after: float | None = None) -> int:
        """Run the command once; return its status as the system tells it: 9 if it was killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{dies_at_call}\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        if dies_after is not None:
            time.sleep(dies_after)
            os.kill(child, signal.SIGKILL)
        self._process.stdin.write("wait\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def after_kill(self) -> list[str]:
        """Say what is wrong with what a killed process left."""
        if not self._path.exists():
            return ["no store is left"]
        left = self._path.read_bytes()
        if left[:8] == self._filled[:8]:
            return [] if left == self._filled else ["the store before is not whole any more"]
        self._looked.write_bytes(left)
        # A process that is gone never closed it; to open it puts right what that leaves.
        return [] if asyncio.run(held(self._looked, self._boxes)) == self._all else ["boxes lost"]

    def after_end(self) -> list[str]:
        """Say what is wrong once the command has ended by itself."""
        wrong = []
        if asyncio.run(held(self._path, self._boxes)) != self._all:
            wrong.append("boxes lost at the end")
        if list(self._folder.iterdir()) != [self._path]:
            wrong.append("files left")
        if boxes_in(self._seen.read_bytes()):
            wrong.append("boxes left in the file before")
        return wrong

    def calls(self) -> list[tuple[str, str]]:
        """Return the calls of the last process, each with the name of its file."""
        lines = self.log.read_text().splitlines()
        return [(call, Path(what).name) for call, _, what in (row.partition(" ") for row in lines)]


@contextmanager
def migrations(folder: Path, boxes: int, bug: str = "") -> Iterator[Migrations]:
    """Give what migrates, with a planted *bug* or without."""
    one = Migrations(folder, boxes, bug)
    try:
        yield one
    finally:
        one.close()


def killed_at_each_call(
    folder: Path, boxes: int, bug: str = "", *, few: int = 1
) -> tuple[list[str], int]:
    """Kill a migration before each of its calls and finish it; return what is wrong, and kills.

    Of calls that write a page, *few* is how many there are for one kill.
    """
    wrong: list[str] = []
    with migrations(folder, boxes, bug) as one:
        one.begin()
        one.run()
        wrong += one.after_end()
        calls = [call for call, _ in one.calls()]
        chosen = [
            at
            for at, call in enumerate(calls, 1)
            if call != "pwritev" or calls[at - 2] != "pwritev" or at % few == 0
        ]
        for call in chosen:
            one.begin()
            assert one.run(dies_at_call=call) == signal.SIGKILL
            wrong += [f"killed before call {call}: {what}" for what in one.after_kill()]
            if one.run() == 0:
                wrong += [f"killed before call {call}: {what}" for what in one.after_end()]
            else:
                wrong.append(f"killed before call {call}: it cannot be finished")
    return wrong, len(chosen)


def killed_at_any_time(
    folder: Path, *, seed: int, goes_on: Callable[[Counter[str]], bool]
) -> tuple[list[str], Counter[str]]:
    """Kill migrations, up to four times each, and finish them."""
    chance = random.Random(seed)  # noqa: S311 (repeatable on purpose)
    done, wrong = Counter[str](), list[str]()
    with migrations(Path(tempfile.mkdtemp(dir=folder)), 300) as one:
        whole = 0.0
        for _ in range(2):
            # The first one takes longer.
            one.begin()
            began = time.monotonic()
            one.run()
            whole = time.monotonic() - began
        while not done or goes_on(done):
            one.begin()
            for _ in range(chance.randrange(1, 5)):
                if one.run(dies_after=chance.uniform(0, whole)) == signal.SIGKILL:
                    done["kills of a migration"] += 1
                wrong += one.after_kill()
            if one.run() != 0:
                wrong.append("it cannot be finished")
            wrong += one.after_end()
            done["migrations"] += 1
    return wrong, done

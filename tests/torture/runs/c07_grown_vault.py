"""A vault grows through commands until nothing fits, and then lives on: nothing of it is lost."""

import tempfile
from pathlib import Path

from ojak_client.sharing import LEAST_TO_SHARE_BYTES
from tests.client.brimful import content_bytes
from tests.hostile.grown_vault import Grown, grow, profile_of, synced
from tests.journeys.actors import world
from tests.torture.turn import Counts, Turn

SECONDS = 400.0
NUMBERS = 4
WRITERS = 6
LETTER = "가" * 400


def run(turn: Turn) -> Counts:
    """Grow one, which takes minutes, and use it."""
    turn.needs(SECONDS)
    done = turn.done
    with tempfile.TemporaryDirectory() as folder, world(Path(folder)) as people:
        grown = grow(people, numbers=NUMBERS)
        done["contacts"] += len(grown.profile.contacts)
        done["letters until one was refused"] += _write_until_refused(grown)
        done["bytes of content"] += content_bytes(grown.profile)
        _letters_come_in_one_sync(grown)
        _one_is_forgotten_and_there_is_room(grown)
        _it_moves_and_opens(grown, Path(folder) / "there")
    return done


def _write_until_refused(grown: Grown) -> int:
    names = list(grown.others)
    for count in range(1000):
        ended = grown.own.send(names[count % len(names)], LETTER)
        if ended.said[-1:] == ["vault-full"]:
            assert ended.code == 1
            return count
        assert ended.code == 0, ended
    raise AssertionError(f"there was always room, with less than {LEAST_TO_SHARE_BYTES} left")


def _letters_come_in_one_sync(grown: Grown) -> None:
    names = list(grown.others)
    writers = names[:: len(names) // WRITERS][:WRITERS]
    for name in writers:
        device, called = grown.others[name]
        ended = device.send(called, f"{name}의 편지")
        assert ended.said[-1] == "left", ended
    assert grown.own.run("sync").code == 0
    came = {one.name for one in grown.profile.contacts if one.theirs}
    assert came == set(writers), (came, writers)
    shown = grown.own.read().letters
    assert sorted(shown) == sorted(f"{name}의 편지" for name in writers)


def _one_is_forgotten_and_there_is_room(grown: Grown) -> None:
    # What came told that some of ours arrived, which made room.
    _write_until_refused(grown)
    names = list(grown.others)
    for name in names[-2:]:
        assert grown.own.run("--yes", "forget", name).code == 0
        del grown.others[name]
    ended = grown.own.send(names[0], "다시 되는 편지")
    assert ended.said[-1] == "left", ended
    device, _ = grown.others[names[0]]
    synced(device)
    assert "다시 되는 편지" in device.read().letters


def _it_moves_and_opens(grown: Grown, there: Path) -> None:
    before = grown.profile
    assert grown.own.run("--yes", "move", str(there)).code == 0
    assert not grown.own.profile.exists()
    assert grown.own.run("--yes", "move", str(grown.own.profile), "--profile", str(there)).code == 0
    assert profile_of(grown.own) == before

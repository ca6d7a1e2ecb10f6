"""C1, D3: SIGKILL at any moment loses nothing acknowledged and brings nothing deleted back.

The checker (`killing`) is shown to find relays with a planted bug.
"""

from collections import Counter
from pathlib import Path

import pytest

from tests.relay.killing import kill_loop

CYCLES = 30
SEED = 20_260_704


def test_c1_thirty_kills_lose_nothing_acknowledged_and_bring_nothing_back(tmp_path: Path) -> None:
    found, done = kill_loop(tmp_path, seed=SEED, goes_on=lambda done: done["kills"] < CYCLES)
    assert found == []
    assert min(done["acknowledged boxes compared"], done["deletions compared"]) > CYCLES


ACKNOWLEDGE_BEFORE_THE_WRITE = """
import time
honest, answer = commits.Committer.commit, commits.Committer._finish

def commit(self, jobs):
    self._loop.call_soon_threadsafe(answer, self, jobs, True)
    time.sleep(0.02)
    honest(self, jobs)

commits.Committer.commit = commit
commits.Committer._finish = lambda *_: None
"""

DELETE_ONLY_IN_MEMORY = """
honest = commits.Committer._write
commits.Committer._write = lambda self, writes: honest(self, [one for one in writes if one[1]])
"""

OLDER_NOT_ERASED = """
honest = commits.Committer.commit

def commit(self, jobs):
    for job in jobs:
        job.replaced.clear()
    honest(self, jobs)

commits.Committer.commit = commit
repair._older = lambda *_: []
"""


@pytest.mark.parametrize(
    "bug",
    [ACKNOWLEDGE_BEFORE_THE_WRITE, DELETE_ONLY_IN_MEMORY, OLDER_NOT_ERASED],
    ids=["early", "kept", "older kept"],
)
def test_c1_the_kill_loop_finds_a_planted_bug(tmp_path: Path, bug: str) -> None:
    def goes_on(done: Counter[str]) -> bool:
        # A few are enough mostly; what a kill comes upon is chance.
        return done["kills"] < 200

    found, _ = kill_loop(tmp_path, seed=SEED, goes_on=goes_on, bug=bug)
    assert found != []

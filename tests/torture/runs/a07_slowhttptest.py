"""Debian's slowhttptest against a relay as it is set up: honest clients are served meanwhile."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.relay.kit import MEMORY, Relay, running
from tests.relay.slow_clients import honest_seconds, p99
from tests.torture.turn import CannotRun, Counts, Turn

CONNECTIONS = 900
"""Below what one source may have open, so that it is the deadlines that are tried."""
MOST_SECONDS = 0.25
WAYS = {
    "-H": ("-i", "5", "-x", "24"),
    "-B": ("-i", "5", "-s", "1379", "-x", "10"),
    "-X": ("-w", "1", "-y", "10", "-z", "1", "-n", "5", "-k", "3"),
}
"""Slow headers, slow bodies, slow readers; what each of them takes besides."""


def run(turn: Turn) -> Counts:
    """Have each way its share of the time, and visit the relay meanwhile."""
    program = shutil.which("slowhttptest")
    if program is None:
        raise CannotRun("slowhttptest is not installed")
    turn.needs(len(WAYS) * 20)
    done: dict[str, int] = {}
    seconds = int(turn.seconds_left / len(WAYS)) - 5
    for way, more in WAYS.items():
        with running(*MEMORY) as relay:
            told, took = _visited(relay, [program, way, *more], way, seconds)
            code, err = relay.stop()
        assert (code, len(err.splitlines())) == (0, 1), err
        assert not re.search(r"service available:\s+NO", told), (way, told[-2000:])
        assert p99(took) <= MOST_SECONDS, (way, p99(took))
        ended = int(re.findall(r"Test ended on (\d+)", told)[-1])
        # Readers are let go of later than the test may last.
        assert way == "-X" or "No open connections left" in told, (way, told[-2000:])
        done |= {
            f"seconds until it ended, {way}": ended,
            f"honest syncs, {way}": len(took),
            f"ms at most for 99 of 100, {way}": round(1000 * p99(took)),
        }
    return done


def _visited(relay: Relay, command: list[str], way: str, seconds: int) -> tuple[str, list[float]]:
    path = "v1/sync" if way == "-B" else "v1/info"
    what = ["-u", f"http://{relay.host}:{relay.port}/{path}", "-c", str(CONNECTIONS), "-r", "200"]
    if way == "-B":
        what += ["-t", "POST", "-f", "application/cbor"]
    with Path("/dev/null").open() as nothing:
        process = subprocess.Popen(
            [*command, *what, "-l", str(seconds), "-p", "3"],
            stdin=nothing,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        took: list[float] = []
        while process.poll() is None:
            took += honest_seconds(relay, 20)
        told, _ = process.communicate()
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", told), sorted(took)

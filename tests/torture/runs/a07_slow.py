"""2,000 idle and 2,000 slow connections: the slow are cut, the honest served in 250 ms."""

import ssl
import tempfile
import time
from pathlib import Path

from tests.relay.kit import MEMORY, running
from tests.relay.lines import certificate, memory_bytes
from tests.relay.planted import running_with, stands_still
from tests.relay.slow_clients import besieged, honest_seconds, p99
from tests.torture.turn import Counts, Turn

SIZES = {"idle": 2000, "half header": 800, "silent": 400, "half body": 400, "slow reader": 400}
MOST_SECONDS = 0.25
LONGEST = {"silent": 10, "half header": 10, "half body": 13}
"""When each slow kind is to be cut, by the settings as they are."""
READERS_SECONDS = 20 + 43
"""The same for readers where idle connections are cut after 20 s: what the system took is idle, and
what it did not take has the deadline of an answer."""
LATE_SECONDS = 15
"""By how much a process that looks after 4,000 connections may be late to notice."""
LEAST_SECONDS = 70
AFTERWARDS_SECONDS = 60
"""For half handshakes, and a relay that stands still."""


def run(turn: Turn) -> Counts:
    """Besiege a relay for a minute at least, and then one on which a piece of a header rests."""
    turn.needs(LEAST_SECONDS + READERS_SECONDS + AFTERWARDS_SECONDS)
    with running(*MEMORY) as relay:
        began = time.monotonic()
        took: list[float] = []
        with besieged(relay, SIZES) as lives:
            seen = lives()
            # What follows has its time as well.
            while time.monotonic() < began + LEAST_SECONDS or turn.seconds_left > (
                READERS_SECONDS + AFTERWARDS_SECONDS
            ):
                took += honest_seconds(relay, 20)
                seen = lives()
        took.sort()
        memory = memory_bytes(relay, "VmHWM") // 2**20
        code, err = relay.stop()
    assert (code, len(err.splitlines())) == (0, 1), err
    for kind, seconds in LONGEST.items():
        assert seen.cut[kind] >= SIZES[kind], (kind, seen)
        assert seen.longest[kind] < seconds + LATE_SECONDS, (kind, seen)
    assert p99(took) <= MOST_SECONDS, p99(took)
    readers, handshakes = _readers(), _handshakes()
    with running_with(stands_still, *MEMORY) as relay, besieged(relay, {"half header": 8}):
        assert p99(honest_seconds(relay, 50)) > MOST_SECONDS, "a planted delay was not seen"
    return {
        "honest syncs": len(took),
        "ms at most for 99 of 100": round(1000 * p99(took)),
        "ms at most for half": round(1000 * took[len(took) // 2]),
        **{f"{kind} cut": seen.cut[kind] for kind in LONGEST},
        "MiB of the relay at most": memory,
        **readers,
        **handshakes,
    }


def _readers() -> dict[str, int]:
    """Besiege a relay with slow readers alone, until each was cut."""
    size, kind = 400, "slow reader"
    idle = {"OJAK_RELAY_IDLE_SECONDS": "20"}
    with running(*MEMORY, environment=idle) as relay, besieged(relay, {kind: size}) as lives:
        while (seen := lives()).cut[kind] < size:
            honest_seconds(relay, 20)
            assert seen.longest[kind] < READERS_SECONDS + LATE_SECONDS, seen
    return {"slow readers cut": seen.cut[kind], "seconds at most": round(seen.longest[kind])}


def _handshakes() -> dict[str, int]:
    """Besiege a relay that speaks TLS with half handshakes alone."""
    size, kind = 2000, "half handshake"
    with tempfile.TemporaryDirectory() as folder:
        made, private = certificate(Path(folder))
        context = ssl.create_default_context(cafile=str(made))
        tls = ("--tls-certificate", str(made), "--tls-key", str(private))
        with running(*MEMORY, *tls) as relay, besieged(relay, {kind: size}) as lives:
            took: list[float] = []
            while (seen := lives()).cut[kind] < size:
                took += honest_seconds(relay, 20, context)
                assert seen.longest[kind] < LONGEST["silent"] + LATE_SECONDS, seen
    took.sort()
    assert p99(took) <= MOST_SECONDS, p99(took)
    return {
        "honest syncs over TLS": len(took),
        "ms at most for 99 of 100 of them": round(1000 * p99(took)),
        "half handshakes cut": seen.cut[kind],
    }

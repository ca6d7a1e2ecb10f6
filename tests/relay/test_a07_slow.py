"""A7, reduced: hundreds of slow clients are cut, idle ones stay, honest ones are served.

How quickly they are served is asserted in `make torture` only.
"""

import os
import time

import pytest

from tests.relay.kit import MEMORY, Relay, running
from tests.relay.slow_clients import Lives, besieged, honest_seconds

CLIENTS = int(os.environ.get("OJAK_TEST_SLOW_CLIENTS", "200"))
SIZES = {
    "silent": CLIENTS // 4,
    "half header": CLIENTS // 2,
    "half body": CLIENTS // 4,
    "idle": CLIENTS,
}
SOON = {"OJAK_RELAY_HEADER_SECONDS": "1", "OJAK_RELAY_BODY_SECONDS": "1"}
PATIENCE_SECONDS = 40


def lives_once_all_were_cut(
    relay: Relay, sizes: dict[str, int], seconds: float = PATIENCE_SECONDS
) -> Lives:
    """Return how they lived once each slow kind was cut as often as it has members, or in time."""
    with besieged(relay, sizes) as lives:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            honest_seconds(relay, 5)
            now = lives()
            if all(now.cut[kind] >= size for kind, size in sizes.items() if kind != "idle"):
                break
    return now


def test_a7_slow_clients_are_cut_and_honest_ones_served() -> None:
    with running(*MEMORY, environment=SOON) as relay:
        lives = lives_once_all_were_cut(relay, SIZES)
        code, err = relay.stop()
    assert (code, len(err.splitlines())) == (0, 1)
    for kind, size in SIZES.items():
        assert lives.cut[kind] == 0 if kind == "idle" else lives.cut[kind] >= size, kind


def test_a7_slow_readers_are_cut() -> None:
    kind = "slow reader"
    with running(*MEMORY, environment=SOON | {"OJAK_RELAY_IDLE_SECONDS": "1"}) as relay:
        assert lives_once_all_were_cut(relay, {kind: 5}).cut[kind] >= 5


@pytest.mark.parametrize(
    ("bug", "kind"),
    [
        ("HEADER_SECONDS", "half header"),
        ("BODY_SECONDS", "half body"),
        ("IDLE_SECONDS", "slow reader"),
    ],
)
def test_the_checker_sees_a_relay_that_waits_for_ever(bug: str, kind: str) -> None:
    with running(*MEMORY, environment=SOON | {f"OJAK_RELAY_{bug}": "3600"}) as relay:
        lives = lives_once_all_were_cut(relay, {kind: 5}, seconds=5)
    assert lives.cut[kind] == 0

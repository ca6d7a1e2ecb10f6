"""A million hostile bodies: none is answered with 500 or more, nothing is said, nothing is kept."""

from ojak_protocol.sync import MAX_WAIT_SECONDS
from tests.relay.hostile_bodies import WARM, Seen, violations
from tests.relay.kit import running
from tests.torture.turn import Counts, Turn

MOST = 1_000_000
WORKERS = 48
"""More than there are processors: most of them wait, as requests do that wait for a box."""
AT_ONCE = {"OJAK_RELAY_REPLY_MILLISECONDS": "0"}


def run(turn: Turn) -> Counts:
    """Send a million, or as many as there is time for, and count what was answered."""
    # What was sent last may wait so long for its answer.
    to_wait = min(MAX_WAIT_SECONDS, turn.seconds_left * 3 / 4)

    def goes_on(seen: Seen) -> bool:
        turn.done["bodies"] = seen.bodies
        return turn.seconds_left > to_wait

    with running("--store", "memory", "--capacity", "100", environment=AT_ONCE) as relay:
        seen, wrong, grown = violations(
            relay,
            turn.seed,
            MOST,
            warm=max(200, turn.part_of(WARM, in_seconds=200)),
            workers=WORKERS,
            piece=20,
            goes_on=goes_on,
        )
    assert wrong == [], wrong[:20]
    kinds = {f"{kind} answered {status}": n for (kind, status), n in sorted(seen.statuses.items())}
    return {"bodies": seen.bodies, **kinds, "KiB of growth": grown // 1024}

"""C13: a primary of a cluster fails under load; what is lost and what comes back is counted."""

from tests.relay.sharing import failovers

KILLED, BEHIND = "primaries killed", "primaries killed whose replica was behind"


def test_c13_what_replicas_confirmed_outlasts_their_primary() -> None:
    counts = failovers(
        seed=13, replicas=1, goes_on=lambda done: done["failovers"] < 2, faults=(KILLED, BEHIND)
    )
    assert counts["acknowledged boxes"] > 10
    assert (counts["lost"], counts["back"]) == (0, 0)


def test_c13_what_is_acknowledged_without_a_replica_is_seen_to_be_lost() -> None:
    """Planted: the relays wait for nobody."""
    counts = failovers(seed=13, replicas=0, goes_on=lambda _: False, faults=(BEHIND,))
    assert counts["lost"] > 0

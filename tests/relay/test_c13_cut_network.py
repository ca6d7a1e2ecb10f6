"""C13: +ns: the network between relays and servers is cut in two; what is lost is counted."""

from collections import Counter

import pytest

from tests.relay.cut_networks import can_cut_networks, cuts

pytestmark = pytest.mark.skipif(
    not can_cut_networks(),
    reason="+ns: needs root, ip and network namespaces; nothing was checked",
)


def harm(counts: Counter[str]) -> int:
    """Return how many boxes are missing or back."""
    return sum(number for what, number in counts.items() if what.startswith(("lost", "back")))


def test_c13_what_replicas_confirmed_outlasts_a_network_that_was_cut_in_two() -> None:
    counts = cuts(seed=13, replicas=1, goes_on=lambda _: False)
    assert counts["acknowledged boxes, alone"] > 5
    assert counts["acknowledged boxes, with the others"] > 5
    assert harm(counts) == 0


def test_c13_what_is_acknowledged_without_a_replica_is_seen_to_be_lost_by_a_cut() -> None:
    """Planted: the relays wait for nobody, and the one that is alone goes on for a second."""
    counts = cuts(seed=13, replicas=0, goes_on=lambda done: not harm(done) and done["cuts"] < 6)
    assert harm(counts) > 0

"""A10, reduced: many addresses fill a relay; new ids are shed first, polls and deletes never."""

from collections import Counter

from tests.relay.kit import MEMORY, running
from tests.relay.planted import makes_room, running_with
from tests.relay.thousand_sources import visited_while_flooded

ADDRESSES = 100


def twenty_more(done: Counter[str]) -> bool:
    return done["polls, once it was full"] < 20


def test_a10_of_a_flood_from_many_addresses_new_ids_suffer_and_polls_and_deletes_do_not() -> None:
    with running(*MEMORY) as relay:
        wrong, done = visited_while_flooded(relay, addresses=ADDRESSES, goes_on=twenty_more)
        code, err = relay.stop()
    assert wrong == []
    assert (code, len(err.splitlines())) == (0, 1)
    assert done["of the flood full"] > 0
    # Room that a deletion of its own left may go to anybody.
    shed = done["new ids full, once it was full"] + done["new ids refused, once it was full"]
    assert shed >= done["polls, once it was full"] // 2


def test_a10_a_relay_that_lets_go_of_boxes_for_a_flood_is_seen() -> None:
    """Planted: a full store makes room."""
    with running_with(makes_room, *MEMORY) as relay:
        wrong, _ = visited_while_flooded(relay, addresses=ADDRESSES, goes_on=twenty_more)
    assert wrong != []

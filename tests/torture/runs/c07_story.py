"""Every fault at every save and send of a whole story, then stories in which much goes wrong."""

from tests.hostile.faulty_story import Fault, new_story, with_every_fault
from tests.torture.turn import Counts, Turn


def run(turn: Turn) -> Counts:
    """Try each of four faults at each step once, and then many in one story until time is over."""
    done = turn.done
    kinds = tuple(Fault)
    ran = with_every_fault(new_story(), lambda _: kinds if turn.goes_on else (), is_short=False)
    assert ran.wrong == [], ran.wrong
    done["faults one at a time"] = ran.faults
    if not turn.goes_on:
        done["of them not all, for want of time"] = 1
    while turn.goes_on:
        story, chance = new_story(), turn.chance("c07", done["stories with many faults"])
        for side in (story.host, story.guest):
            side.faults.at = lambda _: chance.choice(list(Fault)) if chance.random() < 0.2 else None  # noqa: B023 - used in this turn only
        story.tell()
        story.end_well()
        done["stories with many faults"] += 1
        done["faults in them"] += story.host.faults.fired + story.guest.faults.fired
    return done

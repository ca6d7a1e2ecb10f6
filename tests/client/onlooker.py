"""What somebody at a relay can write down of meetings, the random bytes apart.

Of two meetings that are alike it is the same, whatever the coins of their runs were.
"""

from collections.abc import Iterable

from ojak_protocol.addresses import mailbox_id
from ojak_protocol.sync import SyncRequest, encode_request
from tests.client.persons import Person
from tests.client.simulated_relay import SimulatedRelay

Branches = tuple[frozenset[bytes], ...]
"""Where the host's first boxes lay in a visit, in either branch."""


class Onlooker:
    """Knows which boxes lay in which branch of a visit, and nothing of the words."""

    def __init__(self, *relays: SimulatedRelay) -> None:
        self._relays = relays
        self._visits: dict[bytes, Branches] = {}

    def look_at(self, host: Person) -> None:
        """Put down where the boxes of visits lie that are not confirmed yet."""
        for one in host.contact.sets:
            for visit in one.point.visits:
                self._visits[bytes(visit.seen_at)] = tuple(
                    frozenset(bytes(out.place.id) for out in branch.outbox)
                    for branch in visit.branches
                )

    @property
    def matched(self) -> tuple[int, ...]:
        """Which branch the guest went on with, in each visit in which one did."""
        return tuple(matched for _, matched in self._went_on())

    @property
    def requests(self) -> tuple[object, ...]:
        """Every request at each relay: when it came, its form, which earlier boxes it touches."""
        began = self._began
        order: dict[bytes, int] = {}
        turned = [branches for branches, matched in self._went_on() if matched]
        for relay in self._relays:
            for made in relay.arrived:
                for place in _in_order(made, turned):
                    order.setdefault(place, len(order))
        return tuple(
            tuple(
                (time - began, _form(made, order))
                for time, made in zip(relay.times, relay.arrived, strict=True)
            )
            for relay in self._relays
        )

    @property
    def times(self) -> tuple[tuple[float, int, int, int], ...]:
        """Of every request at all relays when it came, its length, the reply's room, the wait."""
        return tuple(
            (time - self._began, len(encode_request(made)), made.room, made.wait_seconds)
            for relay in self._relays
            for time, made in zip(relay.times, relay.arrived, strict=True)
        )

    @property
    def _began(self) -> float:
        return min((relay.times[0] for relay in self._relays if relay.times), default=0.0)

    def _went_on(self) -> list[tuple[Branches, int]]:
        deleted = {
            bytes(mailbox_id(key))
            for relay in self._relays
            for made in relay.arrived
            for key in made.deletes
        }
        return [
            (branches, matched)
            for branches in self._visits.values()
            for matched, places in enumerate(branches)
            if places & deleted
        ]


def _in_order(made: SyncRequest, turned: Iterable[Branches]) -> list[bytes]:
    """Where a request deposits, with the branches of *turned* visits the other way round."""
    ids = [bytes(each.id) for each in made.deposits]
    for branches in turned:
        pairs = [position for position, place in enumerate(ids) if place in branches[0]]
        for position in pairs:
            ids[position : position + 2] = reversed(ids[position : position + 2])
    return ids


def _form(made: SyncRequest, order: dict[bytes, int]) -> object:
    return (
        made.sync_class,
        made.room,
        made.wait_seconds,
        len(encode_request(made)),
        sorted(
            (order[one.id], one.delete_key is not None, one.ttl_seconds, one.after_seconds)
            for one in made.deposits
        ),
        sorted(order[place] for place in made.polls if place in order),
        sorted(order.get(mailbox_id(key), -1) for key in made.deletes),
    )

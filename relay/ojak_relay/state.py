"""What is true of a whole relay at one moment: what `stats`, metrics and the hourly line tell."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from ojak_relay.app import App
from ojak_relay.config import Config
from ojak_relay.connections import Server
from ojak_relay.counts import in_steps
from ojak_relay.log import Log
from ojak_relay.service import Service

MEANINGS: Final = {
    "boxes": "Boxes that lie here",
    "capacity": "Boxes that fit",
    "due": "Boxes past their time that are not erased yet",
    "connections": "Open connections",
    "clock": "Time that boxes age by, Unix seconds",
    "clock_is_trusted": "1 if the clock of the machine agrees",
    "ready": "1 if requests can be served",
    "draining": "1 if it was told to end",
    "connections_cut": "Connections closed at once because there were too many",
    "syncs": "Syncs that were done to their end, waits included",
    "deposits_stored": "Deposits whose outcome is stored",
    "deposits_occupied": "Deposits whose outcome is occupied",
    "deposits_full": "Deposits whose outcome is full",
    "deposits_refused": "Deposits that were refused",
    "deletes": "Deletes that were asked for",
    "polls_found": "Polls that brought a box",
    "polls_without_room": "Polls whose box had no room in the reply",
    "requests_over_limit": "Requests of sources over their limit",
    "requests_without_pass": "Requests without the pass",
    "requests_refused": "Requests that were refused for their form",
    "requests_failed": "Requests that the relay could not serve",
}
_FOLLOWS_REQUESTS: Final = frozenset({"boxes", "due", "connections"})


@dataclass(frozen=True, slots=True)
class State:
    """Numbers by name: *gauges* go up and down, *counts* only up since the start."""

    gauges: dict[str, int]
    counts: dict[str, int]

    def rounded(self) -> "State":
        """Return what others than the operator of this machine may see."""
        return replace(
            self,
            gauges={
                name: in_steps(value) if name in _FOLLOWS_REQUESTS else value
                for name, value in self.gauges.items()
            },
            counts={name: in_steps(value) for name, value in self.counts.items()},
        )

    def all(self) -> dict[str, int]:
        """Return every number by its name."""
        return self.gauges | self.counts

    def meaning(self, name: str) -> str:
        """Return one sentence on what *name* tells."""
        return MEANINGS[name]


def state_of(config: Config, service: Service, app: App, server: Server) -> State:
    """Return what is true of a relay now."""
    gauges = {
        "boxes": service.boxes,
        "capacity": config.capacity,
        "due": service.due,
        "connections": len(server.connections),
        "clock": service.now(),
        "clock_is_trusted": int(service.clock_is_trusted),
        "ready": int(service.ready),
        "draining": int(service.ending),
    }
    return State(gauges, app.counts.exact() | {"connections_cut": server.cut})


async def log_counts(log: Log, state: Callable[[], State], seconds: float) -> None:
    """Write what others may see of *state* every so many seconds, until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        log("counts since the start, in tens", **state().rounded().all())

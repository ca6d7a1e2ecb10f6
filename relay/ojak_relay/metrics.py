"""What Prometheus is told, on an address of its own: counts and states of the whole relay.

No label and no value says anything of one source, one box or one request, and what follows from
single requests is rounded down to tens. Nothing of the process itself (memory, files) is told: that
is the system's to say.
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from ojak_relay.http import Answer, Come, Head, refusal
from ojak_relay.limits import Peer, Source
from ojak_relay.state import State

PREFIX: Final = "ojak_relay_"
_NO_PATH: Final = refusal(HTTPStatus.NOT_FOUND)


class _States(Collector):
    def __init__(self, state: Callable[[], State]) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """Give every count and every state as one number without labels."""
        state = self._state().rounded()
        for name, value in state.gauges.items():
            yield GaugeMetricFamily(PREFIX + name, state.meaning(name), value=value)
        for name, value in state.counts.items():
            yield CounterMetricFamily(PREFIX + name, state.meaning(name), value=value)


class Metrics:
    """Answers `GET /metrics` and nothing else.

    Args:
        state: returns what is true of the relay at the moment.
    """

    keeps_connections = True

    def __init__(self, state: Callable[[], State]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_States(state))

    def source(self, peer: Peer, headers: Mapping[bytes, bytes]) -> Source:
        """Tell nobody apart: who may ask is the operator's to say."""
        del peer, headers
        return ()

    def receive(self, head: Head, source: Source) -> Answer:
        """Return the answer to any request."""
        del source
        if (head.method, head.path) != (b"GET", b"/metrics"):
            return _NO_PATH
        return Answer(HTTPStatus.OK, generate_latest(self._registry), CONTENT_TYPE_PLAIN_0_0_4)

    def sync(self, body: bytes, source: Source, come: Come) -> Answer:
        """Refuse: no request here has a body that is looked at."""
        del body, source, come
        return _NO_PATH

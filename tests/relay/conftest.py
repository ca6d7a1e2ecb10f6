"""Servers that many tests of the relay use, started once for each process that needs them."""

from collections.abc import Iterator

import pytest

from tests.relay.valkeys import Valkey, cluster_of_six, flush, valkeys


@pytest.fixture(scope="session")
def one_valkey() -> Iterator[Valkey]:
    with valkeys() as (server,):
        yield server


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[list[Valkey]]:
    with cluster_of_six() as servers:
        yield servers


@pytest.fixture(params=["one", "cluster"])
def servers(request: pytest.FixtureRequest, one_valkey: Valkey) -> Iterator[list[Valkey]]:
    """One server, and then a cluster of six, with nothing in them."""
    some = [one_valkey]
    if request.param == "cluster":
        some = request.getfixturevalue("valkey_cluster")
    flush(some)
    yield some
    flush(some)

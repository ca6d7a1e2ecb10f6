"""Servers that many tests of the relay use, started once for each process that needs them."""

from collections.abc import Iterator

import pytest

from tests.relay.valkeys import Valkey, cluster_of_six, valkeys


@pytest.fixture(scope="session")
def one_valkey() -> Iterator[Valkey]:
    with valkeys() as (server,):
        yield server


@pytest.fixture(scope="session")
def valkey_cluster() -> Iterator[list[Valkey]]:
    with cluster_of_six() as servers:
        yield servers

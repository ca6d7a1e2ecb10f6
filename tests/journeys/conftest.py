"""What the journeys share: a world that ends with its test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.actors import World, world


@pytest.fixture
def people(tmp_path: Path) -> Iterator[World]:
    """Devices and relays of one story; whatever still runs at its end is killed."""
    with world(tmp_path) as made:
        yield made

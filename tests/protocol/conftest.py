"""What the tests of a conversation share."""

import pytest

from tests.people import Pair, meet


@pytest.fixture
def pair() -> Pair:
    """A host and a guest who have just confirmed each other."""
    return meet()

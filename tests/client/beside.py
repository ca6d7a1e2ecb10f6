"""Something that is done beside a test, in a thread of its own."""

import threading
from collections.abc import Callable
from typing import Final

from ojak_client.errors import VaultError

PATIENCE_SECONDS: Final = 60


class Beside(threading.Thread):
    """Does *what* from now on; a test that fails does not wait for it."""

    def __init__(self, what: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._what = what
        self._said = ""
        self.start()

    def run(self) -> None:
        """Do it."""
        try:
            self._what()
            self._said = "done"
        except VaultError as error:
            self._said = type(error).__name__

    def goes_on(self, seconds: float) -> bool:
        """Return whether it is not done when so much time has passed."""
        self.join(seconds)
        return self.is_alive()

    def ends(self) -> str:
        """Return "done", or the name of the error, once it has ended."""
        assert not self.goes_on(PATIENCE_SECONDS)
        return self._said

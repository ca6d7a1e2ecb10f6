"""Somebody who lays boxes through Caddy without a pause, and what became of them."""

import http.client
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ojak_protocol.sync import DepositOutcome, Found, SyncReply, SyncRequest
from tests.relay.kit import box, deposit, request, sync_over

PATIENCE_SECONDS = 60
AGAIN_SECONDS = 0.2
PAUSE_SECONDS = 0.05
"""Between two visits, so that the load stays under the limits of one source."""


@dataclass
class Visitor:
    """A client at an address with a certificate of Caddy's own authority.

    Attributes:
        acknowledged: numbers of the boxes that a relay said it has.
        unanswered: how many visits got no answer, or that nobody can serve.
        relay_pass: what it shows a private relay.
    """

    port: int
    root: Path
    acknowledged: list[int] = field(default_factory=list)
    unanswered: int = 0
    asked: int = 0
    relay_pass: str = ""

    def visit(self, asked: SyncRequest) -> SyncReply:
        """Make one request on a line of its own."""
        context = ssl.create_default_context(cafile=str(self.root))
        line = http.client.HTTPSConnection("localhost", self.port, timeout=40, context=context)
        try:
            shown = {"Authorization": f"Bearer {self.relay_pass}"} if self.relay_pass else {}
            return sync_over(line, asked, shown)
        finally:
            line.close()

    def again(self, asked: SyncRequest) -> SyncReply:
        """Make one request as clients do: again, where nobody answered."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return self.visit(asked)
            except (OSError, http.client.HTTPException, AssertionError):
                if time.monotonic() > until:
                    raise
                time.sleep(AGAIN_SECONDS)

    def lay(self, number: int) -> bool:
        """Lay box *number*, and say whether it was acknowledged."""
        self.asked += 1
        try:
            outcome = self.visit(request(deposits=(deposit(number, number),))).deposits[0]
        except (OSError, http.client.HTTPException, AssertionError):
            self.unanswered += 1
            return False
        if outcome is DepositOutcome.STORED:
            self.acknowledged.append(number)
        return outcome is DepositOutcome.STORED

    def missing(self) -> list[int]:
        """Return the acknowledged boxes that are not found."""
        return [
            number
            for number in self.acknowledged
            if self.again(request(number)).polls[0] != Found(box(number))
        ]

    @contextmanager
    def laying(self, first: int) -> Iterator[None]:
        """Lay boxes from number *first* on for the length of the block, and a second longer."""
        ended = threading.Event()

        def run() -> None:
            number = first
            while not ended.wait(PAUSE_SECONDS):
                self.lay(number)
                number += 1

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
            time.sleep(1)
        finally:
            ended.set()
            thread.join()

"""What the relay tells its operator: one line an event, of counts and states alone.

No library writes here: their loggers know addresses and what was sent. `text` is for people, `json`
for what collects logs; both go to standard error, and both hold the same words.
"""

import json
import sys
import time
from contextlib import suppress
from typing import Final

import click

NAME: Final = "ojak-relay"


class Log:
    """Takes lines.

    Args:
        as_json: whether each line is one JSON object.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self._as_json = as_json
        self._told: set[str] = set()

    def __call__(self, sentence: str, **figures: str | int) -> None:
        """Write one line.

        Args:
            sentence: what happened; never anything that a client sent, nor from where.
            figures: counts and states that belong to it.
        """
        if self._as_json:
            line = json.dumps({"time": int(time.time()), "message": sentence, **figures})
        else:
            words = (sentence, *(f"{name}={value}" for name, value in figures.items()))
            line = f"{NAME}: {' '.join(words)}"
        # A log that takes nothing more, on a full disk say, is no reason to serve nobody.
        with suppress(OSError, ValueError):
            click.echo(line, file=sys.stderr)

    def once(self, sentence: str) -> None:
        """Write one line the first time that *sentence* is told: for what requests meet.

        More lines would say when requests came.
        """
        if sentence not in self._told:
            self._told.add(sentence)
            self(sentence)

"""What the relay tells its operator: one line an event, of counts and states alone.

No library writes here: their loggers know addresses and what was sent. `text` is for people, `json`
for what collects logs; both go to standard error, and both hold the same words.
"""

import json
import sys
import time
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

    def __call__(self, sentence: str, **figures: str | int) -> None:
        """Write one line.

        Args:
            sentence: what happened; never anything that a client sent, nor from where.
            figures: counts and states that belong to it.
        """
        if self._as_json:
            record = {"time": int(time.time()), "message": sentence, **figures}
            click.echo(json.dumps(record), file=sys.stderr)
        else:
            words = (sentence, *(f"{name}={value}" for name, value in figures.items()))
            click.echo(f"{NAME}: {' '.join(words)}", err=True)

"""What a run writes: results on standard output, sentences on standard error.

With `--json` both become one object a line on standard output, flushed at once: "event" holds the
id of the sentence or the name of the result, the other keys are its variables, and both are
stable. Nothing is coloured, so nothing depends on colour.
"""

import sys
from typing import TextIO

from ojak_client import escape
from ojak_client.errors import OutputUnusable
from ojak_client.i18n import Text, told
from ojak_client.messages import Message
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class Output:
    """Where and how much a run writes."""

    json: bool = False
    quiet: bool = False
    verbose: int = 0

    def say(self, message: Text, **values: object) -> None:
        """Tell the person what happened; silent with `-q`."""
        self._sentence(message, values, shown=not self.quiet)

    def warn(self, message: Text, **values: object) -> None:
        """Tell the person what they must know even with `-q`."""
        self._sentence(message, values, shown=True)

    def detail(self, message: Text, **values: object) -> None:
        """Tell the person more, with `-v` only."""
        if self.verbose:
            self._sentence(message, values, shown=True)

    def show(self, message: Text, **values: object) -> None:
        """Write a result that is a sentence with variables."""
        if self.json:
            self._event(message.id, values)
        else:
            _write(sys.stdout, told(message, **values))

    def write(self, event: str, text: str, **fields: object) -> None:
        """Write a result that is *text* from outside; `--json` carries it unchanged as "text"."""
        if self.json:
            self._event(event, {"text": text, **fields})
        else:
            _write(sys.stdout, escape.block(text))

    @property
    def results_are_read(self) -> bool:
        """Whether a person or a program reads what `show` writes, as far as that can be known."""
        return self.json or is_terminal(sys.stdout)

    @property
    def sentences_are_read(self) -> bool:
        """The same of what `warn` says."""
        return self.json or is_terminal(sys.stderr)

    def progress(self, n: int, total: int) -> None:
        """Show that part *n* of *total* is done, on a terminal only and on one line."""
        if self.json or self.quiet or not is_terminal(sys.stderr):
            return
        end = "\n" if n == total else ""
        sys.stderr.write("\r" + told(Message.PROGRESS, n=n, total=total) + end)
        sys.stderr.flush()

    def failed(self, message: Text, code: int, command: str | None, **values: object) -> None:
        """Write the sentence a run ends with, and the command to type next."""
        if self.json:
            self._event(message.id, {**values, "exit": code})
            return
        _write(sys.stderr, told(message, **values))
        if command is not None:
            _write(sys.stderr, told(Message.TYPE_THIS, command=command))

    def _sentence(self, message: Text, values: dict[str, object], *, shown: bool) -> None:
        if self.json:
            self._event(message.id, values)
        elif shown:
            _write(sys.stderr, told(message, **values))

    def _event(self, event: str, fields: dict[str, object]) -> None:
        import json  # noqa: PLC0415 - most runs write none

        # ASCII only: escaping here also keeps control characters off a terminal.
        _write(sys.stdout, json.dumps({"event": event, **fields}, ensure_ascii=True))


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether *stream* is a terminal; None: it was closed before we began."""
    return stream is not None and stream.isatty()


def _write(stream: TextIO | None, text: str) -> None:
    """Write *text* and a line break to *stream*; None: it was closed before we began.

    Raises:
        OutputUnusable: it is full or closed.
        BrokenPipeError: whoever read it has gone.
    """
    if stream is None:
        raise OutputUnusable("there is none")
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError):
        raise OutputUnusable("full or closed") from None

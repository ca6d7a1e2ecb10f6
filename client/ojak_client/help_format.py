"""Lays out `--help` by columns: a Korean character takes two, and click counts one."""

from collections.abc import Iterable

import click

from ojak_client.line_editor import columns

_GAP = 2


class ColumnFormatter(click.HelpFormatter):
    """click's formatter with lists and paragraphs laid out by columns instead of characters."""

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = _GAP
    ) -> None:
        """Write two columns; the second is broken between words."""
        rows = list(rows)
        first_width = min(max((width(first) for first, _ in rows), default=0), col_max)
        indent = self.current_indent + first_width + col_spacing
        for first, second in rows:
            padding = max(first_width - width(first), 0) + col_spacing
            lines = wrap(second, max(self.width - indent, 10))
            self.write(f"{'':{self.current_indent}}{first}{'':{padding}}")
            self.write(f"\n{'':{indent}}".join(lines) + "\n")

    def write_text(self, text: str) -> None:
        """Write paragraphs, broken between words."""
        for line in wrap(text, max(self.width - self.current_indent, 10)):
            self.write(f"{'':{self.current_indent}}{line}\n")


def width(text: str) -> int:
    """Return how many columns *text* takes."""
    return sum(map(columns, text))


def wrap(text: str, limit: int) -> list[str]:
    """Return *text* in lines of at most *limit* columns, a longer word alone on its line."""
    lines: list[str] = []
    for word in text.split():
        if lines and width(lines[-1]) + 1 + width(word) <= limit:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]

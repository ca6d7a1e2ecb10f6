"""What the runs of the image share: claims that hold, and those that were not tried."""

import click

not_run: list[str] = []
"""What this machine could not try."""


class Failed(Exception):
    """Something does not hold."""


def holds(claim: str, truth: object) -> None:
    """Print *claim* if it is true, and end everything otherwise."""
    if not truth:
        raise Failed(claim)
    click.echo(f"holds: {claim}")


def skipped(what: str, why: str) -> None:
    """Say loudly that *what* is not run here."""
    not_run.append(what)
    click.echo(f"NOT RUN: {what}: {why}")

"""`ojak-relay selftest`: what an outsider sees."""

from collections import Counter
from pathlib import Path

import click

from ojak_relay.commands.options import CANNOT, WRONG_SETTINGS, fail


@click.command("selftest")
@click.argument("url")
@click.option("--pass-file", metavar="FILE", help="File with the pass of a private relay.")
def command(url: str, pass_file: str | None) -> None:
    """Visit the relay at URL, its public address, and say what an outsider sees.

    A box is laid at a place that nobody else knows, found and deleted. Each line begins with fine,
    look (you should know it) or wrong; with anything wrong it ends with 1.
    """
    from ojak_relay.config import Config  # noqa: PLC0415 - `--help` needs none of these
    from ojak_relay.errors import ConfigError  # noqa: PLC0415 - the same
    from ojak_relay.opening import read_pass  # noqa: PLC0415 - the same
    from ojak_relay.selftest.checks import Level, visit  # noqa: PLC0415 - the same
    from ojak_relay.selftest.line import NoAnswer  # noqa: PLC0415 - the same
    from ojak_relay.selftest.target import Target, WrongUrl  # noqa: PLC0415 - the same

    try:
        relay_pass = read_pass(Config(pass_file=str(Path(pass_file)))) if pass_file else ""
        target = Target.of(url, relay_pass)
    except ConfigError as error:
        fail(str(error), WRONG_SETTINGS)
    except WrongUrl:
        fail("give an address such as https://relay.example", WRONG_SETTINGS)
    levels: Counter[Level] = Counter()
    try:
        for finding in visit(target):
            levels[finding.level] += 1
            _tell(finding.level.value, finding.sentence)
    except NoAnswer as error:
        _tell(Level.WRONG.value, str(error))
        levels[Level.WRONG] += 1
    click.echo(
        f"fine: {levels[Level.FINE]}, look: {levels[Level.LOOK]}, wrong: {levels[Level.WRONG]}"
    )
    if levels[Level.WRONG]:
        raise SystemExit(CANNOT)


def _tell(level: str, sentence: str) -> None:
    # What stands in between may have sent parts of it, to move the cursor of this terminal.
    shown = "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in sentence)
    click.echo(f"{level:<6} {shown}")

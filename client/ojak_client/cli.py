"""The command line: finds the verb, runs it, and ends with one sentence and one code.

What only a running verb needs is imported when one runs: `ojak --help` starts at once.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import StringIO
from typing import Final

import click

from ojak_client.help_texts import HelpText
from ojak_client.i18n import choose_language, told, told_by_click, use
from ojak_client.verb import Command, common_options, ending_option, write_examples
from ojak_client.verbs import VERBS

EXAMPLES: Final = ("ojak invite", "ojak keep", "ojak meet 1234 5678 9012", "ojak read")


class Ojak(Command, click.Group):
    """The command `ojak`, which imports a verb only to run it or to explain it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb of that name, importing its module."""
        del ctx
        if cmd_name not in VERBS:
            return None
        # However the verb ends: which files are read is not to tell what a vault holds.
        importlib.import_module("ojak_client.endings")
        command: click.Command = importlib.import_module(f"ojak_client.verbs.{cmd_name}").command
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, usage, what it is for, options, verbs."""
        write_examples(EXAMPLES, formatter)
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table, importing none."""
        del ctx
        with formatter.section(told_by_click("Commands")):
            formatter.write_dl([(name, told(line)) for name, line in VERBS.items()])


def run(arguments: Sequence[str]) -> int:
    """Run `ojak` with *arguments* and return its exit code; raises nothing but SystemExit."""
    use(choose_language(arguments, os.environ))
    try:
        result = _ojak().main(args=list(arguments), prog_name="ojak", standalone_mode=False)
    except click.Abort:
        return _end(KeyboardInterrupt(), arguments)
    except click.ClickException as wrong_call:
        from ojak_client import escape  # noqa: PLC0415 - only a mistyped call needs it

        # It quotes what was typed, which may have been pasted from what somebody sent.
        complaint = StringIO()
        wrong_call.show(complaint)
        with suppress(OSError, ValueError, AttributeError):
            # Full or closed, or none: the code says it.
            sys.stderr.write(escape.block(complaint.getvalue()))
            sys.stderr.flush()
        return wrong_call.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - here everything ends
        return _end(error, arguments)
    return result if isinstance(result, int) else 0


def _end(error: BaseException, arguments: Sequence[str]) -> int:
    from ojak_client.endings import end  # noqa: PLC0415 - a help that was shown does not end so

    return end(error, arguments)


def _ojak() -> Ojak:
    """Return the command in the language in use: help texts are read when options are made."""
    version = ending_option("--version", "Show the version and exit.", _version)
    return Ojak(
        name="ojak",
        params=[*common_options(of_verb=False), version],
        help=told(HelpText.OJAK),
        options_metavar=told(HelpText.OPTIONS_METAVAR),
        subcommand_metavar=told(HelpText.COMMAND_METAVAR),
    )


def _version(context: click.Context) -> str:
    from importlib.metadata import version  # noqa: PLC0415 - nothing else needs it

    values = {"prog": context.info_name, "version": version("ojak")}
    return told_by_click("%(prog)s, version %(version)s") % values

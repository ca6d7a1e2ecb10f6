"""The command line: finds the verb, and turns whatever happens into one sentence and a code.

Nothing that goes wrong shows a traceback: its lines quote values, and a value may be a secret on
a borrowed screen. With OJAK_DEBUG set, a fault also prints where it arose: kinds of errors, files
and line numbers, never a message or a value.
"""

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from gettext import gettext
from typing import Final

import click

from ojak_client.exit_codes import ExitCode, exit_code
from ojak_client.failures import Failure, explain
from ojak_client.help_texts import HelpText
from ojak_client.i18n import choose_language, told, use
from ojak_client.messages import Message
from ojak_client.output import Output
from ojak_client.verb import common_options, write_examples
from ojak_client.verbs import VERBS

EXAMPLES: Final = ("ojak invite", "ojak keep", "ojak meet 1234 5678 9012", "ojak read")
DEBUG_VARIABLE: Final = "OJAK_DEBUG"


class Ojak(click.Group):
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
        module = importlib.import_module(f"ojak_client.verbs.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 - our own table and modules
        return command

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, usage, what it is for, options, verbs."""
        write_examples(EXAMPLES, formatter)
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table, importing none."""
        del ctx
        with formatter.section(gettext("Commands")):
            formatter.write_dl([(name, told(line)) for name, line in VERBS.items()])


def run(arguments: Sequence[str]) -> int:
    """Run `ojak` with *arguments* and return its exit code; never raises an `Exception`."""
    use(choose_language(arguments, os.environ))
    try:
        result = _ojak().main(args=list(arguments), prog_name="ojak", standalone_mode=False)
    except click.Abort:
        return _end(Failure(Message.INTERRUPTED), arguments)
    except click.ClickException as wrong_call:
        wrong_call.show()
        return wrong_call.exit_code
    except KeyboardInterrupt:
        return _end(Failure(Message.INTERRUPTED), arguments)
    except BrokenPipeError:
        # The reader of our output has gone, as in `ojak contacts | head -1`; what is still
        # buffered must not be tried again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.GENERAL
    except Exception as error:  # noqa: BLE001 - the one place where everything ends
        return _end(explain(error), arguments, error)
    return result if isinstance(result, int) else ExitCode.DONE


def _ojak() -> Ojak:
    """Return the command in the language in use: help texts are read when options are made."""
    group = Ojak(
        name="ojak",
        params=common_options(of_verb=False),
        help=told(HelpText.OJAK),
        options_metavar=told(HelpText.OPTIONS_METAVAR),
        subcommand_metavar=told(HelpText.COMMAND_METAVAR),
    )
    return click.version_option(package_name="ojak")(group)


def _end(failure: Failure, arguments: Sequence[str], cause: Exception | None = None) -> int:
    code = exit_code(failure.message)
    output = Output(json="--json" in arguments)
    output.failed(failure.message, code, failure.command, **failure.values)
    if failure.message is Message.FAULT and cause is not None and os.environ.get(DEBUG_VARIABLE):
        _print_places(cause)
    return code


def _print_places(error: BaseException | None) -> None:
    """Print kinds, files and lines of *error* and its causes: nothing of what was handled."""
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__, limit=50):
            sys.stderr.write(f"  {frame.filename}:{frame.lineno} {frame.name}\n")
        sys.stderr.write(f"{type(error).__name__}\n")
        error = error.__cause__ or error.__context__

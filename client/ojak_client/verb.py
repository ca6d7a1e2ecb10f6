"""What all verbs share: the common options, the order of their help, and the call itself.

The common options stand before or after the name of the verb; what stands after it wins.
"""

import gc
import os
from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from click.core import ParameterSource

from ojak_client.help_texts import HelpText
from ojak_client.i18n import LANGUAGES, Text, told, told_by_click, use_profile

_COMMON: Final = (
    "lang", "profile", "relay", "json", "no_input", "yes", "quiet", "verbose", "passphrase_fd",
    "passphrase_credential",
)  # fmt: skip

_MADE_UNTIL_LOOKED: Final = 50_000
"""How many things are made until garbage among them is looked for; some five megabytes of them."""

Run = Callable[..., Any]


def common_options(*, of_verb: bool) -> list[click.Parameter]:
    """Return the common options; in a verb's own help they are left out, to keep it short."""
    descriptor = told(HelpText.DESCRIPTOR_METAVAR)
    options = [
        click.Option(["--lang"], type=click.Choice(LANGUAGES), help=told(HelpText.LANG)),
        click.Option(
            ["--profile"],
            callback=_checked_folder,
            metavar=told(HelpText.PROFILE_METAVAR),
            help=told(HelpText.PROFILE),
            # Only before the verb: the group reads the environment once for both places.
            envvar=None if of_verb else "OJAK_HOME",
            show_envvar=True,
        ),
        click.Option(
            ["--relay"],
            metavar=told(HelpText.RELAY_METAVAR),
            help=told(HelpText.RELAY),
            envvar=None if of_verb else "OJAK_RELAY",
            show_envvar=True,
        ),
        click.Option(["--json"], is_flag=True, help=told(HelpText.JSON)),
        click.Option(["--no-input"], is_flag=True, help=told(HelpText.NO_INPUT)),
        click.Option(["--yes"], is_flag=True, help=told(HelpText.YES)),
        click.Option(["-q", "--quiet"], is_flag=True, help=told(HelpText.QUIET)),
        click.Option(["-v", "--verbose"], count=True, help=told(HelpText.VERBOSE)),
        click.Option(
            ["--passphrase-fd"],
            type=click.IntRange(min=0),
            metavar=descriptor,
            help=told(HelpText.PASSPHRASE_FD),
        ),
        click.Option(
            ["--passphrase-credential"],
            metavar=told(HelpText.NAME_METAVAR),
            help=told(HelpText.PASSPHRASE_CREDENTIAL),
        ),
    ]
    for option in options:
        option.hidden = of_verb
    return list(options)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write the examples; they come first, because many readers need nothing else."""
    with formatter.section(told(HelpText.FIRST_STEPS)):
        for example in examples:
            formatter.write(f"{'':{formatter.current_indent}}{example}\n")
    formatter.write_paragraph()


class ColumnContext(click.Context):
    """click's context, writing help by columns."""

    def make_formatter(self) -> click.HelpFormatter:
        """Return what lays out the help."""
        from ojak_client.help_format import ColumnFormatter  # noqa: PLC0415 - a verb that runs shows none

        return ColumnFormatter(width=self.terminal_width, max_width=self.max_content_width)


def ending_option(name: str, help_text: str, text: Callable[[click.Context], str]) -> click.Option:
    """Return an option that writes *text* and ends the run, explained by a text of click's.

    click's own of this kind look for the catalogue's file whenever they are made.
    """

    def write(ctx: click.Context, _parameter: click.Parameter, is_given: bool) -> None:  # noqa: FBT001 - click's own signature
        if is_given and not ctx.resilient_parsing:
            try:
                click.echo(text(ctx))
            except BrokenPipeError:
                raise
            except OSError:
                from ojak_client.errors import OutputUnusable  # noqa: PLC0415 - hardly ever needed

                raise OutputUnusable("full") from None
            ctx.exit()

    return click.Option(
        [name],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        help=told_by_click(help_text),
        callback=write,
    )


class Command(click.Command):
    """click's command, its help written by columns and explained by `ending_option`."""

    context_class = ColumnContext
    _help: click.Option | None = None

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return `--help`, the same at each call, as click goes by its identity."""
        del ctx
        if self._help is None:
            text = click.Context.get_help
            self._help = ending_option("--help", "Show this message and exit.", text)
        return self._help


class Verb(Command):
    """A command whose function receives an `Invocation` first and its own options by name."""

    def __init__(self, run: Run, *, help_text: Text, examples: Sequence[str]) -> None:
        # The decorators of click leave what they declared on the function, last first.
        declared: list[click.Parameter] = getattr(run, "__click_params__", [])
        super().__init__(
            name=None,
            callback=run,
            params=[*reversed(declared), *common_options(of_verb=True)],
            help=told(help_text),
            epilog=told(HelpText.MORE_OPTIONS),
            options_metavar=told(HelpText.OPTIONS_METAVAR),
        )
        self.examples = tuple(examples)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, usage, what it is for, options."""
        write_examples(self.examples, formatter)
        super().format_help(ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Call the verb with one `Invocation` in place of the common options."""
        from ojak_client.hardening import harden  # noqa: PLC0415 - `--help` shows no secret
        from ojak_client.invocation import from_options  # noqa: PLC0415 - nor needs what they load

        harden()
        use_profile(_chosen(ctx, "profile") if _is_typed(ctx, "profile") else None)
        if not gc.isenabled():
            # It rested while modules were imported (`__main__`); what they hold is left out of it.
            gc.freeze()
            # Rarely: what a verb makes of a vault stays while it runs, and is no garbage.
            gc.set_threshold(_MADE_UNTIL_LOOKED)
            gc.enable()
        common = {name: _chosen(ctx, name) for name in _COMMON}
        own = {name: value for name, value in ctx.params.items() if name not in _COMMON}
        assert self.callback is not None  # noqa: S101 - given in __init__; for the type checker
        return ctx.invoke(self.callback, from_options(common), **own)


def verb(help_text: Text, *, examples: Sequence[str]) -> Callable[[Run], Verb]:
    """Make a function the command of its module; use it above click's own decorators.

        @verb(HelpText.SEND, examples=("ojak send 순이 < letter.txt",))
        @click.argument("name", metavar=told(HelpText.NAME_METAVAR))
        def command(invocation: Invocation, name: str) -> None: ...

    The function ends by returning, or with another code by raising `Failure` or any error of
    `ojak_client.errors` and `ojak_protocol.errors`.
    """
    return lambda run: Verb(run, help_text=help_text, examples=examples)


def _chosen(ctx: click.Context, name: str) -> Any:  # noqa: ANN401 - of each option its own type
    """Return what stands after the verb if anything does, else what stands before it."""
    if ctx.parent is None or _stands_in(ctx, name):
        return ctx.params[name]
    return ctx.parent.params[name]


def _is_typed(ctx: click.Context, name: str) -> bool:
    """Whether the option stands before or after the verb, and not in the environment alone."""
    return _stands_in(ctx, name) or (ctx.parent is not None and _stands_in(ctx.parent, name))


def _stands_in(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE


def _checked_folder(
    context: click.Context, parameter: click.Parameter, folder: str | None
) -> str | None:
    """Return what was typed; click says what is wrong with what is no folder or not to be read."""
    if folder is None or (os.path.isdir(folder) and os.access(folder, os.R_OK)):  # noqa: PTH112 - pathlib costs a third of a bare start
        return folder
    # Made for these alone: to know its own name it looks for the catalogue.
    return str(click.Path(file_okay=False).convert(folder, parameter, context))

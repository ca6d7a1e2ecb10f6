"""The command `ojak-relay`: finds the command asked for and runs it."""

import importlib

import click

from ojak_relay.commands import COMMANDS


class Commands(click.Group):
    """The commands of the table, each imported only to run it or to explain it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name, importing its module."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = f"ojak_relay.commands.{cmd_name.replace('-', '_')}"
        command: click.Command = importlib.import_module(module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands from the table, importing none."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(package_name="ojak")
@click.pass_context
def main(context: click.Context) -> None:
    """Keep sealed boxes for a while and forget them. Without a command: serve."""
    if context.invoked_subcommand is None:
        serve = main.get_command(context, "serve")
        if serve is not None:
            context.invoke(serve)


if __name__ == "__main__":
    main(prog_name="ojak-relay")

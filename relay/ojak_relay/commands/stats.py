"""`ojak-relay stats`: numbers of the whole relay, for whoever may open its control socket.

Without a running relay the headers in the store are counted; no box is read.
"""

import json
import time
from itertools import chain
from pathlib import Path

import click

from ojak_relay.commands.asking import NotRunning, ask
from ojak_relay.commands.options import fail, options, settings
from ojak_relay.config import Config
from ojak_relay.errors import RelayError


@click.command("stats")
@options("config", "store", "path", "control")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(*, as_json: bool, **flags: object) -> None:
    """Print what a running relay counted since its start, or what lies in its store.

    Numbers of the whole relay, exact: keep them to yourself.
    """
    config = settings(flags)
    try:
        told = ask(config, "stats")
    except NotRunning:
        told = _lying(config)
    if as_json:
        click.echo(json.dumps(told))
        return
    for name, value in told.items():
        click.echo(f"{name:<24} {value}")


def _lying(config: Config) -> dict[str, int]:
    from ojak_relay.store.page import BOX, read_headers  # noqa: PLC0415 - a running one answers
    from ojak_relay.store.page_file import PageFile  # noqa: PLC0415 - the same

    if config.store != "pages" or not Path(config.path).exists():
        fail("no relay is running with these settings")
    boxes = due = 0
    try:
        file = PageFile.look(Path(config.path))
        try:
            now = max(int(time.time()), file.clock)
            spans = (file.read_all(span) for span in file.written())
            for _, content in chain.from_iterable(spans):
                lying = [one for one in read_headers(content) if one is not None and one[0] == BOX]
                boxes += len(lying)
                due += sum(header[3] <= now for header in lying)
        finally:
            file.close()
    except RelayError as error:
        fail(str(error))
    return {"running": 0, "boxes": boxes, "capacity": file.capacity, "due": due, "clock": now}

"""What the commands share: their options, the settings that these give, and how they end."""

import os
from collections.abc import Callable
from typing import Final, NoReturn, TypeVar

import click

from ojak_relay.config import STORES, Config, load
from ojak_relay.errors import ConfigError
from ojak_relay.log import NAME

F = TypeVar("F", bound=Callable[..., object])

CANNOT: Final = 1
WRONG_SETTINGS: Final = 2

_OPTIONS: Final = {
    "config": click.option("--config", metavar="FILE", help="TOML file with settings."),
    "listen": click.option(
        "--listen", metavar="ADDRESS", help="HOST:PORT or unix:PATH; port 0 takes a free one."
    ),
    "store": click.option("--store", type=click.Choice(STORES), help="Where boxes lie."),
    "path": click.option("--path", metavar="FILE", help="File of the pages store."),
    "capacity": click.option(
        "--capacity", type=int, metavar="BOXES", help="How many boxes are to fit."
    ),
    "valkey": click.option("--valkey", metavar="URLS", help="Servers of the valkey store."),
    "valkey_password_file": click.option(
        "--valkey-password-file", metavar="FILE", help="File with their password."
    ),
    "valkey_ca": click.option(
        "--valkey-ca", metavar="FILE", help="PEM file: who vouches for them."
    ),
    "valkey_replicas": click.option(
        "--valkey-replicas", type=int, metavar="N", help="How many must have a box."
    ),
    "tls_certificate": click.option(
        "--tls-certificate", metavar="FILE", help="PEM file; without one, plain HTTP."
    ),
    "tls_key": click.option("--tls-key", metavar="FILE", help="PEM file."),
    "pass_file": click.option(
        "--pass-file", metavar="FILE", help="File with the pass of a private relay."
    ),
    "read_only": click.option(
        "--read-only", is_flag=True, default=None, help="Refuse every deposit."
    ),
    "control": click.option(
        "--control", metavar="PATH", help="Unix socket for stats and drain, or off."
    ),
    "metrics_listen": click.option(
        "--metrics-listen", metavar="ADDRESS", help="Where to answer Prometheus."
    ),
}
ALL: Final = tuple(_OPTIONS)


def options(*names: str) -> Callable[[F], F]:
    """Return a decorator that gives a command these options; their names are those of settings."""

    def add(command: F) -> F:
        for name in reversed(names):
            command = _OPTIONS[name](command)
        return command

    return add


def settings(flags: dict[str, object]) -> Config:
    """Return the settings that flags, environment and file give; end where they give none."""
    try:
        return load(flags, os.environ)
    except ConfigError as error:
        fail(str(error), WRONG_SETTINGS)


def fail(sentence: str, code: int = CANNOT) -> NoReturn:
    """End with one sentence on standard error."""
    click.echo(f"{NAME}: {sentence}", err=True)
    raise SystemExit(code)

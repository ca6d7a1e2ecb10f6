"""Options that several verbs have: name, bounds, placeholder and help of each stand here once.

They are functions because the help is looked up when a verb is imported, after the language was
chosen.
"""

from collections.abc import Callable
from typing import Any, Final

import click

from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text, told
from ojak_client.inputs import ANSWER_OPTION, ANSWERS_OPTION, NEW_PASSPHRASE_OPTION
from ojak_client.relay_url import parse_proxy_url

MOST_SET_NUMBER: Final = 999
"""The format has room for more; nobody should have to type it."""

Declare = Callable[[Callable[..., Any]], Callable[..., Any]]


def name_argument(*, required: bool = True) -> Declare:
    """Declare NAME, the contact that is meant, as `name`; if not *required*, the only one."""
    metavar = HelpText.NAME_METAVAR if required else HelpText.OPTIONAL_NAME_METAVAR
    return click.argument("name", required=required, metavar=told(metavar))


def proxy_option() -> Declare:
    """Declare `--proxy` as `proxy`; one that cannot be used is told before anything is done."""
    return click.option(
        "--proxy",
        metavar=told(HelpText.PROXY_METAVAR),
        help=told(HelpText.PROXY),
        callback=_checked_proxy,
    )


def set_option(*, default: int | None = None) -> Declare:
    """Declare `--set` as `set_number`; *default* is the set that is meant where none is named."""
    return click.option(
        "--set",
        "set_number",
        type=click.IntRange(1, MOST_SET_NUMBER),
        default=default,
        metavar=told(HelpText.SET_METAVAR),
        help=told(HelpText.SET),
    )


def questions_option() -> Declare:
    """Declare `--question`, to be given three times, as `questions`."""
    return click.option(
        "--question",
        "questions",
        multiple=True,
        metavar=told(HelpText.QUESTION_METAVAR),
        help=told(HelpText.QUESTION),
    )


def answers_fd_option(help_text: Text = HelpText.ANSWERS_FD) -> Declare:
    """Declare `--answers-fd`, for several answers, as `answers_fd`."""
    return _descriptor(ANSWERS_OPTION, help_text)


def answer_fd_option(help_text: Text = HelpText.ANSWER_FD) -> Declare:
    """Declare `--answer-fd`, for one answer, as `answer_fd`."""
    return _descriptor(ANSWER_OPTION, help_text)


def new_passphrase_fd_option() -> Declare:
    """Declare `--new-passphrase-fd` as `new_passphrase_fd`."""
    return _descriptor(NEW_PASSPHRASE_OPTION, HelpText.NEW_PASSPHRASE_FD)


def _checked_proxy(
    _context: click.Context, _parameter: click.Parameter, proxy: str | None
) -> str | None:
    if proxy is not None:
        parse_proxy_url(proxy)
    return proxy


def _descriptor(option: str, help_text: Text) -> Declare:
    return click.option(
        option,
        type=click.IntRange(min=0),
        metavar=told(HelpText.DESCRIPTOR_METAVAR),
        help=told(help_text),
    )

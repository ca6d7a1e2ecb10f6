"""The three languages: which one a run speaks, and how a text becomes a sentence in it.

The source of each text is its English; the catalogues `ko` and `zh` translate it under its id as
context, and gettext keeps them in `locale/`. Texts are whole sentences, never joined from pieces:
a Korean particle changes with the word before it. Variables stand in quotes after a colon.

`use` comes before any command module is imported: click and the commands read their help texts
when they are made.
"""

import gettext
import os
from collections.abc import Mapping, Sequence
from typing import Final

from ojak_protocol.values import dataclass

DOMAIN: Final = "ojak"
LOCALE_DIR: Final = os.path.join(os.path.dirname(__file__), "locale")  # noqa: PTH118, PTH120 - pathlib costs a third of a bare start
LANGUAGES: Final = ("ko", "zh", "en")
DEFAULT_LANGUAGE: Final = "ko"
OWN_VARIABLE: Final = "OJAK_LANG"


@dataclass(frozen=True, slots=True)
class Text:
    """A text that a person can see: its stable id and its English.

    All of them stand in `messages.Message` and `help_texts.HelpText`. These are no enums: to make
    the members of one takes longer than all that is read to know their texts.
    """

    id: str
    english: str


def text(identifier: str, english: str) -> Text:
    """Return a text. Extraction looks for calls of this name with two literals."""
    return Text(identifier, english)


def choose_language(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return "ko", "zh" or "en": `--lang`, OJAK_LANG, then the locale, else Korean.

    A borrowed device often has no locale at all: what is unknown is Korean. An unknown `--lang`
    is not judged here; the command line refuses it, in the language found without it.
    """
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    for wanted in (_option(arguments), environment.get(OWN_VARIABLE, ""), locale):
        language = wanted.partition(".")[0].partition("_")[0].partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return DEFAULT_LANGUAGE


def _option(arguments: Sequence[str]) -> str:
    """Return the last value of `--lang`; read before click, which needs the language to speak."""
    found = ""
    for position, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--lang":
            found = "".join(arguments[position + 1 : position + 2])
        elif argument.startswith("--lang="):
            found = argument.removeprefix("--lang=")
    return found


class _Spoken:
    """The catalogue in use; empty, which is English, until `use` was called.

    And what a person types to call Ojak.
    """

    catalogue = gettext.NullTranslations()
    ojak = "ojak"


def use(language: str) -> None:
    """Speak *language* from now on, click's own messages included."""
    # click asks gettext's global domain, and gettext takes its language from nowhere else.
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain(DOMAIN, LOCALE_DIR)
    gettext.textdomain(DOMAIN)
    _Spoken.catalogue = _catalogue(language)


def _catalogue(language: str) -> gettext.NullTranslations:
    # Not by `gettext.translation`, which loads `locale` to learn other names of the language.
    path = os.path.join(LOCALE_DIR, language, "LC_MESSAGES", f"{DOMAIN}.mo")  # noqa: PTH118 - pathlib costs a third of a bare start
    try:
        with open(path, "rb") as catalogue:  # noqa: PTH123 - pathlib costs a third of a bare start
            return gettext.GNUTranslations(catalogue)
    except (FileNotFoundError, NotADirectoryError):
        return gettext.NullTranslations()


def use_profile(folder: str | None) -> None:
    """Name *folder* from now on in all that a sentence asks to type; None for no folder.

    For one that was typed: without it the same command would look somewhere else.
    """
    _Spoken.ojak = "ojak"
    if folder is not None:
        import shlex  # noqa: PLC0415 - most runs are told no folder

        _Spoken.ojak = f"ojak --profile {shlex.quote(folder)}"


def command_line(words: str) -> str:
    """Return what to type for `ojak` with *words*, the folder of `use_profile` named."""
    return f"{_Spoken.ojak} {words}"


def told(what: Text, **values: object) -> str:
    """Return *what* in the language in use, its variables filled in and made safe to show.

    The variable `ojak`, what to type to call Ojak, is known here and is not given.
    """
    template = _Spoken.catalogue.pgettext(what.id, what.english)
    if "{ojak}" in template:
        values["ojak"] = _Spoken.ojak
    return template.format(**{name: _shown(value) for name, value in values.items()})


def told_by_click(english: str) -> str:
    """Return a text of click's own in the language in use."""
    return _Spoken.catalogue.gettext(english)


def _shown(value: object) -> object:
    if not isinstance(value, str):
        return value
    from ojak_client import escape  # noqa: PLC0415 - most runs say no foreign word

    return escape.line(value)

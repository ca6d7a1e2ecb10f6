"""Options of the verbs: those of one name are one thing, and none shows a word of click's own."""

import re
from collections import defaultdict
from importlib import import_module, reload
from pathlib import Path

import click
import pytest

from ojak_client.i18n import LOCALE_DIR, Text
from ojak_client.messages import Message
from ojak_client.profile import Contact
from ojak_client.verb import Verb
from ojak_client.verbs import VERBS
from tests.client.devices import Device
from tests.client.persons import NAME
from tests.client.texts import texts_in

WITHOUT_PLACEHOLDER = (click.Choice,)
"""Types that show what may be given, in no language."""


WITH_PROXY = (
    "keep",
    "meet",
    "send",
    "recall",
    "ask",
    "answer",
    "stop",
    "sync",
    "allow",
    "forget",
    "relay",
)


def verb_of(name: str) -> Verb:
    command = import_module(f"ojak_client.verbs.{name}").command
    assert isinstance(command, Verb)
    return command


@pytest.mark.parametrize("name", VERBS)
def test_every_value_that_a_verb_takes_has_a_translated_placeholder(name: str) -> None:
    for parameter in verb_of(name).params:
        flag = isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count)
        if not flag and not isinstance(parameter.type, WITHOUT_PLACEHOLDER):
            assert parameter.metavar, parameter.opts


def test_an_option_has_one_name_one_kind_and_one_placeholder_in_every_verb() -> None:
    kinds: dict[str, set[tuple[str | None, str, str | None]]] = defaultdict(set)
    verbs_with: dict[str, int] = defaultdict(int)
    for name in VERBS:
        # Placeholders are read when a verb is made: all of them in the language of now, whatever
        # was spoken when an earlier test made some of them.
        reload(import_module(f"ojak_client.verbs.{name}"))
        for parameter in verb_of(name).params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                option = parameter.opts[0]
                # One question of one's own and three of a set are two things under one name.
                called = "questions" if parameter.name == "question" else parameter.name
                kinds[option].add((called, repr(parameter.type), parameter.metavar))
                verbs_with[option] += 1
    assert verbs_with["--proxy"] == len(WITH_PROXY)
    assert {option: many for option, many in kinds.items() if len(many) > 1} == {}


def said_to_type(message: Text) -> list[str]:
    return re.findall(r'"\{ojak\} ([a-z]+)"', message.english)


@pytest.mark.parametrize(
    "message",
    [one for one in texts_in(Message).values() if said_to_type(one)],
    ids=lambda one: one.id,
)
def test_a_command_that_a_sentence_says_to_type_can_be_typed_as_it_stands(message: Text) -> None:
    for name in said_to_type(message):
        verb_of(name).make_context(name, [])


def test_a_command_that_stands_below_a_sentence_can_be_typed_as_it_stands() -> None:
    client = Path(LOCALE_DIR).parent
    sources = [path.read_text("utf-8") for path in client.rglob("*.py")]
    lines = {line for source in sources for line in re.findall(r'command_line\("(.+?)"', source)}
    # With an ellipsis, that of one's own has to be added.
    whole = [line.split() for line in lines if not line.endswith("…")]
    assert ["invite"] in whole
    for name, *options in whole:
        verb_of(name).make_context(name, options)


@pytest.mark.parametrize("name", WITH_PROXY)
@pytest.mark.parametrize("proxy", ["ftp://x", ""], ids=["another form", "empty"])
def test_a_proxy_that_cannot_be_used_is_refused_before_anything_is_done(
    name: str, proxy: str, device: Device
) -> None:
    contact = Contact(NAME, "http://127.0.0.1:1")
    device.keep_contact(contact)
    arguments = {
        "keep": (),
        "sync": (),
        "meet": ("1234-5678-9018",),
        "relay": (NAME, "http://127.0.0.1:2"),
    }.get(name, (NAME,))
    ran = device.run(name, *arguments, "--proxy", proxy, typed="편지")
    assert (ran.code, ran.said) == (2, ["bad-proxy"])
    assert device.profile.contacts == (contact,)

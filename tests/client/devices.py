"""The verbs in this very process, on a profile of its own, against a simulated relay."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from ojak_client import opening
from ojak_client.cli import run
from ojak_client.messages import Message
from ojak_client.profile import Contact, Profile, QuestionSet, with_contact
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import Vault
from ojak_protocol.answers import answers_of
from ojak_protocol.meeting_point import MeetingPoint
from ojak_protocol.number import new_number
from ojak_protocol.stretch import answers_prs, argon2id, number_seed
from tests.client.persons import NAME, RELAY, Clock, JournalStore, Person
from tests.client.simulated_relay import SimulatedRelay
from tests.client.texts import texts_in

if TYPE_CHECKING:
    from ojak_client.notices import Notice

ANSWERS = ("뒷산 감자밭", "왕벌에 쏘인 날", "흰둥이")
WRONG_ANSWERS = ("뒷산 감자밭", "왕벌에 쏘인 날", "검둥이")
WORDS = "붉은 다리 아래"
PAGES = 256
"""How many boxes a vault of these devices has room for: a small file is made quickly."""
NUMBER = new_number(os.urandom)
SEED = number_seed(NUMBER, argon2id)
RIGHT = answers_prs(SEED, 1, answers_of(*ANSWERS), argon2id)


def quickly(secret: bytes, salt: bytes) -> bytes:
    """Stretch the passphrase of these vaults at no cost; test_vault and the journeys pay it."""
    return blake2b(secret, salt=salt, digest_size=32).digest()


_SENTENCES = {text.id: text.english for text in texts_in(Message).values()}
QUESTIONS = tuple(word for n in "123" for word in ("--question", f"질문 {n}"))


@dataclass
class Ran:
    """How a run ended."""

    code: int
    events: list[dict[str, Any]]
    errors: str

    @property
    def said(self) -> list[str]:
        """The ids of what was said and shown."""
        return [event["event"] for event in self.events]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]


@dataclass
class Device:
    """A device with a folder for its profile, at which a person types."""

    folder: Path

    def run(
        self,
        *arguments: str,
        typed: str = "",
        answers: tuple[str, ...] | None = None,
        words: str = WORDS,
        new_words: str | None = None,
    ) -> Ran:
        """Run `ojak` with *typed* as its standard input; all it says comes back as events."""
        with (
            descriptor_giving(words) as passphrase,
            descriptor_giving(new_words or "") as new_passphrase,
            _standard_input(typed),
            descriptor_giving(*(answers or ())) as answered,
        ):
            verb, *rest = arguments
            if answers is not None:
                rest += ["--answers-fd", str(answered)]
            if new_words is not None:
                rest += ["--new-passphrase-fd", str(new_passphrase)]
            rest += ["--passphrase-fd", str(passphrase), "--profile", str(self.folder)]
            return self._run([verb, *rest, "--json", "--no-input"])

    def _run(self, arguments: list[str]) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with (
            redirect_stdout(out),
            redirect_stderr(err),
            patch.object(opening, "argon2id", quickly),
        ):
            code = run(arguments)
        ran = Ran(code, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue())
        assert_each_can_be_told(ran)
        return ran

    @contextmanager
    def store(self) -> Iterator[VaultStore]:
        """The store in its vault, opened by the same passphrase."""
        path = vault_path(self.folder)
        vault = Vault.open(path, bytearray(WORDS.encode()), quickly, os.urandom)
        try:
            yield VaultStore(vault)
        finally:
            vault.close()

    def keep_contact(self, contact: Contact) -> None:
        """Make a vault with *contact*, or add it to the one that is there."""
        if not vault_path(self.folder).exists():
            passphrase = bytearray(WORDS.encode())
            Vault.create(
                vault_path(self.folder), passphrase, quickly, os.urandom, pages=PAGES
            ).close()
        with self.store() as store:
            store.update(lambda profile: (with_contact(profile, contact), None))

    @property
    def profile(self) -> Profile:
        with self.store() as store:
            return store.read()


def assert_each_can_be_told(ran: Ran) -> None:
    """Fail where a field is missing that the sentence a person reads has a place for."""
    for event in ran.events:
        if event["event"] in _SENTENCES:
            _SENTENCES[event["event"]].format(ojak="ojak", **event)


def waiting_host(relay: SimulatedRelay, clock: Clock) -> Person:
    """A host at NUMBER whose client stays on while guests wait."""
    point = MeetingPoint(NUMBER, SEED, 1, RIGHT, None, bits=30)
    told: list[Notice] = []
    store = JournalStore(
        with_contact(Profile(), Contact(NAME, RELAY, sets=(QuestionSet(point, ()),)))
    )
    host = Person(relay, clock, store, told)
    host.sync()
    relay.meanwhile = host.sync
    return host


@contextmanager
def descriptor_giving(*lines: str) -> Iterator[int]:
    """A descriptor that gives these lines."""
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{line}\n" for line in lines).encode())
    os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)


@contextmanager
def _standard_input(text: str) -> Iterator[None]:
    before = os.dup(0)
    with descriptor_giving(*text.splitlines()) as given:
        os.dup2(given, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)

"""Showing letters: marked before, gone after, whatever breaks off in between."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.output import Output
from ojak_client.profile import Contact, Profile, with_contact
from ojak_client.reading import Showing, show_letters
from ojak_client.store import MemoryStore
from tests.client.persons import NAME, RELAY, JournalStore, Killed, letter

T = TypeVar("T")


def invocation() -> Invocation:
    return Invocation("ko", None, None, Output(json=True), Inputs(no_input=True))


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [event["text"] for event in events if event["event"] == "letter"]


def holding(*texts: str) -> Profile:
    theirs = tuple(letter(text, reference=n) for n, text in enumerate(texts, 1))
    return with_contact(Profile(), Contact(NAME, RELAY, theirs=theirs))


@pytest.mark.parametrize("k", range(4))
def test_c7_a_device_that_dies_while_reading_shows_no_letter_twice_unasked_and_loses_none(
    k: int, capsys: pytest.CaptureFixture[str]
) -> None:
    store = JournalStore(holding("하나", "둘"))
    store.killed_at = k
    with pytest.raises(Killed):
        show_letters(invocation(), store, NAME, Showing(to_stdout=True))
    show_letters(invocation(), store, NAME, Showing(to_stdout=True))
    unasked = shown(capsys)
    assert len(unasked) == len(set(unasked))
    show_letters(invocation(), store, NAME, Showing(to_stdout=True, again=True))
    assert set(unasked + shown(capsys)) == {"하나", "둘"}
    assert store.read().contacts[0].theirs == ()


def test_a_letter_that_another_window_opened_meanwhile_is_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    profile = holding("하나")

    class Raced(MemoryStore):
        def read(self) -> Profile:
            return profile

    store = Raced(with_contact(Profile(), Contact(NAME, RELAY)))
    assert show_letters(invocation(), store, NAME, Showing(to_stdout=True)) == 0
    assert shown(capsys) == []
    gone = Raced(Profile())
    assert show_letters(invocation(), gone, NAME, Showing(to_stdout=True)) == 0


class Screen(Inputs):
    """A screen that says on standard output what it would show once."""

    __slots__ = ()

    def require_screen(self) -> None:
        """Return: this one can."""

    def show_once(self, text: str) -> None:
        print(text)  # noqa: T201 - a screen


@pytest.mark.parametrize("to_stdout", [False, True], ids=["on the screen", "printed"])
@pytest.mark.parametrize("whose", [False, True])
def test_a_letter_among_those_of_several_people_says_whose_it_is(
    capsys: pytest.CaptureFixture[str], *, to_stdout: bool, whose: bool
) -> None:
    spoken = Invocation("ko", None, None, Output(), Screen())
    how = Showing(to_stdout=to_stdout, whose=whose)
    assert show_letters(spoken, MemoryStore(holding("하나")), NAME, how) == 1
    out, err = capsys.readouterr()
    assert "하나" in out
    assert (NAME in (err if to_stdout else out)) is whose


def test_nobody_has_nothing_to_show() -> None:
    store = MemoryStore(Profile())
    assert show_letters(invocation(), store, NAME, Showing(to_stdout=True)) == 0


def test_a_letter_is_gone_after_it_was_shown_although_its_contact_was_renamed_meanwhile(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Renamed(MemoryStore):
        """Another window gives the contact another name once the letter is marked."""

        saves = 0

        def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
            said = super().update(change)
            self.saves += 1
            if self.saves == 1:
                (contact,) = self.read().contacts
                renamed = Profile((replace(contact, name="어머니"),))
                super().update(lambda _: (renamed, None))
            return said

    store = Renamed(holding("하나"))
    assert show_letters(invocation(), store, NAME, Showing(to_stdout=True)) == 1
    assert shown(capsys) == ["하나"]
    (contact,) = store.read().contacts
    assert (contact.name, contact.theirs) == ("어머니", ())


def test_a_letter_of_another_who_has_the_name_now_is_not_erased_for_the_one_shown() -> None:
    """Two are renamed, or one is forgotten and met again, while a letter is on the screen."""

    class Renamed(MemoryStore):
        def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
            said = super().update(change)
            (first, *rest) = self.read().contacts
            if not rest:
                other = Contact(NAME, RELAY, theirs=(letter("다른 사람의 편지", reference=1),))
                self._profile = Profile((other, replace(first, name="어머니")))
            return said

    store = Renamed(holding("하나"))
    assert show_letters(invocation(), store, NAME, Showing(to_stdout=True)) == 1
    other, mother = store.read().contacts
    assert [one.text for one in other.theirs] == ["다른 사람의 편지"]
    assert mother.theirs == ()


def test_a_letter_of_another_who_has_the_name_now_is_not_marked_as_shown() -> None:
    """The names change hands after the letters were listed and before one is marked."""

    class Renamed(MemoryStore):
        def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
            (first, *rest) = self.read().contacts
            if not rest:
                other = Contact(NAME, RELAY, theirs=(letter("다른 사람의 편지", reference=1),))
                self._profile = Profile((other, replace(first, name="어머니")))
            return super().update(change)

    store = Renamed(holding("하나"))
    assert show_letters(invocation(), store, NAME, Showing(to_stdout=True)) == 1
    other, mother = store.read().contacts
    assert [one.opened for one in other.theirs] == [False]
    assert mother.theirs == ()

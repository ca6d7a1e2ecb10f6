"""C9: what was kept before the vault was busy, or full, is never said to be unchanged."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import pytest

from ojak_client import opening
from ojak_client.errors import VaultBusy, VaultError, VaultFull, VaultUnusable
from ojak_client.profile import Contact, LetterState, Profile
from ojak_client.store import VaultStore
from tests.client.devices import Device, Ran
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.people import meet

T = TypeVar("T")
ERRORS = (VaultBusy, VaultFull, VaultUnusable)


@contextmanager
def failing_from(
    number: int, error: type[VaultError], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """From its *number*-th use on, whatever is asked of the store of this block fails."""
    uses = count()

    class Failing(VaultStore):
        def read(self) -> Profile:
            check()
            return super().read()

        def update(self, change: Callable[[Profile], tuple[Profile, T]]) -> T:
            check()
            return super().update(change)

    def check() -> None:
        if next(uses) >= number:
            raise error("no")

    with monkeypatch.context() as patched:
        patched.setattr(opening, "VaultStore", Failing)
        yield


def met(device: Device, url: str) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().guest),)))


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("number", range(7))
def test_c9_a_letter_that_is_kept_is_said_to_be_kept(
    number: int,
    error: type[VaultError],
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met(device, url)
    with failing_from(number, error, monkeypatch):
        ran = device.run("send", NAME, typed="편지")
    kept = [letter.text for letter in device.profile.contacts[0].ours]
    assert kept == (["편지"] if _says_kept(ran) else [])
    assert (ran.code == 0) == _says_kept(ran)
    if ran.said[-1] == "left":
        assert near_relay.arrived


def _says_kept(ran: Ran) -> bool:
    return ran.said[-1] in {"kept-here", "left"}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("number", [2, 3, 4, 5, 9])
def test_c9_a_letter_that_is_asked_back_is_said_to_be(
    number: int, error: type[VaultError], device: Device, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met(device, url)
    device.run("send", NAME, typed="편지")
    with failing_from(number, error, monkeypatch):
        ran = device.run("recall", NAME)
    assert ran.code == 0
    assert ran.said[-1] in {"asked-back", "asked-back-later"}
    assert device.profile.contacts[0].ours[0].state is LetterState.ASKED_BACK


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("number", range(6))
def test_c9_a_yes_that_is_kept_is_said_to_be_kept(
    number: int, error: type[VaultError], device: Device, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host, held=True),)))
    with failing_from(number, error, monkeypatch):
        ran = device.run("allow", NAME, "--yes")
    is_held = device.profile.contacts[0].lines[0].held
    assert (ran.code == 0, ran.said[:1] == ["allowed"]) == (not is_held, not is_held)
    assert is_held or ran.said == ["allowed"]

"""`ojak keep`: it goes on whatever the relay or another window does, and stops when told to."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pytest

from ojak_client import watching
from ojak_client.errors import NotAllKept, NotAllSealed, VaultFull
from ojak_client.i18n import Text, told
from ojak_client.messages import Message
from ojak_client.profile import Contact, Profile
from ojak_client.store import VaultStore, vault_path
from ojak_client.vault import LOCK_SECONDS
from ojak_client.voice import Voice
from ojak_client.watching import Watch
from ojak_protocol.sync import REPLY_BYTES, decode_request
from tests.client import vaults
from tests.client.devices import ANSWERS, QUESTIONS, Device, Ran
from tests.client.hostile_server import Guest, answering, reply, serving
from tests.client.persons import NAME, RELAY, Clock, JournalStore, Person, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_dial import certificate
from tests.client.test_service_manager import heard, listening
from tests.people import meet

GONE = "http://127.0.0.1:1"


def keep_until(device: Device, relay: SimulatedRelay, *steps: Callable[[], object]) -> Ran:
    """Run `ojak keep`; each time it waits the next step is done, and after the last it ends."""
    left: list[Callable[[], object]] = [*steps, lambda: os.kill(os.getpid(), signal.SIGTERM)]

    def meanwhile() -> None:
        if left:
            left.pop(0)()

    relay.meanwhile = meanwhile
    before = signal.getsignal(signal.SIGTERM)
    ran = device.run("keep")
    assert signal.getsignal(signal.SIGTERM) is before
    return ran


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """End this very process's `keep` by its signal, when nothing else does."""
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def family(device: Device, relay: SimulatedRelay, url: str, clock: Clock) -> Person:
    pair = meet()
    device.keep_contact(Contact(NAME, url, lines=(line_of(pair.host),)))
    other = Contact(NAME, RELAY, lines=(line_of(pair.guest),))
    return Person(relay, clock, JournalStore(Profile((other,))))


def test_a_letter_that_comes_while_it_waits_is_told_and_kept(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    ran = keep_until(device, near_relay, other.sync)
    assert (ran.code, ran.said) == (0, ["keeping", "new-letter", "keep-stopped"])
    assert [one.text for one in device.profile.contacts[0].theirs] == ["편지"]


def test_ctrl_c_ends_it_with_its_code(device: Device, near_relay: SimulatedRelay, url: str) -> None:
    device.run("invite", "--relay", url, "--name", NAME, *QUESTIONS, answers=ANSWERS)
    near_relay.meanwhile = lambda: os.kill(os.getpid(), signal.SIGINT)
    ran = device.run("keep")
    assert (ran.code, ran.said) == (130, ["keeping", "keep-stopped"])


def test_a_relay_that_comes_back_is_told_once_each_way(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    family(device, near_relay, url, now_clock)
    gone = near_relay.refuses()
    gone.__enter__()
    rounds = iter(range(99))
    honest = near_relay._before  # noqa: SLF001 - it comes back by itself

    def coming_back() -> None:
        if next(rounds) < 1:
            honest()
        gone.__exit__(None, None, None)

    near_relay._before = coming_back  # noqa: SLF001 - it comes back by itself
    ran = keep_until(device, near_relay)
    assert ran.said == ["keeping", "refused", "reached-again", "keep-stopped"]


def test_one_dead_relay_and_one_unacceptable_do_not_keep_the_third_from_its_turn(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    device.keep_contact(Contact("가", GONE))
    device.keep_contact(Contact("나", "http://relay.example"))
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    began = time.monotonic()
    ran = keep_until(device, near_relay, other.sync)
    assert ran.said == ["keeping", "offline", "unsafe-relay", "new-letter", "keep-stopped"]
    assert time.monotonic() - began < 20


def test_a_vault_that_another_window_uses_for_long_does_not_end_it(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    other = family(device, near_relay, url, now_clock)
    other.write("편지")
    held = ExitStack()

    def hold() -> None:
        # Longer than `keep` waits for the lock: its round cannot be saved, and is done again.
        held.enter_context(vaults.held_lock(vault_path(device.folder)))
        threading.Timer(LOCK_SECONDS + 1, held.close).start()
        other.sync()

    ran = keep_until(device, near_relay, hold)
    assert ran.said == ["keeping", "vault-busy", "new-letter", "keep-stopped"]
    assert [one.text for one in device.profile.contacts[0].theirs] == ["편지"]


LIES: list[Callable[[SimulatedRelay], AbstractContextManager[None]]] = [
    SimulatedRelay.full,
    SimulatedRelay.has_no_room,
    SimulatedRelay.occupied,
]


@pytest.mark.parametrize("lie", LIES)
def test_no_lie_of_the_relay_sets_its_pace(
    lie: Callable[[SimulatedRelay], AbstractContextManager[None]],
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
) -> None:
    device.run("invite", "--relay", url, "--name", NAME, *QUESTIONS, answers=ANSWERS)
    with lie(near_relay), ended_after(4):
        ran = device.run("keep")
    assert ran.said[-1] == "keep-stopped"
    assert len(near_relay.arrived) < 50
    assert ran.said.count("refused") <= 1


def test_without_contacts_there_is_nothing_to_wait_for(device: Device) -> None:
    device.keep_contact(Contact(NAME, GONE))
    with device.store() as store:
        store.update(lambda _: (Profile(), None))
    assert device.run("keep").said == ["no-contacts"]


def test_a_full_vault_is_told_once_and_waited_out(
    device: Device, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended by its signal: until then it goes on, however often the vault has no room."""
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),)))
    monkeypatch.setattr(watching, "FULL_PAUSE_FROM", -20)
    monkeypatch.setattr(VaultStore, "update", _without_room)
    with ended_after(3):
        ran = device.run("keep")
    assert ran.code == 0
    assert ran.said == ["keeping", "vault-full", "keep-stopped"]


def _without_room(_store: VaultStore, _change: object) -> None:
    raise VaultFull("no room")


@contextmanager
def behind_a_portal(relay: SimulatedRelay, answers: list[bytes]) -> Iterator[str]:
    """Give an address at which these answers come first, one a connection, and then the relay."""

    def talk(guest: Guest) -> None:
        while heard := guest.hear():
            if answers:
                guest.say(answers.pop(0))
                return
            body = heard.partition(b"\r\n\r\n")[2]
            request = decode_request(body)
            size = REPLY_BYTES[request.room]
            wait = request.wait_seconds
            guest.say(reply(relay.sync(body, reply_bytes=size, wait_seconds=wait)))

    with serving(talk) as server:
        yield server.url


LOGIN = reply(b"<html>Sign in to this network</html>", kind="text/html")
ELSEWHERE = reply(b"", "Location: http://portal.example/", status="302 Found", kind="text/html")
BUSY = reply(b"later", status="503 Service Unavailable", kind="text/plain")


def test_n5_a_captive_portal_is_told_once_and_nothing_is_lost(
    device: Device, near_relay: SimulatedRelay, now_clock: Clock
) -> None:
    with behind_a_portal(near_relay, [LOGIN, ELSEWHERE]) as url:
        other = family(device, near_relay, url, now_clock)
        other.write("편지")
        ran = keep_until(device, near_relay, other.sync)
    assert ran.said == ["keeping", "wrong-place", "reached-again", "new-letter", "keep-stopped"]


def test_each_reason_of_an_outage_is_told_once(
    device: Device, near_relay: SimulatedRelay, now_clock: Clock
) -> None:
    with behind_a_portal(near_relay, [BUSY, b"", LOGIN]) as url:
        family(device, near_relay, url, now_clock)
        ran = keep_until(device, near_relay)
    assert ran.said == [
        "keeping",
        "refused",
        "unsure",
        "wrong-place",
        "reached-again",
        "keep-stopped",
    ]


def test_a_name_that_is_not_found_and_a_false_certificate_are_told_once_each(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock, tmp_path: Path
) -> None:
    with serving(answering(), tls=certificate(tmp_path)) as server:
        device.keep_contact(Contact("가", "https://relay.invalid"))
        device.keep_contact(Contact("나", f"https://localhost:{server.port}"))
        other = family(device, near_relay, url, now_clock)
        other.write("편지")
        ran = keep_until(device, near_relay, lambda: None, other.sync)
    assert ran.said == ["keeping", "offline", "wrong-place", "new-letter", "keep-stopped"]


def test_what_it_tells_the_service_manager_names_nobody(
    device: Device,
    near_relay: SimulatedRelay,
    now_clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever may ask systemd for the state of this service must not learn who writes."""
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "400000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    with behind_a_portal(near_relay, [LOGIN]) as url, listening(address) as reader:
        other = family(device, near_relay, url, now_clock)
        other.write("편지")
        ran = keep_until(device, near_relay, other.sync)
        states = heard(reader)
    assert "new-letter" in ran.said
    assert [one for one in states if one != "WATCHDOG=1"] == [
        f"STATUS={told(Message.KEEPING)}",
        "READY=1",
        f"STATUS={told(Message.WRONG_PLACE)}",
        f"STATUS={told(Message.REACHED_AGAIN)}",
        "STOPPING=1",
        f"STATUS={told(Message.KEEP_STOPPED)}",
    ]
    assert states.count("WATCHDOG=1") >= 1
    assert not any(NAME in one or "편지" in one for one in states)


def test_a_service_that_cannot_begin_is_not_said_to_be_ready(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with listening(address) as reader:
        assert device.run("keep").code == 15
        assert heard(reader) == []


def test_a_vault_without_room_for_one_relay_does_not_keep_the_others_from_their_turn(
    device: Device, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.keep_contact(Contact("가", url, lines=(line_of(meet().host),)))
    device.keep_contact(Contact("나", GONE))
    turns: list[str] = []

    def turn(watch: Watch, *, alone: bool) -> None:
        assert not alone
        turns.append(watch.relay)
        if watch.relay == url:
            raise NotAllKept("no room") if turns.count(GONE) else NotAllSealed("no room")
        if turns.count(GONE) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Watch, "turn", turn)
    ran = device.run("keep")
    assert ran.said == ["keeping", "not-all-sealed", "not-all-kept", "keep-stopped"]
    assert turns.count(GONE) == 3


def test_it_ends_when_the_last_contact_was_forgotten(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    family(device, near_relay, url, now_clock)

    def forget() -> None:
        with device.store() as store:
            store.update(lambda _: (Profile(), None))

    with ended_after(30):
        ran = keep_until(device, near_relay, forget, lambda: None)
    assert (ran.code, ran.said) == (15, ["keeping", "no-contacts"])


def test_a_second_signal_while_it_ends_changes_nothing(
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    family(device, near_relay, url, now_clock)
    say = Voice.say

    def interrupted(voice: Voice, message: Text) -> None:
        if message is Message.KEEP_STOPPED:
            signal.raise_signal(signal.SIGTERM)
        say(voice, message)

    monkeypatch.setattr(Voice, "say", interrupted)
    ran = keep_until(device, near_relay)
    assert (ran.code, ran.said) == (0, ["keeping", "keep-stopped"])

"""`ojak keep` beside other commands, other profiles, a stopped device and a relay that restarts."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client.test_service_manager import heard, listening
from tests.journeys.actors import Device, Relay, World, world
from tests.journeys.children import PATIENCE_SECONDS, Child
from tests.journeys.test_own_device import ANSWERS, DAUGHTER, MOTHER, meet
from tests.relay import kit

SOON_SECONDS = 24
"""Less than the 25 s that a request is held."""
SECOND = "둘째 열쇠말"


def wait_for_a_held_answer(port: int) -> None:
    """Return when a request has been answered that was held for as long as one can be."""
    relay = kit.Relay(None, "127.0.0.1", port)  # type: ignore[arg-type] # only asked, never ended
    relay.sync(kit.request(1, wait=25))


@dataclass
class Family:
    """A daughter and a mother who met, for all stories of this file."""

    people: World
    relay: Relay
    daughter: Device
    mother: Device


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Family]:
    """Nobody stays on when a story begins or ends."""
    with world(tmp_path_factory.mktemp("family")) as people:
        relay = people.relay()
        daughter, mother = meet(people, relay.url)
        yield Family(people, relay, daughter, mother)


@pytest.fixture(autouse=True)
def nobody_stays_on(family: Family) -> Iterator[None]:
    """A story that failed must not disturb the next."""
    yield
    for device in family.people.devices:
        for child in device.running:
            child.kill()


# Beside other commands


def test_commands_beside_two_that_stay_on_lose_nothing_and_find_the_vault_free(
    family: Family,
) -> None:
    sides = ((family.daughter, MOTHER), (family.mother, DAUGHTER))
    keeping = [device.keep() for device, _ in sides]
    for child in keeping:
        child.until("keeping")
    letters = [f"편지 {n}" for n in range(3)]
    running = [
        [device.start("send", name, letter=letter) for letter in letters]
        + [device.start("status"), device.start("read", "--to-stdout")]
        for device, name in sides
    ]
    ended = [[child.wait() for child in children] for children in running]
    for each in ended:
        assert {one.code for one in each} <= {0, 10}
        assert not any("vault-busy" in one.said for one in each)
    for child, each, (device, _) in zip(keeping, ended, sides, strict=True):
        # A letter is told by whichever of our processes collects it.
        for _ in range(3 - sum(one.said.count("new-letter") for one in each)):
            child.until("new-letter")
        read = [letter for one in each for letter in one.letters]
        assert sorted(read + device.read().letters) == letters
        # Their letters crossed, and acknowledge each other.
        said = {"keeping", "new-letter", "collected", "received", "keep-stopped"}
        assert set(child.stop().said) <= said


def test_the_answer_to_a_letter_sent_meanwhile_is_shown_soon(family: Family) -> None:
    """The request held at that moment does not look at the new places: it is given up."""
    daughter, mother = family.daughter, family.mother
    # After a letter each way her next one has new keys, and its answer comes to places of theirs.
    assert daughter.send(MOTHER, "하나").code == 0
    assert mother.run("sync").code == 0
    assert mother.send(DAUGHTER, "둘").code == 0
    assert daughter.run("sync").code == 0
    keeping = daughter.keep()
    keeping.until("keeping")
    began = time.monotonic()
    # While this runs its first request is held, which does not look at the places to come.
    daughter.run("sync")
    assert daughter.send(MOTHER, "잘 있어요?").code == 0
    assert mother.run("sync").code == 0
    assert mother.send(DAUGHTER, "잘 있다.").code == 0
    keeping.until("new-letter")
    seconds = time.monotonic() - began
    print(f"told {seconds:.1f} s after it began to wait")  # noqa: T201 - the figure
    assert seconds < SOON_SECONDS
    assert "offline" not in keeping.stop().said


# Several people in one account


@dataclass
class Named(Device):
    """One of several profiles of one person's account, by option or by environment."""

    named: Path = Path()
    by_environment: bool = False

    @property
    def profile(self) -> Path:
        """Where this one lies."""
        return self.named

    @property
    def environment(self) -> dict[str, str]:
        """As of the account; it may name the profile."""
        return super().environment | ({"OJAK_HOME": str(self.named)} if self.by_environment else {})

    def command(self, *arguments: str) -> tuple[list[str], list[int]]:
        """Leave out the option where the environment names the profile."""
        command, descriptors = super().command(*arguments)
        if self.by_environment:
            at = command.index("--profile")
            del command[at : at + 2]
        return command, descriptors


def test_two_profiles_of_one_account_stay_on_side_by_side_and_never_mix(family: Family) -> None:
    url = family.relay.url
    account = family.people.folder / "caseworker"
    first = Named(account, url, named=family.daughter.profile)
    second = Named(
        account, url, passphrase=SECOND, named=account / "home" / "둘", by_environment=True
    )
    family.people.devices.extend((first, second))
    number = second.invite(MOTHER, ANSWERS)
    keeping = [second.keep(), first.keep()]
    other = family.people.own("other mother", url)
    assert other.meet(number, ANSWERS, "--own", DAUGHTER).code == 0
    keeping[0].until("guest-confirmed")
    assert other.send(DAUGHTER, "둘째에게").code == 0
    assert family.mother.send(DAUGHTER, "첫째에게").code == 0
    for child in keeping:
        child.until("new-letter")
    assert all(child.stop().said.count("new-letter") == 1 for child in keeping)
    assert second.read().letters == ["둘째에게"]
    assert "둘째에게" not in (letters := first.read().letters)
    assert "첫째에게" in letters
    assert {path.name for path in second.profile.iterdir()} == {
        *("letters", "letters.boxes", "letters.lock")
    }
    assert not (account / "home" / ".local").exists()
    # The passphrase of one opens nothing of the other.
    second.passphrase = first.passphrase
    ended = second.run("keep")
    assert (ended.code, ended.said) == (15, ["passphrase-wrong"])


# A device that is stopped, a relay that is restarted


def test_a_device_stopped_for_longer_than_a_wait_goes_on_where_it_was(family: Family) -> None:
    relay, daughter, mother = family.relay, family.daughter, family.mother
    keeping = daughter.keep()
    keeping.until("keeping")
    keeping.signal(signal.SIGSTOP)
    wait_for_a_held_answer(relay.port)
    keeping.signal(signal.SIGCONT)
    mother.send(DAUGHTER, "깨어났니?")
    keeping.until("new-letter")
    # Stopped again; meanwhile its line is dead, as after a night.
    keeping.signal(signal.SIGSTOP)
    relay.kill()
    relay.start()
    mother.send(DAUGHTER, "아직 자니?")
    keeping.signal(signal.SIGCONT)
    began = time.monotonic()
    keeping.until("new-letter")
    assert time.monotonic() - began < SOON_SECONDS
    assert "offline" not in keeping.stop().said


@dataclass
class Service(Device):
    """A device whose `ojak` systemd starts."""

    address: str = ""

    @property
    def environment(self) -> dict[str, str]:
        """What systemd adds."""
        return super().environment | {
            "CREDENTIALS_DIRECTORY": str(self.folder / "credentials"),
            "NOTIFY_SOCKET": self.address,
            "WATCHDOG_USEC": "300000000",
        }

    def keep(self) -> Child:
        """Stay on, as the unit says it."""
        own = ("--profile", str(self.profile))
        return self.start(*own, "--passphrase-credential", "ojak-passphrase", "keep")


def test_a_service_is_ready_and_lives_and_ends_as_systemd_wants_it(family: Family) -> None:
    """With a credential and a socket as systemd gives them; the secret is nowhere else."""
    device = family.daughter
    credentials = device.folder / "credentials"
    credentials.mkdir()
    assert device.passphrase is not None
    (credentials / "ojak-passphrase").write_text(device.passphrase, encoding="utf-8")
    address = f"@ojak-journey-{os.getpid()}"
    service = Service(device.folder, family.relay.url, passphrase=None, address=address)
    family.people.devices.append(service)
    with listening(address) as reader:
        child = service.keep()
        child.until("keeping")
        # The process cannot be read by its own user; what it was given is known all the same.
        command, _ = service.command("keep")
        for given in (*command, *service.environment.values()):
            assert device.passphrase not in given
        # What it says and what it tells systemd are two ways: one may be ahead.
        reader.settimeout(PATIENCE_SECONDS)
        states = [reader.recv(4096).decode()]
        while "READY=1" not in states:
            states.append(reader.recv(4096).decode())
        assert child.stop().code == 0
        reader.settimeout(0)
        states += heard(reader)
    assert [one.partition("=")[0] for one in states if not one.startswith("WATCHDOG")] == [
        *("STATUS", "READY", "STOPPING", "STATUS"),
    ]

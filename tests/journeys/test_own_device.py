"""Two people with devices of their own: letters both ways, and the end of what was kept."""

from pathlib import Path

import pytest

from tests.journeys.actors import Device, World
from tests.journeys.children import Child
from tests.journeys.traces import files_in

ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
MOTHER, DAUGHTER = "어머니", "딸"


def meet(people: World, relay: str) -> tuple[Device, Device]:
    """A daughter and a mother met, each on a device of her own, and nobody stays on."""
    daughter, mother = people.own("daughter", relay), people.own("mother", relay)
    number = daughter.invite(MOTHER, ANSWERS)
    keeping = daughter.keep()
    assert mother.meet(number, ANSWERS, "--own", DAUGHTER).code == 0
    keeping.until("guest-confirmed")
    assert keeping.stop().code == 0
    return daughter, mother


def test_a_conversation_between_own_devices_goes_on_both_ways(people: World) -> None:
    relay = people.relay()
    daughter, mother = meet(people, relay.url)
    assert mother.run("contacts").said == ["contact-met"]
    for n in range(2):
        assert daughter.send(MOTHER, f"딸이 {n}").said[-1] == "left"
        assert daughter.send(MOTHER, f"딸이 또 {n}").code == 0
        assert mother.run("sync").said.count("new-letter") == 2
        assert mother.read().letters == [f"딸이 {n}", f"딸이 또 {n}"]
        assert mother.read(DAUGHTER).code == 10
        assert mother.send(DAUGHTER, f"엄마가 {n}").code == 0
        synced = daughter.run("sync")
        assert synced.said.count("collected") == 2, "the reply tells that both arrived"
        assert daughter.read().letters == [f"엄마가 {n}"]
        assert daughter.run("sync").code == 10
    status = daughter.status()
    assert {"event": "status-collected", "name": MOTHER, "n": 4} in status
    assert {"event": "status-unacknowledged", "name": MOTHER, "n": 0} in status
    for device in (daughter, mother):
        # Nothing but the profile was written to.
        assert len(files_in(device.home, device.temporary, device.here)) == 3


def test_a_second_person_of_the_same_name_is_refused(people: World) -> None:
    daughter = people.own("daughter", "http://127.0.0.1:1")
    daughter.invite(MOTHER, ANSWERS)
    questions = ("--question", "하나?", "--question", "둘?", "--question", "셋?")
    again = daughter.run("invite", "--name", MOTHER, *questions, answers=ANSWERS)
    assert (again.code, again.said) == (2, ["name-exists"])


def test_wipe_leaves_no_file(people: World) -> None:
    relay = people.relay()
    device = people.own("daughter", relay.url)
    device.invite(MOTHER, ANSWERS)
    device.send(MOTHER, "어머니, 저 잘 있습니다.")
    assert device.run("wipe").code == 2, "it is asked for, or `--yes` says it"
    assert any(path.is_file() for path in device.folder.rglob("*"))
    wiped = device.run("--yes", "wipe")
    assert (wiped.code, wiped.said) == (0, ["wiped"])
    assert not [path for path in device.folder.rglob("*") if not path.is_dir()]
    assert device.read().said == ["vault-missing"]


def test_every_verb_writes_only_json_objects_with_json(people: World) -> None:
    relay = people.relay()
    device = people.own("device", relay.url)
    number = device.invite(MOTHER, ANSWERS)
    # Each run checks its lines itself; the verbs that end well are in the other stories.
    ended = {
        "contacts": device.run("contacts").code,
        "status": device.run("status").code,
        "sync": device.run("sync").code,
        "read": device.read().code,
        "send": device.send("모르는 사람", "누구십니까").code,
        "meet": device.run("meet", number, answers=ANSWERS).code,
        "invite": device.run("invite", "--name", "동생").code,
        "wipe": device.run("wipe").code,
    }
    assert ended == {
        "contacts": 0,
        "status": 0,
        "sync": 10,
        "read": 10,
        "send": 2,
        "meet": 2,
        "invite": 2,
        "wipe": 2,
    }
    keeping = device.keep()
    keeping.until("keeping")
    assert keeping.stop().said == ["keeping", "keep-stopped"]


def seen_by_others(child: Child) -> bytes:
    """What every user of the machine sees of a process, and what its own user may see."""
    folder = Path(f"/proc/{child.pid}")
    seen = (folder / "cmdline").read_bytes()
    try:
        return seen + (folder / "environ").read_bytes()
    except PermissionError:
        return seen


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
def test_secrets_are_never_in_arguments_or_environment(people: World) -> None:
    relay = people.relay()
    host = people.own("host", relay.url)
    number = host.invite(MOTHER, ANSWERS)
    keeping = host.keep()
    keeping.until("keeping")
    guest = people.borrowed("phone", relay.url)
    visiting = guest.come(number, (*ANSWERS[:2], "두루미"), "--wait", "3", letter="나다")
    visiting.until("looking")
    for child in (keeping, visiting):
        seen = seen_by_others(child)
        assert b"ojak" in seen
        secrets = (*ANSWERS, "두루미", "나다", host.passphrase or "")
        assert not [secret for secret in secrets if secret.encode() in seen]
    assert visiting.wait().code == 11
    assert keeping.stop().code == 0


def test_a_secret_in_an_argument_would_be_seen(people: World) -> None:
    relay = people.relay()
    device = people.own("host", relay.url)
    device.invite(ANSWERS[0], ANSWERS)
    child = device.start("keep", "--relay", f"{relay.url}/{ANSWERS[0]}")
    child.until("keeping")
    assert ANSWERS[0].encode() in seen_by_others(child)

"""What a reader is told of timed letters: by `ojak read`, by `ojak sync`, and on a visit."""

import time

from ojak_client.due_times import local_time
from ojak_client.profile import Contact
from ojak_client.timed_parts import LIES_SECONDS
from ojak_client.timed_pointers import GONE, keep_pointer
from ojak_protocol.letters import Body, Kind
from ojak_protocol.parcels import pack_timed
from tests.client.devices import Device, waiting_host
from tests.client.persons import NAME, Clock, letter, line_of, moment
from tests.client.simulated_relay import SimulatedRelay
from tests.client.test_meet import meet
from tests.client.timed import state_of, writes
from tests.people import ENTROPY
from tests.people import meet as met

QUICK_SECONDS = 25
"""Less than the time a visit is told to wait here, more than a slow machine needs for it."""


def test_a_letter_past_its_time_is_told_once_and_ends_with_the_code_of_its_own(
    device: Device,
) -> None:
    device.keep_contact(Contact(NAME, "http://127.0.0.1:1", theirs=(letter("", GONE),)))
    ran = device.run("read", "--to-stdout")
    assert (ran.code, ran.said) == (12, ["expired"])
    ran = device.run("read", "--to-stdout")
    assert (ran.code, ran.said) == (10, ["nothing"])


def test_where_other_letters_came_one_past_its_time_does_not_decide_the_code(
    device: Device,
) -> None:
    theirs = (letter("", GONE), letter("편지", reference=2))
    device.keep_contact(Contact(NAME, "http://127.0.0.1:1", theirs=theirs))
    ran = device.run("read", "--to-stdout")
    assert (ran.code, ran.said) == (0, ["expired", "letter"])


def test_a_sync_tells_of_a_letter_that_is_past_its_time(device: Device, url: str) -> None:
    now = int(time.time())
    late = now - LIES_SECONDS - 60
    parcel = pack_timed(b"x", due_at=late, now=late - 60, entropy=ENTROPY)
    contact, _ = keep_pointer(
        Contact(NAME, url),
        Body(Kind.PARCEL, details=parcel),
        moment(now),
        through=line_of(met().host),
    )
    device.keep_contact(contact)
    assert "expired" in device.run("sync").said
    assert device.run("read", "--to-stdout").code == 12


def test_a_guest_is_told_when_to_come_again_and_does_not_wait_for_it(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    reference = writes(host)
    host.write("heute", at_once=False)
    began = time.monotonic()
    ran = meet(device, url, wait=60)
    assert time.monotonic() - began < QUICK_SECONDS
    assert ran.code == 0
    assert [one["text"] for one in ran.of("letter")] == ["heute"]
    assert [one["when"] for one in ran.of("come-again")] == [
        local_time(host.contact.parts[0].due_at)
    ]
    assert state_of(host, reference).value == "waiting"


def test_a_guest_with_nothing_but_a_letter_for_later_is_not_told_that_there_is_none(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    writes(waiting_host(near_relay, now_clock))
    ran = meet(device, url, wait=1)
    assert "come-again" in ran.said
    assert "nothing" not in ran.said


def test_a_guest_reads_a_letter_that_is_due_on_this_very_visit(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    now_clock.now -= 600
    reference = writes(host, "fällig", after=300)
    now_clock.now += 600
    host.sync()
    place = host.contact.parts[0]
    ran = meet(device, url, wait=10)
    assert [one["text"] for one in ran.of("letter")] == ["fällig"]
    assert "come-again" not in ran.said
    host.sync()
    assert state_of(host, reference).value == "collected"
    assert place.delete_key in {key for made in near_relay.arrived for key in made.deletes}


def test_a_device_of_ones_own_is_told_when_the_letter_opens(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    writes(host)
    ran = meet(device, url, "--own", "어머니", wait=1)
    assert "letter-for-later" in ran.said
    assert len(device.profile.contacts[0].pointers) == 1

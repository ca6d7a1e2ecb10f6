"""`ojak reopen`: five more tries, when the person says so, and never for answers that are dead."""

from dataclasses import replace

from ojak_client.profile import Contact, QuestionSet
from ojak_protocol.meeting_point import CLOSES_AT, DIES_AT, MeetingPoint
from tests.client.devices import Device
from tests.client.persons import NAME
from tests.people import new_point

GONE = "http://127.0.0.1:1"


def closed(number: int = 1, **changes: int) -> MeetingPoint:
    point = replace(new_point(), counted=CLOSES_AT, unconfirmed=CLOSES_AT, set_number=number)
    return replace(point, **changes)  # type: ignore[arg-type] # of each field its own type


def host(device: Device, *points: MeetingPoint) -> None:
    sets = tuple(QuestionSet(point, ()) for point in points)
    device.keep_contact(Contact(NAME, GONE, sets=sets))


def counts(device: Device) -> list[tuple[int, int]]:
    sets = device.profile.contacts[0].sets
    return [(one.point.counted, one.point.unconfirmed) for one in sets]


def test_a_closed_number_is_opened_and_what_was_tried_still_counts(device: Device) -> None:
    host(device, closed())
    ran = device.run("reopen", NAME, "--yes")
    assert (ran.code, ran.said) == (0, ["reopened"])
    assert counts(device) == [(0, CLOSES_AT)]


def test_nothing_is_opened_unless_somebody_says_yes(device: Device) -> None:
    host(device, closed())
    ran = device.run("reopen", NAME)
    assert (ran.code, ran.said) == (2, ["needs-option"])
    assert counts(device) == [(CLOSES_AT, CLOSES_AT)]


def test_what_is_open_is_left_alone(device: Device) -> None:
    host(device, new_point())
    ran = device.run("reopen", NAME, "--yes")
    assert (ran.code, ran.said) == (1, ["not-closed"])
    ran = device.run("reopen", NAME, "--yes", "--set", "1")
    assert (ran.code, ran.said) == (1, ["not-closed"])


def test_a_dead_set_is_never_opened(device: Device) -> None:
    host(device, closed(unconfirmed=DIES_AT))
    # Without a yes as well: it is not even asked.
    for arguments in ((), ("--set", "1"), ("--yes",)):
        ran = device.run("reopen", NAME, *arguments)
        assert (ran.code, ran.said) == (1, ["set-dead"])
    assert counts(device) == [(CLOSES_AT, DIES_AT)]


def test_of_several_closed_sets_one_has_to_be_named(device: Device) -> None:
    host(device, closed(), closed(2), closed(3, unconfirmed=DIES_AT))
    ran = device.run("reopen", NAME, "--yes")
    assert (ran.code, ran.said) == (2, ["which-set"])
    assert device.run("reopen", NAME, "--yes", "--set", "2").said == ["reopened"]
    assert [counted for counted, _ in counts(device)] == [CLOSES_AT, 0, CLOSES_AT]
    # A dead one does not hide the one that can be opened.
    assert device.run("reopen", NAME, "--yes").said == ["reopened"]
    assert device.run("reopen", NAME, "--yes", "--set", "9").said == ["unknown-set"]

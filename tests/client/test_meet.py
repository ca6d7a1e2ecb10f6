"""`ojak meet`: what is said is true, and a visit that failed leaves nothing half done."""

import os
from contextlib import ExitStack
from unittest.mock import patch

import pytest

from ojak_client.guest_visit import GuestVisit
from ojak_client.profile import Contact, LetterState
from ojak_client.store import vault_path
from ojak_protocol.number import format_number
from tests.client.devices import ANSWERS, NUMBER, WRONG_ANSWERS, Device, Ran, waiting_host
from tests.client.persons import NAME, Clock
from tests.client.simulated_relay import SimulatedRelay


def meet(
    device: Device,
    url: str,
    *options: str,
    answers: tuple[str, ...] = ANSWERS,
    letter: str | None = None,
    wait: int = 1,
) -> Ran:
    if letter is not None:
        options = (*options, "--letter", "-")
    return device.run(
        "meet",
        format_number(NUMBER),
        *("--relay", url, "--to-stdout", "--wait", str(wait)),
        *options,
        answers=answers,
        typed=letter or "",
    )


def test_a_guest_reads_what_waits_and_its_letter_arrives(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    for text in ("하나", "둘", "셋"):
        host.write(text)
    ran = meet(device, url, letter="답", wait=10)
    assert ran.code == 0
    assert [one["text"] for one in ran.of("letter")] == ["하나", "둘", "셋"]
    assert ran.said[-1] == "cleared"
    assert {"looking", "confirmed", "answers-spent", "collected"} <= set(ran.said)
    host.sync()
    assert host.texts == ["답"]
    # A side that keeps nothing shows a letter before it acknowledges it; a host does not.
    assert {one.state for one in host.contact.ours} == {LetterState.READ}
    assert not device.folder.exists()


def test_what_came_before_the_line_was_lost_is_shown(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    for text in ("하나", "둘"):
        host.write(text, at_once=False)
    held = near_relay.meanwhile

    with ExitStack() as lost:

        def meanwhile() -> None:
            held()
            if host.contact.lines:
                # The reply to this request still arrives, with the first letter.
                lost.enter_context(near_relay.loses_requests())

        near_relay.meanwhile = meanwhile
        ran = meet(device, url, wait=3)
    assert ran.code != 0
    assert [one["text"] for one in ran.of("letter")] == ["하나"]


def test_wrong_answers_are_told_as_such_and_show_nothing(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    waiting_host(near_relay, now_clock).write("편지")
    ran = meet(device, url, answers=WRONG_ANSWERS)
    assert (ran.code, ran.of("letter")) == (11, [])
    assert ran.said == ["looking", "answer-taken", "answers-spent", "cleared"]


def test_an_absent_host_is_told_and_a_letter_can_be_left(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    near_relay.meanwhile = lambda: None
    assert meet(device, url).said == [
        "looking",
        "nobody-there",
        "answers-spent",
        "cleared",
    ]
    ran = meet(device, url, "--leave", letter="두고 가는 편지")
    assert (ran.code, ran.said) == (
        0,
        ["looking", "letter-left", "answers-spent", "cleared"],
    )
    host.sync()
    host.sync()
    assert host.texts == ["두고 가는 편지"]


@pytest.mark.parametrize("own", [(), ("--own", "딸")])
def test_a_host_who_comes_while_a_letter_is_left_is_met_and_its_letter_shown(
    own: tuple[str, ...], device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    """To write the letter takes minutes; what was fetched then lies on a borrowed device only."""
    host = waiting_host(near_relay, now_clock)
    host.write("편지")
    near_relay.meanwhile = lambda: None
    leave = GuestVisit.leave_letter

    def leaves(visit: GuestVisit) -> None:
        host.sync()
        near_relay.meanwhile = host.sync
        leave(visit)

    if own:
        device.keep_contact(Contact("다른 사람", url))
    with patch.object(GuestVisit, "leave_letter", leaves):
        ran = meet(device, url, "--leave", *own, letter="두고 가는 편지", wait=3)
    assert ran.code == 0
    assert [one["text"] for one in ran.of("letter")] == ["편지"]
    assert "confirmed" in ran.said
    host.sync()
    assert host.texts == ["두고 가는 편지"]


def test_without_an_offer_nobody_is_there_and_nothing_can_be_left(device: Device, url: str) -> None:
    ran = meet(device, url, "--leave", letter="편지")
    assert (ran.code, ran.said) == (
        11,
        ["looking", "nobody-there", "answers-spent", "cleared"],
    )


def test_a_letter_is_not_called_left_when_there_is_none_to_leave(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    waiting_host(near_relay, now_clock)
    near_relay.meanwhile = lambda: None
    ran = meet(device, url, "--leave")
    assert (ran.code, ran.said) == (
        11,
        ["looking", "nobody-there", "answers-spent", "cleared"],
    )


def test_answers_that_are_too_weak_leave_no_letter(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    waiting_host(near_relay, now_clock)
    ran = meet(device, url, "--leave", letter="편지", answers=("1", "2", "3"))
    assert "letter-left" not in ran.said
    near_relay.meanwhile = lambda: None
    ran = meet(device, url, "--leave", letter="편지", answers=("1", "2", "3"))
    assert (ran.code, ran.said[-3]) == (11, "leave-too-weak")


def test_a_full_relay_is_refused_before_and_during_the_conversation(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    host.write("편지")
    with near_relay.full():
        ran = meet(device, url, letter="답")
    assert (ran.code, ran.said) == (
        14,
        ["looking", "refused", "answers-spent", "cleared"],
    )

    class Filling:
        """The relay takes the answer, and nothing that comes after it."""

        def __call__(self) -> None:
            host.sync()
            near_relay._answer = lambda r: near_relay._lie_about_deposits(r, "FULL")  # noqa: SLF001 - full from now on

    near_relay.meanwhile = Filling()
    ran = meet(device, url, letter="답", wait=2)
    assert ran.code == 14
    assert [one["text"] for one in ran.of("letter")] == ["편지"]
    assert "left" not in ran.said


@pytest.mark.parametrize(("lie", "code"), [("loses_requests", 13), ("refuses", 14)])
def test_own_leaves_no_half_contact_when_nothing_was_answered(
    lie: str,
    code: int,
    device: Device,
    near_relay: SimulatedRelay,
    url: str,
    now_clock: Clock,
) -> None:
    host = waiting_host(near_relay, now_clock)
    host.write("편지")
    with getattr(near_relay, lie)():
        assert meet(device, url, "--own", NAME).code == code
    assert not device.profile.contacts
    # And the name is free for the next try.
    ran = meet(device, url, "--own", NAME, wait=10)
    assert (ran.code, [one["text"] for one in ran.of("letter")]) == (0, ["편지"])
    assert [line.keeps for line in device.profile.contacts[0].lines] == [True]
    assert meet(device, url, "--own", NAME).said == ["name-exists"]


def test_own_takes_a_broken_off_visit_up_without_a_second_guess(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    near_relay.meanwhile = lambda: None
    assert meet(device, url, "--own", NAME).code == 11
    host.write("편지")
    host.sync()
    near_relay.meanwhile = host.sync
    ran = meet(device, url, "--own", NAME, wait=10)
    assert [one["text"] for one in ran.of("letter")] == ["편지"]
    point = host.contact.sets[0].point
    assert sum(len(laid.runs) - len(laid.open_runs) for laid in point.offers) == 1


def test_own_with_other_answers_is_another_visit(
    device: Device, near_relay: SimulatedRelay, url: str, now_clock: Clock
) -> None:
    host = waiting_host(near_relay, now_clock)
    host.write("편지")
    assert meet(device, url, "--own", NAME, answers=WRONG_ANSWERS).code == 11
    ran = meet(device, url, "--own", NAME, wait=10)
    assert [one["text"] for one in ran.of("letter")] == ["편지"]


def test_a_number_or_an_address_that_is_none_is_refused_before_anything(device: Device) -> None:
    ran = device.run("meet", "123", "--relay", "https://relay.example", "--to-stdout")
    assert (ran.code, ran.said) == (2, ["number-wrong"])
    assert device.run("meet", format_number(NUMBER)).said == ["needs-relay"]
    assert os.path.lexists(vault_path(device.folder)) is False

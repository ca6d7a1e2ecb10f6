"""How a visit on a borrowed device ends badly: why, then what holds for answers and device."""

import socket

from ojak_client.i18n import Text
from ojak_client.messages import Message
from ojak_protocol.number import format_number
from tests.client.devices import ANSWERS, NUMBER, Device
from tests.client.sitting import KOREAN, Sitting

ENDING = ["answers-spent", "cleared"]
VISIT = ("meet", format_number(NUMBER), "--relay")


def nobody_listens() -> str:
    """An address at which no connection is taken."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_why_there_was_no_visit_stands_before_what_to_do_with_the_device(device: Device) -> None:
    ran = device.run(*VISIT, nobody_listens(), "--to-stdout", answers=ANSWERS)
    assert (ran.code, ran.said) == (13, ["looking", "offline", *ENDING])


def test_on_an_own_device_nothing_is_said_of_handing_it_back(device: Device) -> None:
    own = ("--own", "엄마", "--to-stdout")
    ran = device.run(*VISIT, nobody_listens(), *own, answers=ANSWERS)
    assert (ran.code, ran.said) == (13, ["looking", "offline"])


def interrupted_after(answers: tuple[str, ...], device: Device) -> tuple[int, str]:
    """The exit code and all that is said to somebody who typed *answers*, then Ctrl-C."""
    sitting = Sitting(device, (*VISIT, nobody_listens()), "/")
    try:
        sitting.until(Message.ABOUT_SPENT)
        for n, answer in enumerate(answers, start=1):
            sitting.until_text(f"{n}:")
            sitting.type(f"{answer}\r")
        sitting.until_text(f"{len(answers) + 1}:")
        sitting.type("\x03")
        code = sitting.end()
        return code, sitting.raw
    finally:
        sitting.child.close(force=True)


def test_who_stops_after_an_answer_is_told_that_it_is_spent(device: Device) -> None:
    code, said = interrupted_after(ANSWERS[:1], device)
    assert code == 130
    places = [said.rindex(korean(one)) for one in (Message.INTERRUPTED, Message.ANSWERS_SPENT)]
    assert places == sorted(places)


def test_who_stops_before_any_answer_is_told_nothing_of_answers(device: Device) -> None:
    code, said = interrupted_after((), device)
    assert code == 130
    assert korean(Message.ANSWERS_SPENT) not in said


def korean(message: Text) -> str:
    """The first words of *message*: a terminal may break a line behind them."""
    return KOREAN.pgettext(message.id, message.english)[:12]

"""`ojak send --hold`: until the count is over nothing of the letter is kept, and nothing leaves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from ojak_client.failures import Failure
from ojak_client.holding import hold, hold_seconds
from ojak_client.line_editor import ENTER
from ojak_client.messages import Message
from ojak_client.profile import Contact
from tests.client.devices import Device
from tests.client.persons import NAME, line_of
from tests.client.simulated_relay import SimulatedRelay
from tests.client.sitting import Sitting, sit_down
from tests.people import meet


@dataclass
class Screen:
    """A terminal whose time passes when somebody waits at it.

    Attributes:
        keys: at which second which key is pressed.
    """

    keys: dict[float, int] = field(default_factory=dict)
    erasable: bool = True
    now: float = 100.0
    written: str = ""

    def clock(self) -> float:
        return self.now

    def write(self, text: str) -> None:
        self.written += text

    def key_within(self, seconds: float) -> int | None:
        pressed = [at for at in self.keys if self.now <= at < self.now + seconds]
        if not pressed:
            self.now += seconds
            return None
        self.now = min(pressed)
        key = self.keys.pop(self.now)
        if key == ord("\x03"):
            raise KeyboardInterrupt
        return key

    @property
    def counted(self) -> list[int]:
        return [int(n) for n in re.findall(r'["“](\d+)["”]', self.written)]


def test_a_count_that_nobody_stops_is_shown_second_by_second_and_ends() -> None:
    screen = Screen()
    assert hold(screen, 5, screen.clock)
    assert screen.counted == [5, 4, 3, 2, 1]
    assert screen.now == 105
    assert screen.written.endswith("\n")


@pytest.mark.parametrize("key", [ord(" "), ord("x"), 0x1B, 0x7F, 0x04, ord("\x03")])
@pytest.mark.parametrize("at", [100.0, 102.5, 104.999])
def test_any_key_but_enter_undoes_at_once(key: int, at: float) -> None:
    screen = Screen({at: key})
    assert not hold(screen, 5, screen.clock)
    assert screen.now == at


def test_enter_which_ended_the_letter_undoes_nothing() -> None:
    screen = Screen({100.1: ENTER, 103.0: ENTER})
    assert hold(screen, 5, screen.clock)
    assert screen.now == 105


def test_a_clock_that_stands_still_sends_nothing_by_itself() -> None:
    screen = Screen({100.0: ENTER})
    screen.keys[100.5] = ord("x")
    assert not hold(screen, 600, screen.clock)


def test_a_terminal_that_cannot_erase_is_written_to_once() -> None:
    screen = Screen(erasable=False)
    assert hold(screen, 3, screen.clock)
    assert screen.counted == [3]
    assert "\x1b" not in screen.written


@pytest.mark.parametrize(
    ("typed", "seconds"), [("10s", 10), (" 1s ", 1), ("2m", 120), ("10m", 600)]
)
def test_a_time_is_seconds_or_minutes(typed: str, seconds: int) -> None:
    assert hold_seconds(typed) == seconds


@pytest.mark.parametrize(
    "typed", ["", "10", "0s", "601s", "11m", "1h", "-1s", "1.5s", "\uff11s", "s"]
)
def test_another_time_is_refused(typed: str) -> None:
    with pytest.raises(Failure) as refused:
        hold_seconds(typed)
    assert refused.value.message is Message.HOLD_UNCLEAR


@pytest.mark.parametrize(("hold_for", "said"), [("10s", "nobody-to-undo"), ("x", "hold-unclear")])
def test_without_a_terminal_it_is_refused_before_anything_is_kept(
    hold_for: str, said: str, device: Device, near_relay: SimulatedRelay, url: str
) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),)))
    ran = device.run("send", NAME, "--hold", hold_for, typed="편지")
    assert (ran.code, ran.said) == (2, [said])
    assert device.profile.contacts[0].ours == ()
    assert near_relay.arrived == []


@pytest.fixture
def sitting(device: Device, url: str) -> Iterator[Sitting]:
    """A person at a pseudo-terminal who has typed a letter that is counted down."""
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),)))
    with sit_down(device, "send", NAME, "--hold", "600s") as seated:
        seated.until(Message.ASK_LETTER)
        seated.type("편지\r\r")
        seated.until_text("“600”")
        yield seated


@pytest.mark.parametrize("key", [" ", "\x1b[A", "\x03"])
def test_a_letter_undone_is_not_kept_and_nothing_left(
    sitting: Sitting, key: str, device: Device, near_relay: SimulatedRelay
) -> None:
    sitting.type(key)
    sitting.until(Message.UNDONE)
    assert sitting.end() == 130
    assert device.profile.contacts[0].ours == ()
    assert near_relay.arrived == []


def test_a_window_closed_while_it_counts_sends_nothing(
    sitting: Sitting, device: Device, near_relay: SimulatedRelay
) -> None:
    sitting.child.close()  # a hang-up, and the end of the process is waited for
    assert device.profile.contacts[0].ours == ()
    assert near_relay.arrived == []


def test_a_count_that_is_over_sends_the_letter(device: Device, url: str) -> None:
    device.keep_contact(Contact(NAME, url, lines=(line_of(meet().host),)))
    with sit_down(device, "send", NAME, "--hold", "1s") as seated:
        seated.until(Message.ASK_LETTER)
        seated.type("편지\r\r")
        seated.until(Message.LEFT)
        assert seated.end() == 0
    assert [one.text for one in device.profile.contacts[0].ours] == ["편지"]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_window_that_cannot_be_written_to_any_more_undoes(after: int) -> None:
    class Closed(Screen):
        writes = 0

        def write(self, text: str) -> None:
            super().write(text)
            self.writes += 1
            if self.writes > after:
                raise OSError("no terminal")

    screen = Closed()
    assert not hold(screen, 5, screen.clock)

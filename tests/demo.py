"""What Ojak is for, shown and checked in one minute: `make demo`.

A relay, a daughter who waits and a mother on a stranger's phone are separate processes, started
as anybody would start them. Each claim that is told is checked first; the first one that does not
hold ends the demo with exit code 1. Nothing is left running, and the temporary folder goes.
"""

import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from ojak_client.messages import Message
from tests.journeys.actors import Device, Relay, World, world
from tests.journeys.children import Child, undisturbed
from tests.journeys.recorder import Record, recording
from tests.journeys.screen import Terminal, korean, sit_down
from tests.journeys.traces import WINDOW_BYTES, count_pieces, files_in, strace_to, violations

MOTHER = "어머니"
QUESTIONS = (
    "할머니와 함께 캐던 것과 그분?",
    "강철이는 무슨 일을 했습니까?",
    "논에 오던 새와 그해?",
)
DAUGHTERS_ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
MOTHERS_ANSWERS = ("감자밭할머니", "로동자 강철", "외가리 \uff11\uff19\uff17\uff14")  # wide digits
LETTER = "어머니, 저 잘 있습니다. 늘 보고 싶습니다."
REPLY = "딸아, 나도 잘 있다. 몸조심하거라."


class Untrue(Exception):
    """A claim of the demo does not hold."""


def main() -> int:
    """Run the demo and return its exit code."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    started = time.monotonic()
    folder = Path(tempfile.gettempdir()) / f"ojak-demo-{secrets.token_hex(8)}"
    try:
        folder.mkdir(mode=0o700)
        with world(folder) as people:
            _story(people)
            _claim(people.at_rest, "every process ended")
    except KeyboardInterrupt:
        _tell("\nInterrupted: everything was stopped.")
        return 130
    except (Untrue, AssertionError) as error:
        _tell(f"\nThis did not hold: {error}")
        return 1
    finally:
        with undisturbed():
            shutil.rmtree(folder, ignore_errors=True)
    _tell(f"Nothing is left running, and the temporary folder {folder} is gone.")
    _tell(f"All of this was checked, in {time.monotonic() - started:.0f} seconds.")
    return 0


def _story(people: World) -> None:
    _tell("A daughter in Seoul looks for her mother. They know the same three things, and nothing")
    _tell("else connects them: no account, no telephone number, no address.\n")
    relay = people.relay()
    _tell(f"THE RELAY runs at {relay.url} and keeps sealed boxes in one file.")
    found_before: list[bool] = []
    with recording("127.0.0.1", relay.port) as record:
        record.before_deletion = lambda boxes: found_before.extend(
            _lies_there(box, relay) for box in boxes
        )
        daughter = people.own("daughter", record.url)
        number = _invite(daughter)
        keeping = _keep(daughter)
        phone = people.borrowed("phone", record.url, watcher=strace_to(people.folder / "calls.txt"))
        _visit(phone, number)
        _read_reply(daughter, keeping, record)
        _look_at_phone(phone, people.folder / "calls.txt", record)
        _claim(bool(found_before) and all(found_before), "a box that waits lies in the file")
        _look_at_relay(record, relay)


def _invite(daughter: Device) -> str:
    _tell("\nTHE DAUGHTER thinks of three questions and prints a slip: ojak invite")
    questions = [part for question in QUESTIONS for part in ("--question", question)]
    invited = daughter.run(
        "invite", "--name", MOTHER, *questions, answers=DAUGHTERS_ANSWERS, as_json=False
    )
    _claim(invited.code == 0, "a meeting point can be opened")
    _screen(invited.out.splitlines())
    number = next(event["number"] for event in daughter.status() if "number" in event)
    _claim(number in invited.out, "the slip shows the number")
    _tell("A go-between gets the number and the relay. Her answers she tells nobody:")
    _screen([" / ".join(DAUGHTERS_ANSWERS)])
    _tell("She writes a letter: ojak send")
    sent = daughter.run("send", MOTHER, letter=LETTER, as_json=False)
    _claim(sent.code == 0, "a letter can be written before the meeting")
    _screen([LETTER, "", *sent.err.splitlines()])
    return str(number)


def _keep(daughter: Device) -> Child:
    _tell("and stays on: ojak keep")
    keeping = daughter.start("keep", as_json=False)
    _screen([keeping.until_line(korean(Message.KEEPING))])
    return keeping


def _visit(phone: Device, number: str) -> None:
    before = files_in(phone.folder)
    _tell(f"\nTHE MOTHER has a stranger's phone for a few minutes: ojak meet {number}")
    _tell("She types her answers as one writes in the North, leaves out a space, mishears a vowel.")
    _tell("It makes no difference:")
    mother = sit_down(phone, "meet", number)
    _answer(mother)
    _tell("Then she reads what waited for her. It is shown once:")
    mother.until(korean(Message.PRESS_TO_ERASE))
    _claim(LETTER in " ".join(mother.lines), "the mother reads her daughter's letter")
    _screen(mother.lines)
    mother.type()
    mother.until(korean(Message.ASK_LETTER))
    _tell("She writes back:")
    mother.type(REPLY)
    mother.type()
    _screen([REPLY])
    code = mother.end()
    _claim(code == 0, "the visit ends well")
    shown = "\n".join(mother.lines)
    secrets = (*MOTHERS_ANSWERS, LETTER, REPLY)
    _claim(not any(secret in shown for secret in secrets), "her screen is erased")
    _tell("and gives the phone back. This is all that still stands on its screen:")
    _screen(mother.lines)
    _claim(files_in(phone.folder) == before, "the phone has the files that it had before")


def _answer(mother: Terminal) -> None:
    for n, answer in enumerate(MOTHERS_ANSWERS, 1):
        mother.until(korean(Message.ASK_ANSWER, n=n))
        mother.type(answer)
    mother.until(korean(Message.ASK_UNDERSTOOD))
    _screen(mother.lines[1:])
    mother.type("예")
    # She could write before connecting, and be on the line for a shorter time.
    mother.until(korean(Message.ASK_LETTER))
    mother.type()
    mother.until(korean(Message.CONFIRMED))


def _read_reply(daughter: Device, keeping: Child, record: Record) -> None:
    _tell("\nTHE DAUGHTER's screen has said in the meantime:")
    keeping.until_line(korean(Message.GUEST_CONFIRMED, name=MOTHER))
    keeping.until_line(korean(Message.NEW_LETTER, name=MOTHER))
    _screen(keeping.err[1:])
    # Her letter was deleted by the guest, the reply by her own client: one box each, at least.
    _claim(record.wait_for(lambda seen: len(seen.collected) >= 2), "what was read is deleted")
    _tell("She reads the reply: ojak read")
    first = daughter.run("read", "--to-stdout", as_json=False)
    _claim((first.code, first.out.strip()) == (0, REPLY), "the reply is shown")
    _screen(first.out.splitlines())
    second = daughter.run("read", "--to-stdout", as_json=False)
    _claim((second.code, second.out) == (10, ""), "the reply is shown once")
    _tell("She tries to read it again, and there is nothing any more (exit code 10):")
    _screen(second.err.splitlines())
    _claim(keeping.stop().code == 0, "to keep ends when it is told to")


def _look_at_phone(phone: Device, calls: Path, record: Record) -> None:
    _tell("\nWHAT IS LEFT?")
    _tell(f"On the stranger's phone: no file. {len(files_in(phone.folder))} folders were compared.")
    if not phone.watcher:
        _tell("strace is not installed here, so the calls of the program were not looked at.")
        return
    port = int(record.url.rpartition(":")[2])
    found = violations(calls, relay_port=port)
    _claim(not found, f"the program wrote no file and reached only the relay: {found}")
    count = len(calls.read_text(errors="replace").splitlines())
    _tell(f"strace saw {count} calls: none wrote a file, none reached anything but the relay.")


def _lies_there(box: bytes, relay: Relay) -> bool:
    """Return whether the search finds the whole of *box*: if not, it proves nothing later."""
    return count_pieces([box], relay.file) >= len(box) // WINDOW_BYTES


def _look_at_relay(record: Record, relay: Relay) -> None:
    collected = record.collected
    left = [box for place, box in record.boxes.items() if place not in record.deleted]
    found = count_pieces(collected, relay.file)
    _claim(found == 0, f"no byte of the collected boxes is left: {found} pieces were found")
    _claim(count_pieces(left, relay.file) > 0, "boxes that still wait are found")
    _tell(
        f"At the relay: {len(collected)} boxes were collected. Before, each was found whole in the"
    )
    _tell("relay's file; now not even 15 bytes in a row of any of them are there. The boxes of the")
    _tell("meeting place, which hold no letter, go when their time is over.")
    _claim(relay.stop().code == 0, "the relay ends when it is told to")


def _claim(holds: bool, sentence: str) -> None:  # noqa: FBT001 (reads as what it is)
    if not holds:
        raise Untrue(sentence)


def _screen(lines: Iterable[str]) -> None:
    for line in lines:
        _tell(f"    │ {line.rstrip()}")


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())

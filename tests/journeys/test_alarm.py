"""Somebody is forced, and somebody comes with answers that were seen: what each person reads."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.journeys.actors import World
from tests.journeys.traces import names_of_calls, strace_to

ANSWERS = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
ALARM_WORD = "두루미 없는 장독대"
LETTER = "어머니, 돈을 보냅니다."
HARMLESS = "여기는 날씨가 춥습니다."
REPLY = "잘 있다."
SAID = ["looking", "confirmed", "letter", "left", "answers-spent", "cleared"]
MOST_TURNS = 4


def test_whoever_is_forced_reads_a_harmless_letter_and_the_host_reads_that_she_is_forced(
    people: World,
) -> None:
    relay = people.relay()
    host = people.own("host", relay.url)
    number = host.invite("어머니", ANSWERS)
    set_up = host.run("alarm", "어머니", answers=(*ANSWERS, ALARM_WORD), letter=HARMLESS)
    assert set_up.said == ["alarm-kept", "alarm-limit"]
    host.send("어머니", LETTER)
    keeping = host.keep()

    forced = people.borrowed("phone", relay.url).meet(
        number, (*ANSWERS[:2], ALARM_WORD), letter=REPLY
    )
    assert (forced.code, forced.letters) == (0, [HARMLESS])
    assert "confirmed" in forced.said
    keeping.until("guest-confirmed-alarm")
    keeping.until("new-questions-needed")
    assert host.count("status-collected") == 0

    # Those who forced her have seen the first two answers; say they have the third as well.
    coming = people.borrowed("other phone", relay.url).come(number, ANSWERS, "--wait", "30")
    keeping.until("answers-were-spent")
    allowed = host.run("allow", "어머니", "--yes")
    assert (allowed.code, allowed.said[0]) == (0, "allowed")
    visit = coming.wait()
    # The harmless letter is used up: without another one the real one stays where it is.
    assert visit.letters == []
    keeping.stop()


def test_with_the_hosts_yes_letters_go_to_whoever_came_with_answers_that_were_seen(
    people: World,
) -> None:
    relay = people.relay()
    host = people.own("host", relay.url)
    number = host.invite("어머니", ANSWERS)
    keeping = host.keep()
    first = people.borrowed("phone", relay.url).meet(number, ANSWERS)
    assert first.code == 0
    keeping.until("new-questions-needed")
    host.send("어머니", LETTER)

    coming = people.borrowed("other phone", relay.url).come(number, ANSWERS, "--wait", "30")
    keeping.until("answers-were-spent")
    assert host.run("allow", "어머니", "--yes").code == 0
    assert coming.wait().letters == [LETTER]

    told = host.run("questions", "어머니", *_questions(), answers=("하나둘", "셋넷", "다섯여섯"))
    assert told.said[-1] == "set-told"
    third = people.borrowed("third phone", relay.url).come(number, ANSWERS, "--wait", "30")
    keeping.until("answers-were-spent")
    host.run("allow", "어머니", "--yes")
    assert third.wait().code == 0
    last = people.borrowed("fourth phone", relay.url)
    assert last.meet(number, ("하나둘", "셋넷", "다섯여섯"), "--set", "2").code == 0
    keeping.stop()


def _questions() -> list[str]:
    return [part for n in (4, 5, 6) for part in ("--question", f"물음 {n}?")]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_b5_a_borrowed_device_makes_the_same_calls_whichever_word_is_typed(
    people: World, tmp_path: Path
) -> None:
    """Files, sockets and what is sent: the guest's program does not know which word it was."""
    # A host that is slow to answer is asked once more, with either word. So one pair of visits that
    # are alike is enough. Calls that come after some alarm words only are not seen by this, nor
    # such as look like those of one more asking where the host was slow in the other visit.
    pairs = []
    for turn in range(MOST_TURNS):
        right, alarm = (
            _calls_of_a_visit(people, f"{name} {turn}", last, tmp_path / f"{name}{turn}")
            for name, last in (("right", ANSWERS[2]), ("alarm", ALARM_WORD))
        )
        assert right["connect"] == alarm["connect"] == 1
        pairs.append((right, alarm))
        if right == alarm:
            return
    pytest.fail(f"no pair of visits is alike: {pairs}")


def _calls_of_a_visit(people: World, name: str, last: str, trace: Path) -> Counter[str]:
    """Return the calls of a borrowed device on which *last* is typed, after it went well."""
    relay = people.relay()
    host = people.own(f"host {name}", relay.url)
    number = host.invite("어머니", ANSWERS)
    host.run("alarm", "어머니", answers=(*ANSWERS, ALARM_WORD), letter=HARMLESS)
    host.send("어머니", LETTER)
    keeping = host.keep()
    phone = people.borrowed(f"phone {name}", relay.url, watcher=strace_to(trace))
    visit = phone.meet(number, (*ANSWERS[:2], last), "--wait", "60", letter=REPLY)
    assert len(visit.letters) == 1
    assert (visit.code, visit.said) == (0, SAID)
    keeping.stop()
    return names_of_calls(trace)

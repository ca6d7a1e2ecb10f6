"""Two people meet, or do not: what each of them reads, what goes and what stays."""

from collections.abc import Iterator

import pytest

from ojak_protocol.sync import SyncRequest
from tests.journeys.actors import Device, Relay, World
from tests.journeys.recorder import Record, recording

SOUTH = ("감자밭 할머니", "노동자 강철", "왜가리 1974")
NORTH = ("감자밭할머니", "로동자 강철", "외가리 1974")
WRONG = ("감자밭 할머니", "노동자 강철", "두루미 1974")
WEAK = ("개", "소", "닭")
LETTER = "어머니, 저 잘 있습니다."
REPLY = "딸아, 나도 잘 있다."
TAKEN_BY_NOBODY_KNOWN = (
    "누군가 답을 가져갔으나 당신에게 온 편지는 없습니다. 답이 서로 다르거나, 가족이 아닙니다. "
    "다른 길로 다시 약속하십시오."
)
BRANCHES_AND_SEEN = 3
"""What a host deposits at once for a visit: a box in each branch, and that it took the answer."""


@pytest.fixture
def relay(people: World) -> Relay:
    return people.relay()


@pytest.fixture
def record(relay: Relay) -> Iterator[Record]:
    with recording("127.0.0.1", relay.port) as record:
        yield record


@pytest.fixture
def host(people: World, record: Record) -> Device:
    return people.own("host", record.url)


def laid_and_left(host: Device, record: Record) -> None:
    """The host's offers lie at the relay, and the host has gone."""
    keeping = host.keep()
    record.wait_for_rest()
    assert keeping.stop().code == 0


def test_two_people_meet_whatever_their_spelling_and_exchange_letters(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    assert host.send("어머니", LETTER).said == ["waits-for-meeting"]
    keeping = host.keep()
    visit = people.borrowed("phone", record.url).meet(number, NORTH, letter=REPLY)
    assert visit.code == 0
    assert visit.letters == [LETTER]
    assert visit.said[:2] == ["looking", "confirmed"]
    assert visit.said[-1] == "cleared"
    keeping.until("guest-confirmed")
    keeping.until("new-letter")
    first, second = host.read(), host.read()
    assert (first.code, first.letters) == (0, [REPLY])
    assert (second.code, second.said) == (10, ["nothing"])
    assert host.count("status-tries") == 0
    assert host.count("status-collected") == 1
    assert keeping.stop().code == 0


def test_wrong_answers_disclose_no_letter_and_both_people_read_what_is_true(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    host.send("어머니", LETTER)
    keeping = host.keep()
    stranger = people.borrowed("stranger", record.url)
    arguments = ("meet", number, "--to-stdout", "--wait", "5", "--letter", "-")
    visit = stranger.run(*arguments, answers=WRONG, letter="나를 믿어 다오.", as_json=False)
    assert (visit.code, visit.out) == (11, "")
    assert visit.err.splitlines() == [
        "가족을 찾고 있습니다. 그대로 기다리십시오.",
        TAKEN_BY_NOBODY_KNOWN,
        "당신 것이 아닌 기기에 이 답을 썼습니다. 가족과 새 답을 정하십시오.",
        "다 끝났습니다. 이 기기에 적어 둔 것이 없습니다. 창을 닫고 돌려주십시오.",
    ]
    keeping.until("guest-came")
    stopped = keeping.stop()
    assert not {"guest-confirmed", "new-letter", "received", "collected"} & set(stopped.said)
    assert host.read().code == 10
    assert host.count("status-tries") == 1
    # Ten minutes after the stranger said that he would be gone.
    record.ahead_seconds = 1200
    assert "someone-came" in host.run("sync").said
    record.ahead_seconds = 0
    keeping = host.keep()
    assert people.borrowed("phone", record.url).meet(number, NORTH).letters == [LETTER]
    keeping.until("guest-confirmed")


def test_a_guess_is_on_disk_before_anything_is_sent(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    host.send("어머니", LETTER)
    keeping = host.keep()
    record.wait_for_rest()
    counted: list[int] = []

    def kill_the_host(request: SyncRequest) -> None:
        if len(request.deposits) >= BRANCHES_AND_SEEN and not counted:
            # What it is about to send has not reached the relay.
            keeping.kill()
            counted.append(host.count("status-tries"))
            raise ConnectionError

    record.before_passing = kill_the_host
    visit = people.borrowed("phone", record.url).meet(number, NORTH, "--wait", "4")
    assert counted == [1]
    assert (visit.code, visit.said[1]) == (11, "nobody-there")
    host.run("sync")
    assert host.count("status-tries") == 1


def test_a_guest_is_told_that_nobody_is_there(people: World, host: Device, record: Record) -> None:
    number = host.invite("어머니", SOUTH)
    laid_and_left(host, record)
    before = record.laid
    visit = people.borrowed("phone", record.url).meet(number, NORTH, "--wait", "1", letter=REPLY)
    assert visit.code == 11
    assert visit.said == ["looking", "nobody-there", "answers-spent", "cleared"]
    assert record.laid == before + 1, "the answer and nothing else"
    host.run("sync")
    assert host.read().code == 10


def test_a_number_where_no_host_ever_was_ends_like_an_absent_host(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    visit = people.borrowed("phone", record.url).meet(number, NORTH, "--wait", "1", letter=REPLY)
    assert (visit.code, visit.said) == (
        11,
        ["looking", "nobody-there", "answers-spent", "cleared"],
    )
    assert record.laid == 0


def test_a_letter_left_for_an_absent_host_is_read_when_the_host_returns(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    laid_and_left(host, record)
    phone = people.borrowed("phone", record.url)
    visit = phone.meet(number, NORTH, "--wait", "1", "--leave", letter=REPLY)
    assert visit.code == 0
    assert visit.said == ["looking", "letter-left", "answers-spent", "cleared"]
    keeping = host.keep()
    keeping.until("new-letter")
    assert host.read().letters == [REPLY]
    assert host.read().code == 10


def test_a_letter_left_with_wrong_answers_is_never_read(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    laid_and_left(host, record)
    stranger = people.borrowed("stranger", record.url)
    assert stranger.meet(number, WRONG, "--wait", "1", "--leave", letter="돈을 보내라.").code == 0
    assert host.run("sync").code == 10
    assert host.read().code == 10
    assert host.count("status-tries") == 1


def test_answers_too_weak_are_warned_about_and_leave_no_letter(
    people: World, host: Device, record: Record
) -> None:
    questions = ("--question", "하나?", "--question", "둘?", "--question", "셋?")
    invited = host.run("invite", "--name", "어머니", *questions, answers=WEAK)
    assert invited.said[0] == "weak-answers"
    laid_and_left(host, record)
    before = record.laid
    number = invited.event("your-number")["number"]
    phone = people.borrowed("phone", record.url)
    visit = phone.meet(number, WEAK, "--wait", "1", "--leave", letter=REPLY)
    assert visit.code == 11
    assert visit.said == ["looking", "leave-too-weak", "answers-spent", "cleared"]
    assert record.laid == before + 1, "the answer and nothing else"


def test_three_guests_come_one_after_another(people: World, host: Device, record: Record) -> None:
    number = host.invite("어머니", SOUTH)
    keeping = host.keep()
    for n in (1, 2, 3):
        host.send("어머니", f"{LETTER} {n}")
        phone = people.borrowed(f"phone{n}", record.url)
        coming = phone.come(number, NORTH, "--wait", "60", letter=f"{REPLY} {n}")
        if n > 1:
            # The answers were typed on a stranger's device: from now on it takes the host's yes.
            keeping.until("answers-were-spent")
            assert host.run("allow", "어머니", "--yes").code == 0
        visit = coming.wait()
        assert (visit.code, visit.letters) == (0, [f"{LETTER} {n}"])
        keeping.until("new-letter")
        assert host.read().letters == [f"{REPLY} {n}"]
    assert host.count("status-collected") == 3
    assert host.count("status-tries") == 0


def test_a_host_with_two_contacts_keeps_their_letters_apart(
    people: World, host: Device, record: Record
) -> None:
    brothers = ("뒷산 너럭바위", "검둥이 강아지", "1968")
    to_mother = host.invite("어머니", SOUTH)
    to_brother = host.invite("동생", brothers)
    host.send("어머니", "어머니께")
    host.send("동생", "동생에게")
    keeping = host.keep()
    brother = people.borrowed("brother", record.url).come(to_brother, brothers, letter="동생이")
    mother = people.borrowed("mother", record.url).come(to_mother, NORTH, letter="어머니가")
    assert mother.wait().letters == ["어머니께"]
    assert brother.wait().letters == ["동생에게"]
    assert {keeping.until("new-letter")["name"] for _ in range(2)} == {"어머니", "동생"}
    assert host.read("어머니").letters == ["어머니가"]
    assert host.read("동생").letters == ["동생이"]
    assert host.read().code == 10


@pytest.mark.parametrize(
    ("options", "boxes_at_once"),
    [(("--wait-for-reply",), 1), (("--at-once",), 2)],
)
def test_a_letter_goes_at_once_or_waits_for_the_reply_as_its_writer_chose(
    people: World, host: Device, record: Record, options: tuple[str, ...], boxes_at_once: int
) -> None:
    number = host.invite("어머니", SOUTH)
    host.send("어머니", "하나", *options)
    host.send("어머니", "둘", *options)
    keeping = host.keep()
    record.wait_for_rest()
    offered: list[int] = []
    record.before_passing = lambda request: offered.append(len(request.deposits))
    visit = people.borrowed("phone", record.url).meet(number, NORTH, letter=REPLY)
    assert visit.letters == ["하나", "둘"]
    first = next(count for count in offered if count >= BRANCHES_AND_SEEN)
    assert first == 2 * boxes_at_once + 1
    keeping.until("new-letter")


def test_a_letter_that_waits_for_the_reply_is_not_offered_to_a_stranger(
    people: World, host: Device, record: Record
) -> None:
    number = host.invite("어머니", SOUTH)
    host.send("어머니", LETTER, "--wait-for-reply")
    keeping = host.keep()
    record.wait_for_rest()
    offered: list[int] = []
    record.before_passing = lambda request: offered.append(len(request.deposits))
    people.borrowed("stranger", record.url).meet(number, WRONG, "--wait", "4")
    keeping.until("guest-came")
    assert max(offered) == BRANCHES_AND_SEEN, "a greeting in each branch, and no letter"
    record.ahead_seconds = 1200
    host.run("sync")
    assert host.count("status-unsent") == 1

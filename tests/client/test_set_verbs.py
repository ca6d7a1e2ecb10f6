"""`ojak questions`, `alarm`, `allow` and `number`: what they keep, say and refuse."""

import time
from dataclasses import replace

import pytest

from ojak_client.our_letters import body_of, with_letter
from ojak_client.profile import Contact, QuestionSet, Role
from ojak_protocol.answers import answers_of
from ojak_protocol.details import NextNumber, NextQuestions
from ojak_protocol.letters import Kind
from ojak_protocol.meeting_point import MeetingPoint, day_of, lay
from ojak_protocol.stretch import answers_prs, argon2id, number_seed
from tests.client.devices import ANSWERS, NUMBER, QUESTIONS, RIGHT, SEED, WRONG_ANSWERS, Device
from tests.client.persons import NAME, RELAY, letter, line_of
from tests.people import CLOCK, ENTROPY, meet

ALARM_WORD = "장독대 밑 항아리"
OTHERS = ("우물 옆 돌배", "지붕 위 고무신", "둘째 이모 노래")
THREE = ("질문 1", "질문 2", "질문 3")
POINT = MeetingPoint(NUMBER, SEED, 1, RIGHT, None, bits=30)


@pytest.fixture
def host(device: Device) -> Device:
    """A device that waits for one contact at NUMBER."""
    device.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(POINT, THREE),)))
    return device


def test_another_set_is_kept_and_told_in_a_letter(host: Device) -> None:
    ran = host.run("questions", NAME, *QUESTIONS, answers=OTHERS)
    assert (ran.code, ran.said[-1]) == (0, "set-told")
    contact = host.profile.contacts[0]
    assert [one.point.set_number for one in contact.sets] == [1, 2]
    added = contact.sets[1]
    assert added.questions == THREE
    assert added.point.right == answers_prs(SEED, 2, answers_of(*OTHERS), argon2id)
    (letter,) = contact.waiting
    assert not letter.at_once
    assert body_of(letter).details == NextQuestions(2, THREE)


def test_a_set_that_was_agreed_is_told_to_nobody(host: Device) -> None:
    ran = host.run("questions", NAME, *QUESTIONS, "--set", "7", "--agreed", answers=OTHERS)
    assert (ran.code, ran.said[-1]) == (0, "set-agreed")
    contact = host.profile.contacts[0]
    assert [one.point.set_number for one in contact.sets] == [1, 7]
    assert contact.ours == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((NAME, "--set", "1", *QUESTIONS), "set-exists"),
        ((NAME, "--question", "하나"), "three-questions"),
        (
            (NAME, *(word for n in "123" for word in ("--question", "가" * 180 + n))),
            "answer-too-long",
        ),
        (("아무개", *QUESTIONS), "unknown-name"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused(
    arguments: tuple[str, ...], said: str, host: Device
) -> None:
    before = host.profile
    ran = host.run("questions", *arguments, answers=OTHERS)
    assert (ran.code, ran.said) == (2, [said])
    assert host.profile == before


def test_four_sets_that_nobody_has_seen_are_enough(host: Device) -> None:
    sets = tuple(QuestionSet(replace(POINT, set_number=n), THREE) for n in range(1, 5))
    host.keep_contact(Contact(NAME, RELAY, sets=sets))
    assert host.run("questions", NAME, *QUESTIONS, answers=OTHERS).said == ["too-many-sets"]


def test_somebody_who_is_not_awaited_has_no_sets(host: Device) -> None:
    host.keep_contact(Contact(NAME, RELAY, lines=(line_of(meet().guest),)))
    for verb in ("questions", "number"):
        assert host.run(verb, NAME, answers=ANSWERS).said == ["no-number"]
    assert host.run("alarm", NAME, answers=ANSWERS).said == ["unknown-set"]


def test_an_alarm_word_is_kept_stretched_with_its_first_harmless_letter(host: Device) -> None:
    ran = host.run("alarm", NAME, answers=(*ANSWERS, ALARM_WORD), typed="날씨가 춥다")
    assert ran.code == 0
    assert ran.said == ["alarm-kept", "alarm-limit"]
    contact = host.profile.contacts[0]
    point = contact.sets[0].point
    answers = answers_of(*ANSWERS[:2], ALARM_WORD)
    assert point.alarm == answers_prs(SEED, 1, answers, argon2id)
    assert [letter.text for letter in contact.waiting_as(Role.COUNTERPART)] == ["날씨가 춥다"]
    assert contact.waiting == ()
    assert "status-alarm" in host.run("status").said


def test_a_later_alarm_word_needs_no_further_harmless_letter(host: Device) -> None:
    host.run("alarm", NAME, answers=(*ANSWERS, ALARM_WORD), typed="날씨가 춥다")
    ran = host.run("alarm", NAME, answers=(*ANSWERS, "외양간 뒤 살구나무"))
    assert (ran.code, ran.said) == (0, ["alarm-kept", "alarm-limit"])
    assert len(host.profile.contacts[0].ours) == 1
    ran = host.run("alarm", NAME, "--none")
    assert (ran.code, ran.said) == (0, ["alarm-removed"])
    assert host.profile.contacts[0].sets[0].point.alarm is None


@pytest.mark.parametrize(
    ("answers", "typed", "said"),
    [
        ((*WRONG_ANSWERS, ALARM_WORD), "편지", ["other-answers"]),
        ((*ANSWERS, "흰둥"), "편지", ["alarm-word-near"]),
        ((*ANSWERS, "1"), "편지", ["alarm-word-easy"]),
        (ANSWERS, "편지", ["four-lines"]),
        ((*ANSWERS, ALARM_WORD), "", ["empty-letter"]),
        ((*ANSWERS, ALARM_WORD), "가" * 501, ["too-big"]),
    ],
)
def test_an_alarm_word_that_cannot_be_used_changes_nothing(
    answers: tuple[str, ...], typed: str, said: list[str], host: Device
) -> None:
    before = host.profile
    ran = host.run("alarm", NAME, answers=answers, typed=typed)
    assert ran.code
    assert ran.said == said
    assert host.profile == before


def test_an_alarm_word_changed_again_and_again_is_refused_before_it_misleads_a_guest(
    host: Device,
) -> None:
    for word in (ALARM_WORD, "외양간 뒤 살구나무", "고모네 옥수수 자루"):
        with host.store() as store:
            contact = store.read().contacts[0]
        laid = _laid_today(contact.sets[0].point)
        host.keep_contact(replace(contact, sets=(QuestionSet(laid, THREE),)))
        ran = host.run("alarm", NAME, answers=(*ANSWERS, word), typed="날씨가 춥다")
    assert (ran.code, ran.said) == (1, ["alarm-changed-often"])


def test_a_yes_releases_what_was_held(host: Device) -> None:
    assert host.run("allow", NAME, "--yes").said == ["nobody-held"]
    line = line_of(meet().host, held=True)
    host.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(POINT, THREE),), lines=(line,)))
    assert host.run("allow", NAME).said == ["needs-option"]
    assert host.profile.contacts[0].lines[0].held
    ran = host.run("allow", NAME, "--yes")
    # No relay is there in this test: what was decided is kept, and goes with the next connection.
    assert (ran.code, ran.said) == (13, ["allowed", "offline"])
    assert not host.profile.contacts[0].lines[0].held


def test_b1_a_yes_to_one_person_releases_no_line_of_another_who_came_in_the_same_second(
    host: Device,
) -> None:
    sets = (QuestionSet(POINT, THREE),)
    lines = [line_of(meet().host, held=True) for _ in range(2)]
    for name, line in zip((NAME, "다른 사람"), lines, strict=True):
        host.keep_contact(Contact(name, RELAY, sets=sets, lines=(line,)))
    assert lines[0].confirmed_at == lines[1].confirmed_at
    assert host.run("allow", "다른 사람", "--yes").said == ["allowed", "offline"]
    assert [one.lines[0].held for one in host.profile.contacts] == [True, False]


def test_a_yes_that_comes_too_late_says_so(host: Device) -> None:
    line = line_of(meet().host, kept=False, held=True, looks_until=CLOCK)
    host.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(POINT, THREE),), lines=(line,)))
    assert host.run("allow", NAME, "--yes").said == ["allowed-late"]


def test_who_is_to_say_yes_is_told_to_read_first_what_came_with_that_visit(host: Device) -> None:
    one, other = (line_of(meet().host, held=True, brought=2) for _ in range(2))
    unread = letter("누구", reference=1)
    theirs = (
        replace(unread, written=(other.number, 0, 0)),
        replace(unread, written=(one.number, 0, 0), reference=2),
        replace(unread, written=(other.number, 0, 1), reference=3, opened=True),
    )
    host.keep_contact(
        Contact(NAME, RELAY, sets=(QuestionSet(POINT, THREE),), lines=(other,), theirs=theirs)
    )
    ran = host.run("allow", NAME, "--yes")
    assert ran.of("read-before-allowing") == [
        {"event": "read-before-allowing", "visit": other.number, "n": 1}
    ]
    assert not host.profile.contacts[0].lines[0].held


def test_b1_where_several_came_a_yes_given_beforehand_goes_to_none_of_them(host: Device) -> None:
    lines = tuple(line_of(meet().host, held=True) for _ in range(3))
    host.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(POINT, THREE),), lines=lines))
    ran = host.run("allow", NAME, "--yes")
    assert (ran.code, ran.said) == (2, ["several-held"])
    assert ran.of("several-held")[0]["n"] == 3
    assert all(line.held for line in host.profile.contacts[0].lines)


def test_another_number_keeps_the_answers_and_tells_whoever_was_met(host: Device) -> None:
    spent = QuestionSet(replace(POINT, spent=True, set_number=1), THREE)
    met = Contact(NAME, RELAY, sets=(spent,), lines=(line_of(meet().host),))
    host.keep_contact(met)
    ran = host.run("number", NAME, answers=ANSWERS)
    assert (ran.code, len(ran.of("your-number"))) == (0, 1)
    contact = host.profile.contacts[0]
    (kept,) = contact.sets
    point = kept.point
    assert point.number != NUMBER
    assert point.seed == number_seed(point.number, argon2id)
    assert point.right == answers_prs(point.seed, 1, answers_of(*ANSWERS), argon2id)
    assert point.spent
    (letter,) = contact.waiting
    assert letter.kind == Kind.NUMBER
    assert body_of(letter).details == NextNumber(point.number)


@pytest.mark.parametrize("number", [1, 2, 7])
def test_another_number_says_how_its_set_is_named(host: Device, number: int) -> None:
    point = replace(
        POINT,
        set_number=number,
        right=answers_prs(POINT.seed, number, answers_of(*ANSWERS), argon2id),
    )
    host.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(point, THREE),)))
    ran = host.run("number", NAME, answers=ANSWERS)
    # Whoever names no set means the first.
    named = [] if number == 1 else [{"event": "come-with-set", "set": number}]
    assert (ran.code, ran.of("come-with-set")) == (0, named)


def test_another_number_says_what_does_not_go_with_it(host: Device) -> None:
    host.run("alarm", NAME, answers=(*ANSWERS, ALARM_WORD), typed="날씨가 춥다")
    ran = host.run("number", NAME, answers=ANSWERS)
    assert (ran.code, ran.said[-1]) == (0, "number-dropped")
    assert host.profile.contacts[0].sets[0].point.alarm is None
    # Nobody was met: there is nobody to write to.
    assert host.profile.contacts[0].waiting == ()


def test_another_number_needs_the_same_answers(host: Device) -> None:
    before = host.profile
    assert host.run("number", NAME, answers=WRONG_ANSWERS).said == ["other-answers"]
    assert host.profile == before


def test_letters_to_whoever_was_met_go_on_waiting_under_the_new_number(host: Device) -> None:
    with host.store() as store:
        store.update(
            lambda profile: (
                with_letter(profile, NAME, "편지", expires_at=0, at_once=True),
                None,
            )
        )
    host.run("number", NAME, answers=ANSWERS)
    assert [letter.text for letter in host.profile.contacts[0].waiting] == ["편지"]


def _laid_today(point: MeetingPoint) -> MeetingPoint:
    now = int(time.time())
    return lay(point, day=day_of(now), now=now, entropy=ENTROPY)

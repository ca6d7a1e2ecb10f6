"""Questions between two clients: both learn the same, and nobody ever gets a second guess."""

from dataclasses import replace

import pytest

from ojak_client import comparing
from ojak_client.apply import apply
from ojak_client.errors import ContactGone
from ojak_client.notices import NoticeKind
from ojak_client.profile import Contact, Profile, Role, with_contact
from ojak_client.store import encode
from ojak_client.vault_format import MAX_CONTENT_BYTES
from ojak_protocol import cbor
from ojak_protocol.box import BODY_BYTES
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.cpace import Share
from ojak_protocol.details import Question, QuestionOutcome, QuestionReply, Stop, StopWhat
from ojak_protocol.letters import Kind
from ojak_protocol.primitives import u16
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    Killed,
    Person,
    kept_pair,
    line_of,
    moment,
    new_person,
)
from tests.client.questions import (
    CAT,
    DOG,
    TEXT,
    arrived,
    carrying,
    details_sent,
    kinds_of,
    later,
    new_question,
    put,
    read,
    reply,
    reply_body,
    results,
    say,
    until_both_know,
)
from tests.client.replies import asked as request_of
from tests.client.replies import reply as reply_to
from tests.client.simulated_relay import SimulatedRelay
from tests.people import forged, meet


@pytest.fixture
def clock(now_clock: Clock) -> Clock:
    return now_clock


@pytest.fixture
def pair(relay: SimulatedRelay, clock: Clock) -> tuple[Person, Person]:
    return kept_pair(relay, clock)


@pytest.mark.parametrize(("answer", "equal"), [(DOG, True), (CAT, False)])
@pytest.mark.parametrize("guest_asks", [False, True])
def test_both_learn_whether_the_answers_are_the_same(
    pair: tuple[Person, Person], answer: str, *, equal: bool, guest_asks: bool
) -> None:
    asker, replier = reversed(pair) if guest_asks else pair
    put(asker)
    until_both_know(asker, replier, answer)
    assert results(asker) == results(replier) == [(TEXT, equal)]
    assert (asker.contact.our_questions, replier.contact.our_replies) == ((), ())
    assert NoticeKind.ANSWER_ARRIVED in asker.kinds()
    assert NoticeKind.ANSWER_ARRIVED in replier.kinds()


def test_several_questions_at_once_are_told_apart(pair: tuple[Person, Person]) -> None:
    asker, replier = pair
    for text in ("하나?", "둘?"):
        put(asker, text=text)
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier)
    reply(replier, CAT)
    replier.sync()
    asker.sync()
    later(asker)
    replier.sync()
    assert results(asker) == results(replier) == [("하나?", True), ("둘?", False)]


def test_replies_in_another_order_belong_to_their_questions(pair: tuple[Person, Person]) -> None:
    asker, replier = pair
    for text in ("하나?", "둘?", "셋?"):
        put(asker, text=text)
    asker.sync()
    replier.sync()
    read(replier)
    replier.change(lambda contact: replace(contact, their_questions=contact.their_questions[::-1]))
    for answer in (DOG, CAT, CAT):
        reply(replier, answer)
    replier.sync()
    asker.sync()
    asker.change(
        lambda contact: replace(
            contact,
            lines=(replace(contact.lines[0], outcomes=contact.lines[0].outcomes[::-1]),),
        )
    )
    later(asker)
    replier.sync()
    expected = {("셋?", True), ("둘?", False), ("하나?", False)}
    assert set(results(asker)) == set(results(replier)) == expected


def test_a_relay_that_repeats_every_box_changes_no_outcome(
    relay: SimulatedRelay, pair: tuple[Person, Person]
) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier, CAT)
    for _ in range(4):
        boxes = [one.box for request in relay.arrived for one in request.deposits]
        with relay.repeats(boxes):
            replier.sync()
            asker.sync()
        replier.sync()
        later(asker)
    assert results(asker) == results(replier) == [(TEXT, False)]


@pytest.mark.parametrize("who", [0, 1])
@pytest.mark.parametrize("k", range(14))
def test_a_crash_at_any_save_gives_no_second_guess_and_loses_no_outcome(
    pair: tuple[Person, Person], who: int, k: int
) -> None:
    asker, replier = pair
    put(asker)
    before = asker.store.saves, replier.store.saves
    pair[who].store.killed_at = before[who] + k
    replies: set[bytes] = set()

    def step(person: Person, *, reads: bool = False) -> None:
        for _ in range(2):
            try:
                if reads:
                    read(person, again=True)
                    if person.contact.their_questions:
                        reply(person)
                else:
                    person.sync()
            except Killed:
                continue
            break
        replies.update(details_sent(replier, Kind.REPLY))

    asker.told.clear()
    for _ in range(3):
        step(asker)
        step(replier)
        if not results(replier):
            step(replier, reads=True)
        step(replier)
        step(asker)
        asker.clock.now += 3601
    assert pair[who].store.killed_at is None, "the story has so many saves"
    assert len(replies) <= 1
    assert results(asker) == results(replier) == [(TEXT, True)]


def test_a_second_reply_to_one_question_is_no_second_guess(pair: tuple[Person, Person]) -> None:
    asker, other = pair
    put(asker)
    asker.sync()
    other.sync()
    read(other)
    question = other.contact.their_questions[0]
    # A client that breaks the rule: two guesses in one breath, and a third one later.
    for answer in (CAT, DOG):
        say(other, reply_body(question, answer)[1])
    other.sync()
    asker.sync()
    assert results(asker) == [(TEXT, False)]
    assert len(asker.contact.lines[0].outcomes) == 1
    say(other, reply_body(question, DOG)[1])
    other.sync()
    asker.sync()
    assert results(asker) == [(TEXT, False)]
    assert asker.kinds().count(NoticeKind.ANSWER_ARRIVED) == 1


def test_our_own_share_sent_back_is_a_wrong_answer(pair: tuple[Person, Person]) -> None:
    asker, other = pair
    put(asker)
    asked = asker.contact.our_questions[0].asked
    say(other, carrying(Kind.REPLY, QuestionReply(asked.nonce, asked.share, bytes(32))))
    asker.sync()
    other.sync()
    asker.sync()
    assert results(asker) == [(TEXT, False)]


def test_our_own_question_sent_back_never_reaches_our_person(pair: tuple[Person, Person]) -> None:
    asker, other = pair
    put(asker)
    asked = asker.contact.our_questions[0].asked
    say(other, carrying(Kind.QUESTION, Question(asked.nonce, asked.share), TEXT))
    other.sync()
    asker.sync()
    assert kinds_of(asker) == []
    assert asker.contact.our_questions != ()


def test_a_question_that_comes_again_is_put_to_our_person_once(
    pair: tuple[Person, Person],
) -> None:
    person, other = pair
    _, body = new_question()

    def comes_again() -> None:
        say(other, body)
        other.sync()
        person.sync()

    comes_again()
    comes_again()
    assert kinds_of(person) == [Kind.QUESTION]
    read(person)
    comes_again()
    assert kinds_of(person) == []
    assert len(person.contact.their_questions) == 1
    reply(person)
    comes_again()
    assert kinds_of(person) == []
    assert not person.contact.their_questions


def test_a_question_is_answered_once_whatever_two_windows_do(pair: tuple[Person, Person]) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    question = replier.contact.their_questions[0]
    profile = replier.store.read()
    references = []
    for answer in (DOG, CAT):
        replied, body = reply_body(question, answer)
        profile, reference = comparing.answer(
            profile, NAME, question, replied, body, at_once=True, now=0
        )
        references.append(reference)
    assert references == [profile.references, None]
    assert len(profile.contacts[0].ours) == 1


def test_an_answered_question_stays_answered_even_where_it_is_still_kept(
    pair: tuple[Person, Person],
) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    question = replier.contact.their_questions[0]
    reply(replier)
    replier.change(lambda contact: replace(contact, their_questions=(question,)))
    assert reply(replier, CAT) is None


def test_an_outcome_without_a_reply_of_ours_changes_nothing(pair: tuple[Person, Person]) -> None:
    person, other = pair
    say(other, carrying(Kind.OUTCOME, QuestionOutcome(bytes(16), bytes(32))))
    say(other, carrying(Kind.REPLY, QuestionReply(bytes(16), Share(b"s" * 32), bytes(32))))
    other.sync()
    person.sync()
    assert (kinds_of(person), person.kinds()) == ([], [])


def test_an_outcome_that_comes_again_is_told_once(pair: tuple[Person, Person]) -> None:
    asker, replier = pair
    put(asker)
    until_both_know(asker, replier)
    nonce = replier.contact.used_nonces[0]
    say(asker, carrying(Kind.OUTCOME, QuestionOutcome(nonce, bytes(32))))
    asker.sync()
    replier.sync()
    assert results(replier) == [(TEXT, True)]


def test_details_of_another_kind_are_a_damaged_letter_and_open_nothing(
    pair: tuple[Person, Person],
) -> None:
    person, other = pair
    put(person)
    asked = person.contact.our_questions[0].asked
    question = Question(asked.nonce, asked.share)
    encoded = cbor.encode({0: int(Kind.REPLY), 6: question.fields()})
    raw = (u16(len(encoded)) + encoded).ljust(BODY_BYTES, b"\0")
    place, box = forged(other.contact.lines[0].conversation, lambda header: header, body=raw)
    profile, request = request_of(person.store.read(), person.clock.now)
    profile, _ = apply(
        profile, RELAY, request, reply_to(request, boxes={place: box}), moment(person.clock.now)
    )
    contact = profile.contacts[0]
    assert [one.kind for one in contact.theirs] == [UNREADABLE]
    assert len(contact.our_questions) == 1


def test_a_hundred_questions_at_once_do_not_fill_the_vault(pair: tuple[Person, Person]) -> None:
    person, other = pair
    for n in range(100):
        say(other, new_question(text=f"{n:03} " + "가" * 196)[1])
    for _ in range(30):
        other.sync()
        person.clock.now += 3601
        person.sync()
        read(person)
        assert len(person.contact.their_questions) <= comparing.MOST_OPEN
        assert len(encode(person.store.read())) < MAX_CONTENT_BYTES // 4
    # A box may be found before the one that was written before it.
    newest = sorted(int(one.text[:3]) for one in person.contact.their_questions)
    assert len(newest) == comparing.MOST_OPEN
    assert newest[0] >= 80


def test_no_more_than_eight_questions_of_ours_are_open(pair: tuple[Person, Person]) -> None:
    person, _ = pair
    assert [put(person) is not None for _ in range(9)] == [True] * 8 + [False]
    assert len(person.contact.ours) == 8


def test_questions_stay_open_for_sixty_days_and_their_nonces_are_never_used_again(
    pair: tuple[Person, Person],
) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    question = replier.contact.their_questions[0]
    reply(replier)
    put(replier)
    for days, left in ((59, 1), (61, 0)):
        old = comparing.forget_old(replier.contact, replier.clock.now + days * 86_400)
        assert (len(old.our_questions), len(old.our_replies)) == (left, left)
        assert len(old.used_nonces) == 2
    opened = replace(replier.contact, their_questions=(question,))
    assert comparing.forget_old(opened, 0).their_questions == ()
    assert comparing.forget_old(opened, question.at).their_questions == (question,)


def test_time_passes_for_questions_with_every_sync(pair: tuple[Person, Person]) -> None:
    person, _ = pair
    put(person)
    person.clock.now += 61 * 86_400
    person.sync()
    assert person.contact.our_questions == ()


def test_an_outcome_goes_no_sooner_than_a_receipt_would(
    relay: SimulatedRelay, pair: tuple[Person, Person]
) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier)
    replier.sync()
    asker.sync()
    before = len([one for one in relay.arrived if one.deposits])
    asker.clock.now += 599
    asker.sync()
    assert len([one for one in relay.arrived if one.deposits]) == before
    assert asker.contact.lines[0].outcomes != ()
    asker.clock.now += 3600
    asker.sync()
    assert asker.contact.lines[0].outcomes == ()
    replier.sync()
    assert results(replier) == [(TEXT, True)]


@pytest.mark.parametrize(
    ("kept", "keeps", "due_at", "expected"),
    [
        (True, True, 0, 1500),
        (True, True, 1100, 1100),
        (False, True, 0, 1000),
        (True, False, 0, 1000),
    ],
)
def test_an_outcome_behind_a_gap_is_due_like_a_receipt_although_none_is_owed(
    due_at: int, expected: int, *, kept: bool, keeps: bool
) -> None:
    outcome = QuestionOutcome(bytes(16), bytes(32))
    line = line_of(meet().host, outcomes=(outcome,), receipt_due_at=due_at)
    contact = Contact(NAME, RELAY, lines=(replace(line, kept=kept, keeps=keeps),))
    contact = comparing.owe_outcome(contact, 0, moment(1000), 500)
    assert contact.lines[0].receipt_due_at == expected
    nothing = Contact(NAME, RELAY, lines=(replace(line, outcomes=(), receipt_due_at=0),))
    assert comparing.owe_outcome(nothing, 0, moment(1000), 500) == nothing


def test_an_outcome_rides_with_the_next_letter(pair: tuple[Person, Person]) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier)
    replier.sync()
    asker.sync()
    asker.write("편지")
    asker.sync()
    replier.sync()
    assert results(replier) == [(TEXT, True)]
    assert "편지" in replier.texts


def test_an_outcome_that_the_relay_lost_goes_again(
    relay: SimulatedRelay, pair: tuple[Person, Person]
) -> None:
    asker, replier = pair
    put(asker)
    asker.sync()
    replier.sync()
    read(replier)
    reply(replier)
    replier.sync()
    asker.sync()
    with relay.stores_nothing():
        later(asker)
    replier.sync()
    assert results(replier) == []
    asker.clock.now += 3 * 86_400
    asker.sync()
    replier.sync()
    assert results(replier) == [(TEXT, True)]


def test_an_outcome_goes_only_to_where_the_reply_came_from(
    relay: SimulatedRelay, clock: Clock
) -> None:
    first, second = meet(), meet()
    asker = new_person(
        relay, Contact(NAME, RELAY, lines=(line_of(first.host), line_of(second.host))), clock
    )
    one, other = (
        new_person(relay, Contact(NAME, RELAY, lines=(line_of(side),)), clock)
        for side in (first.guest, second.guest)
    )
    one.sync()
    other.sync()
    put(asker)
    until_both_know(asker, other)
    assert [line.outcomes for line in asker.contact.lines] == [(), ()]
    one.sync()
    assert (results(asker), results(other), results(one)) == ([(TEXT, True)], [(TEXT, True)], [])
    assert Kind.OUTCOME not in kinds_of(one)


def test_a_side_that_acknowledges_nothing_gets_no_more_than_a_few_outcomes(
    pair: tuple[Person, Person],
) -> None:
    person, _ = pair
    outcomes = tuple(QuestionOutcome(bytes([n]) * 16, bytes(32)) for n in range(40))
    person.change(
        lambda contact: replace(
            contact, lines=(replace(contact.lines[0], outcomes=outcomes, receipt_due_at=1),)
        )
    )
    person.sync()
    line = person.contact.lines[0]
    assert (len(line.conversation.outbox), len(line.outcomes)) == (12, 28)
    person.change(
        lambda contact: replace(contact, lines=(replace(contact.lines[0], receipt_due_at=1),))
    )
    person.sync()
    line = person.contact.lines[0]
    assert (len(line.conversation.outbox), len(line.outcomes)) == (13, 28), "a receipt still goes"


def forced(person: Person) -> None:
    """Whoever this person writes with typed the alarm word."""
    person.change(lambda contact: replace(contact, lines=(replace(contact.lines[0], alarm=True),)))


def test_a_question_under_force_is_marked_and_its_reply_goes_to_nobody_else(
    pair: tuple[Person, Person],
) -> None:
    person, other = pair
    forced(person)
    put(other)
    other.sync()
    person.sync()
    assert [one.forced for one in person.contact.theirs] == [True]
    read(person)
    assert person.contact.their_questions[0].forced
    reply(person)
    assert [one.role for one in person.contact.ours] == [Role.FORCED]
    person.sync()
    other.sync()
    assert results(other) == [(TEXT, True)]


@pytest.mark.parametrize(
    ("what", "alarm", "remembered"),
    [
        (StopWhat.DO_NOT_CONTACT, False, True),
        (StopWhat.DO_NOT_CONTACT, True, False),
        (StopWhat.SEND_NO_MONEY, False, False),
    ],
)
def test_a_stop_is_remembered_unless_somebody_was_forced_to_write_it(
    pair: tuple[Person, Person], what: StopWhat, *, alarm: bool, remembered: bool
) -> None:
    person, other = pair
    if alarm:
        forced(person)
    say(other, carrying(Kind.STOP, Stop(what)))
    other.sync()
    person.sync()
    assert person.contact.asked_to_stop is remembered
    assert kinds_of(person) == [Kind.STOP]


def held(person: Person) -> None:
    """Whoever this person writes with came with answers that a stranger may have seen."""
    person.change(lambda contact: replace(contact, lines=(replace(contact.lines[0], held=True),)))


def test_b1_a_stop_of_who_may_be_a_stranger_is_not_remembered(pair: tuple[Person, Person]) -> None:
    person, other = pair
    held(person)
    say(other, carrying(Kind.STOP, Stop(StopWhat.DO_NOT_CONTACT)))
    other.sync()
    person.sync()
    assert not person.contact.asked_to_stop
    assert [(one.kind, one.held) for one in person.contact.theirs] == [(Kind.STOP, True)]


def test_b1_a_question_of_who_may_be_a_stranger_is_marked(pair: tuple[Person, Person]) -> None:
    person, other = pair
    held(person)
    put(other)
    other.sync()
    person.sync()
    assert [one.held for one in person.contact.theirs] == [True]
    read(person)
    assert [one.held for one in person.contact.their_questions] == [True]
    (line,) = person.contact.lines
    assert [one.line for one in person.contact.their_questions] == [line.number]


def test_what_is_gone_or_no_question_is_neither_answered_nor_skipped() -> None:
    asked, body = new_question()
    question = comparing.leave_open(
        Contact(NAME, RELAY), replace(arrived(body), forced=True), 5
    ).their_questions[0]
    assert (question.text, question.at, question.forced) == (TEXT, 5, True)
    replied, answer = reply_body(question)
    for profile in (Profile(), with_contact(Profile(), Contact(NAME, RELAY))):
        assert comparing.skip(profile, NAME, question) == (profile, False)
        given = comparing.answer(profile, NAME, question, replied, answer, at_once=True, now=0)
        assert given == (profile, None)
    with pytest.raises(ContactGone):
        comparing.ask(Profile(), NAME, asked, body, at_once=True, now=0)
    no_question = replace(arrived(body), details=b"")
    assert comparing.leave_open(Contact(NAME, RELAY), no_question, 5).their_questions == ()

"""`ojak read` for every kind of letter: shown once, the same for a person and for a program."""

import json
import time
from dataclasses import replace
from unittest.mock import patch

import pytest

from ojak_client import i18n
from ojak_client.inputs import Inputs
from ojak_client.invocation import Invocation
from ojak_client.kinds import SHOWN, unread
from ojak_client.letter_views import view_of
from ojak_client.moving import begin_move
from ojak_client.output import Output
from ojak_client.profile import Contact, Profile, QuestionSet, TheirLetter, with_contact
from ojak_client.reading import KEPT_FOR_LATER_SECONDS, Showing, show_letters
from ojak_protocol import conversation as talk
from ojak_protocol.addresses import DeleteKey
from ojak_protocol.conversation import UNREADABLE
from ojak_protocol.details import NextQuestions, NextRelay, Stop, StopWhat
from ojak_protocol.letters import Kind, encode_details
from tests.client.devices import Device
from tests.client.persons import NAME, RELAY, JournalStore, Killed, letter, line_of
from tests.client.replies import asked
from tests.people import CLOCK, ENTROPY, KEM, meet, new_point
from tests.protocol.kinds import DETAILS, said_by

NEW = "https://new.example"
HOSTILE = "\x1b]52;c;aGk=\x07그 개는?\u202e\n가짜 줄"


def of_kind(kind: Kind, *, reference: int = 1, equal: bool | None = None) -> TheirLetter:
    if equal is not None:
        return TheirLetter(reference, kind, "그 개 이름은?", equal=equal)
    if kind is Kind.TEXT:
        return letter("편지", reference=reference)
    body = said_by(kind, DETAILS[kind])
    return TheirLetter(reference, kind, body.text, details=encode_details(DETAILS[kind]))


def moved(address: str = NEW) -> TheirLetter:
    return TheirLetter(1, Kind.RELAY, "", details=encode_details(NextRelay(address)))


EVERY: dict[str, tuple[TheirLetter, str, dict[str, object]]] = {
    "text": (of_kind(Kind.TEXT), "letter", {}),
    "money": (of_kind(Kind.STOP), "stop-asked", {"what": "money"}),
    "stop": (
        TheirLetter(1, Kind.STOP, "", details=encode_details(Stop(StopWhat.DO_NOT_CONTACT))),
        "stop-asked",
        {"what": "contact"},
    ),
    "questions": (
        of_kind(Kind.QUESTIONS),
        "next-questions",
        {"set": 2, "questions": ["Whose dog?", "그 산?", "哪条河?"]},
    ),
    "number": (of_kind(Kind.NUMBER), "next-number", {"number": "7429-9133-5500"}),
    "relay": (of_kind(Kind.RELAY), "next-relay", {"relay": "https://relay.example/v1"}),
    "question": (of_kind(Kind.QUESTION), "question", {"question": "Whose dog?"}),
    "same": (
        of_kind(Kind.REPLY, equal=True),
        "compared",
        {"question": "그 개 이름은?", "equal": True},
    ),
    "other": (
        of_kind(Kind.OUTCOME, equal=False),
        "compared",
        {"question": "그 개 이름은?", "equal": False},
    ),
}


def invocation(*, yes: bool = False, as_json: bool = True) -> Invocation:
    inputs = Inputs(no_input=True, assume_yes=yes)
    return Invocation("en", None, None, Output(json=as_json), inputs)


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def holding(*theirs: TheirLetter, **changes: object) -> JournalStore:
    contact = replace(Contact(NAME, RELAY, theirs=theirs), **changes)  # type: ignore[arg-type] # of each field its own type
    return JournalStore(with_contact(Profile(), contact))


def show(store: JournalStore, *, yes: bool = False, again: bool = False) -> int:
    return show_letters(invocation(yes=yes), store, NAME, Showing(to_stdout=True, again=again))


def test_every_kind_that_is_shown_has_its_example_here() -> None:
    assert {one.kind for one, _, _ in EVERY.values()} == SHOWN


@pytest.mark.parametrize("what", EVERY)
def test_each_kind_has_its_event_and_keys_and_is_gone_once_it_was_shown(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, event, fields = EVERY[what]
    store = holding(theirs)
    assert unread(store.read().contacts[0]) == 1
    assert show(store) == 1
    shown = [one for one in events(capsys) if one["event"] == event]
    assert len(shown) == 1
    assert shown[0] == {
        "event": event,
        "text": shown[0]["text"],
        "name": NAME,
        "forced": False,
        "held": False,
        "visit": 0,
        **fields,
    }
    assert shown[0]["text"]
    assert store.read().contacts[0].theirs == ()
    assert show(store) == 0


@pytest.mark.parametrize("what", EVERY)
@pytest.mark.parametrize("k", [0, 1])
def test_c7_a_device_that_dies_shows_no_letter_of_any_kind_twice_unasked_and_loses_none(
    what: str, k: int, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, event, _ = EVERY[what]
    store = holding(theirs)
    store.killed_at = k
    with pytest.raises(Killed):
        show(store)
    show(store)
    show(store)
    assert [one["event"] for one in events(capsys)].count(event) == 1
    show(store, again=True)
    assert store.read().contacts[0].theirs == ()


def test_a_letter_of_other_questions_says_how_to_come_with_them() -> None:
    i18n.use("en")
    assert '"--set 2"' in view_of(of_kind(Kind.QUESTIONS)).text
    first = TheirLetter(
        1, Kind.QUESTIONS, "", details=encode_details(NextQuestions(1, ("a", "b", "c")))
    )
    assert "--set" not in view_of(first).text


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_no_view_lets_the_other_side_write_to_the_terminal(
    language: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", language)
    i18n.use(language)
    try:
        question = replace(of_kind(Kind.QUESTION), text=HOSTILE)
        compared = replace(of_kind(Kind.REPLY, equal=True, reference=2), text=HOSTILE)
        store = holding(question, compared)
        show_letters(invocation(as_json=False), store, NAME, Showing(to_stdout=True))
        shown = capsys.readouterr().out
        assert "␛]52;c;aGk=␇그 개는?<U+202E>␊가짜 줄" in shown
        assert len(shown.splitlines()) == 2
        assert not set(shown) & set("\x1b\x07\u202e")
        assert "\x1b" not in view_of(question).text
    finally:
        i18n.use("en")


def test_a_letter_under_force_is_marked_for_a_person_and_for_a_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    theirs = (replace(letter(), forced=True), letter("둘", reference=2))
    assert show(holding(*theirs)) == 2
    said = events(capsys)
    assert [(one["event"], one.get("forced")) for one in said] == [
        ("forced-letter", None),
        ("letter", True),
        ("letter", False),
    ]


@pytest.mark.parametrize("what", EVERY)
def test_b1_what_came_with_answers_that_were_seen_is_marked_whatever_kind_it_is(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs, event, _ = EVERY[what]
    assert show(holding(replace(theirs, held=True, written=(7, 0, 1)))) == 1
    mark, shown, *_ = events(capsys)
    assert mark == {"event": "held-letter", "visit": 7}
    assert (shown["event"], shown["held"], shown["visit"]) == (event, True, 7)


def test_b1_a_stop_of_who_may_be_a_stranger_is_not_said_to_be_of_the_family() -> None:
    for what in ("stop", "money"):
        theirs, _, _ = EVERY[what]
        assert "Your family asks" in view_of(theirs).text
        assert "Your family asks" not in view_of(replace(theirs, held=True)).text


def test_parcels_money_and_unknown_kinds_are_kept_and_not_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kinds = (Kind.PARCEL, Kind.MONEY, 99)
    store = holding(*(letter("", kind, reference=n) for n, kind in enumerate(kinds, 1)))
    assert unread(store.read().contacts[0]) == 0
    assert show(store) == 0
    assert [one["event"] for one in events(capsys)] == ["too-new"] * 3
    assert len(store.read().contacts[0].theirs) == 3


def test_what_a_later_version_made_goes_a_month_after_it_was_told_and_not_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Else whoever sends it would keep the place for ever."""
    store = holding(letter("", 99))
    assert show(store) == 0
    (kept,) = store.read().contacts[0].theirs
    assert kept.told_at > 0
    month = KEPT_FOR_LATER_SECONDS
    for told_at, gone in ((kept.told_at - month + 60, False), (kept.told_at - month, True)):
        again = holding(replace(kept, told_at=told_at))
        assert show(again) == int(gone)
        assert (again.read().contacts[0].theirs == ()) is gone
    said = [one["event"] for one in events(capsys)]
    assert said == ["too-new", "too-new", "too-new-for-long"]


@pytest.mark.parametrize("told_at", [60, 1 << 40])
def test_c7_a_clock_that_was_wrong_when_a_later_versions_letter_was_told_of_loses_none(
    capsys: pytest.CaptureFixture[str], told_at: int
) -> None:
    """A device without a battery for its clock begins in 1970, and has the time a minute later."""
    store = holding(replace(letter("", 99), told_at=told_at))
    for _ in range(2):
        assert show(store) == 0
    (kept,) = store.read().contacts[0].theirs
    assert abs(time.time() - kept.told_at) < KEPT_FOR_LATER_SECONDS
    assert {one["event"] for one in events(capsys)} == {"too-new"}


def test_what_a_later_version_made_is_not_told_where_nobody_reads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = holding(letter("", 99))
    before = store.read()
    show_letters(invocation(as_json=False), store, NAME, Showing(to_stdout=True))
    assert "newer version" in capsys.readouterr().err
    assert store.read() == before


def test_sync_and_status_count_the_same_letters(device: Device, url: str) -> None:
    theirs = tuple(replace(one, reference=n) for n, (one, _, _) in enumerate(EVERY.values(), 1))
    opened = replace(letter(reference=90), opened=True)
    others = (letter("", Kind.PARCEL, reference=91), letter("", UNREADABLE, reference=92))
    device.keep_contact(Contact(NAME, url, theirs=(*theirs, opened, *others)))
    counted = [device.run(verb).of("letters-unread")[0]["n"] for verb in ("sync", "status")]
    assert counted == [len(EVERY)] * 2


def moving(theirs: TheirLetter) -> JournalStore:
    side = talk.write(
        meet().host, said_by(Kind.GREETING, None), reference=0, entropy=ENTROPY, kem=KEM
    )
    side = talk.stored(side, side.outbox[-1].place.id, now=CLOCK)
    point = new_point()
    point = replace(point, offers=tuple(replace(laid, laid=True) for laid in point.offers))
    return holding(theirs, lines=(line_of(side),), sets=(QuestionSet(point, ()),))


def test_another_relay_is_used_only_after_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    store = moving(moved())
    assert show(store) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay", "relay-kept"]
    assert store.read().contacts[0].relay == RELAY
    store = moving(moved())
    assert show(store, yes=True) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay", "relay-changed"]
    assert store.read().contacts[0].relay == NEW


def test_b1_a_relay_that_who_may_be_a_stranger_named_is_not_used_even_after_a_yes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = moving(replace(moved(), held=True))
    assert show(store, yes=True) == 1
    assert [one["event"] for one in events(capsys)] == ["held-letter", "next-relay", "relay-held"]
    contact = store.read().contacts[0]
    assert (contact.relay, contact.also) == (RELAY, "")


def test_at_another_relay_everything_is_laid_again(capsys: pytest.CaptureFixture[str]) -> None:
    store = moving(moved())
    show(store, yes=True)
    contact = store.read().contacts[0]
    assert [out.deposited_at for out in contact.lines[0].conversation.outbox] == [0]
    assert not any(laid.laid for laid in contact.sets[0].point.offers)
    assert contact.relays == (NEW, RELAY), "what lies at the old one is still looked for"
    capsys.readouterr()


def test_the_relay_that_is_in_use_is_not_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    store = moving(moved(RELAY))
    before = store.read().contacts[0]
    assert show(store, yes=True) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay"]
    assert store.read().contacts[0] == replace(before, theirs=())


def test_word_of_one_relay_that_came_twice_is_followed_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To go there a second time would forget where the other side's letters still lie."""
    store = moving(moved())
    again = replace(moved(), reference=2)
    store.update(
        lambda profile: (
            with_contact(
                profile,
                replace(profile.contacts[0], theirs=(*profile.contacts[0].theirs, again)),
            ),
            None,
        )
    )
    assert show(store, yes=True) == 2
    said = [one["event"] for one in events(capsys)]
    assert said == ["next-relay", "relay-changed", "next-relay"]
    assert store.read().contacts[0].relays == (NEW, RELAY)


def test_a_move_that_another_window_began_while_our_person_was_asked_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = moving(moved())

    def begins(_: object) -> bool:
        contact = begin_move(store.read().contacts[0], "https://ours.example", reference=9, now=1)
        store.update(lambda profile: (with_contact(profile, contact), None))
        return True

    inputs = Inputs(no_input=True, assume_yes=True)
    with patch.object(Inputs, "confirm", lambda _, question: begins(question)):
        asking = Invocation("en", None, None, Output(json=True), inputs)
        show_letters(asking, store, NAME, Showing(to_stdout=True))
    assert [one["event"] for one in events(capsys)] == ["next-relay"]
    contact = store.read().contacts[0]
    assert (contact.relays, contact.moves_with) == ((RELAY, "https://ours.example"), 9)


def test_who_moves_already_does_not_follow_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    store = holding(moved(), moves_with=1, also="https://ours.example")
    assert show(store, yes=True) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay", "moving-already"]
    assert store.read().contacts[0].relay == RELAY


@pytest.mark.parametrize("address", ["http://relay.example", "ftp://x", "https://a@b", "xyz"])
def test_a_relay_that_cannot_be_used_is_shown_and_never_asked_about(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = moving(moved(address))
    assert show(store, yes=True) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay", "relay-unusable"]
    assert store.read().contacts[0].relay == RELAY


def test_a_visit_only_shows_and_leaves_for_later_what_it_is_told_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = holding(moved(), replace(of_kind(Kind.QUESTION), reference=2))
    how = Showing(to_stdout=True, follow_up=False, later=frozenset({Kind.RELAY}))
    assert show_letters(invocation(yes=True), store, NAME, how) == 1
    assert [one["event"] for one in events(capsys)] == ["question"]
    contact = store.read().contacts[0]
    assert [one.kind for one in contact.theirs] == [Kind.RELAY]
    assert len(contact.their_questions) == 1
    how = Showing(to_stdout=True, follow_up=False)
    assert show_letters(invocation(yes=True), store, NAME, how) == 1
    assert [one["event"] for one in events(capsys)] == ["next-relay"]
    assert store.read().contacts[0].relay == RELAY


def test_a_question_shown_says_how_to_answer_and_is_open_then(
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = holding(of_kind(Kind.QUESTION))
    show(store)
    assert [one["event"] for one in events(capsys)] == ["question", "how-to-answer"]
    assert [one.text for one in store.read().contacts[0].their_questions] == ["Whose dog?"]


@pytest.mark.parametrize("kind", sorted(SHOWN))
@pytest.mark.parametrize("keeps", [False, True])
def test_a_borrowed_device_deletes_nothing_at_the_relay_before_every_letter_was_shown(
    kind: int, *, keeps: bool
) -> None:
    key = DeleteKey(b"k" * 32)
    line = line_of(replace(meet().guest, deletes=(key,)), keeps=keeps)
    contact = Contact(NAME, RELAY, lines=(line,), theirs=(letter("", kind),))
    for theirs, deletes in ((contact.theirs, keeps), ((), True)):
        profile = with_contact(Profile(), replace(contact, theirs=theirs))
        _, request = asked(profile)
        assert (key in request.deletes) is deletes

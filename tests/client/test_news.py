"""What must not be missed is kept until it was shown, by `ojak status` and `ojak read`."""

import io
import os
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from unittest.mock import patch

import pytest

from ojak_client import opening
from ojak_client.cli import run
from ojak_client.errors import VaultBusy, VaultError, VaultFull, VaultUnusable
from ojak_client.news import (
    MOST_OF_A_KIND,
    STAYS_SECONDS,
    as_told,
    forget_old,
    standing,
    untold,
    with_news,
)
from ojak_client.prepare import prepare
from ojak_client.profile import Contact, News, NewsKind, Profile, with_contact, with_point
from ojak_client.question_sets import allow_held
from ojak_client.requests import Shape, make_request
from ojak_client.store import VaultStore
from ojak_client.telling import mark_told
from tests.client.devices import WORDS, Device, quickly
from tests.client.persons import (
    MONTH,
    NAME,
    RELAY,
    Clock,
    Person,
    guest_of,
    host_of,
    kept_pair,
    letter,
    line_of,
    moment,
)
from tests.client.simulated_relay import SimulatedRelay
from tests.people import ALARM, CLOCK, RIGHT, meet

NOW = int(time.time())
ABOUT_NEWS = {"alarm-visit", "held-visit", "conversation-ended", "box-shut"}


def met(typed: bytes, *, keeps: bool = False) -> tuple[Person, Person]:
    """A host that nobody looked at while a guest typed *typed* and went, and that guest."""
    clock = Clock(NOW - 3600)
    relay = SimulatedRelay(clock)
    host, guest = host_of(relay, clock, alarm=ALARM), guest_of(relay, clock, typed=typed)
    if not keeps:
        guest = guest_of(relay, clock, typed=typed, keeps=False)
    for person in (host, guest, host, guest, host):
        person.sync()
    host.told.clear()
    return host, guest


def news_of(device: Device, *verb: str) -> list[str]:
    return [event for event in device.run(*verb).said if event in ABOUT_NEWS]


READ = ("read", "--to-stdout")


@pytest.mark.parametrize("first", [("status",), READ])
def test_that_somebody_is_forced_is_told_by_status_and_by_read_whoever_heard_it_first(
    first: tuple[str, ...], device: Device
) -> None:
    """`ojak keep` as a service says nothing of people: its sentence is heard by nobody."""
    device.keep_contact(met(ALARM)[0].contact)
    assert news_of(device, *first) == ["alarm-visit"]
    # Once it was told, reading goes on without it, and status shows it for as long as it matters.
    assert news_of(device, *READ) == []
    assert news_of(device, "status") == ["alarm-visit"]
    assert device.profile.contacts[0].news[0].told


def test_after_the_answers_there_is_no_news(device: Device) -> None:
    device.keep_contact(met(RIGHT)[0].contact)
    assert news_of(device, "status") == []
    assert device.run(*READ).said == ["nothing"]


def test_where_somebody_is_forced_nothing_is_not_said_to_be_wrong(device: Device) -> None:
    device.keep_contact(met(ALARM)[0].contact)
    for said in (["alarm-visit", "no-letter"], ["no-letter"]):
        ran = device.run(*READ)
        assert (ran.code, ran.said) == (10, said)


def test_where_somebody_is_forced_no_sync_says_that_nothing_is_wrong(
    device: Device, url: str
) -> None:
    told = News(NewsKind.ALARM, NOW, 1, told=True)
    device.keep_contact(Contact(NAME, url, news=(told,)))
    ran = device.run("sync")
    assert (ran.code, ran.said) == (10, ["no-letter"])


def unread_by_anybody(device: Device, *verb: str) -> str:
    """Run a verb whose output is no terminal, as in a pipe or a service; return what it wrote."""
    reading, writing = os.pipe()
    os.write(writing, f"{WORDS}\n".encode())
    os.close(writing)
    written = io.StringIO()
    try:
        with (
            redirect_stdout(written),
            redirect_stderr(written),
            patch.object(opening, "argon2id", quickly),
        ):
            where = ("--passphrase-fd", str(reading), "--profile", str(device.folder))
            run([*verb, *where, "--no-input", "--lang", "en"])
    finally:
        os.close(reading)
    return written.getvalue()


@pytest.mark.parametrize("verb", [("status",), READ])
def test_what_went_where_nobody_reads_is_told_once_more(
    verb: tuple[str, ...], device: Device
) -> None:
    device.keep_contact(met(ALARM)[0].contact)
    for _ in range(2):
        assert "alarm word" in unread_by_anybody(device, *verb)
        assert not device.profile.contacts[0].news[0].told


def test_news_is_told_before_the_letters_and_only_of_whom_is_read(device: Device) -> None:
    host, _ = met(ALARM)
    device.keep_contact(replace(host.contact, theirs=(letter(),)))
    device.keep_contact(Contact("다른 사람", RELAY, theirs=(letter("둘"),)))
    assert device.run(*READ, "다른 사람").said == ["letter"]
    assert device.run(*READ, NAME).said == ["alarm-visit", "letter"]


@pytest.mark.parametrize("error", [VaultBusy, VaultFull, VaultUnusable])
def test_what_cannot_be_kept_as_told_is_told_once_more(
    error: Callable[[str], VaultError], device: Device
) -> None:
    device.keep_contact(met(ALARM)[0].contact)
    with device.store() as store, patch.object(VaultStore, "update", side_effect=error("x")):
        mark_told(store, untold(store.read().contacts[0]))
    assert untold(device.profile.contacts[0])


@pytest.mark.parametrize("keeps", [False, True])
def test_the_device_of_a_guest_has_no_news_of_the_word_that_was_typed(
    device: Device, *, keeps: bool
) -> None:
    """Whoever forces a guest may open the guest's own device afterwards."""
    views = []
    for typed in (RIGHT, ALARM):
        _, guest = met(typed, keeps=keeps)
        assert guest.contact.news == ()
        device.keep_contact(guest.contact)
        views.append([device.run(verb).said for verb in ("status", "contacts")])
    assert views[0] == views[1]


def test_no_request_tells_of_news_nor_that_it_was_told() -> None:
    host, _ = met(ALARM)
    profile = prepare(host.store.read(), RELAY, moment(host.clock.now))[0]
    told = as_told(profile, profile.contacts[0].news)
    without = with_contact(profile, replace(profile.contacts[0], news=()))
    assert told != profile != without
    requests = {
        make_request(one, RELAY, moment(host.clock.now), turn=0, shape=Shape(room=4))
        for one in (profile, told, without)
    }
    assert len(requests) == 1


def test_what_is_told_while_somebody_waits_breaks_no_wait() -> None:
    host, _ = met(ALARM)
    exchange = host.exchange()
    exchange.round(Shape(room=4))
    exchange.settle()
    assert not exchange.is_outdated()
    host.store.update(lambda profile: (as_told(profile, profile.contacts[0].news), None))
    assert host.contact.news[0].told
    assert not exchange.is_outdated()


def test_a_held_visit_is_told_until_it_was_heard_and_stands_until_the_yes(
    device: Device,
) -> None:
    host, _ = met(RIGHT)
    again = guest_of(host.relay, host.clock, keeps=False)
    for _ in range(3):
        host.sync()
        again.sync()
    device.keep_contact(host.contact)
    (held,) = (line for line in host.contact.lines if line.held)
    assert [one["visit"] for one in device.run("status").of("held-visit")] == [held.number]
    assert news_of(device, *READ) == []
    assert news_of(device, "status") == ["held-visit"]
    allowed = allow_held(device.profile.contacts[0], held, relay_clock=NOW, newest=0)[0]
    assert standing(allowed, NOW) == ()
    # A yes says that the question was heard; also once the line is gone, a day later.
    heard = allow_held(host.contact, held, relay_clock=NOW, newest=0)[0]
    assert untold(heard) == ()
    assert untold(replace(heard, lines=())) == standing(replace(heard, lines=()), NOW) == ()
    # A line that is gone is told of all the same, but only once.
    gone = replace(host.contact, lines=())
    assert [one.kind for one in standing(gone, NOW)] == [NewsKind.HELD]
    told = as_told(with_contact(Profile(), gone), gone.news).contacts[0]
    assert standing(told, NOW) == ()


def test_a_visit_with_the_alarm_word_stands_for_a_month_and_while_its_conversation_is_kept() -> (
    None
):
    told = News(NewsKind.ALARM, NOW, 1, told=True)
    contact = Contact(NAME, RELAY, news=(told,))
    assert STAYS_SECONDS == MONTH
    assert standing(contact, NOW + STAYS_SECONDS - 1) == (told,)
    assert standing(contact, NOW + STAYS_SECONDS) == ()
    assert forget_old(contact, NOW + STAYS_SECONDS - 1) is contact
    assert forget_old(contact, NOW + STAYS_SECONDS).news == ()
    line = line_of(meet().host, alarm=True, number=1)
    kept = replace(contact, lines=(line,))
    assert standing(kept, NOW + STAYS_SECONDS) == (told,)
    assert forget_old(kept, NOW + STAYS_SECONDS) is kept
    untold_yet = replace(contact, news=(replace(told, told=False),))
    assert standing(untold_yet, NOW + 99 * STAYS_SECONDS) == untold_yet.news
    assert forget_old(untold_yet, NOW + 99 * STAYS_SECONDS) is untold_yet


def test_an_ended_conversation_stands_until_there_is_another(device: Device) -> None:
    broken = line_of(replace(meet().guest, broken=True, owes_end=False))
    device.keep_contact(Contact(NAME, RELAY, lines=(broken,)))
    assert news_of(device, "status") == ["conversation-ended"]
    device.keep_contact(Contact(NAME, RELAY, lines=(broken, line_of(meet().host))))
    assert news_of(device, "status") == []


@pytest.mark.parametrize("other", [{"held": True}, {"alarm": True}, {"kept": False}])
def test_no_visit_and_nobody_who_may_be_a_stranger_or_forced_stands_for_another_conversation(
    other: dict[str, bool],
) -> None:
    broken = line_of(replace(meet().guest, broken=True, owes_end=False))
    contact = Contact(NAME, RELAY, lines=(broken, replace(line_of(meet().host), **other)))  # type: ignore[arg-type] # of each field its own type
    assert NewsKind.ENDED in {one.kind for one in standing(contact, NOW)}


def test_an_end_is_kept_until_it_is_told_and_a_box_that_does_not_open_is_not() -> None:
    """H1: what a relay can make changes nothing that is kept."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    one, other = kept_pair(relay, clock)
    other.sync()
    one.sync()
    other.write("편지")
    other.sync()
    out = other.contact.lines[0].conversation.outbox[-1]
    damaged = {out.place.id: out.box[:-1] + bytes([out.box[-1] ^ 1])}
    with relay.shows(damaged):
        one.sync()
        assert one.contact.news == ()
    # The one notices a copy, and says so.
    (line,) = one.contact.lines
    ended = replace(line, conversation=replace(line.conversation, broken=True, owes_end=True))
    one.change(lambda contact: replace(contact, lines=(ended,)))
    for person in (one, other):
        person.sync()
    assert [news.kind for news in untold(other.contact)] == [NewsKind.ENDED]


def test_a_stranger_who_is_held_ends_no_conversation_but_his_own() -> None:
    """It said that "this conversation" had ended, and told to go for a new number."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    host = host_of(relay, clock)
    family = guest_of(relay, clock, keeps=True)
    for _ in range(4):
        host.sync()
        family.sync()
    (one,) = host.contact.sets
    host.change(lambda contact: with_point(contact, replace(one.point, spent=True)))
    stranger = guest_of(relay, clock, keeps=True)
    for _ in range(4):
        host.sync()
        stranger.sync()
    (line,) = stranger.contact.lines
    ended = replace(line, conversation=replace(line.conversation, broken=True, owes_end=True))
    stranger.change(lambda contact: replace(contact, lines=(ended,)))
    host.told.clear()
    for person in (stranger, host):
        person.sync()
    assert [line.conversation.broken for line in host.contact.lines] == [False, True]
    assert {news.kind for news in standing(host.contact, clock.now)} == {NewsKind.HELD}
    assert host.kinds() == []


def test_whoever_comes_again_and_again_pushes_out_no_news_of_another_kind() -> None:
    contact = Contact(NAME, RELAY)
    line = line_of(meet().host)
    contact = with_news(contact, NewsKind.ALARM, line, CLOCK)
    for n in range(MOST_OF_A_KIND):
        contact = with_news(contact, NewsKind.HELD, replace(line, number=n), CLOCK + n)
    assert with_news(contact, NewsKind.HELD, replace(line, number=3), CLOCK + 99) is contact
    assert len(contact.news) == 1 + MOST_OF_A_KIND
    heard = as_told(with_contact(Profile(), contact), contact.news[4:5]).contacts[0]
    more = with_news(heard, NewsKind.HELD, replace(line, number=77), CLOCK + 99)
    assert [one.line for one in more.news] == [line.number, 0, 1, 2, 4, 5, 6, 7, 77]
    most = with_news(more, NewsKind.HELD, replace(line, number=78), CLOCK + 99)
    assert [one.line for one in most.news] == [line.number, 1, 2, 4, 5, 6, 7, 77, 78]


def test_to_have_told_news_fetches_nothing_again_that_stays() -> None:
    """Otherwise the relay would learn when somebody looked."""
    clock = Clock()
    relay = SimulatedRelay(clock)
    one, other = kept_pair(relay, clock)
    for person in (other, one):
        person.sync()
    other.write("편지")
    other.sync()
    out = other.contact.lines[0].conversation.outbox[-1]
    one.change(lambda contact: with_news(contact, NewsKind.ALARM, contact.lines[0], clock.now))
    exchange = one.exchange()
    with relay.shows({out.place.id: out.box[:-1] + bytes([out.box[-1] ^ 1])}):
        for _ in range(3):
            exchange.round(Shape(room=4))
        assert out.place.id not in relay.arrived[-1].polls
        one.store.update(lambda profile: (as_told(profile, profile.contacts[0].news), None))
        exchange.round(Shape(room=4))
    assert one.contact.news[0].told
    assert out.place.id not in relay.arrived[-1].polls

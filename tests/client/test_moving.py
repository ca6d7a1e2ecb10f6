"""Going to another relay: no letter is lost on the way, none is shown twice, none is left lying."""

import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_client.errors import RelayRefused
from ojak_client.exchange import Exchange
from ojak_client.moving import LOOKED_BACK_SECONDS, begin_move, move, settle_move
from ojak_client.opening import relays_of
from ojak_client.our_letters import with_letter
from ojak_client.profile import Contact, LetterState, QuestionSet, find, with_contact
from ojak_client.requests import Shape
from ojak_client.rounds import run_errands
from ojak_protocol.conversation import AGAIN_SECONDS
from ojak_protocol.details import NextRelay
from ojak_protocol.letters import Kind
from tests.client.devices import Device
from tests.client.persons import (
    NAME,
    RELAY,
    Clock,
    JournalStore,
    Person,
    guest_of,
    host_of,
    kept_pair,
    line_of,
)
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.people import CLOCK, meet, new_point

NEW = "https://new.example"


class Town:
    """Two relays, and two people who met at the first."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.relays = {address: SimulatedRelay(self.clock) for address in (RELAY, NEW)}
        self.host, self.guest = kept_pair(self.relays[RELAY], self.clock)
        self.shown: dict[str, list[str]] = {"host": [], "guest": []}
        for who in ("guest", "host", "guest"):
            self.sync(who)

    def person(self, who: str) -> Person:
        return self.host if who == "host" else self.guest

    def sync(self, who: str) -> None:
        """Sync with every relay that this person looks at, and read what came."""
        person = self.person(who)
        for address in relays_of(person.store.read()):
            relay = self.relays[address]
            run_errands(
                Exchange(person.store, address, relay.connection, person.told.extend, self.clock)
            )
        for letter in person.contact.theirs:
            if letter.kind == Kind.RELAY:
                person.change(lambda contact: move(contact, NEW, now=self.clock.now))
            else:
                self.shown[who].append(letter.text)
        person.change(lambda contact: replace(contact, theirs=()))
        self.clock.now += 60

    def begin(self) -> None:
        now = self.clock.now

        def change(profile, /):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - of JournalStore
            told = with_letter(
                profile,
                NAME,
                "",
                expires_at=0,
                at_once=False,
                kind=Kind.RELAY,
                details=NextRelay(NEW),
            )
            contact = find(told, NAME)
            assert contact is not None
            moving = begin_move(contact, NEW, reference=told.references, now=now)
            return with_contact(told, moving), None

        self.host.store.update(change)


@pytest.mark.parametrize("stays", [True, False])
def test_b1_a_visitor_who_knows_of_a_move_leaves_no_family_behind_that_does_not(
    *, stays: bool
) -> None:
    """Whoever saw the answers comes first, and the family's own device is off for a week and more.

    If the conversation with the family is gone meanwhile, nobody has to be waited for.
    """
    town = Town()
    relay, clock, host, family = town.relays[RELAY], town.clock, town.host, town.guest
    host.change(lambda contact: replace(contact, sets=host_of(relay, clock).contact.sets))
    town.begin()
    (letter,) = host.contact.ours
    host.change(lambda contact: replace(contact, ours=(replace(letter, at_once=True),)))
    town.sync("host")
    visitor = guest_of(relay, clock, keeps=False)
    for _ in range(5):
        town.sync("host")
        run_errands(Exchange(visitor.store, RELAY, relay.connection, clock=clock))
        visitor.change(lambda contact: replace(contact, theirs=()))
    (letter,) = host.contact.ours
    assert letter.state is LetterState.READ
    assert host.contact.relay == RELAY
    if not stays:
        host.change(lambda contact: replace(contact, lines=contact.lines[1:]))
        town.sync("host")
    else:
        host.write("편지")
        for _ in range(12):
            clock.now += 86_400
            town.sync("host")
        for who in ("guest", "host", "guest"):
            town.sync(who)
            clock.now += 7200
        assert town.shown["guest"] == ["편지"]
        assert family.contact.relay == NEW
    town.sync("host")
    assert host.contact.relay == NEW


STEPS = st.lists(
    st.sampled_from(["host syncs", "guest syncs", "host writes", "guest writes", "a day passes"]),
    max_size=14,
)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(before=STEPS, after=STEPS)
def test_every_letter_is_shown_once_whenever_each_side_moves(
    before: list[str], after: list[str]
) -> None:
    town = Town()
    written: dict[str, list[str]] = {"host": [], "guest": []}

    def step(name: str) -> None:
        who, what = name.split(" ", 1)
        match what:
            case "syncs":
                town.sync(who)
            case "writes":
                written[who].append(f"{who} {len(written[who])}")
                town.person(who).write(written[who][-1])
            case _:
                town.clock.now += 86_400

    for name in before:
        step(name)
    town.begin()
    for name in after:
        step(name)
    for _ in range(6):
        town.clock.now += 3 * 86_400
        for who in ("host", "guest"):
            town.sync(who)
    assert town.shown["guest"] == written["host"]
    assert town.shown["host"] == written["guest"]
    for who in ("host", "guest"):
        assert town.person(who).contact.relay == NEW
    assert all(letter.state is LetterState.COLLECTED for letter in town.host.contact.ours)


def test_boxes_are_deleted_where_they_were_found() -> None:
    town = Town()
    town.host.write("noch am alten Ort")
    town.begin()
    town.sync("host")
    lying = [out.place.id for out in town.host.contact.lines[0].conversation.outbox]
    assert all(town.relays[RELAY].holds(place) for place in lying)
    town.sync("guest")
    town.sync("guest")
    assert town.guest.contact.relay == NEW
    assert not any(town.relays[RELAY].holds(place) for place in lying)
    assert town.guest.contact.elsewhere == ()


def test_the_former_relay_is_looked_at_for_a_month_and_then_forgotten() -> None:
    contact = move(Contact(NAME, RELAY, lines=(line_of(meet().host),)), NEW, now=CLOCK)
    assert contact.relays == (NEW, RELAY)
    assert settle_move(contact, now=CLOCK + LOOKED_BACK_SECONDS - 1) == contact
    assert settle_move(contact, now=CLOCK + LOOKED_BACK_SECONDS).relays == (NEW,)


def test_a_move_whose_letter_was_taken_back_does_not_happen() -> None:
    said = our(5, kind=Kind.RELAY)
    contact = Contact(NAME, RELAY, lines=(line_of(meet().host),), ours=(said,))
    moving = begin_move(contact, NEW, reference=5, now=CLOCK)
    assert settle_move(moving, now=CLOCK + 2 * LOOKED_BACK_SECONDS) == moving
    back = replace(moving, ours=(replace(said, state=LetterState.TAKEN_BACK),))
    assert settle_move(back, now=CLOCK).relays == (RELAY,)


def test_offers_are_laid_anew_at_the_new_relay() -> None:
    point = new_point()
    laid = replace(point, offers=tuple(replace(one, laid=True) for one in point.offers))
    contact = Contact(NAME, RELAY, sets=(QuestionSet(laid, ()),))
    offers = move(contact, NEW, now=CLOCK).sets[0].point.offers
    assert offers
    assert not any(one.laid for one in offers)


@pytest.mark.usefixtures("every_relay_answers")
def test_somebody_who_was_not_met_is_awaited_at_the_new_relay_at_once(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY, sets=(QuestionSet(new_point(), ()),)))
    ran = device.run("relay", NAME, NEW)
    assert (ran.code, ran.said) == (0, ["moved", "slip-changed"])
    assert device.profile.contacts[0].relays == (NEW, RELAY)
    assert device.run("relay", NAME, NEW).said == ["same-relay"]


@pytest.mark.usefixtures("every_relay_answers")
def test_somebody_who_was_met_is_told_first(device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY, lines=(line_of(meet().guest),)))
    ran = device.run("relay", NAME, NEW)
    assert (ran.code, ran.said) == (0, ["move-told"])
    contact = device.profile.contacts[0]
    assert contact.relays == (RELAY, NEW)
    assert [letter.kind for letter in contact.waiting] == [Kind.RELAY]
    assert device.run("relay", NAME, "https://third.example").said == ["moving-already"]


@pytest.mark.parametrize(
    ("answers", "said"),
    [(True, "move-told"), (False, "back-and-told"), (RelayRefused(503), "move-told")],
    ids=["reached", "not reached", "refused by"],
)
def test_only_who_does_not_reach_the_relay_of_now_goes_back_at_once(
    *, answers: bool | RelayRefused, said: str, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(relay: str, proxy: str | None) -> bool:
        assert (relay, proxy) == (NEW, None)
        if isinstance(answers, RelayRefused):
            raise answers
        return answers

    monkeypatch.setattr("ojak_client.verbs.relay.is_answering", answer)
    gone = move(Contact(NAME, RELAY, lines=(line_of(meet().guest),)), NEW, now=int(time.time()))
    device.keep_contact(gone)
    assert device.run("relay", NAME, RELAY).said == [said]
    contact = device.profile.contacts[0]
    assert contact.relays == ((RELAY, NEW) if said == "back-and-told" else (NEW, RELAY))
    assert [letter.kind for letter in contact.waiting] == [Kind.RELAY]


def test_a_relay_that_refuses_is_not_gone_to(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: str | None) -> bool:
        raise RelayRefused(401)

    monkeypatch.setattr("ojak_client.verbs.relay.is_answering", refuse)
    device.keep_contact(Contact(NAME, RELAY, lines=(line_of(meet().guest),)))
    ran = device.run("relay", NAME, NEW, "--yes")
    assert (ran.code, ran.said) == (14, ["refused"])
    assert device.profile.contacts[0].relays == (RELAY,)


@pytest.mark.parametrize("address", ["ftp://x", "http://relay.example", "https://" + "a" * 200])
def test_an_address_that_cannot_be_used_is_refused(address: str, device: Device) -> None:
    device.keep_contact(Contact(NAME, RELAY))
    assert device.run("relay", NAME, address).code == 2
    assert device.profile.contacts[0].relay == RELAY


def test_a_box_is_deleted_at_the_relay_where_it_was_found_and_at_no_other() -> None:
    town = Town()
    town.host.write("noch am alten Ort")
    town.begin()
    town.sync("host")
    # The guest moves between reading and deleting, and asks the new relay first.
    exchange = Exchange(
        town.guest.store, RELAY, town.relays[RELAY].connection, town.guest.told.extend, town.clock
    )
    exchange.round(Shape(room=4, guest=True))
    town.guest.change(lambda contact: move(contact, NEW, now=town.clock.now))
    keys = town.guest.contact.elsewhere
    assert keys[1:]
    run_errands(
        Exchange(
            town.guest.store, NEW, town.relays[NEW].connection, town.guest.told.extend, town.clock
        )
    )
    assert set(town.guest.contact.elsewhere) == set(keys)
    assert not any(set(keys) & set(made.deletes) for made in town.relays[NEW].arrived)
    town.sync("guest")
    assert any(set(keys) & set(made.deletes) for made in town.relays[RELAY].arrived)
    assert town.guest.contact.elsewhere == ()


def test_what_is_unacknowledged_is_deposited_again_at_the_new_relay() -> None:
    town = Town()
    town.guest.write("unterwegs")
    town.sync("guest")
    place = town.guest.contact.lines[0].conversation.outbox[-1].place.id
    town.guest.change(lambda contact: move(contact, NEW, now=town.clock.now))
    town.sync("guest")
    assert town.relays[NEW].holds(place)


def test_c11_ends_are_deposited_again_at_the_new_relay() -> None:
    """Who is told that one of the devices is a copy may look at the new relay only."""
    town = Town()
    copied = Person(town.relays[RELAY], town.clock, JournalStore(town.guest.store.read()))
    for person in (town.guest, copied):
        person.write("von zweien")
        run_errands(person.exchange())
        town.sync("host")
        town.clock.now += AGAIN_SECONDS
        run_errands(person.exchange())
        town.sync("host")
    (line,) = town.host.contact.lines
    ends = line.conversation.farewell
    assert all(end.deposited_at for end in ends)
    town.host.change(lambda contact: move(contact, NEW, now=town.clock.now))
    town.sync("host")
    assert ends
    assert all(town.relays[NEW].holds(end.place.id) for end in ends)

"""B1, C7: whoever floods, the vault keeps room for each of the others.

The hostile half: four contacts whose answers are known send whatever is taken of them, and the
family, which is the fifth, is heard all the same.
"""

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ojak_client import apply as applying
from ojak_client import requests, room
from ojak_client.boxes_in_profile import map_boxes
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.pairing import letters_offered
from ojak_client.profile import Contact, Profile, QuestionSet, find, with_contact
from ojak_client.room import (
    MOST_OF_ALL,
    MOST_VISITS_OF_ALL,
    Share,
    has_room,
    has_room_for_visits,
    share_of,
    shares,
)
from ojak_client.store import encode
from ojak_client.vault_format import MAX_CONTENT_BYTES
from tests.client.persons import NAME, RELAY, Clock, kept_pair, letter
from tests.client.replies import our
from tests.client.simulated_relay import SimulatedRelay
from tests.people import RIGHT, come, new_point, take

LONGEST = "x" * 1490
FLOODERS = ("가", "나", "다", "라")
PAGES_FOR_VISITS = 320


def stranger(name: str, *, sets: int = 2) -> Contact:
    points = [replace(new_point(), set_number=number + 1) for number in range(sets)]
    return Contact(name, RELAY, sets=tuple(QuestionSet(one, ()) for one in points))


def with_letters(profile: Profile, name: str, most: int = 10**6) -> Profile:
    """The vault after somebody came and wrote for as long as he is let in."""
    contact = find(profile, name)
    assert contact is not None
    for number in range(most):
        share = share_of(contact, profile.contacts)
        if not has_room_for_visits(contact, contact.sets[0].point, share):
            break
        contact = replace(
            contact, theirs=(*contact.theirs, letter(LONGEST, reference=number)), arrivals=number
        )
    return with_contact(profile, contact)


def content_bytes(profile: Profile) -> int:
    return len(encode(map_boxes(profile, lambda _: os.urandom(REFERENCE_BYTES))))


def boxes(profile: Profile) -> int:
    seen = []
    map_boxes(profile, lambda box: seen.append(box) or box)  # type: ignore[func-returns-value]  # counted on the way
    return len(seen)


def flooded(profile: Profile) -> Profile:
    for name in FLOODERS:
        profile = with_contact(profile, stranger(name))
    for name in FLOODERS:
        profile = with_letters(profile, name)
    return profile


def test_b1_four_who_flood_leave_the_fifth_its_room(relay: SimulatedRelay, clock: Clock) -> None:
    host, guest = kept_pair(relay, clock)
    host.store.update(lambda profile: (flooded(profile), None))
    before = content_bytes(host.store.read())
    for number in range(16):
        guest.write(f"{number} {LONGEST[:1400]}")
        for person in (guest, host):
            person.sync()
        clock.now += 3600
    assert len(host.texts) == 16
    assert before < content_bytes(host.store.read()) <= MAX_CONTENT_BYTES


def share_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """What there was before: each contact by itself, however many there are."""
    whole = Share(10**6, 10**6)
    monkeypatch.setattr(room, "shares", lambda contacts: {one.name: whole for one in contacts})
    monkeypatch.setattr(requests, "shares", room.shares)
    monkeypatch.setattr(applying, "share_of", lambda *_: whole)


def test_without_a_bound_for_all_four_fill_the_vault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The planted bug: the test above would not end well."""
    share_without_bound(monkeypatch)
    assert content_bytes(flooded(Profile())) > MAX_CONTENT_BYTES


def visited(profile: Profile, name: str) -> Profile:
    """The vault after strangers took every try that is let in, each offered all that there is."""
    contact = find(profile, name)
    assert contact is not None
    for position, one in enumerate(contact.sets):
        point = one.point
        # As many as can come to one offer.
        for _ in range(4):
            if not has_room_for_visits(contact, point, share_of(contact, profile.contacts)):
                break
            offered = tuple(
                letters_offered(
                    replace(contact, ours=tuple(our(n, at_once=True) for n in (1, 2))),
                    point,
                    paired=False,
                )
            )
            point, _ = take(point, come(point, RIGHT), letters=offered)
            sets = list(contact.sets)
            sets[position] = replace(one, point=point)
            contact = replace(contact, sets=tuple(sets))
    return with_contact(profile, contact)


def pages_for_visits() -> tuple[Profile, int]:
    profile = Profile()
    for name in (*FLOODERS, NAME):
        profile = with_contact(profile, stranger(name, sets=3))
    before = boxes(profile)
    for name in FLOODERS:
        profile = visited(profile, name)
    return profile, boxes(profile) - before


def test_b1_strangers_at_the_numbers_of_four_leave_pages_for_a_visit_to_the_fifth() -> None:
    profile, pages = pages_for_visits()
    count = sum(len(one.point.visits) for each in profile.contacts for one in each.sets)
    family = find(profile, NAME)
    assert family is not None
    assert count <= MOST_VISITS_OF_ALL
    assert pages <= PAGES_FOR_VISITS
    assert has_room_for_visits(family, family.sets[0].point, share_of(family, profile.contacts))


def test_without_a_bound_for_all_four_take_more_pages_than_are_left_for_visits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The planted bug again."""
    share_without_bound(monkeypatch)
    assert pages_for_visits()[1] > PAGES_FOR_VISITS


@given(wants=st.lists(st.integers(0, 60), min_size=1, max_size=60), data=st.data())
def test_however_they_take_turns_all_have_their_part_and_together_no_more_than_there_is(
    wants: list[int], data: st.DataObject
) -> None:
    contacts = [Contact(f"{number}", RELAY) for number in range(len(wants))]
    for _ in range(3):
        for at in data.draw(st.permutations(range(len(wants)))):
            held = len(contacts[at].theirs)
            while held < wants[at] and held < shares(contacts)[f"{at}"].letters:
                held += 1
                contacts[at] = replace(contacts[at], theirs=(letter(),) * held)
    reserved = max(1, min(24, MOST_OF_ALL // (2 * len(wants))))
    assert sum(len(one.theirs) for one in contacts) <= MOST_OF_ALL
    for at, want in enumerate(wants):
        assert len(contacts[at].theirs) >= min(want, reserved)


def test_one_alone_has_all_and_an_empty_vault_has_nobody() -> None:
    assert shares([]) == {}
    alone = stranger(NAME)
    assert shares([alone])[NAME] == Share(MOST_OF_ALL, MOST_VISITS_OF_ALL)
    assert share_of(alone, []) == Share(MOST_OF_ALL, MOST_VISITS_OF_ALL)
    assert has_room(alone, shares([alone])[NAME])

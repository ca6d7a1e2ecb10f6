"""H2: a relay gives out every earlier box wherever somebody looks: nothing is shown twice."""

from itertools import pairwise

from ojak_client.apply import apply
from ojak_client.notices import NoticeKind
from ojak_client.profile import Profile
from ojak_protocol.offers import offer_box
from ojak_protocol.sync import SyncRequest
from tests.client.persons import RELAY, Clock, Person, guest_of, host_of, moment
from tests.client.replies import asked, reply
from tests.hostile.relays import HostileRelay
from tests.people import DAY, KEM, SEED, boxes_of, collected, heard, meet, receipt, said

HOUR = 3600


def shown(profile: Profile) -> list[tuple[int, str]]:
    """The letters that lie there to be read, each with its number."""
    return [(one.reference, one.text) for contact in profile.contacts for one in contact.theirs]


def replayed(
    profile: Profile, request: SyncRequest, box: bytes, now: int
) -> tuple[Profile, list[NoticeKind]]:
    """The profile after *box* was found at every place it asked for."""
    answer = reply(request, boxes=dict.fromkeys(request.polls, box))
    after, notices = apply(profile, RELAY, request, answer, moment(now))
    return after, [notice.kind for notice in notices]


def turns(host: Person, guest: Person, clock: Clock, texts: list[str]) -> None:
    """One letter after the other, from either side in turn, each collected and receipted."""
    for number, text in enumerate(texts):
        (guest if number % 2 else host).write(text)
        for _ in range(2):
            guest.sync()
            host.sync()
        clock.now += HOUR + 1


def test_h2_every_earlier_box_under_every_current_id_shows_nothing_twice(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    host.write("기다리던 편지")
    for _ in range(3):
        for person in (host, guest):
            person.sync()
    turns(host, guest, clock, ["하나", "둘", "셋", "넷"])
    point = host.contact.sets[0].point
    later_days = {offer_box(SEED, laid, kem=KEM) for laid in point.offers if laid.day > DAY + 1}
    earlier = [box for box in dict.fromkeys(relay.recorded) if box not in later_days]
    assert len(earlier) > 10
    for person in (host, guest):
        profile, request = asked(person.store.read(), clock.now)
        before, told = shown(profile), set[NoticeKind]()
        for box in earlier:
            profile, said_of_it = replayed(profile, request, box, clock.now)
            told |= set(said_of_it)
        assert shown(profile) == before
        # A box at the place of an answer takes its run, and was not sealed for it: no guess.
        assert told <= {NoticeKind.NUMBER_DISTURBED}


def test_h2_after_all_replays_the_next_letter_still_comes(
    relay: HostileRelay, clock: Clock
) -> None:
    host, guest = host_of(relay, clock), guest_of(relay, clock)
    for _ in range(3):
        for person in (host, guest):
            person.sync()
    turns(host, guest, clock, ["하나", "둘"])
    with relay.repeats(relay.recorded):
        for _ in range(10):
            for person in (host, guest):
                person.sync()
    turns(host, guest, clock, ["셋", "넷"])
    assert (guest.texts, host.texts) == (["하나", "셋"], ["둘", "넷"])


def test_h2_a_letter_opens_at_its_own_place_and_there_once() -> None:
    pair = meet()
    host, guest = pair.host, pair.guest
    written: list[dict[bytes, bytes]] = []
    for turn in range(4):
        guest = said(guest, f"{turn}", "and more")
        written.append(boxes_of(guest))
        host, _ = collected(host, guest)
        host = receipt(host)
        written.append(boxes_of(host))
        guest, _ = collected(guest, host)
    for state in (host, guest):
        for earlier, later in pairwise(written):
            for place in earlier | later:
                for box in (earlier | later).values():
                    after, events = heard(state, place, box)
                    assert after.ratchet is state.ratchet
                    assert events == ()

"""A host, guests who know the answers and guests who do not, and a relay that loses things."""

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol import visits
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import Conversation
from ojak_protocol.guest import Attempt
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.offers import offer_box
from ojak_protocol.visits import Visit
from tests.people import (
    ALARM,
    CLOCK,
    DAY,
    ENTROPY,
    GREETING,
    KEM,
    RIGHT,
    SEED,
    WRONG,
    new_point,
    receipt,
)
from tests.simulator import Deposit, Relay, Request, Status

START = new_point(alarm=ALARM)


@dataclass
class Guest:
    """Somebody with the number."""

    typed: bytes
    attempt: Attempt
    conversation: Conversation | None = None


def stored(visit: Visit, where: MailboxId, *, now: int) -> Visit:
    return visits.change_branches(visit, lambda branch: talk.stored(branch, where, now=now))


hosts_fates = st.sampled_from(
    ["well", "well", "well", "request lost", "reply lost", "dies before writing"]
)


class MeetingMachine(RuleBasedStateMachine):
    """Everything that may happen at a number between honest people, strangers and a bad network."""

    def __init__(self) -> None:
        super().__init__()
        self.relay = Relay()
        self.point = START
        self.guests: list[Guest] = []
        self.taken = 0
        self.confirmed: dict[MailboxId, bool] = {}

    # The host

    @initialize(typed=st.lists(st.sampled_from([RIGHT, ALARM, WRONG]), min_size=1, max_size=8))
    def the_host_begins(self, typed: list[bytes]) -> None:
        for word in typed:
            self.the_host_lays_its_offers("well")
            self.somebody_comes(word, "well")
            self.the_host_takes_answers("well")

    @rule(fates=st.tuples(*[hosts_fates] * 4))
    def the_host_syncs(self, fates: tuple[str, str, str, str]) -> None:
        self.the_host_lays_its_offers(fates[0])
        self.the_host_takes_answers(fates[1])
        self.the_host_deposits_what_visits_are_offered(fates[2])
        self.the_host_looks_for_confirmations(fates[3])

    def the_host_lays_its_offers(self, fate: str) -> None:
        self.point = point_.lay(self.point, day=DAY, now=CLOCK, entropy=ENTROPY)
        due = point_.offers_due(self.point, relay_clock=CLOCK)
        if fate == "request lost":
            return
        reply = self.relay.sync(
            Request(deposits=tuple(Deposit(d.place, offer_box(SEED, d.laid, kem=KEM)) for d in due))
        )
        for deposit, status in zip(due, reply.deposits, strict=True):
            assert status is Status.STORED, "an offer made again has other bytes"
            if fate == "well":
                self.point = point_.offer_laid(self.point, deposit.laid, occupied=False)

    def the_host_takes_answers(self, fate: str) -> None:
        if fate == "request lost":
            return
        wanted = point_.answer_places(self.point, day=DAY, older=False)
        found = self.relay.sync(Request(polls=tuple(wanted))).found
        point = self.point
        for place, box in found.items():
            point = point_.take(
                point,
                wanted[place],
                box,
                letters=(GREETING,),
                relay_clock=CLOCK,
                now=CLOCK,
                entropy=ENTROPY,
                kem=KEM,
            )
        if fate == "well":
            self.point = point
            self.taken += len(found)

    def the_host_deposits_what_visits_are_offered(self, fate: str) -> None:
        if fate == "request lost":
            return
        for one in self.point.visits:
            visit = one
            due = [talk.due(branch, now=CLOCK) for branch in visit.branches]
            assert len(due[0]) == len(due[1]), "the branches can be told apart"
            deposits = tuple(Deposit(out.place.id, out.box) for outs in due for out in outs)
            self.relay.sync(Request(deposits=deposits))
            if fate == "well":
                for deposit in deposits:
                    visit = stored(visit, deposit.place, now=CLOCK)
                self.point = point_.change_visit(self.point, visit)

    def the_host_looks_for_confirmations(self, fate: str) -> None:
        polls = point_.visit_places(self.point)
        found = self.relay.sync(Request(polls=polls)).found
        if fate != "well":
            return
        for place, box in found.items():
            confirmed = point_.confirm(self.point, place, box, kem=KEM)
            if confirmed is not None:
                self.point = confirmed[0]
                self.confirmed[confirmed[1].visit.seen_at] = confirmed[1].alarm

    @rule()
    def the_hosts_person_reopens_the_point(self) -> None:
        self.point = point_.reopen(self.point)

    # Guests

    def read_offer(self) -> Offer | None:
        places = guest_.offer_places(SEED, 1, DAY)[:3]
        found = self.relay.sync(Request(polls=places)).found
        for place in places:
            if place in found:
                return guest_.read_offer(SEED, place, found[place], set_number=1)
        return None

    @rule(
        typed=st.sampled_from([RIGHT, RIGHT, ALARM, WRONG]),
        fate=st.sampled_from(["well", "well", "request lost", "reply lost"]),
    )
    def somebody_comes(self, typed: bytes, fate: str) -> None:
        offer = self.read_offer()
        if offer is None:
            return
        for run in range(4):
            attempt = guest_.attempt(
                typed,
                seed=SEED,
                offer=offer,
                run=run,
                until=CLOCK + 60,
                entropy=ENTROPY,
                kem=KEM,
            )
            if fate == "request lost":
                return
            reply = self.relay.sync(Request(deposits=(Deposit(attempt.place, attempt.box),)))
            if reply.deposits == (Status.STORED,):
                self.guests.append(Guest(typed, attempt))
                return

    @rule(number=st.integers(0, 100), fate=st.sampled_from(["well", "well", "reply lost"]))
    def a_guest_looks(self, number: int, fate: str) -> None:
        if not self.guests:
            return
        guest = self.guests[number % len(self.guests)]
        found = self.relay.sync(Request(polls=guest_.places(guest.attempt))).found
        if fate == "reply lost":
            return
        for place, box in found.items():
            confirmed = guest_.confirm(guest.attempt, place, box, kem=KEM)
            if confirmed is not None and guest.conversation is None:
                assert guest.typed != WRONG
                guest.conversation = receipt(confirmed[0])
        if guest.conversation is not None:
            deposits = tuple(Deposit(o.place.id, o.box) for o in guest.conversation.outbox)
            self.relay.sync(Request(deposits=deposits))

    @rule(number=st.integers(0, 100))
    def the_relay_forgets_what_a_visit_was_offered(self, number: int) -> None:
        """Only such boxes: what a guest laid down is not repeated by a guest that has left."""
        offered = [o for v in self.point.visits for b in v.branches for o in b.outbox]
        if not offered:
            return
        self.relay.boxes.pop(offered[number % len(offered)].place.id, None)
        # A third of the time to live passes, and the host repeats them all.
        for one in self.point.visits:
            visit = one
            for out in offered:
                visit = stored(visit, out.place.id, now=0)
            self.point = point_.change_visit(self.point, visit)

    # What holds

    @invariant()
    def every_run_that_nobody_confirmed_is_counted(self) -> None:
        assert self.point.unconfirmed == self.taken - len(self.confirmed)
        assert self.point.unconfirmed == len(self.point.visits)
        assert self.point.counted <= self.point.unconfirmed

    @invariant()
    def nothing_of_a_visit_lies_at_the_relay_that_the_host_did_not_count(self) -> None:
        taken = {visit.seen_at for visit in self.point.visits} | set(self.confirmed)
        for guest in self.guests:
            ids = guest_.places(guest.attempt)[:-1]
            if any(place in self.relay.boxes for place in ids):
                assert guest.attempt.seen_at in taken

    @invariant()
    def only_who_knows_confirms_and_the_alarm_is_told_from_the_right_answers(self) -> None:
        typed = {guest.attempt.seen_at: guest.typed for guest in self.guests}
        for seen_at, alarm in self.confirmed.items():
            assert typed[seen_at] == (ALARM if alarm else RIGHT)

    def teardown(self) -> None:
        """When all goes well again, every counted visit of somebody who knows is confirmed."""
        for number in range(len(self.guests)):
            self.the_host_takes_answers("well")
            self.the_host_deposits_what_visits_are_offered("well")
            self.a_guest_looks(number, "well")
        self.the_host_looks_for_confirmations("well")
        left = {visit.seen_at: visit for visit in self.point.visits}
        for guest in self.guests:
            visit = left.get(guest.attempt.seen_at)
            assert visit is None or guest.typed == WRONG or not visit.branches[0].outbox
        assert replace(self.point, visits=()).unconfirmed == len(self.point.visits)


TestMeetingMachine = MeetingMachine.TestCase
TestMeetingMachine.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)

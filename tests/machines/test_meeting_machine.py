"""A host, guests who know the answers and guests who do not, devices that die, a hostile relay."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ojak_protocol import conversation as talk
from ojak_protocol import guest as guest_
from ojak_protocol import meeting_point as point_
from ojak_protocol import visits
from ojak_protocol.addresses import MailboxId
from ojak_protocol.conversation import LETTER_TTL_SECONDS, Arrived, Conversation
from ojak_protocol.guest import Attempt
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_messages import Offer
from ojak_protocol.meeting_places import DAY_SECONDS
from ojak_protocol.meeting_point import CLOSES_AT, MeetingPoint
from ojak_protocol.offers import offer_box
from ojak_protocol.visits import Letter
from tests.machines.world import Deposit, Device, Relay, Request, fates, lasting
from tests.people import ALARM, CLOCK, ENTROPY, KEM, RIGHT, SEED, WRONG, new_point, receipt
from tests.simulator import Status

LETTER = Letter(1, Body(Kind.TEXT, "real"), Body(Kind.TEXT, "harmless"))
READ = {RIGHT: ("real",), ALARM: ("harmless",), WRONG: ()}
FAULTS = [Relay.repeat, Relay.catch_up, Relay.put_back]

hosts_fates = fates | st.just("dies")
words = st.sampled_from([RIGHT, RIGHT, ALARM, WRONG])
numbers = st.integers(0, 1000)


@dataclass(frozen=True)
class Host:
    """What the host's device keeps."""

    point: MeetingPoint
    took: dict[MailboxId, bytes] = field(default_factory=dict)
    """The answer of each run that was taken, by the place where its guest is told."""
    confirmed: dict[MailboxId, bool] = field(default_factory=dict)
    """Whether it was by the alarm word, for each visit that was confirmed."""


@dataclass(frozen=True)
class Guest:
    """What the own device of somebody with the number keeps."""

    typed: bytes
    attempt: Attempt | None = None
    conversation: Conversation | None = None
    read: tuple[str, ...] = ()


class MeetingMachine(RuleBasedStateMachine):
    """Everything that may happen at a number between honest people, strangers and a bad network."""

    def __init__(self) -> None:
        super().__init__()
        self.now = CLOCK
        self.relay = Relay(CLOCK)
        self.host = Device(Host(new_point(alarm=ALARM)))
        self.guests: list[Device[Guest]] = []

    @property
    def point(self) -> MeetingPoint:
        return self.host.state.point

    @property
    def day(self) -> int:
        return point_.day_of(self.relay.now)

    def changes(self, point: MeetingPoint) -> None:
        """The host's device writes another state of its point."""
        self.host.becomes(replace(self.host.state, point=point))

    # The host

    @initialize(typed=st.lists(words, min_size=1, max_size=8))
    def guests_come_one_after_the_other(self, typed: list[bytes]) -> None:
        for word in typed:
            self.the_host_lays_its_offers("well")
            self.somebody_comes(word, "well")
            self.the_host_takes_answers("well")

    @rule(fates=st.tuples(*[hosts_fates] * 4), number=numbers)
    def the_host_syncs(self, fates: tuple[str, ...], number: int = 0) -> None:
        self.changes(point_.forget_visits(self.point, now=self.now)[0])
        for fate, step in zip(
            fates,
            (
                self.the_host_lays_its_offers,
                self.the_host_takes_answers,
                self.the_host_deposits_what_visits_are_offered,
                self.the_host_looks_for_confirmations,
            ),
            strict=True,
        ):
            step("well" if fate == "dies" else fate)
            if fate == "dies":
                self.host.dies(number)

    def the_host_lays_its_offers(self, fate: str) -> None:
        self.changes(point_.lay(self.point, day=self.day, now=self.now, entropy=ENTROPY))
        due = point_.offers_due(self.point, relay_clock=self.relay.now)
        deposits = tuple(
            Deposit(
                one.place,
                offer_box(SEED, one.laid, kem=KEM),
                after_seconds=one.after_seconds,
                ttl_seconds=one.ttl_seconds,
            )
            for one in due
        )
        reply = self.relay.asked(self.host, Request(deposits=deposits), fate)
        if reply is None:
            return
        assert set(reply.deposits) <= {Status.STORED}, "an offer made again has other bytes"
        for one in due:
            self.changes(point_.offer_laid(self.point, one.laid, occupied=False))

    def the_host_takes_answers(self, fate: str) -> None:
        wanted = point_.answer_places(self.point, day=self.day, older=False)
        reply = self.relay.asked(self.host, Request(polls=tuple(wanted)), fate)
        for place, box in ({} if reply is None else reply.found).items():
            before = set(self.visits)
            point = point_.take(
                self.point,
                wanted[place],
                box,
                letters=(LETTER,),
                relay_clock=self.relay.now,
                now=self.now,
                entropy=ENTROPY,
                kem=KEM,
            )
            new = {visit.seen_at for visit in point.visits} - before
            host = self.host.state
            assert len(new - set(host.took)) == 1, "a run is taken once"
            (seen_at,) = new
            self.host.becomes(replace(host, point=point, took=host.took | {seen_at: box}))

    def the_host_deposits_what_visits_are_offered(self, fate: str) -> None:
        deposits = []
        for visit in self.point.visits:
            first, second = (talk.due(branch, now=self.now) for branch in visit.branches)
            assert len(first) == len(second), "the branches can be told apart"
            deposits += [Deposit(out.place.id, out.box) for out in (*first, *second)]
        reply = self.relay.asked(self.host, Request(deposits=tuple(deposits)), fate)
        if reply is None:
            return
        # One write: found between two, the branches of a visit would differ in what they are due.
        point = self.point
        for deposit, status in zip(deposits, reply.deposits, strict=True):
            for visit in point.visits if status is Status.STORED else ():
                mark = partial(talk.stored, where=deposit.place, now=self.now)
                point = point_.change_visit(point, visits.change_branches(visit, mark))
        self.changes(point)

    def the_host_looks_for_confirmations(self, fate: str) -> None:
        polls = point_.visit_places(self.point)
        reply = self.relay.asked(self.host, Request(polls=polls), fate)
        for place, box in ({} if reply is None else reply.found).items():
            confirmed = point_.confirm(self.point, place, box, kem=KEM)
            if confirmed is not None:
                host, (point, what) = self.host.state, confirmed
                known = host.confirmed | {what.visit.seen_at: what.alarm}
                self.host.becomes(replace(host, point=point, confirmed=known))

    @rule()
    def the_hosts_person_reopens_the_point(self) -> None:
        self.changes(point_.reopen(self.point))

    # Guests

    def read_offer(self) -> Offer | None:
        places = guest_.offer_places(SEED, 1, self.day)[:3]
        found = self.relay.sync(Request(polls=places)).found
        for place in places:
            if place in found:
                return guest_.read_offer(SEED, place, found[place], set_number=1)
        return None

    @rule(typed=words, fate=fates)
    def somebody_comes(self, typed: bytes, fate: str) -> None:
        offer = self.read_offer()
        if offer is None:
            return
        device = Device(Guest(typed))
        self.guests.append(device)
        for run in range(4):
            attempt = guest_.attempt(
                typed,
                seed=SEED,
                offer=offer,
                run=run,
                until=self.relay.now + DAY_SECONDS,
                entropy=ENTROPY,
                kem=KEM,
            )
            device.becomes(Guest(typed, attempt))
            request = Request(deposits=(Deposit(attempt.place, attempt.box),))
            reply = self.relay.asked(device, request, fate)
            if reply is None or reply.deposits == (Status.STORED,):
                return
        device.becomes(Guest(typed))

    @rule(number=numbers, fate=fates)
    def a_guest_looks(self, number: int, fate: str) -> None:
        if not self.guests:
            return
        device = self.guests[number % len(self.guests)]
        attempt = device.state.attempt
        if attempt is None:
            return
        # Its answer once more, for the relay's reply may have been lost.
        request = Request(
            deposits=(Deposit(attempt.place, attempt.box),), polls=guest_.places(attempt)
        )
        reply = self.relay.asked(device, request, fate)
        for place, box in ({} if reply is None else reply.found).items():
            confirmed = guest_.confirm(attempt, place, box, kem=KEM)
            if confirmed is not None and device.state.conversation is None:
                read = tuple(e.body.text for e in confirmed[1] if isinstance(e, Arrived))
                device.becomes(replace(device.state, conversation=receipt(confirmed[0]), read=read))
        ours = device.state.conversation
        if ours is not None:
            due = talk.due(ours, now=self.now)
            deposits = tuple(Deposit(out.place.id, out.box) for out in due)
            self.relay.asked(device, Request(deposits=deposits), fate)

    @rule(typed=words, theirs=fates, ours=st.tuples(*[hosts_fates] * 4), number=numbers)
    def somebody_visits(
        self, typed: bytes, theirs: str, ours: tuple[str, ...], number: int
    ) -> None:
        """From the offer to the confirmation."""
        self.the_host_syncs(("well",) * 4)
        self.somebody_comes(typed, theirs)
        self.the_host_syncs(ours, number)
        self.the_host_syncs(("well",) * 4)
        self.a_guest_looks(-1, theirs)
        self.the_host_syncs(ours, number)

    # What may happen to all

    @rule(number=numbers)
    def the_hosts_device_dies_and_starts_again(self, number: int) -> None:
        self.host.dies(number)

    @rule(who=numbers, number=numbers)
    def a_guests_device_dies_and_starts_again(self, who: int, number: int) -> None:
        if self.guests:
            self.guests[who % len(self.guests)].dies(number)

    @rule(seconds=st.sampled_from([60, DAY_SECONDS, LETTER_TTL_SECONDS // 3, LETTER_TTL_SECONDS]))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        self.relay.now += seconds

    @rule(faults=st.lists(st.tuples(st.sampled_from(FAULTS), numbers), min_size=1, max_size=3))
    def the_relay_or_the_network_does_something(
        self, faults: list[tuple[Callable[[Relay, int], None], int]]
    ) -> None:
        for fault, number in faults:
            fault(self.relay, number)

    @rule(number=numbers)
    def the_relay_forgets_what_a_visit_was_offered(self, number: int) -> None:
        """Only such boxes: what a guest laid down is not repeated by a guest that has left."""
        offered = [o for v in self.point.visits for b in v.branches for o in b.outbox]
        if offered:
            self.relay.lying.pop(offered[number % len(offered)].place.id, None)

    @rule()
    def a_stranger_with_the_number_fills_a_run(self) -> None:
        wanted = point_.answer_places(self.point, day=self.day, older=False)
        self.relay.sit(list(wanted)[:1])

    # What holds

    @property
    def visits(self) -> dict[MailboxId, visits.Visit]:
        return {visit.seen_at: visit for visit in self.point.visits}

    @invariant()
    def every_run_that_nobody_confirmed_is_counted(self) -> None:
        host = self.host.state
        assert self.point.unconfirmed == len(host.took) - len(host.confirmed)
        assert set(self.visits) <= set(host.took) - set(host.confirmed)
        assert self.point.counted <= min(CLOSES_AT, self.point.unconfirmed)

    @invariant()
    def nothing_of_a_visit_lies_at_the_relay_that_the_host_did_not_count(self) -> None:
        took = self.host.state.took
        for device in self.guests:
            attempt = device.state.attempt
            if attempt is None or took.get(attempt.seen_at) == attempt.box:
                continue
            ids = guest_.places(attempt)[:-1]
            assert not any(place in self.relay.lying for place in ids)

    @invariant()
    def only_who_knows_confirms_and_the_alarm_is_told_from_the_right_answers(self) -> None:
        host = self.host.state
        typed = {
            device.state.attempt.box: device.state.typed
            for device in self.guests
            if device.state.attempt is not None
        }
        for seen_at, alarm in host.confirmed.items():
            assert typed[host.took[seen_at]] == (ALARM if alarm else RIGHT)

    @invariant()
    def nobody_reads_what_is_meant_for_others(self) -> None:
        for device in self.guests:
            assert device.state.read in {(), READ[device.state.typed]}

    def teardown(self) -> None:
        """When all goes well again, every visit of somebody who knows is confirmed and read."""
        self.now += LETTER_TTL_SECONDS // 3
        self.relay.now += LETTER_TTL_SECONDS // 3
        for _ in range(2):
            self.the_host_syncs(("well",) * 4)
            for number in range(len(self.guests)):
                self.a_guest_looks(number, "well")
        self.the_host_syncs(("well",) * 4)
        self.nobody_reads_what_is_meant_for_others()
        host, left = self.host.state, self.visits
        for guest in (device.state for device in self.guests):
            if guest.attempt is None or host.took.get(guest.attempt.seen_at) != guest.attempt.box:
                continue
            visit = left.get(guest.attempt.seen_at)
            if visit is not None:
                assert guest.typed == WRONG or not visit.branches[0].outbox
            if guest.attempt.seen_at in host.confirmed:
                assert guest.read == READ[guest.typed]
        self.every_run_that_nobody_confirmed_is_counted()
        self.only_who_knows_confirms_and_the_alarm_is_told_from_the_right_answers()


TestMeetingMachine = MeetingMachine.TestCase
TestMeetingMachine.settings = lasting(examples=30, steps=25)

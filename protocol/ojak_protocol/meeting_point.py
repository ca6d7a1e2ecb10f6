"""The host's meeting point: offers laid out day by day, runs taken, guesses counted.

A run is consumed for good once it was answered. It is counted, durably, before anything is sent:
the caller writes the state that `take` returns before it deposits what that state asks for. Only
a confirmation takes a run back. After five unconfirmed runs that were offered something, the
point is closed to new ones until its person reopens it. At twenty unconfirmed runs of any sort the
set is dead: an answer that came too late is offered nothing, but it could confirm itself by a
left letter, so it is one guess as well.

Source: docs/protocol.md, "Meeting", "Guesses".
"""

from collections import Counter
from typing import Final

from ojak_protocol import visits
from ojak_protocol.addresses import MailboxId
from ojak_protocol.errors import Exhausted, LocalError, RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import Kem
from ojak_protocol.meeting_places import (
    DAY_SECONDS,
    LAST_DAY,
    OFFERS_A_DAY,
    answer_place,
    offer_place,
)
from ojak_protocol.number import Number
from ojak_protocol.offers import LaidOffer, make_offer, without_run
from ojak_protocol.primitives import Entropy
from ojak_protocol.stretch import Seed
from ojak_protocol.sync import MAX_AFTER_SECONDS, MIN_TTL_SECONDS
from ojak_protocol.values import dataclass, replace
from ojak_protocol.visits import AnsweredRun, Confirmed, Letter, Visit

DAYS_AHEAD: Final = 14
OFFER_TTL_SECONDS: Final = 3 * DAY_SECONDS
OFFER_SECRET_DAYS: Final = 8
MOST_OFFERS: Final = 64
CLOSES_AT: Final = 5
DIES_AT: Final = 20
CLOCKS_BEGIN_AT: Final = 19_723 * DAY_SECONDS
"""2024-01-01, before there was this program. A clock that says less is unset: that of many small
devices begins in 1970 at each start."""
RUNS_LOOKED_AT: Final = 2
"""How many unanswered runs of a day the host looks at."""


@dataclass(frozen=True, slots=True, repr=False)
class MeetingPoint(Hidden):
    """One number at which the host can be found."""

    number: Number
    seed: Seed
    set_number: int
    right: bytes
    """Stretched from the right answers, 32 bytes."""
    alarm: bytes | None
    """Stretched from the answers with the alarm word, if there is one."""
    bits: int
    """Estimate of what the answers cost a slight acquaintance to guess."""
    offers: tuple[LaidOffer, ...] = ()
    visits: tuple[Visit, ...] = ()
    counted: int = 0
    """Unconfirmed runs since the person last reopened the point."""
    unconfirmed: int = 0
    """All unconfirmed runs of this set."""
    occupied: bool = False
    """Whether other bytes lie where our offer should."""
    disturbed: bool = False
    """Whether something lay where an answer should that nobody with the number had sealed."""
    spent: bool = False
    """Whether the answers were typed on a device that is not the family's."""

    @property
    def closed(self) -> bool:
        """Whether new runs are offered nothing until the person reopens the point."""
        return self.counted >= CLOSES_AT or self.dead

    @property
    def dead(self) -> bool:
        """Whether this set of answers must not be used any more."""
        return self.unconfirmed >= DIES_AT


@dataclass(frozen=True, slots=True, repr=False)
class OfferDeposit(Hidden):
    """An offer that has to be laid, and when it may be seen."""

    laid: LaidOffer
    place: MailboxId
    ttl_seconds: int
    after_seconds: int


def day_of(clock: int) -> int:
    """Return the UTC day of *clock*, days since 1970.

    A clock beyond what offers can name counts as the last day on which all of them can be laid.
    """
    return min(clock // DAY_SECONDS, LAST_DAY - DAYS_AHEAD)


def lay(point: MeetingPoint, *, day: int, now: int, entropy: Entropy) -> MeetingPoint:
    """Return the point with an offer for each day from *day* to 14 days ahead.

    A further offer is made for a day whose runs are used up, or whose offer was superseded, at
    most three in all. Secrets of offers more than 8 days old are erased.

    Args:
        point: the meeting point.
        day: of the relay's clock: host and guest must agree on it. Days so long past that their
            secrets are erased at once get no offer: it would be another one each time.
        now: device clock, which alone decides what is erased.
        entropy: fresh randomness.
    """
    today = day_of(now)
    offers = [laid for laid in point.offers if laid.day >= today - OFFER_SECRET_DAYS]
    if point.dead:
        return replace(point, offers=tuple(offers))
    for near in range(max(day, today - OFFER_SECRET_DAYS), day + DAYS_AHEAD + 1):
        of_day = [laid for laid in offers if laid.day == near]
        if len(of_day) < OFFERS_A_DAY and not any(_is_answerable(laid) for laid in of_day):
            offers.append(
                make_offer(
                    point.seed,
                    set_number=point.set_number,
                    day=near,
                    n=len(of_day),
                    words=(point.right, point.alarm),
                    entropy=entropy,
                )
            )
    if len(offers) > MOST_OFFERS:
        # A relay whose clock jumps about must neither make this grow nor have real offers erased:
        # what is kept is what lies nearest to the device's own day.
        nearest = sorted(offers, key=lambda laid: abs(laid.day - today))[:MOST_OFFERS]
        offers = [laid for laid in offers if laid in nearest]
    return replace(point, offers=tuple(offers))


def offers_due(point: MeetingPoint, *, relay_clock: int) -> tuple[OfferDeposit, ...]:
    """Return the offers that do not lie at the relay yet, nearest day first.

    Each is released at the start of the day before its own and lives three days.
    """
    due = []
    for laid in sorted(point.offers, key=lambda laid: (laid.day, laid.n)):
        release = (laid.day - 1) * DAY_SECONDS
        left = release + OFFER_TTL_SECONDS - relay_clock
        early = release - relay_clock > MAX_AFTER_SECONDS
        if laid.laid or left < MIN_TTL_SECONDS or early or not _is_answerable(laid):
            continue
        due.append(
            OfferDeposit(
                laid,
                offer_place(point.seed, laid.set_number, laid.day, laid.n),
                ttl_seconds=min(left, OFFER_TTL_SECONDS),
                after_seconds=max(0, release - relay_clock),
            )
        )
    return tuple(due)


def offer_laid(point: MeetingPoint, laid: LaidOffer, *, occupied: bool) -> MeetingPoint:
    """Return the point after the relay took *laid*, or said that other bytes lie in its place."""
    return replace(
        point,
        offers=tuple(
            replace(other, laid=True) if other.nonce == laid.nonce else other
            for other in point.offers
        ),
        occupied=point.occupied or occupied,
    )


def answer_places(point: MeetingPoint, *, day: int, older: bool) -> dict[MailboxId, AnsweredRun]:
    """Return where answers may lie: the next two unanswered runs of each day.

    Where the alarm word was changed, the next run of the offer before is among them: a guest may
    have read it already.

    Args:
        point: the meeting point.
        day: of the relay's clock.
        older: the days before yesterday, for a host that was away; else yesterday to tomorrow.
    """
    wanted: dict[MailboxId, AnsweredRun] = {}
    near = range(day - OFFER_SECRET_DAYS, day - 1) if older else range(day - 1, day + 2)
    for near_day in near if not point.dead else ():
        of_day = [laid for laid in point.offers if laid.day == near_day]
        for laid in of_day:
            most = 1 if laid.superseded else RUNS_LOOKED_AT
            for run in laid.open_runs[:most]:
                at = AnsweredRun(point.seed, laid, run)
                wanted[answer_place(point.seed, laid.nonce, run)] = at
    return wanted


def take(
    point: MeetingPoint,
    at: AnsweredRun,
    box: bytes,
    *,
    letters: tuple[Letter, ...],
    relay_clock: int,
    now: int,
    entropy: Entropy,
    kem: Kem,
) -> MeetingPoint:
    """Return the point after the answer in *box* took a run; nothing may be sent before it is kept.

    What nobody who has the number can have sealed takes the run as well, for nothing else can lie
    there any more. But it is no guess: it counts nothing, and there is no visit.

    Args:
        point: the meeting point.
        at: of `answer_places`.
        box: what lay there.
        letters: what is offered, at least a greeting.
        relay_clock: of the last reply.
        now: device clock.
        entropy: fresh randomness.
        kem: the key encapsulation.

    Raises:
        LocalError: the run was taken before.
    """
    # Looked up again: *at* may be older than the point, and a run must not be answered twice.
    if at.run not in {
        run for laid in point.offers if laid.nonce == at.laid.nonce for run in laid.open_runs
    }:
        raise LocalError("a run is taken once")
    offers = tuple(
        without_run(laid, at.run) if laid.nonce == at.laid.nonce else laid for laid in point.offers
    )
    try:
        answer = visits.read_answer(at, box, entropy=entropy, kem=kem)
    except RemoteError:
        return replace(point, offers=offers, disturbed=True)
    offered = () if point.closed or answer.until < relay_clock else letters
    visit = visits.open_visit(
        at,
        answer,
        letters=offered,
        spent=point.spent,
        paired=has_alarm(point, at),
        now=now,
        entropy=entropy,
        kem=kem,
    )
    return replace(
        point,
        offers=offers,
        visits=(*point.visits, visit),
        counted=point.counted + visit.counted,
        unconfirmed=point.unconfirmed + 1,
    )


def has_alarm(point: MeetingPoint, at: AnsweredRun) -> bool:
    """Return whether an alarm word may stand in the offer of *at*.

    It may in one from before a change, even if there is no alarm word now: a relay can show that
    offer and hide the next.
    """
    return point.alarm is not None or at.laid.superseded


def visit_places(point: MeetingPoint) -> tuple[MailboxId, ...]:
    """Return where confirmations may lie: two places for each visit, newest visit first."""
    return tuple(place for visit in reversed(point.visits) for place in visits.places(visit))


def alarm_places(point: MeetingPoint) -> frozenset[MailboxId]:
    """Return where confirmations by the alarm word may lie.

    Of all boxes of one reply those found here are to be looked at first: if both branches of a
    visit confirm, somebody was made to type both, and that is an alarm. The order in which a
    request asks must not follow from this.
    """
    return frozenset(visits.places(visit)[1 - visit.coin] for visit in point.visits)


def confirm(
    point: MeetingPoint, where: MailboxId, box: bytes, *, kem: Kem
) -> tuple[MeetingPoint, Confirmed] | None:
    """Return the point without the visit that *box*, found at *where*, confirms; else None."""
    for visit in point.visits:
        confirmed = visits.receive(visit, where, box, kem=kem)
        if confirmed is not None:
            return _without(point, visit), confirmed
    return None


def change_visit(point: MeetingPoint, changed: Visit) -> MeetingPoint:
    """Return the point with *changed* in the place of the same visit."""
    return replace(
        point,
        visits=tuple(
            changed if visit.seen_at == changed.seen_at else visit for visit in point.visits
        ),
    )


def forget_visits(point: MeetingPoint, *, now: int) -> tuple[MeetingPoint, tuple[Visit, ...]]:
    """Return the point without visits that can no longer be confirmed, and those visits.

    A visit lasts seven days by the device's clock *now*; where that was wrong, from the moment on
    at which it shows.
    """
    aged = tuple(_aged(visit, now) for visit in point.visits)
    old = tuple(visit for visit in aged if _age_seconds(visit, now) >= visits.VISIT_SECONDS)
    left = tuple(visit for visit in aged if visit not in old)
    return point if left == point.visits else replace(point, visits=left), old


def _aged(visit: Visit, now: int) -> Visit:
    """Return *visit*, taken now if it was taken by a clock that was wrong then and is set since."""
    was_unset, is_unset = visit.taken_at < CLOCKS_BEGIN_AT, now < CLOCKS_BEGIN_AT
    ahead = visit.taken_at > now and was_unset is is_unset
    return replace(visit, taken_at=now) if ahead or (was_unset and not is_unset) else visit


def _age_seconds(visit: Visit, now: int) -> int:
    # A clock that is unset at this start tells nothing of what was taken before.
    return max(0, now - visit.taken_at)


def change_alarm(point: MeetingPoint, alarm: bytes | None, *, day: int) -> MeetingPoint:
    """Return the point with another alarm word, or none, from the next offers on.

    `lay` then makes a further offer for each day. Runs of the offers before are still taken.

    Args:
        point: the meeting point.
        alarm: stretched from the answers with the alarm word, 32 bytes; None for no alarm word.
        day: of the relay's clock.

    Raises:
        Exhausted: some day has its three offers already, so that a guest would meet the old word.
    """
    of_day = Counter(laid.day for laid in point.offers if laid.day >= day - 1)
    if any(of_day[laid.day] >= OFFERS_A_DAY and laid.open_runs for laid in point.offers):
        raise Exhausted("an alarm word can be changed twice in two weeks")
    offers = tuple(replace(laid, superseded=True) for laid in point.offers)
    return replace(point, alarm=alarm, offers=offers)


def recall(point: MeetingPoint, reference: int) -> MeetingPoint:
    """Return the point with letter *reference* asked back from every visit it was offered to."""
    return replace(point, visits=tuple(visits.recall(visit, reference) for visit in point.visits))


def reopen(point: MeetingPoint) -> MeetingPoint:
    """Return the point open to five more runs, as its person decided."""
    # Runs counted until now are no part of the new five: a late confirmation of one of them must
    # not take back another.
    return replace(
        point, counted=0, visits=tuple(replace(visit, counted=False) for visit in point.visits)
    )


def _is_answerable(laid: LaidOffer) -> bool:
    return bool(laid.open_runs) and not laid.superseded


def _without(point: MeetingPoint, visit: Visit) -> MeetingPoint:
    return replace(
        point,
        visits=tuple(other for other in point.visits if other.seen_at != visit.seen_at),
        counted=max(0, point.counted - visit.counted),
        unconfirmed=max(0, point.unconfirmed - 1),
    )

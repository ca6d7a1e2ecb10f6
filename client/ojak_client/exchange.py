"""One round with a relay: prepare, save, ask, apply, save.

The order is what makes a crash harmless: nothing is sent that is not on disk, and nothing is
deleted at the relay before what was read is on disk.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from ojak_client.apply import apply, minds_nothing
from ojak_client.errors import VaultFull, WrongPlace
from ojak_client.moment import Moment
from ojak_client.news import without_news
from ojak_client.notices import Notice, NoticeKind
from ojak_client.our_letters import references_in
from ojak_client.prepare import prepare
from ojak_client.profile import Profile
from ojak_client.requests import (
    Shape,
    all_places,
    has_asked,
    has_errands,
    look_request,
    make_request,
)
from ojak_client.room import what_may_come
from ojak_client.sharing import LastShares, Sharing, shares
from ojak_client.store import Store
from ojak_client.transport import RelayConnection
from ojak_protocol.addresses import ID_BYTES, DeleteKey, MailboxId
from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.kem import MlKem768
from ojak_protocol.sync import (
    REPLY_BYTES,
    DepositOutcome,
    Found,
    NoRoom,
    SyncClass,
    SyncReply,
    SyncRequest,
    decode_reply,
    encode_request,
)
from ojak_protocol.values import dataclass, replace

STAYS_SECONDS: Final = 3600.0
"""For how long a box that changed nothing is not fetched again, unless it could be taken now."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought."""

    notices: tuple[Notice, ...]
    left_behind: int
    """How many boxes lie there that the reply had no room for."""
    found: int
    """How many boxes the reply held."""
    errands: bool
    """Whether something is still to be deposited or deleted."""
    full: bool
    """Whether the relay took a deposit of ours for too much."""
    moved: bool
    """Whether the profile is another one than before."""
    room: int
    """How many boxes the reply could hold."""
    wait_seconds: int = 0
    """For how long the relay was asked to hold it."""
    size_bytes: int = 0
    """Of the bodies of request and reply together, for each time that it was sent."""
    carried: bool = False
    """Whether the request deposited or deleted anything."""
    stored: bool = False
    """Whether the relay says that it keeps anything of what was deposited."""
    opened: bool = False
    """Whether a box opened that only the other side can have sealed, was not read yet, and brought
    something: whoever knows the answers can send as many as they like that say nothing."""
    kept_out: bool = False
    """Whether the vault had no room for some of it, which stays at the relay. What is left there
    because its sender's share is full does not count."""
    unsealed: bool = False
    """Whether the vault had no room for something to be sent, which was to be sealed. Of a look,
    which seals nothing, what the last round said."""
    unseen: tuple[MailboxId, ...] = ()
    """Of the places of a look, those of whose boxes the reply had no room for."""
    profile: Profile = Profile()
    """What was saved after it."""


@dataclass(frozen=True, slots=True)
class _Change:
    """A profile as it was saved, and what its saving brought to light."""

    profile: Profile
    notices: tuple[Notice, ...]
    moved: bool
    opened: bool = False
    kept_out: bool = False
    """Whether some of it did not fit into the vault."""

    def followed_by(self, later: "_Change") -> "_Change":
        """Return both as one."""
        return _Change(
            later.profile,
            self.notices + later.notices,
            self.moved or later.moved,
            self.opened or later.opened,
            self.kept_out or later.kept_out,
        )


class Exchange:
    """Rounds with one relay over one connection, on one store.

    Args:
        store: where the profile is kept.
        relay: the relay's address, as the contacts name it.
        connection: the connection to it.
        listen: called with what came to light as soon as it is saved, before the relay is asked
            anything more: what is told then is not lost with the connection.
        clock: the device's clock, Unix seconds.
        steady: seconds by which the relay's clock is carried on from its last word, and by which
            what stays there is asked for again; without it `clock`, and then whoever sets the
            device's clock moves both.
        sharing: counts the shares of the contacts; without it one that counts for this exchange.

    Attributes:
        asked_bytes: how long the bodies of all requests and of their replies are together, also of
            those that no reply came to, and of one that was sent again as often as it was sent.
    """

    def __init__(
        self,
        store: Store,
        relay: str,
        connection: RelayConnection,
        listen: Callable[[tuple[Notice, ...]], None] = lambda _: None,
        clock: Callable[[], float] = time.time,
        steady: Callable[[], float] | None = None,
        sharing: Sharing | None = None,
    ) -> None:
        self.store = store
        self.relay = relay
        self.connection = connection
        self.listen = listen
        self.clock = clock
        self.steady = steady
        self.asked_bytes = 0
        # Drawn, because a command does a round or two: over many all have their turn.
        self._turn = int.from_bytes(os.urandom(2), "big")
        self._clock_offset: int | None = None
        self._asked: SyncRequest | None = None
        self._shape = Shape()
        self._shut: set[str] = set()
        self._staying: frozenset[MailboxId] = frozenset()
        self._stays_until = 0.0
        self._stays_as: object = None
        self._is_full = False
        self._has_errands = False
        self._nothing_due_of: tuple[int, int, Profile] | None = None
        self._sharing = LastShares() if sharing is None else sharing
        self._minding = (Profile(), False)
        self._is_unsealed = False
        self._kem = MlKem768()

    @property
    def moment(self) -> Moment:
        """Now, on both clocks."""
        now = int(self.clock())
        # Until the relay said its own, its clock is taken to be ours.
        relay_clock = now if self._clock_offset is None else self._ticks() + self._clock_offset
        return Moment(now, max(0, relay_clock), os.urandom, self._kem)

    def needs_clock(self, known: Profile | None = None) -> bool:
        """Return whether the relay's clock decides where or when somebody there looks or lays.

        It is read from *known*, if that was read from the store a moment ago.
        """
        return any(
            bool(contact.sets)
            or bool(contact.parts)
            or (contact.visiting is not None and contact.visiting.attempt is None)
            for contact in (known or self.store.read()).contacts
            if contact.relay == self.relay
        )

    def is_host(self, profile: Profile) -> bool:
        """Return whether a guest may come to a number in *profile* at this relay."""
        return any(contact.sets for contact in profile.contacts if contact.relay == self.relay)

    def learn_clock(self) -> None:
        """Ask the relay for nothing, to learn its day before offers are laid by it.

        Raises:
            NoAnswer: the relay was not reached, or something else answered.
            RelayRefused: the relay answered with an error.
        """
        polls = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ZERO.polls))
        self._ask(SyncRequest(SyncClass.ZERO, polls))

    def round(self, shape: Shape) -> Round:
        """Do one round.

        Raises:
            NoAnswer: the relay was not reached, or something else answered.
            RelayRefused: the relay answered with an error.
            VaultError: what was prepared or found could not be saved. Where the vault is merely
                full, the round says so, and what fits is saved.
        """
        moment = self.moment

        def before(profile: Profile) -> tuple[Profile, _Change]:
            due_of = (moment.now, moment.relay_clock, profile)
            if due_of == self._nothing_due_of:
                return profile, _Change(profile, (), moved=False)
            prepared, notices = prepare(profile, self.relay, moment, sharing=self._sharing)
            if prepared is profile and not notices:
                self._nothing_due_of = due_of
            return prepared, _Change(prepared, notices, moved=prepared != profile)

        try:
            prepared = self.store.update(before)
            self._is_unsealed = False
        except VaultFull:
            # What others acknowledge makes room, so they are asked though nothing can be sealed.
            saved = self.store.read()
            if not has_asked(saved, self.relay):
                raise
            prepared = _Change(saved, (), moved=False)
            self._is_unsealed = True
        self.listen(prepared.notices)
        if not shape.guest:
            shape = replace(shape, passed_over=self._known_to_stay(prepared.profile))
        request = self._request(prepared.profile, moment, shape)
        self._asked, self._shape = request, shape
        asked_before = self.asked_bytes
        reply = self._ask(request)
        self._turn += 1
        moment = self.moment

        applied = _Change(prepared.profile, (), moved=False)
        # What was held may have taken minutes, and others have saved since.
        if request.wait_seconds or self._says_anything(request, reply, prepared.profile):
            applied = self._apply(request, reply, moment)
        self._is_full = any(one.kind is NoticeKind.RELAY_FULL for one in applied.notices)
        if not applied.moved:
            self._note_what_stays(request, reply, applied.profile)
        self._has_errands = has_errands(applied.profile, self.relay, moment)
        notices = applied.notices
        return Round(
            notices=prepared.notices + notices,
            left_behind=sum(isinstance(result, NoRoom) for result in reply.polls),
            found=sum(isinstance(result, Found) for result in reply.polls),
            errands=self._has_errands,
            full=self._is_full,
            moved=prepared.moved or applied.moved,
            room=shape.room,
            wait_seconds=request.wait_seconds,
            size_bytes=self.asked_bytes - asked_before,
            carried=bool(request.deposits or request.deletes),
            stored=DepositOutcome.STORED in reply.deposits,
            opened=applied.opened,
            kept_out=applied.kept_out,
            # After what made room, the next round seals what this one could not.
            unsealed=self._is_unsealed and not applied.moved,
            profile=applied.profile,
        )

    def places(self, profile: Profile) -> tuple[MailboxId, ...]:
        """Return what is looked at in turns; none, where all of it fits into one request."""
        moment, sharing = self.moment, self._sharing
        return all_places(profile, self.relay, moment, turn=self._turn, sharing=sharing)

    def look(self, profile: Profile, places: tuple[MailboxId, ...], *, room: int) -> Round:
        """Look at *places*, 32 at most, as the contacts in *profile* do, and save what lies there.

        Raises:
            NoAnswer, RelayRefused, VaultError: as `round`.
        """
        request = look_request(profile, self.relay, places, room=room)
        reply = self._ask(request)
        done = _Change(profile, (), moved=False)
        if self._says_anything(request, reply, profile):
            done = self._apply(request, reply, self.moment)
        if done.moved:
            self._has_errands = has_errands(done.profile, self.relay, self.moment)
        no_room = {
            place
            for place, result in zip(request.polls, reply.polls, strict=True)
            if isinstance(result, NoRoom)
        }
        return Round(
            notices=done.notices,
            left_behind=sum(isinstance(result, NoRoom) for result in reply.polls),
            found=sum(isinstance(result, Found) for result in reply.polls),
            # It deposits nothing: what was said last still holds.
            errands=self._has_errands,
            full=self._is_full,
            moved=done.moved,
            room=room,
            opened=done.opened,
            kept_out=done.kept_out,
            unsealed=self._is_unsealed and not done.moved,
            unseen=tuple(place for place in places if place in no_room),
            profile=done.profile,
        )

    def _says_anything(self, request: SyncRequest, reply: SyncReply, profile: Profile) -> bool:
        """Return whether *reply* to *request* can change *profile*, or tell of anything."""
        if request.deposits or request.deletes:
            return True
        if any(isinstance(result, Found) for result in reply.polls):
            return True
        # All looks of a run that brings nothing are at one profile.
        if self._minding[0] is not profile:
            self._minding = profile, any(map(minds_nothing, profile.contacts))
        return self._minding[1]

    def _apply(self, request: SyncRequest, reply: SyncReply, moment: Moment) -> _Change:
        """Save what *reply* brought, and tell of it; where not all of it fits, box by box.

        What one sent must not keep back what others say, which may make room.
        """

        def after(asked: SyncRequest, part: SyncReply, profile: Profile) -> tuple[Profile, _Change]:
            applied, notices = apply(profile, self.relay, asked, part, moment)
            opened = not _read(applied) <= _read(profile) and _brought(applied) != _brought(profile)
            moved = without_news(applied) != without_news(profile)
            return applied, _Change(applied, notices, moved, opened)

        def saved(asked: SyncRequest, part: SyncReply) -> _Change:
            change = self.store.update(partial(after, asked, part))
            change = replace(change, notices=self._once(change.notices))
            self.listen(change.notices)
            return change

        try:
            return saved(request, reply)
        except VaultFull:
            done = _Change(self.store.read(), (), moved=False, kept_out=True)
        for asked, part in _one_by_one(request, reply):
            with contextlib.suppress(VaultFull):
                done = done.followed_by(saved(asked, part))
        return done

    def ask(self, request: SyncRequest) -> SyncReply:
        """Ask for *request* as it is; nothing of the reply is kept.

        Raises:
            NoAnswer, RelayRefused: as `round`.
        """
        return self._ask(request)

    def settle(self) -> None:
        """Take for asked what would be asked now: `is_outdated` looks for what comes after it.

        Raises:
            VaultError: the profile could not be read.
        """
        self._asked = self._newest()

    def is_outdated(self) -> bool:
        """Return whether a request of now would look at, deposit or delete more than the last.

        Nothing is saved. What another command changed counts only if the relay is to see it:
        reading a letter must not show on the line.

        Raises:
            VaultError: the profile could not be read.
        """
        newest, asked = self._newest(), self._asked
        return (
            asked is None
            or not set(newest.polls) <= set(asked.polls)
            or not set(newest.deletes) <= set(asked.deletes)
            or not _places(newest) <= _places(asked)
        )

    def _note_what_stays(self, request: SyncRequest, reply: SyncReply, profile: Profile) -> None:
        """Remember what was found and changed nothing: it is not fetched again for a while.

        It does not open, or there is no room for it. Asked for in every round it would cost
        megabytes a day, and the relay, which has something to give, would hold no answer.
        """
        found = zip(request.polls, reply.polls, strict=True)
        staying = {place for place, result in found if isinstance(result, Found)}
        if staying - self._staying:
            self._staying |= staying
            self._stays_until = self._ticks() + STAYS_SECONDS
        if self._staying:
            self._stays_as = _what_decides(profile)

    def _known_to_stay(self, profile: Profile) -> frozenset[MailboxId]:
        if self._staying and (
            _what_decides(profile) != self._stays_as or self._ticks() >= self._stays_until
        ):
            self._staying = frozenset()
        return self._staying

    def _newest(self) -> SyncRequest:
        moment = self.moment
        profile, _ = prepare(self.store.read(), self.relay, moment, sharing=self._sharing)
        return self._request(profile, moment, self._shape)

    def _request(self, profile: Profile, moment: Moment, shape: Shape) -> SyncRequest:
        turn, sharing = self._turn, self._sharing
        return make_request(profile, self.relay, moment, turn=turn, shape=shape, sharing=sharing)

    def _once(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """Return what is to be told: of boxes that do not open, once a contact.

        They change nothing that is kept, so they are found at each look.
        """
        told = []
        for notice in notices:
            if notice.kind is NoticeKind.BOX_SHUT:
                if notice.contact in self._shut:
                    continue
                self._shut.add(notice.contact)
            told.append(notice)
        return tuple(told)

    def _ask(self, request: SyncRequest) -> SyncReply:
        before = self.connection.asked_again
        try:
            answer = self.connection.sync(
                encode_request(request),
                reply_bytes=REPLY_BYTES[request.room],
                wait_seconds=request.wait_seconds,
            )
        finally:
            times = 1 + self.connection.asked_again - before
            self.asked_bytes += _size_bytes(request) * times
        try:
            reply = decode_reply(answer, request)
        except (Malformed, TooNew):
            raise WrongPlace("not a reply of this version") from None
        self._clock_offset = reply.clock - self._ticks()
        return reply

    def _ticks(self) -> int:
        return int(self.clock() if self.steady is None else self.steady())


def _one_by_one(request: SyncRequest, reply: SyncReply) -> Iterator[tuple[SyncRequest, SyncReply]]:
    """Yield *reply* without what was found, and then with one box of it at a time.

    Of all else it says that it had no room: nothing is concluded from that. What became of deposits
    is in the first alone: said twice, it would count as deposited twice.
    """
    found = [n for n, result in enumerate(reply.polls) if isinstance(result, Found)]
    for shown in (None, *found):
        polls = tuple(
            NoRoom() if n in found and n != shown else result
            for n, result in enumerate(reply.polls)
        )
        if shown is None:
            yield request, replace(reply, polls=polls)
        else:
            yield replace(request, deposits=()), replace(reply, polls=polls, deposits=())


def _read(profile: Profile) -> set[DeleteKey]:
    """Return the keys of boxes that were read and not deleted yet: each box adds its own once."""
    return {
        key
        for contact in profile.contacts
        for line in contact.lines
        for key in line.conversation.deletes
    }


def _brought(profile: Profile) -> object:
    """Return what is another after a letter came, a visit was confirmed, or one of ours arrived."""
    return [
        (
            contact.arrivals,
            len(contact.pointers),
            [(line.number, references_in(line)) for line in contact.lines],
        )
        for contact in profile.contacts
    ]


def _what_decides(profile: Profile) -> object:
    """Return that of *profile* on which it depends whether a box that was left can be taken now.

    Not the letters: asked for again after each reading, it would tell a relay that keeps one there
    when somebody reads.
    """
    share = shares(profile.contacts)
    return [
        (what_may_come(one, share[one.name]), one.lines, one.pointers) for one in profile.contacts
    ]


def _size_bytes(request: SyncRequest) -> int:
    return request.sync_class.body_bytes + REPLY_BYTES[request.room]


def _places(request: SyncRequest) -> set[tuple[MailboxId, DeleteKey | None]]:
    return {(one.id, one.delete_key) for one in request.deposits}

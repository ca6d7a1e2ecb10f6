"""One round with a relay: prepare, save, ask, apply, save.

The order is what makes a crash harmless: nothing is sent that is not on disk, and nothing is
deleted at the relay before what was read is on disk.
"""

import os
import time
from dataclasses import dataclass, field

from ojak_client.apply import apply
from ojak_client.errors import WrongPlace
from ojak_client.moment import Moment
from ojak_client.notices import Notice, NoticeKind
from ojak_client.prepare import prepare
from ojak_client.profile import Profile
from ojak_client.requests import Shape, has_errands, make_request
from ojak_client.store import Store
from ojak_client.transport import RelayConnection
from ojak_protocol.addresses import ID_BYTES, MailboxId
from ojak_protocol.errors import Malformed, TooNew
from ojak_protocol.kem import MlKem768
from ojak_protocol.sync import (
    REPLY_BYTES,
    NoRoom,
    SyncClass,
    SyncReply,
    SyncRequest,
    decode_reply,
    encode_request,
)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round brought."""

    notices: tuple[Notice, ...]
    left_behind: int
    """How many boxes lie there that the reply had no room for."""
    errands: bool
    """Whether something is still to be deposited or deleted."""

    @property
    def refused(self) -> bool:
        """Whether the relay had no room for something; asking again at once would not help."""
        return any(notice.kind is NoticeKind.RELAY_FULL for notice in self.notices)


@dataclass(slots=True)
class Exchange:
    """Rounds with one relay over one connection, on one store.

    Attributes:
        store: where the profile is kept.
        relay: the relay's address, as the contacts name it.
        connection: the connection to it.
    """

    store: Store
    relay: str
    connection: RelayConnection
    _turn: int = 0
    _clock_offset: int = 0
    _kem: MlKem768 = field(default_factory=MlKem768)

    @property
    def moment(self) -> Moment:
        """Now, on both clocks."""
        now = int(time.time())
        return Moment(now, max(0, now + self._clock_offset), os.urandom, self._kem)

    def learn_clock(self) -> None:
        """Ask the relay for nothing, to learn its day before offers are laid by it.

        Raises:
            NoAnswer: the relay was not reached, or something else answered.
            RelayRefused: the relay answered with an error.
        """
        polls = tuple(MailboxId(os.urandom(ID_BYTES)) for _ in range(SyncClass.ZERO.polls))
        self._ask(SyncRequest(SyncClass.ZERO, polls))

    def prepare(self) -> tuple[Notice, ...]:
        """Do and save what is due, without asking the relay anything."""
        moment = self.moment

        def change(profile: Profile) -> tuple[Profile, tuple[Notice, ...]]:
            return prepare(profile, self.relay, moment)

        return self.store.update(change)

    def has_errands(self) -> bool:
        """Return whether something is to be deposited or deleted now."""
        return has_errands(self.store.read(), self.relay, self.moment)

    def round(self, shape: Shape) -> Round:
        """Do one round.

        Raises:
            NoAnswer: the relay was not reached, or something else answered.
            RelayRefused: the relay answered with an error.
            VaultError: what was prepared or found could not be saved.
        """
        notices = self.prepare()
        profile = self.store.read()
        request = make_request(profile, self.relay, self.moment, turn=self._turn, shape=shape)
        reply = self._ask(request)
        self._turn += 1
        moment = self.moment

        def change(profile: Profile) -> tuple[Profile, tuple[Notice, ...]]:
            return apply(profile, self.relay, request, reply, moment)

        notices += self.store.update(change)
        left_behind = sum(isinstance(result, NoRoom) for result in reply.polls)
        return Round(notices, left_behind, self.has_errands())

    def _ask(self, request: SyncRequest) -> SyncReply:
        answer = self.connection.sync(
            encode_request(request),
            reply_bytes=REPLY_BYTES[request.room],
            wait_seconds=request.wait_seconds,
        )
        try:
            reply = decode_reply(answer, request)
        except (Malformed, TooNew):
            raise WrongPlace("not a reply of this version") from None
        self._clock_offset = reply.clock - int(time.time())
        return reply

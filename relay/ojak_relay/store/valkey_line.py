"""One connection to a Valkey server: what is asked in one turn of the loop leaves in few writes.

Where replicas confirm, what is asked meanwhile leaves together when they did: whatever is asked
waits for two confirmations at most, and so never as long as a server has for an answer.

Replies come in the order of the commands. A line that was lost answers nothing any more; whoever
uses it makes another. Nothing that was sent or received stands in an error.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Self, cast

import hiredis

from ojak_relay.errors import StoreAway
from ojak_relay.store.valkey_wire import (
    ANSWER_SECONDS,
    Address,
    Login,
    Refusal,
    Reply,
    packed,
    packed_news,
)

CONNECT_SECONDS: Final = 3.0
WAIT_MILLISECONDS: Final = 2000
"""How long replicas have for confirming."""


_PARSED_BYTES: Final = 16_384
"""How much of what came the parser is given at once."""

_PING: Final = packed(b"PING")


class _Asked(NamedTuple):
    """What was asked together, and the replies so far; without *done* it is whether all is kept."""

    total: int
    done: "asyncio.Future[list[Reply]] | None"
    at: float
    replies: list[Reply]


class Line(asyncio.Protocol):
    """A connection that is open.

    Args:
        lost: called once when the line is no more.
        told: takes each message that is published, on a line that subscribes.
        answer_seconds: how long a server has for an answer.
    """

    def __init__(
        self,
        lost: Callable[[], None],
        told: Callable[[bytes], None] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._reader = hiredis.Reader(replyError=Refusal)
        # What was read is let go, and so overwritten, as soon as something else is.
        self._reader.setmaxbuf(1)
        self._replicas = 0
        self._answer_seconds = answer_seconds
        self._lost = lost
        self._told = told
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._news: list[bytes] = []
        self._asked: deque[_Asked] = deque()
        self._unconfirmed: list[_Asked] = []
        self._is_confirming = False
        # What waits for the replies that nobody waits for.
        self._nobody: asyncio.Future[list[Reply]] = self._loop.create_future()
        self._nobody.set_result([])
        self.is_open = False

    @classmethod
    async def open(
        cls,
        address: Address,
        login: Login,
        lost: Callable[[], None],
        *,
        told: Callable[[bytes], None] | None = None,
        replicas: int = 0,
    ) -> Self:
        """Return an open line to *address* on which the server let us in.

        Args:
            address: where.
            login: how.
            lost: called once when the line is no more.
            told: takes each message that is published, on a line that subscribes.
            replicas: how many must confirm what is written; then every answer waits for that.

        Raises:
            StoreAway: nobody is there, or it does not let us in.
        """
        line = cls(lost, told, login.answer_seconds)
        loop = asyncio.get_running_loop()
        host, port = address
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                if port:
                    await loop.create_connection(lambda: line, host, port, ssl=login.tls)
                else:
                    await loop.create_unix_connection(lambda: line, host)
                await line._enter(login)
            line._replicas = replicas
        # A name that can be none of a server is a ValueError.
        except (OSError, ValueError, TimeoutError, StoreAway) as error:
            line.close()
            if isinstance(error, StoreAway):
                raise
            if isinstance(error, ssl.SSLCertVerificationError):
                raise StoreAway("nobody we trust vouches for its certificate") from None
            raise StoreAway("no server answers") from None
        return line

    async def _enter(self, login: Login) -> None:
        if login.user:
            await self.one(b"AUTH", login.user.encode(), login.password.encode())
        elif login.password:
            await self.one(b"AUTH", login.password.encode())
        if login.database:
            await self.one(b"SELECT", b"%d" % login.database)
        await self.one(b"PING")

    async def one(self, *words: bytes) -> Reply:
        """Return the reply to one command.

        Raises:
            StoreAway: the line was lost, or the server refuses; its reason is not repeated.
        """
        (reply,) = await self.ask([packed(*words)], 1)
        if isinstance(reply, Refusal):
            raise StoreAway(f"the server refuses with {reply.word}")
        return reply

    def ask(
        self, commands: Sequence[bytes], count: int, news: Sequence[bytes] = ()
    ) -> "asyncio.Future[list[Reply]]":
        """Send *commands*, of which there are *count*, and return what will be their replies.

        They may be in any pieces: all that leaves together is put together once. Behind it, and
        so when it was done, all relays are told the ids *news*.

        It fails with `StoreAway` if the line is lost, or too few replicas confirm in time.
        """
        done: asyncio.Future[list[Reply]] = self._loop.create_future()
        if not self.is_open:
            _fail(done, "the line was lost")
            return done
        if not self._unsent and not self._is_confirming:
            self._loop.call_soon(self.send)
        self._unsent += commands
        self._news += news
        self._asked.append(_Asked(count, done, self._loop.time(), []))
        return done

    def close(self) -> None:
        """Cut the line; what was asked fails."""
        if self._transport is not None:
            self._transport.abort()
        self._end()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        # uvloop's transports are of no class of asyncio.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True
        self._loop.call_later(self._answer_seconds / 4, self._watch)

    def data_received(self, data: bytes) -> None:
        """Take what came, and answer whoever waits for it."""
        try:
            # For each reply the parser moves all that it was given and that lies behind it.
            for at in range(0, len(data), _PARSED_BYTES):
                self._reader.feed(data, at, min(_PARSED_BYTES, len(data) - at))
                if not self._take_replies():
                    self.close()
                    return
        except hiredis.ProtocolError:
            self.close()

    def _take_replies(self) -> bool:
        """Take the replies that are whole; return False if there is one that nobody asked for."""
        next_reply, waiting = self._reader.gets, self._asked
        while (reply := next_reply()) is not False:
            if self._told is not None and _is_published(reply):
                self._told(reply[2])
                continue
            if not waiting:
                # Whoever asks next would be given the answer to something else.
                return False
            asked = waiting[0]
            asked.replies.append(reply)
            if len(asked.replies) == asked.total:
                waiting.popleft()
                self._answer(asked)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End everything that was asked."""
        del exc
        self._end()

    def send(self) -> None:
        """Send what was asked now, not at the end of the loop's turn, unless replicas confirm."""
        if not self._unsent or self._is_confirming or self._transport is None:
            return
        if self._news:
            # One word for all of them costs little more than one for each would.
            self._unsent.append(packed_news(self._news))
            self._asked.append(_Asked(1, self._nobody, self._loop.time(), []))
            self._news = []
        if self._replicas:
            self._is_confirming = True
            self._unsent.append(packed(b"WAIT", b"%d" % self._replicas, b"%d" % WAIT_MILLISECONDS))
            self._asked.append(_Asked(1, None, self._loop.time(), []))
        self._transport.write(b"".join(self._unsent))
        self._unsent = []

    def _answer(self, asked: _Asked) -> None:
        if asked.done is None:
            self._confirm(asked.replies[0])
        elif asked.done.done():
            pass  # Nobody waits for it any more.
        elif self._replicas:
            self._unconfirmed.append(asked)
        else:
            asked.done.set_result(asked.replies)

    def _watch(self) -> None:
        """Cut the line when an answer is overdue; looked at four times in that time.

        A line at rest asks for one, so that a server neither cuts it nor is away unnoticed.
        """
        if not self.is_open:
            return
        now = self._loop.time()
        if self._asked and now - self._asked[0].at > self._answer_seconds:
            self.close()
        elif not self._asked and self._transport is not None:
            self._transport.write(_PING)
            self._asked.append(_Asked(1, self._nobody, now, []))
        self._loop.call_later(self._answer_seconds / 4, self._watch)

    def _confirm(self, confirmed: Reply) -> None:
        if isinstance(confirmed, Refusal):
            # It is no primary any more: nothing is known of what it did.
            self.close()
            return
        is_kept = confirmed >= self._replicas
        _settle(self._unconfirmed, None if is_kept else "too few replicas confirmed")
        self._unconfirmed = []
        self._is_confirming = False
        self.send()

    def _end(self) -> None:
        was_open, self.is_open = self.is_open, False
        _settle((*self._unconfirmed, *self._asked), "the line was lost")
        self._asked.clear()
        self._unconfirmed, self._unsent, self._news = [], [], []
        if was_open:
            self._lost()


def _is_published(reply: Reply) -> bool:
    return isinstance(reply, list) and reply[:1] == [b"message"]


def _settle(asked: Sequence[_Asked], failure: str | None) -> None:
    for one in asked:
        if one.done is None or one.done.done():
            continue
        if failure is None:
            one.done.set_result(one.replies)
        else:
            _fail(one.done, failure)


def _fail(done: "asyncio.Future[list[Reply]]", why: str) -> None:
    done.set_exception(StoreAway(why))
    # It need not be waited for by anybody.
    done.exception()

"""The two sides of a meeting: a guest that comes to a number, a host that waits there.

Written from docs/protocol.md alone, section "Meeting". What a real host must do beyond this: offers
for 14 days ahead, the counts of "Guesses", unusable answers taken like wrong ones, state on disk.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from .conversation import Chain, Conversation, Letter
from .meeting import DAY, HEAD, NO_CT, RUNS, Answer, Branch, Offer, Point, branch
from .wire import STORED, Deposit, KeyPair, Relay, encapsulate, u, x25519

LOOK_SECONDS = 600


class Unconfirmed(Exception):
    """Nobody was there, or what was typed was not the same: not told apart."""


@dataclass
class Guest:
    """Comes to a number. *kept*: its own device, where the conversation stays."""

    point: Point
    relay: Relay
    kept: bool = False

    def meet(self) -> tuple[Conversation, list[Letter]]:
        """Return the conversation and the host's first letters.

        Raises:
            Unconfirmed: no offer, all runs taken, or no box that opens.
        """
        offer = self._find_offer()
        for run in range(RUNS):
            keys, answer, branches = self._answer(offer, run)
            place = self.point.run_place("answer", offer.nonce_a, run)
            deposit = Deposit(place, self.point.box(place, answer.message))
            _, outcomes = self.relay.sync(deposits=[deposit])
            if outcomes == [STORED]:
                return self._look(offer, run, answer, [self._open(b, keys) for b in branches])
        raise Unconfirmed

    def _find_offer(self) -> Offer:
        if not self.relay.clock:
            self.relay.sync()
        today = self.relay.clock // DAY
        days = (today, today + 1, today - 1)
        places = [self.point.offer_place(day, n) for day in days for n in (2, 1, 0)]
        found, _ = self.relay.sync(places, room=1)
        for place, box in zip(places, found, strict=True):
            message = self.point.unbox(place, box, 1478)
            if message and Offer(message).set == self.point.set:
                return Offer(message)
        raise Unconfirmed

    def _answer(self, offer: Offer, run: int) -> tuple[KeyPair, Answer, list[Branch]]:
        keys, point = KeyPair(), self.point
        scalars = [secrets.token_bytes(32) for _ in range(2)]
        ct, ss = encapsulate(offer.ek_h)
        answer = Answer(
            HEAD
            + secrets.token_bytes(32)
            + u(self.relay.clock + LOOK_SECONDS, 64)
            + b"".join(
                point.share(point.prs, scalar, offer.nonce_a, run, j)
                for j, scalar in enumerate(scalars)
            )
            + keys.dh
            + keys.ek
            + ct
        )
        agreed = [x25519(s, offer.ya(run, j)) for j, s in enumerate(scalars)]
        return keys, answer, [branch(point, offer, answer, run, j, agreed[j], ss) for j in (0, 1)]

    def _open(self, b: Branch, keys: KeyPair) -> Conversation:
        return Conversation(
            root=b.root,
            ours=keys,
            theirs=b"",
            writes=Chain(0, b.mbk_guest, b.ck_guest, 0, keys.dh + keys.ek + NO_CT),
            reads=Chain(0, b.mbk_host),
            next_written=b.next_mbk_guest,
            next_read=b.mbk_host,
            turn=False,
            kept=self.kept,
            answered=False,
        )

    def _look(
        self, offer: Offer, run: int, answer: Answer, both: list[Conversation]
    ) -> tuple[Conversation, list[Letter]]:
        seen = self.point.run_place("seen", offer.nonce_a, run)
        while self.relay.clock < answer.until:
            places = [place.id for c in both for place in c.places()[:2]]
            found, _ = self.relay.sync([*places, seen], room=4, wait=25)
            for conversation in both:
                if letters := conversation.collect(self.relay):
                    return conversation, letters
            if found[-1] != 0:  # the host lays its boxes before it lays this one
                break
        raise Unconfirmed


@dataclass
class Host:
    """Waits at a number, with one offer for today and no alarm word."""

    point: Point
    relay: Relay
    at_once: tuple[str, ...] = ()
    kem: KeyPair = field(default_factory=KeyPair)
    scalars: list[list[bytes]] = field(default_factory=list, repr=False)
    prs: list[list[bytes]] = field(default_factory=list, repr=False)

    def lay(self) -> Offer:
        """Lay an offer whose other branch, in each run, nobody can open."""
        nonce_a, shares = secrets.token_bytes(32), b""
        for run in range(RUNS):
            both = [self.point.prs, secrets.token_bytes(32)]
            self.prs.append(both[:: secrets.choice((1, -1))])  # the coin
            self.scalars.append([secrets.token_bytes(32) for _ in range(2)])
            for j in (0, 1):
                shares += self.point.share(self.prs[run][j], self.scalars[run][j], nonce_a, run, j)
        offer = Offer(HEAD + u(self.point.set, 32) + nonce_a + self.kem.ek + shares)
        self.relay.sync()
        place = self.point.offer_place(self.relay.clock // DAY, 0)
        box = self.point.box(place, offer.message)
        self.relay.sync(deposits=[Deposit(place, box, ttl_seconds=3 * DAY)])
        return offer

    def meet(self, offer: Offer, run: int = 0) -> tuple[Conversation, list[Letter]]:
        """Take one answer to *run*, and return the branch that the guest confirmed.

        Raises:
            Unconfirmed: no answer, or nobody confirmed one while the guest looked.
        """
        place = self.point.run_place("answer", offer.nonce_a, run)
        (box,), _ = self.relay.sync([place], wait=25)
        message = self.point.unbox(place, box, 2410)
        if message is None:
            raise Unconfirmed
        answer = Answer(message)
        ss = self.kem.decapsulate(answer.ct)
        agreed = [x25519(s, answer.yb(j)) for j, s in enumerate(self.scalars[run])]
        branches = [branch(self.point, offer, answer, run, j, agreed[j], ss) for j in (0, 1)]
        both = [self._open(b, answer) for b in branches]
        right = self.prs[run].index(self.point.prs)
        self._write(both, right, answer, self.point.run_place("seen", offer.nonce_a, run))
        return self._confirmed(both, answer)

    def _open(self, b: Branch, answer: Answer) -> Conversation:
        keys = answer.keys + NO_CT
        return Conversation(
            root=b.root,
            ours=KeyPair(),
            theirs=answer.keys,
            writes=Chain(0, b.mbk_host),
            reads=Chain(0, b.mbk_guest, b.ck_guest, 0, keys),
            next_written=b.mbk_host,
            next_read=b.next_mbk_guest,
            turn=True,
            chain_keys={0: keys},
        )

    def _write(self, both: list[Conversation], right: int, answer: Answer, seen: bytes) -> None:
        """Lay as many boxes into the one branch as into the other, alternately, then the seen box.

        A letter and its counterpart, a greeting here, are of one size.
        """
        pairs = [
            [c.write(text if j == right else None) for j, c in enumerate(both)]
            for text in self.at_once or (None,)
        ]
        ttl = answer.until - self.relay.clock + 3600
        deposits = [
            Deposit(letter.place.id, letter.box, ttl_seconds=ttl)
            for pair in pairs
            for letter in pair
        ]
        self.relay.sync(deposits=[*deposits, Deposit(seen, self.point.box(seen, b""))])

    def _confirmed(
        self, both: list[Conversation], answer: Answer
    ) -> tuple[Conversation, list[Letter]]:
        while self.relay.clock < answer.until:
            self.relay.sync([next(c.reads.ahead(1)).id for c in both], room=1, wait=25)
            for conversation in both:
                if letters := conversation.collect(self.relay):
                    return conversation, letters
        raise Unconfirmed

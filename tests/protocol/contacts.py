"""Two people who met, with all keys of both sides, made from the pure core alone."""

import os
from dataclasses import dataclass, field

from nacl.bindings import crypto_scalarmult_base

from ojak_protocol import conversation as talk
from ojak_protocol.conversation import Conversation
from ojak_protocol.cpace import Share, new_scalar
from ojak_protocol.kem import MlKem768
from ojak_protocol.letters import Body, Kind
from ojak_protocol.meeting_keys import (
    RunName,
    branch_isk,
    branch_keys,
    guest_branch,
    host_branch,
    share_for,
)
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.ratchet import TurnSecrets
from ojak_protocol.stretch import Seed

KEM = MlKem768()
ENTROPY = os.urandom


@dataclass
class Contact:
    """Two people who met: everything that they sent each other and left for each other."""

    seed: Seed = field(default_factory=lambda: Seed(os.urandom(32)))
    prs: bytes = field(default_factory=lambda: os.urandom(32))
    day: int = 20_000

    def __post_init__(self) -> None:
        kem_seed, nonce = ENTROPY(64), ENTROPY(32)
        name = RunName(self.seed, nonce, 1, 0)
        ya, yb = ([new_scalar(ENTROPY), new_scalar(ENTROPY)] for _ in "ab")
        secrets = TurnSecrets(ENTROPY(32), ENTROPY(64))
        host_words = self.prs, ENTROPY(32)
        first, second = (share_for(name, j, prs=host_words[j], scalar=ya[j]) for j in (0, 1))
        others = tuple((Share(ENTROPY(32)), Share(ENTROPY(32))) for _ in range(3))
        self.offer = Offer(1, nonce, KEM.public_key(kem_seed), ((first, second), *others))
        shared, ct = KEM.encapsulate(self.offer.ek)
        first, second = (share_for(name, j, prs=self.prs, scalar=yb[j]) for j in (0, 1))
        dh, ek = crypto_scalarmult_base(secrets.dh), KEM.public_key(secrets.kem_seed)
        self.answer = Answer(ENTROPY(32), 0, (first, second), dh, ek, ct)
        hosts: list[Conversation] = []
        for j in (0, 1):
            keys, guest_keys = (
                branch_keys(
                    branch_isk(
                        name,
                        j,
                        scalar=scalar,
                        offer=self.offer,
                        answer=self.answer,
                        entropy=ENTROPY,
                        host=host,
                    ),
                    shared,
                    offer=self.offer,
                    run=0,
                    answer=self.answer,
                    j=j,
                )
                for scalar, host in ((ya[j], True), (yb[j], False))
            )
            assert (keys == guest_keys) == (j == 0)
            hosts.append(host_branch(keys, self.answer))
            if j == 0:
                self.keys, self.guest = keys, guest_branch(guest_keys, secrets, self.answer)
        self.host, self.other_branch = hosts


def written(state: Conversation, text: str) -> Conversation:
    body = Body(Kind.TEXT, text, kept=True)
    return talk.write(state, body, reference=1, entropy=ENTROPY, kem=KEM)

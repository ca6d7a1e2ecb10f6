"""From answers to conversations: the CPace inputs and the five keys of each branch of a run.

    sid_j  = H("sid", lv(seed, nonce_a, run, j))
    CI     = lv("ojak-1", "host", "guest", form name, set number)
    ADa    = the offer                ADb = the answer without its shares
    th     = SHA512(lv(offer, run, answer))
    root ‖ ck_guest ‖ mbk_guest ‖ next_mbk_guest ‖ mbk_host
           = KDF(salt = th, ikm = ISK_j ‖ ss, info = "meet" ‖ j, 160 bytes)

Both sides begin a conversation in each branch; only one of the two, or none, has the same keys on
the other side. The guest's chain 0 follows from these keys; the host's chain 0 is the first
ordinary step of the ratchet.

Source: docs/protocol.md, "Keys of a meeting"; draft-irtf-cfrg-cpace-21.
"""

from hashlib import sha512
from typing import Final

from ojak_protocol import cpace
from ojak_protocol.answers import FORM_NAME
from ojak_protocol.box import TurnKeys
from ojak_protocol.chains import ChainKey, MailboxKey, end_key
from ojak_protocol.conversation import Conversation
from ojak_protocol.cpace import ISK_BYTES, Isk, Scalar, Share
from ojak_protocol.errors import RemoteError
from ojak_protocol.hidden import Hidden
from ojak_protocol.kem import CIPHERTEXT_BYTES
from ojak_protocol.labels import H_SESSION, KDF_MEET, SUITE_NAME
from ojak_protocol.meeting_messages import Answer, Offer
from ojak_protocol.primitives import KEY_BYTES, Entropy, blake2b, kdf, lv, u8, u32
from ojak_protocol.ratchet import (
    Ratchet,
    ReceivingChain,
    RootKey,
    SendingChain,
    TheirKeys,
    TurnSecrets,
)
from ojak_protocol.read_places import begun
from ojak_protocol.stretch import Seed
from ojak_protocol.values import dataclass

BRANCHES: Final = (0, 1)


@dataclass(frozen=True, slots=True, repr=False)
class BranchKeys(Hidden):
    """What both sides have in one branch of a run if they typed the same."""

    root: RootKey
    ck_guest: ChainKey
    mbk_guest: MailboxKey
    next_mbk_guest: MailboxKey
    mbk_host: MailboxKey


@dataclass(frozen=True, slots=True, repr=False)
class RunName(Hidden):
    """What names one run of one offer in CPace: its two exchanges are for this run alone."""

    seed: Seed
    offer_nonce: bytes
    set_number: int
    run: int

    def sid(self, j: int) -> bytes:
        """Return the session id of branch *j*, 32 bytes."""
        return blake2b(H_SESSION, lv(self.seed, self.offer_nonce, u8(self.run), u8(j)))

    def ci(self) -> bytes:
        """Return the channel identifier: suite, roles, codeword form and set."""
        return lv(SUITE_NAME, b"host", b"guest", FORM_NAME, u32(self.set_number))


def share_for(name: RunName, j: int, *, prs: bytes, scalar: Scalar) -> Share:
    """Return the CPace share of either side for branch *j* of a run."""
    return cpace.share(prs, name.ci(), name.sid(j), scalar)


def branch_isk(
    name: RunName,
    j: int,
    *,
    scalar: Scalar,
    offer: Offer,
    answer: Answer,
    entropy: Entropy,
    host: bool,
) -> Isk:
    """Return the CPace key of branch *j*, 64 bytes.

    A share of low order, or one that repeats a share of the offer, gives a key that nobody has:
    what follows looks like a wrong answer, in messages and in counts.
    """
    initiator, responder = offer.shares[name.run][j], answer.shares[j]
    if any(responder in pair for pair in offer.shares):
        return Isk(entropy(ISK_BYTES))
    try:
        return cpace.session_key(
            scalar,
            responder if host else initiator,
            sid=name.sid(j),
            initiator_share=initiator,
            initiator_data=offer.encode(),
            responder_share=responder,
            responder_data=answer.without_shares(),
        )
    except RemoteError:
        return Isk(entropy(ISK_BYTES))


def branch_keys(
    isk: Isk, shared: bytes, *, offer: Offer, run: int, answer: Answer, j: int
) -> BranchKeys:
    """Return the keys of branch *j*.

    Args:
        isk: the CPace key of the branch.
        shared: the secret of the KEM ciphertext in the answer.
        offer: as it lay at the relay.
        run: which of its runs was answered.
        answer: as it lay at the relay.
        j: the branch, 0 or 1.
    """
    th = sha512(lv(offer.encode(), u8(run), answer.encode())).digest()
    out = kdf(salt=th, ikm=isk + shared, info=KDF_MEET + u8(j), size=5 * KEY_BYTES)
    root, ck_guest, mbk_guest, next_mbk_guest, mbk_host = (
        out[start : start + KEY_BYTES] for start in range(0, len(out), KEY_BYTES)
    )
    return BranchKeys(
        RootKey(root),
        ChainKey(ck_guest),
        MailboxKey(mbk_guest),
        MailboxKey(next_mbk_guest),
        MailboxKey(mbk_host),
    )


def guest_branch(keys: BranchKeys, secrets: TurnSecrets, answer: Answer) -> Conversation:
    """Return the guest's side of a branch: its chain 0 is ready to be written to."""
    chain = SendingChain(
        number=0,
        index=0,
        mailbox_key=keys.mbk_guest,
        chain_key=keys.ck_guest,
        keys=_first_keys(answer),
        previous_length=0,
    )
    return Conversation(
        Ratchet(
            root=keys.root,
            next_sending=keys.next_mbk_guest,
            next_receiving=keys.mbk_host,
            ours=secrets,
            theirs=None,
            sending=chain,
            receiving=None,
            end_keys=(end_key(keys.mbk_guest),),
        )
    )


def host_branch(keys: BranchKeys, answer: Answer) -> Conversation:
    """Return the host's side of a branch: the guest's chain 0 is expected without a step."""
    chain = ReceivingChain(
        number=0,
        index=0,
        mailbox_key=keys.mbk_guest,
        chain_key=keys.ck_guest,
        keys=_first_keys(answer),
    )
    return Conversation(
        Ratchet(
            root=keys.root,
            next_sending=keys.mbk_host,
            next_receiving=keys.next_mbk_guest,
            ours=None,
            theirs=TheirKeys(answer.dh, answer.ek),
            sending=None,
            receiving=chain,
            read=begun((), 0, keys.mbk_guest),
        )
    )


def _first_keys(answer: Answer) -> TurnKeys:
    return TurnKeys(dh=answer.dh, ek=answer.ek, ct=bytes(CIPHERTEXT_BYTES))

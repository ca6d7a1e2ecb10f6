"""Runs boxes and the conversation of the vectors through every API that reads them."""

from dataclasses import dataclass

from ojak_protocol import conversation as talk
from ojak_protocol import ratchet
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import Header, TurnKeys, open_body, open_header, seal_box
from ojak_protocol.chains import ChainKey, MailboxKey, place_at
from ojak_protocol.conversation import Arrived, Broken, Conversation
from ojak_protocol.cpace import Share
from ojak_protocol.errors import RemoteError
from ojak_protocol.letters import Body, Kind, decode_body
from ojak_protocol.meeting_keys import BranchKeys, guest_branch, host_branch
from ojak_protocol.meeting_messages import Answer
from ojak_protocol.ratchet import RootKey, TurnSecrets
from ojak_protocol.read_places import read_again
from tests.docs.named_bytes import draws
from tests.vectors.notation import GOOD, Case
from tests.vectors.recorded import KEM, Recorded

OTHER = {"host": "guest", "guest": "host"}


def read_box(case: Case) -> None:
    where, box = MailboxId(case.data("id")), case.data("box")
    header = open_header(where, box, header_key=case.data("hk"))
    body = open_body(where, box, body_key=case.data("bk"))
    assert header == _header(case)
    assert body == case.data("body")


def write_box(case: Case) -> str:
    if case.expect != GOOD:
        return case.expect
    box = seal_box(
        MailboxId(case.data("id")),
        header_key=case.data("hk"),
        header=_header(case),
        body_key=case.data("bk"),
        body=case.data("body"),
        entropy=draws(case.data("header_nonce"), case.data("body_nonce")),
    )
    assert box == case.data("box")
    return GOOD


def _header(case: Case) -> Header:
    keys = TurnKeys(case.data("dh"), case.data("ek"), case.data("ct"))
    return Header(keys, case.number("index"), case.number("previous_length"))


@dataclass(frozen=True)
class Sides:
    """Both sides after some boxes, as conversations."""

    states: dict[str, Conversation]

    def ratchet(self, side: str) -> ratchet.Ratchet:
        return self.states[side].ratchet


def _begin(start: Case) -> Sides:
    keys = BranchKeys(
        RootKey(start.data("root")),
        ChainKey(start.data("ck_guest")),
        MailboxKey(start.data("mbk_guest")),
        MailboxKey(start.data("next_mbk_guest")),
        MailboxKey(start.data("mbk_host")),
    )
    shares = Share(b""), Share(b"")
    answer = Answer(b"", 0, shares, start.data("guest_dh"), start.data("guest_ek"), b"")
    secrets = TurnSecrets(start.data("guest_dh_secret"), start.data("guest_ek_seed"))
    return Sides({"host": host_branch(keys, answer), "guest": guest_branch(keys, secrets, answer)})


def _steps(case: Case) -> list[Case]:
    return [Case(step, case.others) for step in case.others.values() if "writer" in step]


def write(sides: Sides, step: Case) -> Sides:
    """Write the step's box as a conversation does, and compare every byte."""
    writer = step.text("writer")
    state, wanted = sides.states[writer], decode_body(step.data("letter_body"))
    sent = Body(wanted.kind, wanted.text, None, wanted.expires_at, wanted.kept, wanted.following)
    state = talk.write(
        state,
        sent,
        reference=1,
        entropy=draws(*step.many("drawn")),
        kem=Recorded(_recording(step)),
    )
    outgoing, chain = state.outbox[-1], state.ratchet.sending
    assert chain is not None
    assert outgoing.place.id == step.data("id")
    assert outgoing.place.delete_key == step.data("dk")
    assert outgoing.letter == step.data("letter")
    assert "withdrawn" not in step or outgoing.withdrawn == step.data("withdrawn")
    assert (chain.number, outgoing.place.index) == (step.number("chain"), step.number("index"))
    assert Header(chain.keys, outgoing.place.index, chain.previous_length) == _header(step)
    assert state.ratchet.root == step.data("root")
    assert state.ratchet.next_sending == step.data("next_mbk")
    assert place_at(MailboxKey(step.data("mbk")), 0).id == step.data("id")
    return Sides(sides.states | {writer: state})


def _recording(step: Case) -> list[str]:
    return [f"step-{step.number('turn')}"] if "turn" in step else []


def seal_again(sides: Sides, step: Case) -> None:
    """The same box out of the ratchet alone."""
    _, sealed = ratchet.seal(
        sides.ratchet(step.text("writer")),
        step.data("letter_body"),
        step.data("withdrawn_body"),
        entropy=draws(*step.many("drawn")),
        kem=Recorded(_recording(step)),
    )
    assert sealed.letter == step.data("letter")
    assert "withdrawn" not in step or sealed.withdrawn == step.data("withdrawn")


def read(sides: Sides, step: Case) -> Sides:
    """The other side opens the form that it is to read, alone and as a conversation."""
    reader, form = OTHER[step.text("writer")], step.text("read")
    where, box = MailboxId(step.data("id")), step.data(form)
    state = sides.states[reader]
    opened = ratchet.open_(state.ratchet, where, box, kem=KEM)[1]
    assert opened.body == step.data(f"{form}_body")
    state, events = talk.receive(state, where, box, kem=KEM)
    said = [event.body for event in events if isinstance(event, Arrived)]
    assert said == [decode_body(step.data(f"{form}_body"))]
    assert (said[0].kind == Kind.WITHDRAWN) == (form == "withdrawn")
    return Sides(sides.states | {reader: state})


def play(case: Case, until: int) -> Sides:
    """Both sides after the first *until* boxes of the file were written and read."""
    sides, late = _begin(Case(case.others["start"], case.others)), {}
    for number, step in enumerate(_steps(case)[:until], 1):
        seal_again(sides, step)
        sides = write(sides, step)
        if "read_after" in step:
            late[step.number("read_after")] = step
        elif step.fields["read"] is not None:
            sides = read(sides, step)
        if number in late:
            sides = read(sides, late.pop(number))
    return sides


_PLAYED: dict[int, Sides] = {}


def _after(case: Case, number: int) -> Sides:
    if number not in _PLAYED:
        _PLAYED[number] = play(case, number)
    return _PLAYED[number]


def open_in_ratchet(case: Case) -> None:
    if case.expect == GOOD:
        _after(case, len(_steps(case)))
        return
    state = _after(case, case.number("after")).ratchet(case.text("reader"))
    read_again(state.read, MailboxId(case.data("id")), case.data("letter"))
    ratchet.open_(state, MailboxId(case.data("id")), case.data("letter"), kem=KEM)


def receive_in_conversation(case: Case) -> str:
    """What is refused changes nothing at all; a copy ends the conversation."""
    if case.expect == GOOD:
        return GOOD
    state = _after(case, case.number("after")).states[case.text("reader")]
    after, events = talk.receive(state, MailboxId(case.data("id")), case.data("letter"), kem=KEM)
    if any(isinstance(event, Broken) for event in events):
        return "CopyDetected"
    assert (after, events) == (state, ())
    return case.expect if case.expect != "CopyDetected" else RemoteError.__name__

"""Vectors of boxes: one alone, and a conversation of eight turns with ML-KEM in each."""

from dataclasses import dataclass, field, replace

from nacl.bindings import crypto_scalarmult_base

from ojak_protocol import conversation as talk
from ojak_protocol.acknowledgement import acknowledge
from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import Header, TurnKeys, seal_box
from ojak_protocol.chains import MailboxKey, next_mailbox_key, place_at
from ojak_protocol.conversation import Conversation
from ojak_protocol.letters import Body, Kind, encode_body
from ojak_protocol.meeting_keys import (
    BranchKeys,
    branch_isk,
    branch_keys,
    guest_branch,
    host_branch,
)
from ojak_protocol.ratchet import SendingChain, TurnSecrets, begins_chain, seal
from tests.docs.named_bytes import draws
from tests.vectors.make_meeting import guest_seed_name, met
from tests.vectors.notation import GOOD, File, Made, Names, Splice, flipped, joined
from tests.vectors.recorded import KEM, Recorded


def boxes() -> File:
    x = Names()
    dh, ek, ct = x("dh"), x("ek", 1184), x("ct", 1088)
    where = MailboxId(x("id"))
    cases: list[dict[str, Made]] = []
    made: list[bytes] = []
    for name, index, previous in (("first", 0, 0), ("second", (1 << 32) - 1, (1 << 32) - 1)):
        body = encode_body(Body(Kind.TEXT, name))
        nonces = x(f"header-nonce-{name}", 24), x(f"body-nonce-{name}", 24)
        header = Header(TurnKeys(dh, ek, ct), index, previous)
        box = seal_box(
            where,
            header_key=x("hk"),
            header=header,
            body_key=x("bk"),
            body=body,
            entropy=draws(*nonces),
        )
        made.append(box)
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "id": where, "hk": x("hk"), "bk": x("bk"), "dh": dh},
                {"ek": ek, "ct": ct, "index": index, "previous_length": previous, "body": body},
                {"header_nonce": nonces[0], "body_nonce": nonces[1], "box": box},
            )
        )
    bits = {"header's nonce": 0, "header": 1000, "header's tag": 2351}
    bits |= {"body's nonce": 2352, "body": 3000, "body's tag": 3999}
    bad: dict[str, tuple[str, dict[str, Made]]] = {
        f"a bit of the {what}": ("Unopenable", {"box": flipped("first", made[0], at)})
        for what, at in bits.items()
    }
    bad |= {
        "another place": ("Unopenable", {"id": x("another-id")}),
        "another header key": ("Unopenable", {"hk": x("another-hk")}),
        "another body key": ("Unopenable", {"bk": x("another-bk")}),
        "header and body keys swapped": ("Unopenable", {"hk": x("bk"), "bk": x("hk")}),
        "the header of another box": ("Unopenable", {"box": made[1][:2352] + made[0][2352:]}),
        "header and body swapped": ("Unopenable", {"box": Splice("first", 0, 2352)}),
        "a box of 3999": ("Malformed", {"box": Splice("first", 3999, 1)}),
        "a box of 4001": ("Malformed", {"box": Splice("first", 4000, 0, b"\0")}),
        "no box": ("Malformed", {"box": b""}),
    }
    bad["header and body swapped"] = ("Unopenable", {"box": made[0][2352:] + made[0][:2352]})
    cases += [
        joined(
            {"name": name, "expect": expect, "id": where, "hk": x("hk"), "bk": x("bk")},
            {"box": Splice("first", 0)},
            change,
        )
        for name, (expect, change) in bad.items()
    ]
    what = (
        "One box, docs/protocol.md, 'The box': at 'id', header sealed under 'hk' and body under "
        "'bk'. 'body' are its 1608 bytes. A bad one is refused when the header is opened or when "
        "the body is."
    )
    return File(what, x, cases)


@dataclass
class Talk:
    """Both sides while the script writes their conversation down."""

    x: Names
    sides: dict[str, Conversation]
    steps: list[dict[str, Made]] = field(default_factory=list)
    turns: int = 0
    before: list[Conversation] = field(default_factory=list)
    """The writer of each box, before it wrote."""

    def write(self, writer: str, body: Body, *, read: str | None = None) -> int:
        """One box, read by the other side at once in the form *read*; return its number."""
        number = len(self.steps) + 1
        state = self.sides[writer]
        self.before.append(state)
        drawn: list[bytes] = []
        kem = Recorded()
        if begins_chain(state.ratchet):
            self.turns += 1
            drawn += [self.x(f"dh-{number}"), self.x(f"step-{self.turns + 1}-their-ek", 64)]
            kem = Recorded([f"step-{self.turns}"])
        drawn += [self.x(f"nonce-{number}-{at}", 24) for at in range(3)]
        turn = {"turn": self.turns} if len(drawn) > 3 else {}
        written = talk.write(state, body, reference=number, entropy=draws(*drawn), kem=kem)
        self.sides[writer] = written
        outgoing, chain = written.outbox[-1], written.ratchet.sending
        assert chain is not None
        told = acknowledge(state.reading) if state.reading.count else None
        self.steps.append(
            joined(
                {"name": f"box {number}", "expect": GOOD, "writer": writer, "read": read},
                turn,
                {"drawn": drawn, "chain": chain.number, "index": outgoing.place.index},
                {"dh": chain.keys.dh, "ek": chain.keys.ek, "ct": chain.keys.ct},
                {"previous_length": chain.previous_length, "root": written.ratchet.root},
                {"mbk": _mailbox_key(state, chain), "next_mbk": written.ratchet.next_sending},
                {"dk": outgoing.place.delete_key, "id": outgoing.place.id},
                {"letter_body": encode_body(replace(body, acknowledgement=told))},
                {
                    "withdrawn_body": encode_body(
                        Body(Kind.WITHDRAWN, acknowledgement=told, kept=body.kept)
                    )
                },
                {"letter": outgoing.letter, "withdrawn": outgoing.withdrawn},
            )
        )
        if read is not None:
            self.read(number, read)
        return number

    def read(self, number: int, form: str) -> None:
        step = self.steps[number - 1]
        reader = "guest" if step["writer"] == "host" else "host"
        where, box = step["id"], step[form]
        assert isinstance(where, bytes)
        assert isinstance(box, bytes)
        state = self.sides[reader]
        opened, events = talk.receive(state, MailboxId(where), box, kem=KEM)
        assert opened is not state
        assert not any(isinstance(event, talk.Broken) for event in events)
        self.sides[reader] = opened


def _mailbox_key(before: Conversation, chain: SendingChain) -> bytes:
    """The mailbox key of the place that was written."""
    last = before.ratchet.sending
    same = last is not None and last.number == chain.number
    return last.mailbox_key if last is not None and same else before.ratchet.next_sending


def start() -> tuple[Names, BranchKeys, dict[str, Conversation]]:
    """Host and guest in the branch of the right answers, run 0."""
    whole = met()
    x, answer = whole.x.copy(), whole.answers["right"]
    isk = branch_isk(
        whole.name(0),
        0,
        scalar=whole.scalars("ya", 0)[0],
        offer=whole.offer,
        answer=answer,
        entropy=draws(),
        host=True,
    )
    shared = KEM.decapsulate(x("host-ek", 64), answer.ct)
    keys = branch_keys(isk, shared, offer=whole.offer, run=0, answer=answer, j=0)
    secrets = TurnSecrets(x("guest-dh-0"), x(guest_seed_name(0), 64))
    sides = {"host": host_branch(keys, answer), "guest": guest_branch(keys, secrets, answer)}
    return x, keys, sides


def conversation() -> File:
    x, keys, sides = start()
    answer = met().answers["right"]
    told = Talk(x, sides)
    told.write("host", Body(Kind.GREETING, following=1), read="letter")
    told.write("guest", Body(Kind.TEXT, "엄마", kept=True), read="letter")
    passed = told.write("guest", Body(Kind.TEXT, "하나", expires_at=1_800_003_600))
    told.write("guest", Body(Kind.TEXT, "둘"), read="letter")
    told.read(passed, "withdrawn")
    told.write("host", Body(Kind.TEXT, "그래"), read="letter")
    told.write("host", Body(Kind.TEXT, "lost"))
    told.write("guest", Body(Kind.TEXT, "셋"), read="letter")
    told.write("host", Body(Kind.GREETING), read="letter")
    told.write("guest", Body(Kind.GREETING), read="letter")
    told.write("host", Body(Kind.TEXT, "넷"), read="letter")
    told.write("guest", Body(Kind.GREETING), read="letter")
    told.steps[passed - 1] |= {"read": "withdrawn", "read_after": passed + 1}
    begin: dict[str, Made] = {
        "name": "start",
        "expect": GOOD,
        "root": keys.root,
        "ck_guest": keys.ck_guest,
        "mbk_guest": keys.mbk_guest,
        "next_mbk_guest": keys.next_mbk_guest,
        "mbk_host": keys.mbk_host,
        "guest_dh_secret": x("guest-dh-0"),
        "guest_ek_seed": x(guest_seed_name(0), 64),
        "guest_dh": answer.dh,
        "guest_ek": answer.ek,
    }
    kept = {"box 1", "box 3"}
    for step in told.steps:
        if step["name"] not in kept:
            # Computed like the others; left out to keep the file small.
            del step["withdrawn"]
    what = (
        "A conversation, docs/protocol.md, 'The ratchet' to 'Acknowledgement'. 'start' are the "
        "keys of the branch; the boxes follow in the order in which they were written. 'drawn': a "
        "dh secret and an ML-KEM seed where a chain begins ('turn' n: its ct is the recording "
        "step-n of kem.json), then the nonces of the header, of the letter's body and of that of "
        "its withdrawn form. 'root' and 'next_mbk' are the writer's afterwards, 'mbk' that of the "
        "place. 'read' is the form that the other side reads at once, or after box 'read_after'; "
        "null: it is lost. Bad boxes are 'letter' at 'id' for 'reader' after box 'after' "
        "('start': 0)."
    )
    return File(what, x, [begin, *told.steps, *_bad(x, told)])


def _bad(x: Names, told: Talk) -> list[dict[str, Made]]:
    """Boxes that are refused, and where."""
    one, other = told.steps[0], told.steps[3]
    bits = {"header's nonce": 0, "header": 1000, "body's nonce": 2352, "body's tag": 3999}
    rows: list[tuple[str, str, str, int, Made, Made]] = [
        (
            f"a bit of the {what}",
            "Unopenable",
            "guest",
            0,
            one["id"],
            flipped("box 1", _of(one, "letter"), at),
        )
        for what, at in bits.items()
    ]
    mbk = told.before[0].ratchet.next_sending
    second = place_at(next_mailbox_key(mbk), 1)
    letters = {number: step["id"] for number, step in enumerate(told.steps, 1)}
    rows += [
        ("a box of 3999", "Malformed", "guest", 0, one["id"], Splice("box 1", 3999, 1)),
        ("a box of 4001", "Malformed", "guest", 0, one["id"], Splice("box 1", 4000, 0, b"\0")),
        ("box 1 in the next place", "Unopenable", "guest", 0, second.id, Splice("box 1", 0)),
        ("box 1 in no place of ours", "Unopenable", "guest", 0, x("no-id"), Splice("box 1", 0)),
        ("box 2 in the place of box 1", "Unopenable", "guest", 0, one["id"], Splice("box 2", 0)),
        ("box 1 once more", "Unopenable", "guest", 1, one["id"], Splice("box 1", 0)),
        ("box 2 once more", "Unopenable", "host", 2, letters[2], Splice("box 2", 0)),
        ("box 1 at its writer", "Unopenable", "host", 1, one["id"], Splice("box 1", 0)),
        (
            "box 3 at a host who is not there yet",
            "Unopenable",
            "host",
            0,
            letters[3],
            Splice("box 3", 0),
        ),
    ]
    good = TurnKeys(_of(one, "dh"), _of(one, "ek"), _of(one, "ct"))
    place = place_at(mbk, 0)

    def forged(name: str, header: Header) -> bytes:
        """A header of the host itself at its first place, and a body that opens under no key."""
        return seal_box(
            place.id,
            header_key=place.header_key,
            header=header,
            body_key=x("no-body-key"),
            body=bytes(1608),
            entropy=draws(x(f"{name}-header", 24), x(f"{name}-body", 24)),
        )

    forgeries = {
        "a body that does not open": ("Unopenable", Header(good, 0, 0)),
        "index 1 at place 0": ("Malformed", Header(good, 1, 0)),
        "another ct": ("Unopenable", Header(replace(good, ct=x("another-ct", 1088)), 0, 0)),
        "dh of low order": ("Malformed", Header(replace(good, dh=bytes(32)), 0, 0)),
        "ek that is no key": ("Malformed", Header(replace(good, ek=b"\xff" * 1184), 0, 0)),
    }
    rows += [
        (name, expect, "guest", 0, place.id, forged(f"forged-{number}", header))
        for number, (name, (expect, header)) in enumerate(forgeries.items())
    ]
    # The guest's chain 1, of which the host has opened place 1 after box 4.
    coming = place_at(next_mailbox_key(next_mailbox_key(MailboxKey(_of(told.steps[2], "mbk")))), 2)
    keys = TurnKeys(_of(other, "dh"), _of(other, "ek"), _of(other, "ct"))

    def in_chain(name: str, header: Header) -> bytes:
        return seal_box(
            coming.id,
            header_key=coming.header_key,
            header=header,
            body_key=x("no-body-key"),
            body=bytes(1608),
            entropy=draws(x(f"{name}-header", 24), x(f"{name}-body", 24)),
        )

    # Box 2 was read at the guest's place 0: a second header there is a copy's, another box is none.
    read = place_at(MailboxKey(_of(told.steps[1], "mbk")), 0)
    again = Header(TurnKeys(bytes(32), bytes(1184), bytes(1088)), 0, 0)

    def where_one_was_read(name: str, header_key: bytes) -> bytes:
        return seal_box(
            read.id,
            header_key=header_key,
            header=again,
            body_key=x("no-body-key"),
            body=bytes(1608),
            entropy=draws(x(f"{name}-header", 24), x(f"{name}-body", 24)),
        )

    rows += [
        (
            f"a second box where box 2 was read, with {what}",
            expect,
            "host",
            7,
            read.id,
            where_one_was_read(name, key),
        )
        for what, expect, name, key in (
            ("its header key", "CopyDetected", "second", read.header_key),
            ("another header key", "Unopenable", "no-second", x("no-header-key")),
        )
    ]
    copied = Header(replace(keys, dh=crypto_scalarmult_base(x("copied-dh"))), 2, 1)
    rows += [
        ("other keys in one chain", "CopyDetected", "host", 4, coming.id, in_chain("copy", copied)),
        (
            "another index in one chain",
            "Malformed",
            "host",
            4,
            coming.id,
            in_chain("index", Header(keys, 3, 1)),
        ),
    ]
    rows += _ends(x, told)
    return [
        {
            "name": name,
            "expect": expect,
            "reader": reader,
            "after": after,
            "id": where,
            "letter": box,
        }
        for name, expect, reader, after, where, box in rows
    ]


def _ends(x: Names, told: Talk) -> list[tuple[str, str, str, int, Made, Made]]:
    """Box 7, which ends the guest's chain 1 of two places, with other lengths of that chain."""
    step, state = told.steps[6], told.before[6].ratchet
    assert state.sending is not None
    rows: list[tuple[str, str, str, int, Made, Made]] = []
    for what, length, expected in (
        ("shorter than was read", 1, "CopyDetected"),
        ("65 places longer", 67, "Malformed"),
    ):
        longer = replace(state, sending=replace(state.sending, index=length))
        drawn = [x("dh-7"), x(f"step-{_turn(step) + 1}-their-ek", 64)]
        _, sealed = seal(
            longer,
            _of(step, "letter_body"),
            _of(step, "withdrawn_body"),
            entropy=draws(*drawn, *(x(f"end-{length}-{at}", 24) for at in range(3))),
            kem=Recorded([f"step-{_turn(step)}"]),
        )
        assert sealed.place.id == step["id"]
        name = f"a previous chain {what}"
        rows.append((name, expected, "host", 6, sealed.place.id, sealed.letter))
    return rows


def _turn(step: dict[str, Made]) -> int:
    turn = step["turn"]
    assert isinstance(turn, int)
    return turn


def _of(step: dict[str, Made], name: str) -> bytes:
    value = step[name]
    assert isinstance(value, bytes)
    return value

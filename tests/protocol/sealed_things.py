"""Every kind of bytes that one side makes and another accepts, each with its maker and its reader.

`things` lists them; the table in `test_sealed_things` follows from it. A kind names the labels and
the readers of the code that it uses, so that a new one cannot be forgotten there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ojak_protocol import cbor, comparison, parcels, ratchet
from ojak_protocol import conversation as talk
from ojak_protocol.addresses import MailboxId, mailbox_id
from ojak_protocol.answers import canonical
from ojak_protocol.box import SEALED_HEADER_BYTES
from ojak_protocol.chains import body_key
from ojak_protocol.conversation import Conversation, Outgoing
from ojak_protocol.details import Parcel, ParcelWhat, Question, QuestionOutcome, QuestionReply
from ojak_protocol.errors import ProtocolError
from ojak_protocol.labels import H_PARCEL
from ojak_protocol.letters import Body, Kind, decode_body, encode_body
from ojak_protocol.meeting_messages import decode_answer, decode_offer
from ojak_protocol.meeting_places import answer_place, offer_place, open_at, seal_at, seen_place
from ojak_protocol.number import new_number
from ojak_protocol.pouch import Carried, decode_pouch, encode_pouch
from ojak_protocol.primitives import NONCE_BYTES, blake2b, lv, unseal
from ojak_protocol.slip import Slip, decode_slip, encode_slip
from ojak_protocol.sync import (
    Nothing,
    SyncClass,
    SyncReply,
    SyncRequest,
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)
from tests.protocol.contacts import ENTROPY, KEM, Contact, written
from tests.protocol.test_slip import written as slip_of

MEETING = ("H_MEET", "H_MEET_SEAL")
CHAIN = ("KDF_MEET", "H_SESSION", "H_BOX", "H_NEXT", "MAC_DELETE", "MAC_HEADER", "MAC_BODY")


@dataclass(frozen=True)
class Thing:
    """Bytes of one kind, and who accepts them."""

    kind: str
    data: bytes
    accepts: Callable[[bytes], bool]
    """Whether its reader, at its place and in its state, takes these bytes; it may raise an error
    of the protocol instead of saying no."""
    labels: tuple[str, ...] = ()
    """Labels of `labels.py` that keep this kind apart from others."""
    readers: tuple[str, ...] = ()
    """module.function of the code that reads it."""


def is_accepted(thing: Thing, data: bytes) -> bool:
    """Say whether the reader of *thing* takes *data* for its own."""
    try:
        return thing.accepts(data)
    except ProtocolError:
        return False


def meeting_things(one: Contact) -> Iterator[Thing]:
    """What lies at meeting places; whoever has the number can open and make it."""
    nonce, seed = one.offer.nonce, one.seed

    def lying(place: MailboxId, message: bytes) -> bytes:
        return seal_at(seed, place, message, entropy=ENTROPY)

    def opens(place: MailboxId, decode: Callable[[bytes], object]) -> Callable[[bytes], bool]:
        return lambda data: decode(open_at(seed, place, data)) is not None

    offer, answer, seen = (
        offer_place(seed, 1, one.day, 0),
        answer_place(seed, nonce, 0),
        seen_place(seed, nonce, 0),
    )
    later = offer_place(seed, 1, one.day + 1, 0)
    of_offer = ("meeting_messages.decode_offer", "meeting_places.open_at")
    yield Thing(
        "offer", lying(offer, one.offer.encode()), opens(offer, decode_offer), MEETING, of_offer
    )
    yield Thing(
        "offer of the next day",
        lying(later, one.offer.encode()),
        opens(later, decode_offer),
        MEETING,
        of_offer,
    )
    yield Thing(
        "answer",
        lying(answer, one.answer.encode()),
        opens(answer, decode_answer),
        MEETING,
        ("meeting_messages.decode_answer", "meeting_places.open_at"),
    )
    yield Thing("seen", lying(seen, b""), opens(seen, bytes), MEETING, ("meeting_places.open_at",))


def box_things(one: Contact) -> Iterator[Thing]:
    """Boxes in both directions: a letter, a withdrawn form, an end, and a chain after a turn."""
    guest = written(one.guest, "guest's chain 0")
    host = written(written(one.host, "host's chain 0"), "taken back")
    beside = tuple(chain.end_key for chain in host.ratchet.read)
    knows = replace(host, broken=True, owes_end=True, ends_at=beside)
    ending = talk.end(knows, entropy=ENTROPY, kem=KEM)
    letter, withdrawn = host.outbox
    turned, events = talk.receive(guest, letter.place.id, letter.letter, kem=KEM)
    assert events
    turned = written(turned, "guest's chain 1")

    def opens(
        state: Conversation, outgoing: Outgoing, kind: Kind = Kind.TEXT
    ) -> Callable[[bytes], bool]:
        def accepts(data: bytes) -> bool:
            opened = ratchet.open_(state.ratchet, outgoing.place.id, data, kem=KEM)[1]
            return decode_body(opened.body).kind == kind

        return accepts

    of_box = ("box.open_header", "box.open_body", "box.decode_header")
    readers = ("ratchet.open_", *of_box, "letters.decode_body")
    labels = (*CHAIN, "MAC_CHAIN", "KDF_STEP")
    rows = [
        ("guest's letter of chain 0", guest.outbox[0], one.host, Kind.TEXT),
        ("host's letter", letter, guest, Kind.TEXT),
        ("host's withdrawn form", withdrawn, guest, Kind.WITHDRAWN),
        ("host's end", ending.farewell[0], guest, Kind.ENDED),
        ("guest's letter of chain 1", turned.outbox[-1], host, Kind.TEXT),
    ]
    at_its_writer = ending.farewell[-1]

    def tells(data: bytes) -> bool:
        return talk.receive(guest, at_its_writer.place.id, data, kem=KEM)[0].broken

    yield Thing(
        "host's end beside the guest's chain",
        at_its_writer.box,
        tells,
        ("H_ENDED", "H_BOX", "MAC_DELETE", "MAC_HEADER"),
        ("box.open_header", "box.decode_header"),
    )
    for name, outgoing, reader, kind in rows:
        data = outgoing.withdrawn if kind is Kind.WITHDRAWN else outgoing.letter
        yield Thing(name, data, opens(reader, outgoing, kind), labels, readers)
    yield from _pieces(one, guest.outbox[0])


def _pieces(one: Contact, outgoing: Outgoing) -> Iterator[Thing]:
    """The two halves of the guest's first box, each for itself."""
    place, box = outgoing.place, outgoing.letter
    header, body = box[:SEALED_HEADER_BYTES], box[SEALED_HEADER_BYTES:]
    bound_to, key = lv(place.id, header), body_key(one.keys.ck_guest)
    yield Thing(
        "sealed header",
        header,
        lambda data: bool(unseal(place.header_key, data, bound_to=place.id)),
        CHAIN,
    )
    yield Thing(
        "sealed body",
        body,
        lambda data: len(unseal(key, data, bound_to=bound_to)) == 1608,
        CHAIN,
    )


def parcel_things(_: Contact) -> Iterator[Thing]:
    content = ENTROPY(5000)
    photo = parcels.pack(content, ParcelWhat.PHOTO, entropy=ENTROPY)
    padded = content.ljust(9000, b"\0")
    longer = replace(photo, size=9000, parts=3, digest=blake2b(H_PARCEL, padded))
    timed = parcels.pack_timed(b"letter", due_at=2, now=1, entropy=ENTROPY)
    sealed = [part.box for part in parcels.seal_parts(photo, content, entropy=ENTROPY)]
    (letter,) = parcels.seal_parts(timed, b"letter", entropy=ENTROPY)

    def opens(parcel: Parcel, index: int) -> Callable[[bytes], bool]:
        return lambda data: bool(parcels.open_part(parcel, index, data))

    long = [part.box for part in parcels.seal_parts(longer, padded, entropy=ENTROPY)]
    rows = [
        ("part 0", sealed[0], photo, 0),
        ("part 1", sealed[1], photo, 1),
        ("part 0 of a longer parcel with that key", long[0], longer, 0),
        ("timed letter", letter.box, timed, 0),
    ]
    for name, data, parcel, index in rows:
        labels = ("H_BOX", "MAC_PART", "MAC_PART_KEY", "H_PARCEL")
        yield Thing(name, data, opens(parcel, index), labels, ("parcels.open_part",))


def _quick(secret: bytes, salt: bytes) -> bytes:
    return blake2b(salt, secret)


def question_things(one: Contact) -> Iterator[Thing]:
    """The three letters of a question, and the two tags in them."""
    answer = canonical(one.prs.hex())
    asked, first = comparison.ask("who?", answer, stretch=_quick, entropy=ENTROPY)
    assert isinstance(first.details, Question)
    question = first.details
    replied, second = comparison.reply(
        "who?", question, answer, used=(), stretch=_quick, entropy=ENTROPY
    )
    assert isinstance(second.details, QuestionReply)
    answered = second.details
    _, third = comparison.conclude(asked, answered, entropy=ENTROPY)
    assert isinstance(third.details, QuestionOutcome)

    def asks(data: bytes) -> bool:
        body = decode_body(data)
        if not isinstance(body.details, Question):
            return False
        _, said = comparison.reply(
            body.text, body.details, answer, used=(), stretch=_quick, entropy=ENTROPY
        )
        assert isinstance(said.details, QuestionReply)
        return comparison.conclude(asked, said.details, entropy=ENTROPY)[0]

    def replies(data: bytes) -> bool:
        details = decode_body(data).details
        if not isinstance(details, QuestionReply):
            return False
        return comparison.conclude(asked, details, entropy=ENTROPY)[0]

    def concludes(data: bytes) -> bool:
        details = decode_body(data).details
        return isinstance(details, QuestionOutcome) and comparison.learn(replied, details)

    def is_reply_tag(data: bytes) -> bool:
        return comparison.conclude(asked, replace(answered, tag=data), entropy=ENTROPY)[0]

    def is_outcome_tag(data: bytes) -> bool:
        return comparison.learn(replied, QuestionOutcome(question.nonce, data))

    labels = ("H_ASK", "H_ASK_SALT")
    reads = ("letters.decode_body", "details.decode_details")
    yield Thing("question", encode_body(first), asks, labels, reads)
    yield Thing("reply", encode_body(second), replies, (*labels, "MAC_ASK_REPLY"), reads)
    yield Thing("outcome", encode_body(third), concludes, (*labels, "MAC_ASK_OUTCOME"), reads)
    yield Thing("tag of a reply", answered.tag, is_reply_tag, (*labels, "MAC_ASK_REPLY"))
    yield Thing(
        "tag of an outcome", third.details.tag, is_outcome_tag, (*labels, "MAC_ASK_OUTCOME")
    )


def plain_things() -> Iterator[Thing]:
    """What is sealed under no key: of one kind any is accepted, whoever made it."""
    slip = encode_slip(Slip(new_number(ENTROPY), "https://relay.example"))
    yield Thing(
        "slip",
        slip.encode(),
        lambda data: bool(decode_slip(data.decode("latin-1"))),
        ("H_SLIP",),
        ("slip.decode_slip",),
    )
    pouch = encode_pouch([Carried(MailboxId(ENTROPY(32)), 60, ENTROPY(4000))])
    yield Thing(
        "pouch",
        pouch,
        lambda data: bool(decode_pouch(data)),
        ("H_POUCH",),
        ("pouch.decode_pouch",),
    )
    request = SyncRequest(SyncClass.ONE, tuple(MailboxId(ENTROPY(32)) for _ in range(32)), room=1)
    reply = SyncReply(1, (Nothing(),) * 32, ())
    yield Thing(
        "request of a sync",
        encode_request(request),
        lambda data: bool(decode_request(data)),
        (),
        ("sync.decode_request",),
    )
    yield Thing(
        "reply of a sync",
        encode_reply(reply, 1),
        lambda data: bool(decode_reply(data, request)),
        (),
        ("sync.decode_reply",),
    )
    one = Contact()
    yield Thing("offer, unsealed", one.offer.encode(), lambda data: bool(decode_offer(data)))
    yield Thing("answer, unsealed", one.answer.encode(), lambda data: bool(decode_answer(data)))
    yield Thing(
        "body of a text",
        encode_body(Body(Kind.TEXT, "text")),
        lambda data: decode_body(data).kind == Kind.TEXT,
        (),
        ("letters.decode_body",),
    )


PER_CONTACT = (meeting_things, box_things, parcel_things, question_things)


def things(first: Contact) -> dict[str, Thing]:
    """Everything, of *first*, of another contact at its number and of one at another, by name."""
    contacts = {
        "one": first,
        "another visit at the number": Contact(first.seed, first.prs, day=20_100),
        "another number": Contact(),
    }
    found = {thing.kind: thing for thing in plain_things()}
    for who, contact in contacts.items():
        for make in PER_CONTACT:
            found |= {f"{thing.kind} ({who})": thing for thing in make(contact)}
    return found


def at_no_place(one: Contact) -> Iterator[tuple[str, bytes]]:
    """Bytes that nobody may accept anywhere: of other versions, branches, or put together."""
    seed, nonce = one.seed, one.offer.nonce
    for name, place, message in (
        ("offer", offer_place(seed, 1, one.day, 0), one.offer.encode()),
        ("answer", answer_place(seed, nonce, 0), one.answer.encode()),
    ):
        for what, head in (("version 2", b"\2\1"), ("suite 2", b"\1\2")):
            changed = head + message[2:]
            yield f"{name} of {what}", seal_at(seed, place, changed, entropy=ENTROPY)
            yield f"{name} of {what}, unsealed", changed
    (elsewhere,) = written(one.other_branch, "the other branch").outbox
    yield "box of the other branch", elsewhere.letter
    yield "withdrawn form of the other branch", elsewhere.withdrawn
    for thing in plain_things():
        if thing.kind in {"pouch", "request of a sync", "reply of a sync"}:
            yield f"{thing.kind} of version 2", thing.data[:2] + b"\2" + thing.data[3:]
    body = cbor.encode({0: 2, 1: 123456789018, 2: "https://relay.example"})
    yield "slip of version 2", slip_of(body).encode()
    yield "zeros", bytes(4000)
    yield "random bytes", ENTROPY(4000)
    yield "nothing", b""
    yield "an id", mailbox_id(elsewhere.place.delete_key)


def put_together(outgoing: Outgoing) -> tuple[bytes, ...]:
    """Pieces of the two boxes of one place, which share their keys and their sealed header."""
    cut = SEALED_HEADER_BYTES + NONCE_BYTES
    letter, withdrawn = outgoing.letter, outgoing.withdrawn
    return (
        letter[:cut] + withdrawn[cut:],
        withdrawn[:cut] + letter[cut:],
        letter[cut:] + letter[:cut],
        letter[SEALED_HEADER_BYTES:] + letter[:SEALED_HEADER_BYTES],
    )

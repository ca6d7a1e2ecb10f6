"""Runs bodies, parcels and questions through every API that reads them."""

from functools import cache
from itertools import islice

from ojak_protocol import comparison, letters, parcels
from ojak_protocol.answers import canonical
from ojak_protocol.conversation import UNREADABLE, Arrived, Broken
from ojak_protocol.cpace import Scalar, Share
from ojak_protocol.details import Parcel, ParcelWhat, Question, QuestionOutcome, QuestionReply
from ojak_protocol.errors import Malformed
from ojak_protocol.letters import Body, Kind
from ojak_protocol.padding import MOST_PARCEL_BYTES, part_count
from tests.docs.named_bytes import draws
from tests.docs.test_letters_cddl import is_body
from tests.people import Pair, forged, heard, meet
from tests.vectors.argon import stretched
from tests.vectors.notation import GOOD, Case


def read_body(case: Case) -> str:
    body = letters.decode_body(case.data("body"))
    if not body.understood:
        return "TooNew"
    assert letters.encode_body(body) == case.data("body")
    return GOOD


def body_fits_schema(case: Case) -> str:
    if case.expect != "Malformed":
        fields = case.cbor("fields")
        assert isinstance(fields, dict)
        assert is_body(fields)
    return case.expect


@cache
def _pair() -> Pair:
    return meet()


def body_in_conversation(case: Case) -> str:
    """Seal the body as the guest's next box; the host's conversation reads it."""
    pair = _pair()
    if len(case.data("body")) != 1608:
        return case.expect  # no box can carry it
    place, box = forged(pair.guest, lambda header: header, body=case.data("body"))
    state, events = heard(pair.host, place, box)
    said = [event.body for event in events if isinstance(event, Arrived)]
    if any(isinstance(event, Broken) for event in events):
        # An end; or an acknowledgement of what was never written, which is well formed.
        body = letters.decode_body(case.data("body"))
        assert body.kind == Kind.ENDED or body.acknowledgement is not None
        return GOOD
    assert state is not pair.host
    assert len(said) == 1
    return _outcome(said[0])


def _outcome(body: Body) -> str:
    if body.kind == UNREADABLE:
        return Malformed.__name__
    return GOOD if body.understood else "TooNew"


def read_parcel(case: Case) -> None:
    if "ladder" in case:
        for pair in case.values("ladder"):
            assert isinstance(pair, list)
            assert part_count(pair[0]) == pair[1]
    elif "plains" in case:
        plains = case.many("plains")
        size = case.number("size")
        parcel = Parcel(bytes(32), size, case.data("hash"), part_count(size), ParcelWhat.OTHER)
        assert parcels.join(parcel, dict(enumerate(plains))) == case.data("content")
    else:
        plain = parcels.open_part(_parcel(case), case.number("index"), case.data("box"))
        assert plain == case.data("plain")


def _parcel(case: Case) -> Parcel:
    """Any parcel with this key and so many parts."""
    parts = case.number("parts")
    size = min(parts * 3960, MOST_PARCEL_BYTES)
    return Parcel(case.data("file_key"), size, bytes(32), parts, ParcelWhat.OTHER)


def write_parcel(case: Case) -> str:
    """Seal a part anew: the same place and the same bytes."""
    if case.expect != GOOD or "plain" not in case:
        return case.expect
    index, key = case.number("index"), case.data("file_key")
    after = case.number("parts") - index - 1
    content = bytes(3960 * index) + case.data("plain") + bytes(3960 * after)
    parcel = parcels.pack(content, ParcelWhat.OTHER, entropy=lambda _: key)
    assert parcel.parts == case.number("parts")
    nonces = draws(*[bytes(24)] * index, case.data("nonce"))
    sealed = next(islice(parcels.seal_parts(parcel, content, entropy=nonces), index, None))
    assert sealed.delete_key == case.data("dk")
    assert sealed.id == case.data("id") == parcels.part_ids(parcel)[index]
    assert sealed.box == case.data("box")
    return GOOD


def compare(case: Case) -> str:
    """Both sides of one question, from what each drew and what reached it."""
    question, asker, other = (case.text(name) for name in ("question", "asker", "other"))
    nonce, reached = case.data("nonce"), case.data("Ya_received") == case.data("Ya")
    entropy = draws(nonce, case.data("ya"))
    asked, first = comparison.ask(question, canonical(asker), stretch=stretched, entropy=entropy)
    assert first.details == Question(nonce, Share(case.data("Ya")))
    assert asked.scalar == Scalar(case.data("ya"))
    replied, second = comparison.reply(
        question,
        Question(nonce, Share(case.data("Ya_received"))),
        canonical(other),
        used=(),
        stretch=stretched,
        entropy=draws(case.data("yb"), *([] if reached else [case.data("nobody_b")])),
    )
    assert second.details == QuestionReply(nonce, Share(case.data("Yb")), case.data("reply_tag"))
    unusable = case.data("Yb_received") != case.data("Yb")
    equal, third = comparison.conclude(
        asked,
        QuestionReply(nonce, Share(case.data("Yb_received")), case.data("reply_tag_received")),
        entropy=draws(*([case.data("nobody_a")] if unusable else []), case.data("blind")),
    )
    outcome = QuestionOutcome(nonce, case.data("outcome_tag"))
    assert third.details == outcome
    assert equal == bool(case.number("equal_for_asker"))
    assert comparison.learn(replied, outcome) == bool(case.number("equal_for_other"))
    return GOOD if equal else "different"

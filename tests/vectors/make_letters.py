"""Vectors of what a conversation carries: bodies of every kind, parcels, questions between two."""

from collections.abc import Callable
from dataclasses import replace

from ojak_protocol import cbor, comparison
from ojak_protocol.acknowledgement import Acknowledgement
from ojak_protocol.answers import canonical
from ojak_protocol.cpace import Share, new_scalar
from ojak_protocol.details import (
    NextQuestions,
    NextRelay,
    Parcel,
    ParcelWhat,
    Question,
    QuestionOutcome,
    QuestionReply,
    Stop,
    StopWhat,
)
from ojak_protocol.letters import Body, Kind, encode_body
from ojak_protocol.padding import MOST_PARCEL_BYTES, PART_COUNTS, part_count
from ojak_protocol.parcels import pack, pack_timed, part_ids, seal_parts
from ojak_protocol.primitives import lv, mac, seal, u32
from tests.docs.examples_of_letters import BODIES, KINDS
from tests.docs.named_bytes import draws
from tests.vectors.argon import stretched
from tests.vectors.notation import GOOD, File, Made, Names, Splice, flipped, joined, shape

Fields = dict[int, cbor.Value]
CLOCK = 1_800_000_000


def filled(encoded: bytes, size: int = 1608) -> bytes:
    return (len(encoded).to_bytes(2, "big") + encoded).ljust(size, b"\0")


def bodies() -> File:
    x = Names()
    key, digest, tag = x("file-key"), x("hash"), x("tag", 8)
    nonce, share, proof = x("ask-nonce", 16), Share(x("share")), x("ask-tag")
    most = Acknowledgement((1 << 64) - 1, tag, (1 << 64) - 1, (1 << 64) - 1)
    short = Acknowledgement(1, tag, 0, 0)
    good: dict[str, Body] = {
        "greeting": Body(Kind.GREETING),
        "greeting after which two letters follow": Body(Kind.GREETING, following=2),
        "greeting with everything": Body(
            Kind.GREETING, "", most, (1 << 64) - 1, kept=True, following=(1 << 64) - 1
        ),
        "text": Body(Kind.TEXT, "엄마"),
        "the longest text": Body(
            Kind.TEXT, "가" * 500, most, (1 << 64) - 1, kept=True, following=1
        ),
        "text that expires, of one who forgets": Body(
            Kind.TEXT, "예", short, expires_at=1_800_000_000, kept=False
        ),
        "withdrawn": Body(Kind.WITHDRAWN, acknowledgement=short),
        "parcel": Body(Kind.PARCEL, details=Parcel(key, 5000, digest, 2, ParcelWhat.PHOTO)),
        "the largest parcel": Body(
            Kind.PARCEL, details=Parcel(key, MOST_PARCEL_BYTES, digest, 1060, ParcelWhat.OTHER)
        ),
        "timed letter": Body(
            Kind.PARCEL, details=Parcel(key, 3960, digest, 1, ParcelWhat.LETTER, (1 << 32) - 1)
        ),
        "do not contact me": Body(Kind.STOP, details=Stop(StopWhat.DO_NOT_CONTACT)),
        "send no money": Body(Kind.STOP, details=Stop(StopWhat.SEND_NO_MONEY)),
        "next questions": Body(
            Kind.QUESTIONS,
            details=NextQuestions((1 << 32) - 1, ("Whose dog?", "그 산?", "哪" * 200)),
        ),
        "next number": dict(KINDS)["number 1234-5678-9018"],
        "relay moved": Body(Kind.RELAY, details=NextRelay("~" * 160)),
        "question": Body(Kind.QUESTION, "Whose dog?", details=Question(nonce, share)),
        "the longest question": Body(Kind.QUESTION, "가" * 200, details=Question(nonce, share)),
        "reply": Body(Kind.REPLY, details=QuestionReply(nonce, share, proof)),
        "outcome": Body(Kind.OUTCOME, details=QuestionOutcome(nonce, proof)),
        "ended": Body(Kind.ENDED),
    }
    assert {body.kind for body in good.values()} == {body.kind for _, body in (*BODIES, *KINDS)}
    cases: list[dict[str, Made]] = []
    fields: dict[str, Fields] = {}
    for name, body in good.items():
        encoded = encode_body(body)
        length = int.from_bytes(encoded[:2], "big")
        value = cbor.decode(encoded[2 : 2 + length], max_bytes=1606)
        assert isinstance(value, dict)
        fields[name] = value
        cases.append({"name": name, "expect": GOOD, "body": encoded, "fields": shape(value)})
    later: dict[str, Fields] = {
        "a kind of a later version": {0: 13, 1: "?", 6: {0: 1}, 7: ["later"]},
        "the highest kind": {0: (1 << 64) - 1},
        "money": {0: 5, 1: "?", 6: [1]},
    }
    cases += [
        joined(
            {"name": name, "expect": "TooNew", "body": filled(cbor.encode(value))},
            {"fields": shape(value)},
        )
        for name, value in later.items()
    ]

    def but(name: str, **changes: cbor.Value) -> bytes:
        """The map of a good body with keys (k0 to k7) replaced."""
        changed = fields[name] | {int(key[1:]): value for key, value in changes.items()}
        return filled(cbor.encode(changed))

    def inner(name: str, change: Fields) -> bytes:
        """The same with another value in its details."""
        details = fields[name][6]
        assert isinstance(details, dict)
        return but(name, k6=details | change)

    without = {name: {k: v for k, v in value.items() if k != 6} for name, value in fields.items()}
    greeting = encode_body(good["greeting"])
    bad = {
        "no map": filled(cbor.encode([0])),
        "no kind": filled(cbor.encode({1: "a"})),
        "a kind that is a text": but("text", k0="1"),
        "an empty map": filled(b"\xa0"),
        "nothing": filled(b""),
        "1607 bytes": greeting[:-1],
        "1609 bytes": greeting + b"\0",
        "filling that is not zero": greeting[:-1] + b"\1",
        "a length of 1607": b"\x06\x47" + greeting[2:],
        "a length of one less": filled(b"\xa1\0\1")[:1] + b"\2" + filled(b"\xa1\0\1")[2:],
        "a byte behind the map": filled(cbor.encode({0: 0}) + b"\0"),
        "a longer head than needed": filled(b"\xa1\0\x18\0"),
        "keys not ascending": filled(b"\xa2\5\1\0\0"),
        "a greeting with a text": but("greeting", k1="a"),
        "a greeting with details": but("greeting", k6={0: 0}),
        "an unknown field": but("greeting", k7=0),
        "a text without text": filled(cbor.encode({0: 1})),
        "an empty text": but("text", k1=""),
        "a text that is bytes": but("text", k1=b"a"),
        "a text of 1501 bytes": but("text", k1="a" * 1501),
        "a text that is not UTF-8": filled(b"\xa2\0\1\1\x61\xff"),
        "an acknowledgement of nothing": but("text", k2=[0, tag, 0, 0]),
        "a tag of 7 bytes": but("text", k2=[1, tag[:7], 0, 0]),
        "an acknowledgement of three": but("text", k2=[1, tag, 0]),
        "an acknowledgement that is a map": but("text", k2={0: 1}),
        "an expiry of 0": but("text", k3=0),
        "an expiry that is a text": but("text", k3="1"),
        "kept 2": but("text", k4=2),
        "no letter follows": but("text", k5=0),
        "withdrawn with a text": but("withdrawn", k1="a"),
        "ended with a text": but("ended", k1="a"),
        "ended with details": but("ended", k6={}),
        "details that are a list": but("parcel", k6=[1]),
        "a parcel of nothing": inner("parcel", {1: 0}),
        "a parcel over 4 MiB": inner("the largest parcel", {1: MOST_PARCEL_BYTES + 1}),
        "a parcel of other parts than its size": inner("parcel", {3: 3}),
        "a parcel of an unknown thing": inner("parcel", {5: 4}),
        "a file key of 31 bytes": inner("parcel", {0: key[:31]}),
        "a hash of 33 bytes": inner("parcel", {2: digest + b"\0"}),
        "a parcel due at 0": inner("timed letter", {4: 0}),
        "a parcel due at 2^32": inner("timed letter", {4: 1 << 32}),
        "a parcel of two parts that is due": inner("parcel", {4: 1}),
        "a parcel with an unknown field": inner("parcel", {6: 0}),
        "stop what is unknown": inner("send no money", {0: 2}),
        "stop with a field more": inner("send no money", {1: 0}),
        "questions of set 0": inner("next questions", {0: 0}),
        "questions of set 2^32": inner("next questions", {0: 1 << 32}),
        "two questions": inner("next questions", {1: ["a", "b"]}),
        "an empty question in a set": inner("next questions", {1: ["a", "b", ""]}),
        "a question of 201 in a set": inner("next questions", {1: ["a", "b", "c" * 201]}),
        "three questions over 1500 bytes": inner("next questions", {1: ["哪" * 170] * 3}),
        "a wrong check digit": inner("next number", {0: 123456789019}),
        "thirteen digits": inner("next number", {0: 10**12}),
        "a relay of 161": inner("relay moved", {0: "~" * 161}),
        "a relay with a space": inner("relay moved", {0: "a b"}),
        "an empty relay": inner("relay moved", {0: ""}),
        "a question of no text": filled(cbor.encode({0: 9, 6: fields["question"][6]})),
        "a question of 201": but("question", k1="a" * 201),
        "a nonce of 15": inner("question", {0: nonce[:15]}),
        "a share of 33": inner("question", {1: share + b"\0"}),
        "a question with a tag": inner("question", {2: proof}),
        "a reply with a text": but("reply", k1="a"),
        "a reply without a tag": but("reply", k6={0: nonce, 1: share}),
        "an outcome with a share": inner("outcome", {1: share}),
        "a tag of 31": inner("outcome", {2: proof[:31]}),
        "a later kind with an empty text": filled(cbor.encode({0: 13, 1: ""})),
        "a later kind with an expiry of 0": filled(cbor.encode({0: 13, 3: 0})),
    }
    bad |= {
        f"{name} without details": filled(cbor.encode(without[name]))
        for name in ("parcel", "send no money", "next questions", "next number", "relay moved")
    }
    cases += [{"name": name, "expect": "Malformed", "body": data} for name, data in bad.items()]
    what = (
        "Bodies, docs/protocol.md, 'Letters'. 'body' are the 1608 bytes that are sealed, 'fields' "
        "the map in them: bytes as {bytes: ...}, the map as an object. TooNew is no error of the "
        "body: its person is told."
    )
    return File(what, x, cases)


def parcels() -> File:
    x = Names()
    content, file_key = x("content", 5000), x("file-key")
    plain = [x("content", 3960), content[3960:].ljust(3960, b"\0")]
    photo = pack(content, ParcelWhat.PHOTO, entropy=draws(file_key))
    sealed = seal_parts(photo, content, entropy=draws(x("nonce-0", 24), x("nonce-1", 24)))
    cases: list[dict[str, Made]] = [
        joined(
            {
                "name": f"part {index}",
                "expect": GOOD,
                "file_key": file_key,
                "parts": 2,
                "index": index,
            },
            {"dk": part.delete_key, "id": part.id, "nonce": part.box[:24]},
            {"plain": plain[index], "box": part.box},
        )
        for index, part in enumerate(sealed)
    ]
    text = "편지".encode()
    timed = pack_timed(text, due_at=CLOCK + 60, now=CLOCK, entropy=draws(x("timed-key")))
    (letter,) = seal_parts(timed, text, entropy=draws(x("timed-nonce", 24)))
    cases.append(
        joined(
            {"name": "a timed letter", "expect": GOOD, "file_key": timed.file_key, "parts": 1},
            {"index": 0, "dk": letter.delete_key, "id": letter.id, "nonce": letter.box[:24]},
            {"plain": text.ljust(3960, b"\0"), "box": letter.box},
        )
    )

    def forged(key_of: int, bound: tuple[int, int, int]) -> bytes:
        """Part 1 sealed by another way than the program's, bound to (place of, index, count)."""
        place, index, count = bound
        bound_to = lv(part_ids(photo)[place], u32(index), u32(count))
        key = mac(file_key, b"part-key" + u32(key_of))
        return seal(key, plain[1], bound_to=bound_to, nonce=x("nonce-1", 24))

    second = forged(1, (1, 1, 2))
    assert second == cases[1]["box"]
    bits = {"nonce": 0, "ciphertext": 2000, "tag": 3999}
    bad: dict[str, tuple[str, dict[str, Made]]] = {
        f"a bit of the {what}": ("Unopenable", {"box": flipped("part 1", second, at)})
        for what, at in bits.items()
    }
    bad |= {
        "part 0 in the place of part 1": ("Unopenable", {"box": Splice("part 0", 0)}),
        "part 1 in the place of part 0": ("Unopenable", {"box": Splice("part 1", 0), "index": 0}),
        "a part of three": ("Unopenable", {"box": Splice("part 1", 0), "parts": 3}),
        "a part of another parcel": ("Unopenable", {"file_key": timed.file_key}),
        "the key of another part": ("Unopenable", {"box": forged(0, (1, 1, 2))}),
        "bound to another place": ("Unopenable", {"box": forged(1, (0, 1, 2))}),
        "bound to another index": ("Unopenable", {"box": forged(1, (1, 0, 2))}),
        "bound to another count": ("Unopenable", {"box": forged(1, (1, 1, 3))}),
        "a box of 3999": ("Malformed", {"box": Splice("part 1", 3999, 1)}),
        "a box of 4001": ("Malformed", {"box": Splice("part 1", 4000, 0, b"\0")}),
        "nothing": ("Malformed", {"box": b""}),
        "part 2 of two": ("LocalError", {"index": 2}),
    }
    cases += [
        joined(
            {"name": name, "expect": expect, "file_key": file_key, "parts": 2, "index": 1},
            {"box": Splice("part 1", 0)},
            change,
        )
        for name, (expect, change) in bad.items()
    ]
    wholes: dict[str, tuple[str, dict[str, Made]]] = {
        "joined": (GOOD, {}),
        "filling that is not zero": ("Malformed", {"plains": [plain[0], plain[1][:-1] + b"\1"]}),
        "other content": ("Malformed", {"plains": [plain[0], bytes(3960)]}),
        "parts swapped": ("Malformed", {"plains": plain[::-1]}),
        "another hash": ("Malformed", {"hash": x("another")}),
        "another size": ("Malformed", {"size": 5001}),
        "a part missing": ("LocalError", {"plains": plain[:1]}),
    }
    cases += [
        joined(
            {"name": name, "expect": expect, "size": 5000, "hash": photo.digest, "plains": plain},
            {"content": content},
            change,
        )
        for name, (expect, change) in wholes.items()
    ]
    steps = [step for parts in PART_COUNTS for step in (3960 * parts, 3960 * parts + 1)]
    sizes = [1, *(size for size in steps if size < MOST_PARCEL_BYTES), MOST_PARCEL_BYTES]
    cases += [
        joined(
            {"name": "how many parts", "expect": GOOD},
            {"ladder": [[size, part_count(size)] for size in sizes]},
        ),
        {"name": "a parcel of no bytes", "expect": "LocalError", "ladder": [[0, 1]]},
        {"name": "over 4 MiB", "expect": "LocalError", "ladder": [[MOST_PARCEL_BYTES + 1, 1060]]},
    ]
    what = (
        "Parcels, docs/protocol.md, 'Parcels', of three kinds: one part ('box' opens to 'plain' "
        "as part 'index' of 'parts'); a whole joined of its parts' 'plains'; and 'ladder', pairs "
        "of [size, parts]. LocalError is a reader's refusal to ask for what is not there."
    )
    return File(what, x, cases)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def questions() -> File:
    x = Names()
    cases: list[dict[str, Made]] = []
    text = "그 개 이름은?"

    def run(
        name: str,
        theirs: str,
        expect: str,
        *,
        shown: Callable[[Question], Question] = lambda question: question,
        back: Callable[[QuestionReply, Question], QuestionReply] = lambda reply, _: reply,
    ) -> None:
        entropy = draws(x(f"{name}-nonce", 16), x(f"{name}-ya"))
        asked, first = comparison.ask(text, canonical("왜가리"), stretch=stretched, entropy=entropy)
        assert isinstance(first.details, Question)
        question = shown(first.details)
        nobody = [x(f"{name}-nobody-b", 64)] if question != first.details else []
        replied, second = comparison.reply(
            text,
            question,
            canonical(theirs),
            used=(),
            stretch=stretched,
            entropy=draws(x(f"{name}-yb"), *nobody),
        )
        assert isinstance(second.details, QuestionReply)
        answered = back(second.details, first.details)
        nobody = [x(f"{name}-nobody-a", 64)] if answered.share != second.details.share else []
        equal, third = comparison.conclude(
            asked, answered, entropy=draws(*nobody, x(f"{name}-blind"))
        )
        assert isinstance(third.details, QuestionOutcome)
        cases.append(
            joined(
                {
                    "name": name,
                    "expect": expect,
                    "question": text,
                    "asker": "왜가리",
                    "other": theirs,
                },
                {"nonce": asked.nonce, "ya": asked.scalar, "Ya": asked.share},
                {"yb": new_scalar(draws(x(f"{name}-yb"))), "Ya_received": question.share},
                {"Yb": second.details.share, "reply_tag": second.details.tag},
                {"Yb_received": answered.share, "reply_tag_received": answered.tag},
                {"nobody_a": x(f"{name}-nobody-a", 64), "nobody_b": x(f"{name}-nobody-b", 64)},
                {"blind": x(f"{name}-blind"), "outcome_tag": third.details.tag},
                {"equal_for_asker": int(equal)},
                {"equal_for_other": int(comparison.learn(replied, third.details))},
            )
        )

    low = Share(bytes(32))
    run("equal", "외가리", GOOD)
    run("different", "두루미", "different")
    run("low-order-Ya", "왜가리", "different", shown=lambda question: replace(question, share=low))
    run("low-order-Yb", "왜가리", "different", back=lambda reply, _: replace(reply, share=low))
    run("Ya-sent-back", "왜가리", "different", back=lambda r, q: replace(r, share=q.share))
    run("a-wrong-tag", "왜가리", "different", back=lambda r, _: replace(r, tag=_flipped(r.tag, 0)))
    what = (
        "Questions between two, docs/protocol.md. 'asker' and 'other' are the answers that the "
        "two typed; '..._received' what arrived; nobody_a and nobody_b the random ISK of a side "
        "that was shown an unusable share; 'blind' the random bytes of an outcome that says no. "
        "'expect' is good (equal for both) or different."
    )
    return File(what, x, cases)

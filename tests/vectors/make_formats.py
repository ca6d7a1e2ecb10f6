"""Vectors of formats that stand for themselves: CBOR, chains, acknowledgements, slips, pouches."""

from ojak_protocol import cbor
from ojak_protocol.acknowledgement import Entry, Reading, accepted, acknowledge, form_of
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.chains import (
    ChainKey,
    MailboxKey,
    body_key,
    end_key,
    next_chain_key,
    next_mailbox_key,
    place_at,
)
from ojak_protocol.number import Number
from ojak_protocol.pouch import CLASSES, PLACE_BYTES, Carried, encode_pouch
from ojak_protocol.primitives import blake2b, u32
from ojak_protocol.slip import Slip, encode_slip
from tests.protocol.test_slip import written as slip_of
from tests.vectors.notation import GOOD, File, Made, Names, Splice, flipped, joined, shape


def cbor_values() -> File:
    x = Names()
    good: dict[str, cbor.Value] = {
        "zero": 0,
        "largest number in one byte": 23,
        "smallest number in two bytes": 24,
        "smallest number in three bytes": 256,
        "smallest number in five bytes": 65_536,
        "smallest number in nine bytes": 1 << 32,
        "largest number": (1 << 64) - 1,
        "no bytes": b"",
        "bytes": x("bytes", 300),
        "no text": "",
        "text": "가 哪 😀",
        "empty list": [],
        "empty map": {},
        "a map in order": {0: 1, 1: ["가", b"\0\xff"], 2: 256, 23: "", 24: [], 255: {0: b""}},
        "six deep": [[[[[[]]]]]],
        "2048 entries": [0] * 2048,
    }
    bad = {
        "nothing": "",
        "trailing byte": "a000",
        "two values": "0000",
        "longer head of a number than needed": "1801",
        "longer head of bytes than needed": "580100",
        "longer head of a list than needed": "9800",
        "longer head of a map than needed": "b800",
        "longer key than needed": "a1180100",
        "keys not ascending": "a201000000",
        "the same key twice": "a200000000",
        "key above 255": "a119010000",
        "key that is a text": "a1616100",
        "key that is bytes": "a1410000",
        "negative": "20",
        "large negative": "3bffffffffffffffff",
        "tag of a date": "c060",
        "tag of a large number": "c24101",
        "unknown tag": "d9ffff00",
        "false": "f4",
        "true": "f5",
        "null": "f6",
        "undefined": "f7",
        "simple value": "f8ff",
        "half float": "f90000",
        "double float": "fb3ff0000000000000",
        "indefinite list": "9fff",
        "indefinite map": "bfff",
        "indefinite bytes": "5f4100ff",
        "break alone": "ff",
        "reserved head": "1c",
        "bytes cut short": "4200",
        "list cut short": "8200",
        "text that is not UTF-8": "61ff",
        "text with a surrogate": "63eda080",
        "seven deep": "81818181818180",
        "a list of four thousand million": "9affffffff",
        "bytes of 2^63": "5b8000000000000000",
    }
    cases: list[dict[str, Made]] = [
        {"name": name, "expect": GOOD, "encoded": cbor.encode(value), "value": shape(value)}
        for name, value in good.items()
    ]
    cases += [
        {"name": name, "expect": "Malformed", "encoded": bytes.fromhex(text)}
        for name, text in bad.items()
    ]
    cases += [
        {"name": "2049 entries", "expect": "Malformed", "encoded": b"\x99\x08\x01" + bytes(2049)}
    ]
    what = (
        "The CBOR of docs/protocol.md, 'CBOR'. 'encoded' are bytes; 'value' what they say: bytes "
        "as {bytes: ...}, a map as an object whose names are its keys."
    )
    return File(what, x, cases)


def chains() -> File:
    x = Names()
    cases: list[dict[str, Made]] = []
    for name in ("one", "two"):
        mbk, ck = MailboxKey(x(f"mbk-{name}")), ChainKey(x(f"ck-{name}"))
        places: list[Made] = []
        first = mbk, ck
        for index in range(3):
            place = place_at(mbk, index)
            places.append(
                {
                    "dk": place.delete_key,
                    "id": place.id,
                    "hk": place.header_key,
                    "bk": body_key(ck),
                }
            )
            mbk, ck = next_mailbox_key(mbk), next_chain_key(ck)
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "mbk": first[0], "ck": first[1], "places": places},
                {"mbk_3": mbk, "ck_3": ck},
                {"mbk_ended": end_key(first[0]), "id_ended": place_at(end_key(first[0]), 0).id},
            )
        )
    dk = DeleteKey(x("dk"))
    cases += [
        {"name": "an id", "expect": GOOD, "dk": dk, "id": mailbox_id(dk)},
        {"name": "a short delete key", "expect": "LocalError", "dk": dk[:31]},
        {"name": "a long delete key", "expect": "LocalError", "dk": dk + b"\0"},
    ]
    what = (
        "Addresses and chains, docs/protocol.md, 'Addresses' and 'Chains'. From 'mbk' and 'ck', "
        "the keys of place 0: the keys of places 0, 1, 2, the keys of place 3, and mailbox key "
        "and id of the place beside the chain. Or 'id' from 'dk'."
    )
    return File(what, x, cases)


def acknowledgements() -> File:
    x = Names()
    rows = [
        (0, 0, "accepted"),
        (0, 1, "withdrawn"),
        (0, 2, "lost"),
        (1, 0, "accepted"),
        *((2, index, ("accepted", "withdrawn", "accepted")[index % 3]) for index in range(62)),
    ]
    lengths = {0: 3, 1: 1}
    reading, told = Reading(lengths=tuple(lengths.items())), []
    places: list[dict[str, Made]] = []
    for chain, index, outcome in rows:
        place = MailboxId(x(f"id-{chain}-{index}"))
        form = form_of(x(f"{outcome}-{chain}-{index}", 4000))
        shown = b"" if outcome == "lost" else form
        entry = Entry(chain, index, place, shown, withdrawn=outcome == "withdrawn")
        reading = accepted(reading, entry)
        told.append((acknowledge(reading), reading.digest))
        places.append(
            joined(
                {"chain": chain, "index": index, "outcome": outcome, "id": place},
                {"letter": form_of(x(f"accepted-{chain}-{index}", 4000))},
                {"withdrawn": form_of(x(f"withdrawn-{chain}-{index}", 4000))},
            )
        )
    cases: list[dict[str, Made]] = []
    for count in (1, 2, 3, 4, 66):
        said, digest = told[count - 1]
        cases.append(
            joined(
                {"name": f"the first {count}", "expect": GOOD, "places": list(places[:count])},
                {"h": digest, "count": said.count, "tag": said.tag},
                {"withdrawn": said.withdrawn, "lost": said.lost},
            )
        )
    said = told[3][0]
    bad: dict[str, dict[str, Made]] = {
        "another tag": {"tag": bytes([said.tag[0] ^ 1]) + said.tag[1:]},
        "the tag of one place fewer": {"tag": told[2][0].tag},
        "more places than were written": {"count": 5},
        "a place called withdrawn that was not": {"withdrawn": said.withdrawn | 1},
        "a place called lost that was not": {"lost": said.lost | 1},
        "a lost place not called so": {"lost": 0},
    }
    for name, change in bad.items():
        cases.append(
            joined(
                {"name": name, "expect": "CopyDetected", "places": list(places[:4])},
                {"count": said.count, "tag": said.tag},
                {"withdrawn": said.withdrawn, "lost": said.lost},
                change,
            )
        )
    what = (
        "The running hash of docs/protocol.md, 'Acknowledgement'. 'places' in order, each with "
        "what its reader found and with H('form', box) of both forms; 'h' is the hash after the "
        "last. count, tag, withdrawn and lost are the acknowledgement, read by a writer of these "
        "places."
    )
    return File(what, x, cases)


def slips() -> File:
    number, relay = Number("123456789018"), "https://relay.example"
    good = {
        "number and relay": Slip(number, relay),
        "three questions": Slip(number, relay, ("Whose dog?", "그 산?", "哪条河?")),
        "the longest relay": Slip(number, "r" * 160),
        "the lowest number": Slip(Number("000000000000"), "http://127.0.0.1:8080"),
        "the longest question": Slip(number, relay, ("가" * 120,)),
    }
    cases: list[dict[str, Made]] = [
        joined(
            {"name": name, "expect": GOOD, "text": encode_slip(slip), "number": slip.number},
            {"relay": slip.relay, "questions": list(slip.questions)},
        )
        for name, slip in good.items()
    ]
    plain = encode_slip(good["number and relay"])
    typed = {
        "lower case": plain.lower(),
        "in groups": " ".join(plain[at : at + 5] for at in range(0, len(plain), 5)),
        "with hyphens and line ends": "-\r\n".join(plain[at : at + 8] for at in range(0, 64, 8)),
        "letters that look like digits": plain.replace("0", "o").replace("1", "l"),
        "full width": "".join(chr(ord(character) + 0xFEE0) for character in plain),
    }
    cases += [
        joined(
            {"name": name, "expect": GOOD, "text": text, "number": number, "relay": relay},
            {"questions": []},
        )
        for name, text in typed.items()
    ]
    body: dict[int, cbor.Value] = {0: 1, 1: 123456789018, 2: relay}
    bad = {
        "nothing": "",
        "a wrong character": plain[:9] + "Z" + plain[10:],
        "two characters swapped": plain[:1] + plain[2] + plain[1] + plain[3:],
        "a character missing": plain[:-1],
        "a character more": plain + "0",
        "a character that no slip has": plain[:-1] + "U",
        "a wrong check": slip_of(cbor.encode(body), b"\0\0\0\0"),
        "a bit behind the last byte": plain[:-1] + chr(ord(plain[-1]) + 1),
        "a later version": slip_of(cbor.encode(body | {0: 2})),
        "an unknown field": slip_of(cbor.encode(body | {4: 0})),
        "no relay": slip_of(cbor.encode({0: 1, 1: 123456789018})),
        "an empty relay": slip_of(cbor.encode(body | {2: ""})),
        "a relay of 161": slip_of(cbor.encode(body | {2: "r" * 161})),
        "a relay with a space": slip_of(cbor.encode(body | {2: "https://a b"})),
        "a check digit that is wrong": slip_of(cbor.encode(body | {1: 123456789019})),
        "a number of thirteen digits": slip_of(cbor.encode(body | {1: 10**12})),
        "a number as text": slip_of(cbor.encode(body | {1: "123456789018"})),
        "no question in the list": slip_of(cbor.encode(body | {3: []})),
        "an empty question": slip_of(cbor.encode(body | {3: [""]})),
        "four questions": slip_of(cbor.encode(body | {3: ["a", "b", "c", "d"]})),
        "a question that turns direction": slip_of(cbor.encode(body | {3: ["\u202ea"]})),
        "no map": slip_of(cbor.encode([])),
        "a trailing byte": slip_of(cbor.encode(body) + b"\0"),
        "a longer head than needed": slip_of(bytes.fromhex("b803") + cbor.encode(body)[1:]),
    }
    cases += [{"name": name, "expect": "Malformed", "text": text} for name, text in bad.items()]
    what = (
        "Slips, docs/protocol.md, 'Slip'. 'text' is what a person types or scans; 'number', "
        "'relay' and 'questions' what it says. The first five texts are what a writer writes."
    )
    return File(what, Names(), cases)


def _pouch_of(places: list[bytes], changes: dict[int, cbor.Value] | None = None) -> bytes:
    """Any places with their right hash."""
    hashed = blake2b(b"pouch", b"".join(places))
    whole: dict[int, cbor.Value] = {0: 1, 1: list[cbor.Value](places), 2: hashed}
    return cbor.encode(whole | (changes or {}))


def pouches() -> File:
    x = Names()

    def carried(number: int, ttl: int = 604_800) -> Carried:
        return Carried(MailboxId(x(f"id-{number}")), ttl, x(f"box-{number}", 4000))

    cases: list[dict[str, Made]] = []
    for count in (1, 2, 4, 5, 17, 65):
        boxes = [carried(number) for number in range(count)]
        boxes[0] = carried(0, 60)
        boxes[-1] = carried(count - 1, 2_592_000)
        cases.append(
            joined(
                {"name": f"{count} carried", "expect": GOOD, "pouch": encode_pouch(boxes)},
                {
                    "carried": [
                        {"id": one.id, "ttl": one.ttl_seconds, "box": one.box}
                        for one in sorted(boxes, key=lambda one: one.id)
                    ]
                },
            )
        )
    ids = sorted(range(3), key=lambda number: x(f"id-{number}"))
    first, second, third = (
        x(f"id-{number}") + u32(3600) + x(f"box-{number}", 4000) for number in ids
    )
    empty = bytes(PLACE_BYTES)
    bad = {
        "nothing carried": _pouch_of([empty]),
        "a larger class than needed": _pouch_of([first, empty, empty, empty]),
        "ids that descend": _pouch_of([second, first, empty, empty]),
        "one id twice": _pouch_of([first, first, empty, empty]),
        "an empty place in between": _pouch_of([first, empty, second, empty]),
        "filling that is not zero": _pouch_of([first, second, empty, empty[:-1] + b"\1"]),
        "three places": _pouch_of([first, second, third]),
        "no place": _pouch_of([]),
        "a time to live of 59": _pouch_of([first[:32] + u32(59) + first[36:]]),
        "a time to live of 2592001": _pouch_of([first[:32] + u32(2_592_001) + first[36:]]),
        "a place too short": _pouch_of([first[:-1]]),
        "a hash of 31 bytes": _pouch_of([first], {2: bytes(31)}),
        "a wrong hash": _pouch_of([first], {2: bytes(32)}),
        "an unknown field": _pouch_of([first], {3: 0}),
        "the hash under another key": _pouch_of([first]).replace(b"\2\x58\x20", b"\3\x58\x20"),
        "a text in the place of the hash": _pouch_of([first], {2: "h" * 32}),
        "a text in the place of a place": _pouch_of([first], {1: ["p" * PLACE_BYTES]}),
        "a place of 4035 bytes and one of none": _pouch_of([first], {1: [first[:-1], b""]}),
        "bytes in the place of the list": _pouch_of([first], {1: first + b"."}),
        "version 0": _pouch_of([first], {0: 0}),
        "version 24, which no short head has": _pouch_of([first], {0: 24}),
        "nothing at all": b"",
    }
    cases += [{"name": name, "expect": "Malformed", "pouch": data} for name, data in bad.items()]
    whole = "2 carried"
    pouch = encode_pouch([carried(0, 60), carried(1, 2_592_000)])
    size = len(pouch)
    spliced = {
        "a bit of an id": flipped(whole, pouch, 10),
        "a bit of a box": flipped(whole, pouch, 2000),
        "a bit of the filling": flipped(whole, pouch, 12_000),
        "a bit of the hash": flipped(whole, pouch, size - 1),
        "a trailing byte": Splice(whole, size, 0, b"\0"),
        "the last byte missing": Splice(whole, size - 1, 1),
        "a longer head of the version": Splice(whole, 2, 1, b"\x18\1"),
        "one carried, zeros up to the next length": Splice("1 carried", 4079, 0, bytes(12_117)),
        "a longer head of the map": Splice(whole, 0, 1, b"\xb8\3"),
    }
    cases += [
        {"name": name, "expect": "Malformed", "pouch": splice} for name, splice in spliced.items()
    ]
    cases += [
        {"name": "version 2", "expect": "TooNew", "pouch": Splice(whole, 2, 1, b"\2")},
        {"name": "version 23 and nothing else", "expect": "TooNew", "pouch": b"\xa1\0\x17"},
        {"name": "version 2, not our CBOR", "expect": "TooNew", "pouch": b"\xb7\0\2\xff\xff"},
        {
            "name": "version 2, too long",
            "expect": "TooNew",
            "pouch": b"\xa3\0\2" + bytes(5_000_000),
        },
    ]
    assert {len(encode_pouch([carried(n) for n in range(count)])) for count in (3, 4)} == {size}
    assert CLASSES[:4] == (1, 4, 16, 64)
    what = (
        "Pouches, docs/protocol.md, 'Pouch'. 'pouch' is the file; 'carried' what it carries, each "
        "with id, ttl in seconds, and box."
    )
    return File(what, x, cases)

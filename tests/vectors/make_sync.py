"""Vectors of the relay's only call: requests of each class, replies of each room."""

from collections.abc import Callable

from ojak_protocol import cbor
from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.sync import (
    REPLY_BYTES,
    Deposit,
    DepositOutcome,
    Found,
    NoRoom,
    Nothing,
    PollResult,
    SyncClass,
    SyncReply,
    SyncRequest,
    encode_reply,
    encode_request,
)
from tests.vectors.notation import GOOD, File, Made, Names, Splice, joined

CLOCK = 1_800_000_000
Fields = dict[int, cbor.Value]


def padded(fields: Fields, size: int) -> bytes:
    """Any map with the padding behind it that makes it *size* bytes, by another way than ours."""
    key = len(fields)
    for second in range(3):
        empty = len(cbor.encode(fields | {key: [b"", bytes(second)]}))
        # A head grows with what it counts: what is missing, less 0 to 4 bytes of head.
        for head in range(min(5, size - empty + 1)):
            encoded = cbor.encode(fields | {key: [bytes(size - empty - head), bytes(second)]})
            if len(encoded) == size:
                return encoded
    raise AssertionError(size)


def request_of(
    x: Names, size: SyncClass, *, deletes: int, deposits: int, room: int, wait: int
) -> SyncRequest:
    kept = []
    for number in range(deposits):
        key = DeleteKey(x(f"deposit-dk-{number}")) if number % 2 else None
        place = MailboxId(x(f"deposit-{number}")) if key is None else mailbox_id(key)
        ttl, after = (60, 2_592_000) if number % 2 else (2_592_000, 0)
        kept.append(Deposit(place, key, ttl, after, x(f"box-{number}", 4000)))
    return SyncRequest(
        size,
        tuple(MailboxId(x(f"poll-{number}")) for number in range(size.polls)),
        tuple(DeleteKey(x(f"dk-{number}")) for number in range(deletes)),
        tuple(kept),
        room,
        wait,
    )


def _said(request: SyncRequest) -> dict[str, Made]:
    return {
        "class": request.sync_class.deposits,
        "polls": list(request.polls),
        "deletes": list(request.deletes),
        "deposits": [
            joined(
                {"id": deposit.id},
                {} if deposit.delete_key is None else {"dk": deposit.delete_key},
                {"ttl": deposit.ttl_seconds, "after": deposit.after_seconds, "box": deposit.box},
            )
            for deposit in request.deposits
        ],
        "room": request.room,
        "wait": request.wait_seconds,
    }


def _changed(fields: Fields, size: int) -> Callable[[dict[int, cbor.Value]], bytes]:
    """Return how to make a body of the right length that says something else."""

    def body(change: dict[int, cbor.Value]) -> bytes:
        return padded(fields | change, size)

    return body


def requests() -> File:
    x = Names()
    good = {
        "class 0, nothing asked": request_of(
            x, SyncClass.ZERO, deletes=0, deposits=0, room=0, wait=0
        ),
        "class 0, all deletes": request_of(
            x, SyncClass.ZERO, deletes=8, deposits=0, room=16, wait=25
        ),
        "class 1": request_of(x, SyncClass.ONE, deletes=1, deposits=1, room=1, wait=25),
        "class 1 without a deposit": request_of(
            x, SyncClass.ONE, deletes=0, deposits=0, room=4, wait=1
        ),
        "class 4 with one deposit": request_of(
            x, SyncClass.FOUR, deletes=1, deposits=1, room=1, wait=25
        ),
        "class 4": request_of(x, SyncClass.FOUR, deletes=32, deposits=4, room=4, wait=0),
        "class 16": request_of(x, SyncClass.SIXTEEN, deletes=64, deposits=16, room=16, wait=0),
        "class 16 with one deposit": request_of(
            x, SyncClass.SIXTEEN, deletes=3, deposits=1, room=0, wait=24
        ),
    }
    cases: list[dict[str, Made]] = [
        joined({"name": name, "expect": GOOD, "body": encode_request(request)}, _said(request))
        for name, request in good.items()
    ]
    one, roomy = (encode_request(good[name]) for name in ("class 1", "class 4 with one deposit"))
    fields = cbor.decode(roomy, max_bytes=len(roomy))
    assert isinstance(fields, dict)
    del fields[6]
    polls, deletes, deposits = fields[1], fields[2], fields[3]
    assert isinstance(polls, list)
    assert isinstance(deletes, list)
    assert isinstance(deposits, list)
    deposit = deposits[0]
    assert isinstance(deposit, dict)
    body = _changed(fields, len(roomy))
    without_ttl = {key: value for key, value in deposit.items() if key != 2}
    both = deposit | {1: x("dk-0")}
    bad: dict[str, bytes] = {
        "version 0": body({0: 0}),
        "a version that is bytes": body({0: b"\1"}),
        "a poll missing": body({1: polls[1:]}),
        "a poll too many": body({1: [*polls, polls[0]]}),
        "a poll of 31 bytes": body({1: [x("poll-0")[:31], *polls[1:]]}),
        "a poll that is a text": body({1: ["a" * 32, *polls[1:]]}),
        "polls that are no list": body({1: 0}),
        "a delete missing": body({2: deletes[1:]}),
        "a delete too many": body({2: [*deletes, bytes(32)]}),
        "a delete of 33 bytes": body({2: [bytes(33), *deletes[1:]]}),
        "a delete that is a number": body({2: [0, *deletes[1:]]}),
        "a deposit with id and dk": body({3: [both]}),
        "a deposit without a time to live": body({3: [without_ttl]}),
        "a deposit with an unknown field": body({3: [deposit | {5: 0}]}),
        "a deposit that is a list": body({3: [list(deposit.values())]}),
        "an id of 31 bytes": body({3: [deposit | {0: bytes(31)}]}),
        "a time to live of 59": body({3: [deposit | {2: 59}]}),
        "a time to live of 2592001": body({3: [deposit | {2: 2_592_001}]}),
        "a time to live that is a text": body({3: [deposit | {2: "60"}]}),
        "after 2592001": body({3: [deposit | {3: 2_592_001}]}),
        "a box of 3999": body({3: [deposit | {4: bytes(3999)}]}),
        "a box of 4001": body({3: [deposit | {4: bytes(4001)}]}),
        "a box that is a text": body({3: [deposit | {4: "b" * 4000}]}),
        "room for two": body({4: 2}),
        "room that is a list": body({4: []}),
        "a wait of 26": body({5: 26}),
        "a wait that is bytes": body({5: b""}),
        "an unknown field": padded(fields | {6: 0}, len(roomy)),
        "padding that is no list": _one_string(fields, len(roomy)),
        "the deletes of a smaller class": body({2: deletes[:8]}),
        "a length of no class": padded(fields, len(roomy) + 1),
        "nothing": b"",
        "a list in place of the map": cbor.encode([0] * 1378),
        "longer than any class": encode_request(good["class 16"]) + b"\0",
    }
    cases += [{"name": name, "expect": "Malformed", "body": data} for name, data in bad.items()]
    whole, size = "class 1", len(one)
    spliced = {
        "a trailing byte": Splice(whole, size, 0, b"\0"),
        "the last byte missing": Splice(whole, size - 1, 1),
        "filling that is not zero": Splice(whole, size - 2, 1, b"\1"),
        "a longer head of the room than needed": Splice(
            whole, one.rindex(b"\4\1\5"), 2, b"\4\x18\1"
        ),
        "keys not ascending": Splice(whole, one.rindex(b"\4\1\5"), 5, b"\5\x18\x19\4\1"),
        "a wait that is true": Splice(whole, one.rindex(b"\5\x18\x19\6"), 3, b"\5\xf5"),
        "an indefinite list of polls": Splice(whole, 4, 2, b"\x9f\x40"),
    }
    cases += [
        {"name": name, "expect": "Malformed", "body": splice} for name, splice in spliced.items()
    ]
    # Zeros in the second string that the first could hold.
    cases += [
        {
            "name": "padding in the wrong string",
            "expect": "Malformed",
            "body": _split_padding(roomy),
        },
        {"name": "version 2", "expect": "TooNew", "body": Splice(whole, 2, 1, b"\2")},
        {
            "name": "version 2 with a field more",
            "expect": "TooNew",
            "body": padded(fields | {0: 2, 6: 0}, len(roomy)),
        },
        {
            "name": "version 2^64 - 1, short",
            "expect": "TooNew",
            "body": cbor.encode({0: (1 << 64) - 1}),
        },
    ]
    what = (
        "Requests, docs/protocol.md, 'Sync'. 'body' is what is posted; the other fields are what "
        "it asks: 'class' by its deposits, 'deletes' without those that only fill up, a deposit "
        "with 'dk' showing that in place of its id."
    )
    return File(what, x, cases)


def _one_string(fields: Fields, size: int) -> bytes:
    """A body of the right length whose padding is a string where a list of two belongs."""
    missing = size - len(cbor.encode(fields | {6: bytes(300)}))
    return cbor.encode(fields | {6: bytes(300 + missing)})


def _split_padding(body: bytes) -> bytes:
    """The same body with two zeros moved from the first string of its padding to the second."""
    value = cbor.decode(body, max_bytes=len(body))
    assert isinstance(value, dict)
    last = value[max(value)]
    assert isinstance(last, list)
    first, second = last
    assert isinstance(first, bytes)
    assert isinstance(second, bytes)
    moved = cbor.encode(value | {max(value): [first[2:], second + b"\0\0"]})
    assert len(moved) == len(body)
    return moved


def _results(x: Names, count: int, boxes: int, *, crowded: bool) -> tuple[PollResult, ...]:
    found = [Found(x(f"found-{number}", 4000)) for number in range(boxes)]
    more = [NoRoom()] if crowded else []
    return (*found, *more, *[Nothing()] * (count - boxes - len(more)))


def replies() -> File:
    x = Names()
    rows = [
        ("room 0, nothing there", SyncClass.ZERO, 0, 0, False),
        ("room 0, something there", SyncClass.ONE, 1, 0, True),
        ("room 1", SyncClass.ONE, 1, 1, True),
        ("room 1, nothing there", SyncClass.FOUR, 4, 0, False),
        ("room 4", SyncClass.FOUR, 2, 4, True),
        ("room 16", SyncClass.SIXTEEN, 16, 16, True),
        ("room 16, one box", SyncClass.ZERO, 0, 1, False),
    ]
    cases: list[dict[str, Made]] = []
    made: dict[str, bytes] = {}
    for name, size, deposits, boxes, crowded in rows:
        room = int(name.split(",")[0].removeprefix("room "))
        outcomes = tuple(DepositOutcome(number % 4) for number in range(deposits))
        results = _results(x, size.polls, boxes, crowded=crowded)
        made[name] = encode_reply(SyncReply(CLOCK, results, outcomes), room)
        cases.append(
            joined(
                {"name": name, "expect": GOOD, "class": size.deposits, "deposited": deposits},
                {"room": room, "body": made[name], "clock": CLOCK},
                {
                    "results": [
                        {"box": result.box}
                        if isinstance(result, Found)
                        else int(result == NoRoom())
                        for result in results
                    ],
                    "outcomes": [int(outcome) for outcome in outcomes],
                },
            )
        )
    asked: dict[str, Made] = {"class": 1, "deposited": 1, "room": 1}
    one = made["room 1"]
    fields = cbor.decode(one, max_bytes=10_000)
    assert isinstance(fields, dict)
    del fields[4]
    results_, outcomes_ = fields[2], fields[3]
    assert isinstance(results_, list)
    assert isinstance(outcomes_, list)
    body = _changed(fields, len(one))
    small: Fields = {2: [0, *results_[1:]]}
    shorter = padded(fields | small, len(one) - 1)
    assert shorter.count(b"\3\x81\0") == 1
    bad = {
        "version 0": body(small | {0: 0}),
        "a clock beyond 2^40": body(small | {1: (1 << 40) + 1}),
        "a clock that is a text": body(small | {1: ""}),
        "a result missing": body({2: [0, *results_[2:]]}),
        "a result too many": body({2: [0, 0, *results_[1:]]}),
        "a result of 2": body({2: [0, 2, *results_[2:]]}),
        "a result that is a text": body({2: [0, "", *results_[2:]]}),
        "a box of 3999": body({2: [bytes(3999), *results_[1:]]}),
        "an outcome missing": body(small | {3: []}),
        "an outcome too many": body(small | {3: [0, 0]}),
        "an outcome of 4": body(small | {3: [4]}),
        "an outcome that is bytes": body(small | {3: [b""]}),
        "an unknown field": padded(fields | small | {4: 0}, len(one)),
        "a longer head of the outcome": shorter.replace(b"\3\x81\0", b"\3\x81\x18\0"),
        "nothing": b"",
        "the length of another room": made["room 4"],
        "padding in the wrong string": _split_padding(padded(fields | small, len(one))),
    }
    assert len(bad["the length of another room"]) == REPLY_BYTES[4]
    cases += [
        joined({"name": name, "expect": "Malformed"}, asked, {"body": data})
        for name, data in bad.items()
    ]
    end = len(one)
    spliced = {
        "a trailing byte": ("Malformed", Splice("room 1", end, 0, b"\0")),
        "the last byte missing": ("Malformed", Splice("room 1", end - 1, 1)),
        "filling that is not zero": ("Malformed", Splice("room 1", end - 2, 1, b"\1")),
        "version 2": ("TooNew", Splice("room 1", 2, 1, b"\2")),
    }
    cases += [
        joined({"name": name, "expect": expect}, asked, {"body": splice})
        for name, (expect, splice) in spliced.items()
    ]
    cases += [
        # Two boxes cannot stand in a reply to room 0 or 1, whose length is too small for them.
        joined(
            {"name": "a box where no room was asked for", "expect": "Malformed"},
            {"class": 1, "deposited": 1, "room": 0, "body": one},
        ),
    ]
    what = (
        "Replies, docs/protocol.md, 'Sync', to a request of 'class' with 'deposited' deposits "
        "that asked for 'room'. 'results' are one a poll: {box}, 0 nothing, 1 no room; 'outcomes' "
        "one a deposit."
    )
    return File(what, x, cases)

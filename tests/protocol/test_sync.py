"""The sync request and reply: one length per class, one error for hostile bytes."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ojak_protocol.addresses import DeleteKey, MailboxId, mailbox_id
from ojak_protocol.errors import LocalError, Malformed, TooNew
from ojak_protocol.sync import (
    MAX_AFTER_SECONDS,
    MAX_CLOCK,
    MAX_TTL_SECONDS,
    MIN_TTL_SECONDS,
    NO_DELETE,
    NOTHING,
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
    decode_reply,
    decode_request,
    encode_reply,
    encode_request,
)

ids = st.binary(min_size=32, max_size=32).map(MailboxId)
keys = st.binary(min_size=32, max_size=32).map(DeleteKey).filter(lambda key: key != NO_DELETE)
boxes = st.integers(0, 255).map(lambda byte: bytes([byte]) * 4000)
rooms = st.sampled_from(sorted(REPLY_BYTES))
KEY = DeleteKey(b"k" * 32)
BOX = b"b" * 4000


@st.composite
def deposits(draw: st.DrawFn) -> Deposit:
    key = draw(st.none() | keys)
    return Deposit(
        id=draw(ids) if key is None else mailbox_id(key),
        delete_key=key,
        ttl_seconds=draw(st.integers(MIN_TTL_SECONDS, MAX_TTL_SECONDS)),
        after_seconds=draw(st.integers(0, MAX_AFTER_SECONDS)),
        box=draw(boxes),
    )


@st.composite
def requests(draw: st.DrawFn) -> SyncRequest:
    limits = draw(st.sampled_from(SyncClass))
    few = draw(st.lists(ids, min_size=1, max_size=3))
    return SyncRequest(
        sync_class=limits,
        polls=tuple((few * limits.polls)[: limits.polls]),
        deletes=tuple(draw(st.lists(keys, max_size=min(4, limits.deletes)))),
        deposits=tuple(draw(st.lists(deposits(), max_size=limits.deposits))),
        room=draw(rooms),
        wait_seconds=draw(st.integers(0, 25)),
    )


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[SyncRequest, SyncReply]:
    request = draw(requests())
    found = draw(st.lists(boxes.map(Found), max_size=request.room))
    absent: st.SearchStrategy[PollResult] = st.sampled_from([Nothing(), NoRoom()])
    missing = len(request.polls) - len(found)
    rest = draw(st.lists(absent, min_size=missing, max_size=missing))
    outcomes = st.lists(
        st.sampled_from(DepositOutcome),
        min_size=len(request.deposits),
        max_size=len(request.deposits),
    )
    return request, SyncReply(
        clock=draw(st.integers(0, MAX_CLOCK)),
        polls=tuple(draw(st.permutations([*found, *rest]))),
        deposits=tuple(draw(outcomes)),
    )


def a_request(**changes: object) -> SyncRequest:
    plain = SyncRequest(
        sync_class=SyncClass.ONE,
        polls=(MailboxId(b"p" * 32),) * 32,
        deposits=(Deposit(mailbox_id(KEY), KEY, 60, 0, BOX),),
        room=1,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # the limits are what is tested


@given(requests())
def test_every_request_of_a_class_has_one_length_and_reads_back(request: SyncRequest) -> None:
    body = encode_request(request)
    assert len(body) == request.sync_class.body_bytes
    assert decode_request(body) == request


@given(exchanges())
def test_every_reply_of_a_room_has_one_length_and_reads_back(
    exchange: tuple[SyncRequest, SyncReply],
) -> None:
    request, reply = exchange
    body = encode_reply(reply, request.room)
    assert len(body) == REPLY_BYTES[request.room]
    assert decode_reply(body, request) == reply


def test_the_largest_contents_fit_their_class_and_room() -> None:
    for limits in SyncClass:
        full = SyncRequest(
            sync_class=limits,
            polls=(MailboxId(b"p" * 32),) * limits.polls,
            deletes=(KEY,) * limits.deletes,
            deposits=(Deposit(mailbox_id(KEY), KEY, MAX_TTL_SECONDS, MAX_AFTER_SECONDS, BOX),)
            * limits.deposits,
            room=16,
            wait_seconds=25,
        )
        assert len(encode_request(full)) == limits.body_bytes
    for room, size in REPLY_BYTES.items():
        found: tuple[PollResult, ...] = (Found(BOX),) * room
        results = found + (NoRoom(),) * (64 - room)
        reply = SyncReply(MAX_CLOCK, results, (DepositOutcome.FULL,) * 16)
        assert len(encode_reply(reply, room)) == size


def test_the_sizes_on_the_wire_never_change() -> None:
    assert [limits.body_bytes for limits in SyncClass] == [1379, 5431, 18_404, 69_204]
    assert REPLY_BYTES == {0: 102, 1: 4104, 4: 16_110, 16: 64_134}


def test_zero_deletes_only_fill_up_and_are_not_read_back() -> None:
    read = decode_request(encode_request(a_request(deletes=(NO_DELETE, KEY, NO_DELETE))))
    assert read.deletes == (KEY,)


def test_a_replacing_deposit_shows_the_key_and_not_the_id() -> None:
    body = encode_request(a_request())
    assert bytes(KEY) in body
    assert bytes(mailbox_id(KEY)) not in body


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"polls": (MailboxId(b"p" * 32),) * 31}, id="too few polls"),
        pytest.param({"polls": (MailboxId(b"p" * 32),) * 33}, id="too many polls"),
        pytest.param({"polls": (MailboxId(b"p" * 31),) * 32}, id="short poll"),
        pytest.param({"deletes": (KEY,) * 9}, id="too many deletes"),
        pytest.param({"deletes": (DeleteKey(b"short"),)}, id="short delete"),
        pytest.param({"deposits": a_request().deposits * 2}, id="too many deposits"),
        pytest.param({"room": 2}, id="no such room"),
        pytest.param({"room": True}, id="boolean room"),
        pytest.param({"wait_seconds": 26}, id="wait too long"),
        pytest.param({"wait_seconds": -1}, id="negative wait"),
        pytest.param({"wait_seconds": True}, id="boolean wait"),
    ],
)
def test_a_request_outside_the_limits_of_its_class_is_not_made(changes: dict[str, object]) -> None:
    with pytest.raises(LocalError):
        a_request(**changes)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Deposit(MailboxId(b"i" * 32), KEY, 60, 0, BOX),
        lambda: Deposit(MailboxId(b"i" * 31), None, 60, 0, BOX),
        lambda: Deposit(MailboxId(b"i" * 32), None, 59, 0, BOX),
        lambda: Deposit(MailboxId(b"i" * 32), None, MAX_TTL_SECONDS + 1, 0, BOX),
        lambda: Deposit(MailboxId(b"i" * 32), None, 60, -1, BOX),
        lambda: Deposit(MailboxId(b"i" * 32), None, 60, MAX_AFTER_SECONDS + 1, BOX),
        lambda: Deposit(MailboxId(b"i" * 32), None, 60, 0, BOX[1:]),
        lambda: SyncReply(MAX_CLOCK + 1, (), ()),
        lambda: SyncReply(0, (Found(b"short"),), ()),
        lambda: encode_reply(SyncReply(0, (Found(BOX), Found(BOX)), ()), 1),
        lambda: encode_reply(SyncReply(0, (), ()), 3),
        lambda: encode_reply(SyncReply(0, (Nothing(),) * 200, ()), 0),
    ],
    ids=map(str, range(12)),
)
def test_a_value_outside_the_limits_is_not_made(make: Callable[[], object]) -> None:
    with pytest.raises(LocalError):
        make()


def _changed(key: int, value: object) -> bytes:
    """Return a request with one field changed and the length kept."""
    fields = cbor2.loads(encode_request(a_request()))
    fields[key] = value
    fields[6] = [b"", b""]
    room = 5431 - len(cbor2.dumps(fields)) + 1
    for head in (1, 2, 3):
        fields[6] = [bytes(max(0, room - head)), b""]
        if len(cbor2.dumps(fields)) == 5431:
            break
    return cbor2.dumps(fields)


DEPOSIT = {0: b"i" * 32, 2: 60, 3: 0, 4: BOX}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (0, 0),
        (0, b"1"),
        (1, []),
        (1, 7),
        (1, [b"p" * 32] * 31),
        (1, [b"p" * 31] * 32),
        (1, [7] * 32),
        (2, []),
        (2, [bytes(32)] * 7),
        (2, [bytes(31)] * 8),
        (3, [DEPOSIT, DEPOSIT]),
        (3, [[]]),
        (3, [DEPOSIT | {2: 59}]),
        (3, [DEPOSIT | {3: MAX_AFTER_SECONDS + 1}]),
        (3, [DEPOSIT | {2: b""}]),
        (3, [DEPOSIT | {4: b"short"}]),
        (3, [DEPOSIT | {1: b"k" * 32}]),
        (3, [{2: 60, 3: 0, 4: BOX}]),
        (4, 2),
        (4, b""),
        (5, 26),
        (5, b""),
        (7, 0),
    ],
)
def test_a_body_that_breaks_one_rule_is_malformed(key: int, value: object) -> None:
    with pytest.raises(Malformed):
        decode_request(_changed(key, value))


def test_the_maker_of_changed_bodies_makes_good_ones_too() -> None:
    assert decode_request(_changed(5, 7)).wait_seconds == 7
    assert decode_request(_changed(3, [DEPOSIT])).deposits[0].delete_key is None


REPLY = SyncReply(0, (Nothing(),) * 32, (DepositOutcome.STORED,))
PADDING_BYTES = len(cbor2.loads(encode_reply(REPLY, 1))[4][0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (bytes(PADDING_BYTES - 1), b"\0"),
        (bytes(PADDING_BYTES - 2), bytes(2)),
        (bytes(PADDING_BYTES - 3), bytes(3)),
        (bytes(PADDING_BYTES - 1) + b"\1", b""),
        (b"\1" * PADDING_BYTES, b""),
        ("\0" * PADDING_BYTES, b""),
        (bytes(PADDING_BYTES), ""),
        (bytes(PADDING_BYTES), 0),
    ],
    ids=map(str, range(8)),
)
def test_padding_of_another_form_is_malformed(first: object, second: object) -> None:
    """One value has one body: nothing can be smuggled in the padding."""
    fields = cbor2.loads(encode_reply(REPLY, 1))
    assert fields[4] == [bytes(PADDING_BYTES), b""]
    body = cbor2.dumps(fields | {4: [first, second]})
    assert len(body) == REPLY_BYTES[1]
    with pytest.raises(Malformed, match="one encoding"):
        decode_reply(body, a_request())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (1, b""),
        (1, MAX_CLOCK + 1),
        (2, [0] * 31),
        (2, [2] + [0] * 31),
        (2, [[]] + [0] * 31),
        (2, [b"short"] + [0] * 31),
        (3, []),
        (3, [4]),
        (3, 0),
    ],
)
def test_a_reply_that_breaks_one_rule_is_malformed(key: int, value: object) -> None:
    fields = cbor2.loads(encode_reply(SyncReply(0, (Nothing(),) * 32, (DepositOutcome.STORED,)), 1))
    fields[key] = value
    fields[4] = [b"", b""]
    fields[4] = [bytes(REPLY_BYTES[1] - len(cbor2.dumps(fields)) - 2), b""]
    body = cbor2.dumps(fields)
    assert len(body) == REPLY_BYTES[1]
    with pytest.raises(Malformed):
        decode_reply(body, a_request())


@pytest.mark.parametrize("room", REPLY_BYTES)
def test_one_box_more_than_there_is_room_for_makes_a_longer_body(room: int) -> None:
    boxes: list[object] = [BOX] * (room + 1)
    assert len(cbor2.dumps({0: 1, 1: 0, 2: boxes, 3: [], 4: [b"", b""]})) > REPLY_BYTES[room]


@pytest.mark.parametrize("room", sorted(set(REPLY_BYTES) - {1}))
def test_a_reply_of_another_length_than_the_room_asked_for_is_malformed(room: int) -> None:
    body = encode_reply(REPLY, room)
    with pytest.raises(Malformed):
        decode_reply(body, a_request(room=1))


def test_a_later_version_is_too_new() -> None:
    with pytest.raises(TooNew):
        decode_request(cbor2.dumps({0: 2, 1: "something else"}))
    with pytest.raises(TooNew):
        decode_reply(cbor2.dumps({0: 2}), a_request())


@given(st.binary(max_size=200))
def test_any_bytes_are_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        decode_request(body)
    with pytest.raises(Malformed):
        decode_reply(body, a_request())


@settings(max_examples=300)
@given(st.data())
def test_a_damaged_body_reads_as_itself_or_is_refused(data: st.DataObject) -> None:
    body = bytearray(encode_request(a_request()))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, 1500) | st.integers(0, len(body) - 1))] = data.draw(
            st.integers(0, 255)
        )
    try:
        read = decode_request(bytes(body))
    except (Malformed, TooNew):
        return
    assert decode_request(encode_request(read)) == read


def read_with_changes(body: bytes, bits: tuple[int, ...]) -> Iterator[tuple[bytes, SyncRequest]]:
    """Give *body* with one of *bits* turned in a byte, and what is read; refusals are left out."""
    for at in range(len(body)):
        for bit in bits:
            changed = bytearray(body)
            changed[at] ^= bit
            with suppress(Malformed, TooNew):
                yield bytes(changed), decode_request(bytes(changed))


def test_each_byte_of_a_request_that_is_changed_gives_another_request_or_a_refusal() -> None:
    request = a_request(
        deposits=(Deposit(mailbox_id(KEY), KEY, 3600, 70_000, BOX),),
        deletes=(KEY,) * SyncClass.ONE.deletes,
        wait_seconds=25,
    )
    body = encode_request(request)
    assert decode_request(body) == request
    # In each byte the lowest bit, and the one that makes another kind of item of it.
    for changed, read in read_with_changes(body, (1, 32)):
        assert read != request
        assert encode_request(read) == changed


def test_each_byte_of_a_request_without_deposits_is_the_only_one() -> None:
    request = a_request(sync_class=SyncClass.ZERO, deposits=())
    body = encode_request(request)
    assert decode_request(body) == request
    assert all(read != request for _, read in read_with_changes(body, (1, 32, 128)))


def forms(number: int) -> list[bytes]:
    """Return all ways to write *number* as an integer, the shortest and only good one first."""
    written = [number.to_bytes(1, "big")] if number < 24 else []
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 256**size:
            written.append(bytes([code]) + number.to_bytes(size, "big"))
    return written


def with_wish(room: bytes, wait: bytes) -> bytes:
    """Return a request with these bytes for room and time to wait, and fitting padding."""
    body = encode_request(a_request(deposits=(), deletes=(KEY,) * 8))
    shown = body[: body.rindex(b"\3\x80\4") + 3] + room + b"\5" + wait + b"\6"
    missing = len(body) - len(shown)
    for second, head in itertools.product(range(3), (1, 2, 3)):
        padding = cbor2.dumps([bytes(max(0, missing - 2 - second - head)), bytes(second)])
        if len(padding) == missing:
            return shown + padding
    raise AssertionError("no padding of that length")


def test_of_room_and_wait_nothing_is_read_but_what_is_within_limits_and_written_shortest() -> None:
    rooms, waits = (0, 1, 2, 4, 15, 16, 17, 23, 24, 255, 256), (0, 1, 23, 24, 25, 26, 255, 65_536)
    taken = set()
    for room, wait in itertools.product(rooms, waits):
        for shown in itertools.product(forms(room), forms(wait)):
            with suppress(Malformed):
                read = decode_request(with_wish(*shown))
                assert (read.room, read.wait_seconds) == (room, wait)
                assert shown == (forms(room)[0], forms(wait)[0])
                taken.add((room, wait))
    assert taken == set(itertools.product((0, 1, 4, 16), (0, 1, 23, 24, 25)))


def test_a_nothing_that_is_another_object_is_written_as_nothing() -> None:
    ours = (NOTHING, NoRoom(), Found(BOX), NOTHING)
    other = (Nothing(), NoRoom(), Found(BOX), Nothing())
    assert other[0] is not NOTHING
    assert encode_reply(SyncReply(0, other, ()), 1) == encode_reply(SyncReply(0, ours, ()), 1)


def test_nothing_secret_stands_in_the_repr() -> None:
    shown = repr(a_request(deletes=(KEY,))) + repr(Found(BOX))
    assert "kkkk" not in shown
    assert "pppp" not in shown
    assert "bbbb" not in shown

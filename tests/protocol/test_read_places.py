"""Where boxes were read: another header there is a copy's, and nothing else proves one."""

import os

import pytest

from ojak_protocol.addresses import MailboxId
from ojak_protocol.box import BODY_BYTES, Header, TurnKeys, seal_box
from ojak_protocol.chains import MailboxKey, Place, end_key, next_mailbox_key, place_at
from ojak_protocol.errors import CopyDetected
from ojak_protocol.read_places import (
    MOST_READ_CHAINS,
    MOST_READ_PLACES,
    Read,
    begun,
    chain_at,
    count_again,
    deleted_again,
    ended,
    ids_again,
    noted,
    read_again,
)

KEY = MailboxKey(b"k" * 32)
HEADER = Header(TurnKeys(b"d" * 32, b"e" * 1184, b"c" * 1088), 0, 0)


def place(index: int, key: MailboxKey = KEY) -> Place:
    """The place at *index* of the chain of *key*."""
    for _ in range(index):
        key = next_mailbox_key(key)
    return place_at(key, index)


def box_for(where: Place) -> bytes:
    """What somebody with the keys of *where* seals there, each time with another nonce."""
    return seal_box(
        where.id,
        header_key=where.header_key,
        header=HEADER,
        body_key=b"b" * 32,
        body=bytes(BODY_BYTES),
        entropy=os.urandom,
    )


def read_at(*indices: int) -> tuple[Read, dict[int, bytes]]:
    """What is kept after boxes at *indices* of one chain were read, and these."""
    boxes = {index: box_for(place(index)) for index in indices}
    read = begun((), 0, KEY)
    for index, box in boxes.items():
        read = noted(read, 0, index, box)
    return read, boxes


def ids(read: Read) -> list[MailboxId]:
    found = ids_again(read, range(count_again(read)))
    return [found[at] for at in range(len(found))]


def test_a_chain_that_was_begun_has_nowhere_to_look_again_and_a_place_beside_it() -> None:
    (chain,) = begun((), 3, KEY)
    assert (chain.number, chain.end_key, count_again((chain,))) == (3, end_key(KEY), 0)
    assert ids_again((chain,), [0]) == {}


def test_it_is_looked_again_where_something_was_opened_the_latest_first() -> None:
    read, _ = read_at(0, 2)
    assert ids(read) == [place(2).id, place(0).id]
    read = begun(read, 1, next_mailbox_key(KEY))
    other = place(0, next_mailbox_key(KEY))
    read = noted(read, 1, 0, box_for(other))
    assert ids(read) == [other.id, place(2).id, place(0).id]
    assert ids_again(read, [1]) == {1: place(2).id}


def test_behind_the_end_of_a_chain_is_looked_too() -> None:
    read, _ = read_at(0)
    read = ended(read, 0, 3)
    assert ids(read) == [place(3).id, place(0).id]
    assert ended(read, 7, 9) == read, "another chain"
    with pytest.raises(CopyDetected):
        read_again(read, place(3).id, box_for(place(3)))


def test_what_was_read_is_deleted_once_more_and_only_once() -> None:
    read, boxes = read_at(0, 1)
    assert read_again(read, place(1).id, boxes[1]) == place(1).delete_key
    read = deleted_again(read, place(1).id)
    assert read_again(read, place(1).id, boxes[1]) is None
    assert read_again(read, place(0).id, boxes[0]) == place(0).delete_key


def test_c11_another_header_that_opens_there_is_a_copys() -> None:
    read, _ = read_at(0)
    with pytest.raises(CopyDetected):
        read_again(read, place(0).id, box_for(place(0)))


def test_h1_nothing_that_a_relay_can_lay_there_proves_a_copy() -> None:
    read, boxes = read_at(0, 1)
    for bytes_there in (boxes[1], bytes(4000), os.urandom(4000), boxes[0][:8] + bytes(3992)):
        assert read_again(read, place(0).id, bytes_there) in {None, place(0).delete_key}
    assert read_again(read, place(0).id, b"\xff" + boxes[0][1:]) is None


def test_elsewhere_nothing_is_decided() -> None:
    read, boxes = read_at(0)
    elsewhere = place(5).id
    assert chain_at(read, elsewhere) is None
    assert read_again(read, elsewhere, boxes[0]) is None
    assert deleted_again(read, elsewhere) == read


def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    read, _ = read_at(*range(MOST_READ_PLACES + 5))
    (chain,) = read
    assert (chain.first, len(chain.seals)) == (5, MOST_READ_PLACES)
    assert place(4).id not in ids(read)
    assert place(5).id in ids(read)
    assert noted(read, 0, 2, box_for(place(2))) == read, "too old to be known"
    read = deleted_again(read, place(5).id)
    read = noted(read, 0, MOST_READ_PLACES + 5, box_for(place(MOST_READ_PLACES + 5)))
    assert read[0].deleted_again == ()
    for number in range(1, MOST_READ_CHAINS + 1):
        read = begun(read, number, MailboxKey(bytes([number]) * 32))
    assert [one.number for one in read] == list(range(1, MOST_READ_CHAINS + 1))


def test_a_chain_without_places_goes_before_the_places_of_a_later_one() -> None:
    read = begun(begun((), 0, KEY), 1, next_mailbox_key(KEY))
    for index in range(MOST_READ_PLACES + 1):
        read = noted(read, 1, index, os.urandom(4000))
    assert [(one.number, len(one.seals)) for one in read] == [(1, MOST_READ_PLACES)]

"""No box is forgotten: each leaves the profile for the file of boxes, and comes back."""

from dataclasses import asdict
from pathlib import Path

import pytest

from ojak_client.boxes_in_profile import map_boxes
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.profile import Profile
from ojak_client.store import VaultStore, decode, encode, vault_path
from ojak_protocol.addresses import BOX_BYTES
from tests.client import vaults
from tests.client.boxes import inline, sized
from tests.client.rich import rich


@pytest.fixture(scope="module")
def profile() -> Profile:
    return rich()


def test_every_box_of_a_profile_is_visited_once(profile: Profile) -> None:
    visited: list[bytes] = []

    def visit(box: bytes) -> bytes:
        visited.append(box)
        return box

    assert map_boxes(profile, visit) == profile
    there = list(sized(asdict(profile), BOX_BYTES))
    assert len(there) > 40
    assert sorted(visited) == sorted(there)


def test_each_kind_of_field_that_holds_boxes_holds_one_in_this_test(profile: Profile) -> None:
    """Else the tests here would pass although it is forgotten."""
    assert any(
        out for c in profile.contacts for line in c.lines for out in line.conversation.outbox
    )
    assert any(line.conversation.farewell for c in profile.contacts for line in c.lines)
    attempts = [c.visiting.attempt for c in profile.contacts if c.visiting]
    assert any(attempt and attempt.box for attempt in attempts)
    assert any(attempt and attempt.branches[0].outbox for attempt in attempts)
    visits = [v for c in profile.contacts for one in c.sets for v in one.point.visits]
    assert any(visit.branches[1].outbox for visit in visits)
    assert any(part.box for c in profile.contacts for part in c.parts)
    assert any(pointer.box for c in profile.contacts for pointer in c.pointers)


def test_no_box_stays_inside_the_slot_and_all_come_back(profile: Profile, tmp_path: Path) -> None:
    vault = vaults.create(vault_path(tmp_path), pages=256)
    VaultStore(vault).update(lambda _: (profile, None))
    with vault.locked() as session:
        assert inline(bytes(session.content)) == []
        kept = decode(session.content)
        # Without the file it would be found: this is how a forgotten field looks.
        assert inline(encode(profile)) != []
    references: list[int] = []

    def measure(reference: bytes) -> bytes:
        references.append(len(reference))
        return bytes(BOX_BYTES)

    map_boxes(kept, measure)
    assert set(references) == {REFERENCE_BYTES}
    assert VaultStore(vaults.opened(vault_path(tmp_path))).read() == profile

"""A profile that fills a vault to the last byte, which is more than commands let anybody write."""

from dataclasses import replace

from ojak_client.boxes_in_profile import map_boxes
from ojak_client.kept_boxes import REFERENCE_BYTES
from ojak_client.profile import Profile, with_contact
from ojak_client.store import encode
from ojak_client.vault_format import MAX_CONTENT_BYTES


def content_bytes(profile: Profile) -> int:
    """Return how much of a slot *profile* takes."""
    return len(encode(map_boxes(profile, lambda _: bytes(REFERENCE_BYTES))))


def brimful(profile: Profile, *, left_bytes: int = 0) -> Profile:
    """Return *profile* with so long a note that no more than *left_bytes* of a slot are left."""
    last = profile.contacts[-1]
    left = MAX_CONTENT_BYTES - left_bytes - content_bytes(profile)
    longer = with_contact(profile, replace(last, note=last.note + "x" * left))
    # A longer text has a longer head.
    over = content_bytes(longer) - (MAX_CONTENT_BYTES - left_bytes)
    note = last.note + "x" * (left - over)
    filled = with_contact(profile, replace(last, note=note))
    assert content_bytes(filled) == MAX_CONTENT_BYTES - left_bytes
    return filled

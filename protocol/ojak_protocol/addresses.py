"""Where boxes lie: an id comes from a delete key, so that only its holders can delete the box.

Ids of meeting places come from the number instead and have no delete key: nobody who carries
the number can delete what lies there.

Source: docs/protocol.md, "Addresses".
"""

from typing import Final, NewType

from ojak_protocol.errors import LocalError
from ojak_protocol.labels import H_BOX
from ojak_protocol.primitives import blake2b

MailboxId = NewType("MailboxId", bytes)
"""32 bytes, shown to the relay to deposit and to poll."""

DeleteKey = NewType("DeleteKey", bytes)
"""32 bytes, secret until it is shown to the relay to delete or to replace the box."""

ID_BYTES: Final = 32
BOX_BYTES: Final = 4000


def mailbox_id(delete_key: DeleteKey) -> MailboxId:
    """Return the address of the box that *delete_key* may delete, 32 bytes.

    Args:
        delete_key: 32 bytes, secret until the box is deleted.

    Raises:
        LocalError: *delete_key* is not 32 bytes.

    Source: docs/protocol.md, "Addresses": id = H("box", dk).
    """
    if len(delete_key) != ID_BYTES:
        raise LocalError("a delete key has 32 bytes")
    return MailboxId(blake2b(H_BOX, delete_key))

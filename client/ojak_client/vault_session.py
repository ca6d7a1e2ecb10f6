"""What a vault gives between loading and saving, while its lock is held."""

from collections.abc import Callable

from ojak_client.kept_boxes import KeptBoxes
from ojak_client.vault_format import Saved
from ojak_protocol.values import replace


class Session:
    """The vault between loading and saving, while its lock is held.

    Attributes:
        boxes: the sealed boxes, which are kept apart from the content that refers to them.
    """

    def __init__(
        self, save: Callable[[Saved, KeptBoxes], Saved], saved: Saved, boxes: KeptBoxes
    ) -> None:
        self.boxes = boxes
        self._save = save
        self._saved = saved
        self._is_locked = True

    @property
    def content(self) -> bytes:
        """What was saved last, by whichever process; empty in a new vault."""
        return self._saved.content

    @property
    def save_count(self) -> int:
        """How many saves there were; it tells whether another process saved meanwhile."""
        return self._saved.save_count

    def save(self, content: bytes) -> None:
        """Return once *content*, and each box that was put for it, is what the vault holds.

        Boxes that were brought and are not put again are let go.

        Args:
            content: at most `vault_format.MAX_CONTENT_BYTES`.

        Raises:
            VaultFull: *content* is longer; nothing changed.
            VaultUnusable: the file system refused; the vault holds the old or the new content.
        """
        if not self._is_locked:
            raise RuntimeError("a session saves only while it holds the lock")
        self._saved = self._save(replace(self._saved, content=content), self.boxes)
        self.boxes.saved()

    def end(self) -> None:
        """Refuse to save from now on: the lock is given back."""
        self._is_locked = False

"""What a vault gives between loading and saving, while its lock is held."""

from collections.abc import Callable

from ojak_client.kept_boxes import KeptBoxes, Known
from ojak_client.vault_format import Heads, Saved
from ojak_protocol.values import dataclass, replace


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """What a vault held at one moment, opened; all of it is known to whoever holds this.

    Attributes:
        heads: of the first file, by which this save is told from others.
        saved: what stands in the open slot.
        boxes: every box that is referred to there, and its reference; None: none was read.
    """

    heads: Heads
    saved: Saved
    boxes: Known | None = None


class Session:
    """The vault between loading and saving, while its lock is held.

    Attributes:
        boxes: the sealed boxes, which are kept apart from the content that refers to them.
    """

    def __init__(
        self, save: Callable[[Loaded, KeptBoxes], Loaded], loaded: Loaded, boxes: KeptBoxes
    ) -> None:
        self.boxes = boxes
        self._save = save
        self._loaded = loaded
        self._is_locked = True

    @property
    def content(self) -> bytes | memoryview:
        """What was saved last, by whichever process; empty in a new vault."""
        return self._loaded.saved.content

    @property
    def save_count(self) -> int:
        """How many saves there were; it tells whether another process saved meanwhile."""
        return self._loaded.saved.save_count

    def holds(self, earlier: Loaded) -> bool:
        """Return whether nobody saved since *earlier*."""
        return self._loaded.heads is earlier.heads

    @property
    def loaded(self) -> Loaded:
        """What was loaded, or saved last; once every box that is referred to was brought."""
        return replace(self._loaded, boxes=self.boxes.known)

    def save(self, content: bytes) -> None:
        """Return once *content*, and each box that was put for it, is what the vault holds.

        Boxes that were brought and are not put again are let go.

        Args:
            content: at most `vault_format.MAX_CONTENT_BYTES`.

        Raises:
            VaultFull: *content* is longer; nothing changed.
            VaultBusy: somebody changed the first file who does not ask for the lock.
            VaultRestored, WrongPassphrase, VaultDamaged, VaultIncomplete, NoVault: the same, and
                that is what lies there now, or nothing; nothing was saved.
            VaultUnusable: the file system refused; the vault holds the old or the new content.
        """
        if not self._is_locked:
            raise RuntimeError("a session saves only while it holds the lock")
        saved = replace(self._loaded.saved, content=content)
        self._loaded = self._save(replace(self._loaded, saved=saved), self.boxes)
        self.boxes.saved()

    def end(self) -> None:
        """Refuse to save from now on: the lock is given back."""
        self._is_locked = False

"""Modules that libraries import and no verb asks for: each is read when something of it is.

To find and read these takes a twentieth of a `sync`. From version 3.15 on Python can put off any
import by itself (PEP 810); until then a stand-in takes the module's place.
See docs/decisions/0210.
"""

import importlib
import sys
from _thread import allocate_lock
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LATE: "Final" = (
    "array",  # socket
    "base64",  # ssl
    "fnmatch",  # pathlib
    "linecache",  # inspect
    "msgspec.inspect",  # msgspec, as the others of it
    "msgspec.json",
    "msgspec.structs",
    "msgspec.toml",
    "msgspec.yaml",
    "ntpath",  # pathlib
    "selectors",  # socket
    "tokenize",  # inspect
)
"""Which ones, and who imports each."""

_one_at_a_time = allocate_lock()


class LateModule(ModuleType):
    """What stands in the place of a module until something of it is asked for."""

    def __getattr__(self, name: str) -> object:
        # Not while it is read: an import takes locks of its own.
        with _one_at_a_time:
            if sys.modules.get(self.__name__) is self:
                del sys.modules[self.__name__]
        module = importlib.import_module(self.__name__)
        # Whoever imported the stand-in keeps it, and finds all there from now on.
        vars(self).update(vars(module))
        return getattr(module, name)


def put_off() -> None:
    """Let the modules of `LATE` be late, but those that were read already."""
    for name in LATE:
        sys.modules.setdefault(name, LateModule(name))

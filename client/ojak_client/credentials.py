"""Credentials that systemd lays down for one service, in a folder that only this service can read.

The environment names the folder; the secret itself stands in a file there, never in the
environment. Source: systemd.exec(5), "Credentials".
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "CREDENTIALS_DIRECTORY"


def open_credential(name: str, environment: Mapping[str, str]) -> int:
    """Return a descriptor of the credential called *name*, which the caller closes.

    Args:
        name: the name of a file in the folder, never a path.
        environment: names the folder.

    Raises:
        OSError: there is no such folder, no such file, or it is no plain file.
    """
    folder = Path(environment.get(FOLDER_VARIABLE, ""))
    if not folder.is_absolute() or name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "not the name of a credential")
    # Not waited for, and not through a link: a pipe would hold us, a link lead out of the folder.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(folder / name, flags)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file")
    return descriptor

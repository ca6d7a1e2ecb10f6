"""The errors of the relay.

    RelayError              never raised itself
    ├── ConfigError         a setting cannot be used; the message is for the operator
    ├── StoreUnusable       the store cannot be opened; the message is for the operator
    ├── CannotListen        an address cannot be had; the message is for the operator
    └── StoreFailed         the disk refused; nothing that was asked for is certain
        └── StoreAway       the servers of the store cannot do it now; later ones can

No message carries an id, a box or an address.
"""


class RelayError(Exception):
    """Root of all errors raised by `ojak_relay`; never raised itself."""


class ConfigError(RelayError):
    """A setting is unknown, missing or of the wrong form; the message names it."""


class StoreUnusable(RelayError):
    """The store cannot be opened; the message says why and what to do."""


class CannotListen(RelayError):
    """An address cannot be listened on; the message names it and says why."""


class StoreFailed(RelayError):
    """The disk refused to write or read; only a restart of the relay can tell what is kept."""


class StoreAway(StoreFailed):
    """The servers that keep the boxes cannot do it now; what was asked for may have happened.

    It is enough to ask again later. Whoever keeps the store has told the operator already.
    """

"""The errors of the client; the command maps each class to one sentence and one exit code.

    ClientError                 never raised itself
    ├── UnusableSetting         never raised itself; nothing was tried (exit 2)
    │   ├── BadRelayUrl         --relay is not an address of a relay
    │   ├── UnsafeRelay         the way to that relay would be readable by others
    │   ├── BadProxyUrl         --proxy is not socks5h://HOST:PORT
    │   ├── ProxyNeeded         an onion address, and no proxy was given
    │   ├── ProxyMissing        a proxy was given, and python-socks is not installed
    │   └── BadPass             the pass of a private relay cannot be one
    ├── NoAnswer                never raised itself; no valid answer came (exit 13)
    │   ├── NotReached          no connection: nothing of the request left this device
    │   ├── Unsure              the request may have arrived; its answer did not
    │   └── WrongPlace          something answered that is not this relay
    ├── RelayRefused            the relay answered that it will not (exit 14)
    ├── OutputUnusable          what a run writes cannot be written (exit 1)
    ├── ContactGone             whoever was meant has another name now, or was forgotten (exit 1)
    └── VaultError              never raised itself (exit 1)
        ├── NoVault             there is none at this path
        ├── VaultExists         there is one already
        ├── WrongPassphrase     no slot opens (damage to the key's place looks the same)
        ├── VaultDamaged        the passphrase is right or the size wrong, and bytes were changed
        ├── VaultIncomplete     its second file is not there, or was cut
        ├── VaultRestored       an older copy was put in the place of a newer one
        ├── VaultTooNew         written by a later version
        ├── VaultBusy           another process holds it for too long
        ├── VaultFull           the content does not fit; the saved one is unchanged
        │   ├── NotAllKept      of what lies at the relay not all fits; the rest is saved
        │   └── NotAllSealed    of what is to be sent not all fits once sealed; it waits
        ├── PassphraseTaken     a new passphrase opens something already; nothing changed
        ├── PassphraseUnsure    a new passphrase opens it; a power cut may bring back the old one
        ├── NoSlotLeft          there is no slot for another passphrase; nothing changed
        ├── NotAllErased        something of it could not be removed; all else is gone
        └── VaultUnusable       the file system refused; the old or the new one is saved

No message carries a secret, an address, a path or a byte that came from outside.
"""


class ClientError(Exception):
    """Root of all errors raised by `ojak_client`; never raised itself."""


class UnusableSetting(ClientError):
    """A setting cannot be used and nothing was tried; never raised itself."""


class BadRelayUrl(UnusableSetting):
    """What was given is not the address of a relay."""


class UnsafeRelay(UnusableSetting):
    """Others could read along: plain http to what is neither this device nor an onion address."""


class BadProxyUrl(UnusableSetting):
    """What was given is not the address of a SOCKS proxy that resolves names itself."""


class ProxyNeeded(UnusableSetting):
    """An onion address is reached through a proxy only, and none was given."""


class ProxyMissing(UnusableSetting):
    """The library for proxies, the extra `ojak[tor]`, is not installed."""


class BadPass(UnusableSetting):
    """The pass of a private relay has characters that no pass has."""


class NoAnswer(ClientError):
    """The relay gave no valid answer; never raised itself."""


class NotReached(NoAnswer):
    """No connection was made; nothing of the request left this device."""


class Unsure(NoAnswer):
    """The request may have reached the relay; no whole answer came. Asking again is safe."""


class WrongPlace(NoAnswer):
    """Something answered that is not this relay: a portal, another site, a false certificate."""


class RelayRefused(ClientError):
    """The relay answered with an error.

    Attributes:
        status: its HTTP status, 400 to 599; 429 is "too often", 503 "not now".
    """

    def __init__(self, status: int) -> None:
        super().__init__("the relay refused")
        self.status = status


class OutputUnusable(ClientError):
    """Standard output or standard error is full or closed, or there is none."""


class ContactGone(ClientError):
    """Whoever was meant has another name by now, or was forgotten; nothing was kept."""


class VaultError(ClientError):
    """The vault cannot be used as asked; never raised itself."""


class NoVault(VaultError):
    """There is no vault at this path."""


class VaultExists(VaultError):
    """There is a vault at this path already; it was not touched."""


class WrongPassphrase(VaultError):
    """No slot opens with this passphrase; damage to a slot's first 64 bytes looks the same."""


class VaultDamaged(VaultError):
    """The bytes of the vault were changed or cut; what they held is not shown."""


class VaultIncomplete(VaultError):
    """The file of boxes that belongs to the vault is missing or has another size."""


class VaultRestored(VaultError):
    """An older copy of the vault was put in the place of the one this process has seen."""


class MoveBegun(VaultError):
    """A move of the vault to another place was cut off; it opens nowhere until that is settled."""


class VaultTooNew(VaultError):
    """The vault was written by a later version of Ojak."""


class VaultBusy(VaultError):
    """Another process holds the vault, for longer than we wait."""


class VaultFull(VaultError):
    """The content does not fit into a slot; what was saved before is unchanged."""


class NotAllKept(VaultFull):
    """Something that lies at the relay does not fit, and stays there; what fits was saved."""


class NotAllSealed(VaultFull):
    """Something that is to be sent does not fit once it is sealed, and waits; all else is saved."""


class PassphraseTaken(VaultError):
    """What was to be a new passphrase opens a slot already."""


class PassphraseUnsure(VaultError):
    """The new passphrase opens the vault, but the file system did not say that it stays so."""


class NoSlotLeft(VaultError):
    """Every slot is in use, as far as can be known from the open one."""


class NotAllErased(VaultError):
    """The file system refused to remove something of the vault; every other part of it is gone."""


class VaultUnusable(VaultError):
    """The file system refused to read or to write; what is saved is whole, the old or the new."""

"""What several verbs do first: open the vault, reach the relay, find the contact."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ojak_client.errors import NoAnswer
from ojak_client.failures import Failure
from ojak_client.i18n import command_line
from ojak_client.invocation import Invocation
from ojak_client.messages import Message
from ojak_client.notices import Notice
from ojak_client.profile import Contact, Profile
from ojak_client.steady import steady_seconds
from ojak_client.store import MemoryStore, Store, VaultStore, vault_path
from ojak_client.typed import one_form
from ojak_client.vault import Vault
from ojak_client.vault_files import are_copies_there, is_closed
from ojak_protocol.stretch import argon2id

if TYPE_CHECKING:
    from ojak_client.exchange import Exchange
    from ojak_client.incoming import Look
    from ojak_client.sharing import Sharing

Listen = Callable[[tuple[Notice, ...]], None]


@contextmanager
def open_vault(
    invocation: Invocation, *, remembers: bool = False, insists: bool = False
) -> Iterator[VaultStore]:
    """Give the store of this device's vault, opened with its passphrase.

    Args:
        invocation: the call.
        remembers: as of `VaultStore`; for verbs that ask the relay and wait for nobody.
        insists: as of `Vault.open`.

    Raises:
        VaultError: it cannot be opened.
        Failure: nobody can be asked for the passphrase.
    """
    with opened_vault(invocation, insists=insists) as vault:
        yield VaultStore(vault, remembers=remembers)


@contextmanager
def opened_vault(invocation: Invocation, *, insists: bool = False) -> Iterator[Vault]:
    """Give this device's vault itself, opened with its passphrase, and close it.

    Raises:
        VaultError: it cannot be opened.
        Failure: nobody can be asked for the passphrase.
    """
    path = vault_path(invocation.own_profile())
    _refuse_closed(path)
    if not path.exists():
        _refuse_copies(path)
        raise Failure(Message.VAULT_MISSING, command=command_line("invite"))
    with invocation.inputs.passphrase() as passphrase:
        vault = Vault.open(path, passphrase.data, argon2id, os.urandom, insists=insists)
    try:
        yield vault
    finally:
        vault.close()


@contextmanager
def open_or_create_vault(invocation: Invocation) -> Iterator[VaultStore]:
    """Give the store of this device's vault, made with a new passphrase if there is none.

    Answers or a letter were typed before, so another process is waited for.
    """
    path = vault_path(invocation.own_profile())
    if path.exists():
        with open_vault(invocation, insists=True) as store:
            yield store
        return
    _refuse_closed(path)
    _refuse_copies(path)
    with invocation.inputs.new_passphrase() as passphrase:
        vault = Vault.create(path, passphrase.data, argon2id, os.urandom)
    try:
        yield VaultStore(vault)
    finally:
        vault.close()


def _refuse_closed(path: Path) -> None:
    """Raise `Failure` where a move was cut off: a new vault there would hide the old one."""
    if is_closed(path):
        raise Failure(Message.MOVE_CUT_OFF, command=command_line("move …"))


def _refuse_copies(path: Path) -> None:
    """Raise `Failure` where copies of a move lie that was cut off: they may be all there is."""
    if are_copies_there(path):
        raise Failure(Message.MOVE_COPIES, command=command_line("wipe"))


@contextmanager
def connect(
    store: Store,
    relay: str,
    proxy: str | None,
    listen: Listen = lambda _: None,
    look: "Look | None" = None,
    sharing: "Sharing | None" = None,
) -> Iterator["Exchange"]:
    """Give rounds with *relay* over one connection, which is made at the first of them.

    Args:
        store: where the profile is kept.
        relay: the relay's address.
        proxy: the address of a proxy, if one is to be used.
        listen: told what comes to light, as soon as it is saved.
        look: called about once a second while an answer is awaited; what it raises ends the wait.
        sharing: as of `Exchange`.

    Raises:
        UnusableSetting: the address, the proxy or the pass cannot be used.
    """
    from ojak_client.exchange import Exchange  # noqa: PLC0415 - `ojak status` speaks with no relay
    from ojak_client.passes import pass_for  # noqa: PLC0415 - nor needs a pass
    from ojak_client.relay_url import parse_proxy_url, parse_relay_url  # noqa: PLC0415 - nor an address
    from ojak_client.transport import RelayConnection  # noqa: PLC0415 - nor what TLS and HTTP load

    url = parse_relay_url(relay)
    through = parse_proxy_url(proxy) if proxy else None
    shown = pass_for(url)
    with RelayConnection(url, proxy=through, bearer_pass=shown, look=look) as connection:
        yield Exchange(store, relay, connection, listen, steady=steady_seconds, sharing=sharing)


def is_answering(relay: str, proxy: str | None) -> bool:
    """Return whether a relay answers at *relay*, to a request that asks for nothing of ours.

    Raises:
        UnusableSetting: as `connect`.
        RelayRefused: a relay answered, and takes no requests of ours, or none now.
    """
    try:
        with connect(MemoryStore(Profile()), relay, proxy) as exchange:
            exchange.learn_clock()
    except NoAnswer:
        return False
    return True


def relays_of(profile: Profile) -> tuple[str, ...]:
    """Return each relay that a contact is reached through, once."""
    return tuple(dict.fromkeys(relay for contact in profile.contacts for relay in contact.relays))


def choose_contact(profile: Profile, name: str | None) -> Contact:
    """Return the contact called *name*, or the only one.

    Raises:
        Failure: there is none of that name, or more than one and no name.
    """
    if not profile.contacts:
        raise Failure(Message.NO_CONTACTS, command=command_line("invite"))
    if name is None:
        if len(profile.contacts) > 1:
            raise Failure(Message.NEEDS_NAME, command=command_line("contacts"))
        return profile.contacts[0]
    for contact in profile.contacts:
        if contact.name in {name, one_form(name)}:
            return contact
    raise Failure(Message.UNKNOWN_NAME, command=command_line("contacts"), name=name)

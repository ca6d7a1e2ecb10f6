"""What a verb receives: everything the command line and the environment said, once."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ojak_client.failures import Failure
from ojak_client.i18n import choose_language
from ojak_client.inputs import Inputs
from ojak_client.messages import Message
from ojak_client.output import Output
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of `ojak`.

    Attributes:
        language: "ko", "zh" or "en".
        profile: the folder given by `--profile` or OJAK_HOME; None means that none was given,
            and then a borrowed device keeps no file.
        relay_url: the address given by `--relay` or OJAK_RELAY, not yet judged.
        output: where results and sentences go.
        inputs: where secrets, texts and decisions come from.
    """

    language: str
    profile: Path | None
    relay_url: str | None
    output: Output
    inputs: Inputs

    def own_profile(self) -> Path:
        """Return the folder of an own device: the one given, else the platform's usual one."""
        if self.profile is not None:
            return self.profile
        from platformdirs import user_data_path  # noqa: PLC0415 - a borrowed device never asks

        return user_data_path("ojak", appauthor=False)

    def require_relay(self) -> str:
        """Return the relay's address.

        Raises:
            Failure: none was given.
        """
        if self.relay_url is None:
            raise Failure(Message.NEEDS_RELAY, command="--relay https://…")
        return self.relay_url

    def require_screen(self, *, to_stdout: bool) -> None:
        """Return only where a letter may be shown; asked before a letter is opened.

        Raises:
            Failure: standard output is not a terminal that can show once and erase, and the
                person did not ask for `--to-stdout`.
        """
        if not to_stdout:
            self.inputs.require_screen()

    def show_letter(self, event: str, text: str, *, to_stdout: bool, **fields: object) -> None:
        """Show *text* once and erase it, or write it as the result *event* with `--to-stdout`.

        Raises:
            Failure: as `require_screen`; `Message.IDLE` when nobody pressed a key, the screen
                then being erased.
        """
        if to_stdout:
            self.output.write(event, text, **fields)
        else:
            self.inputs.show_once(text)


def from_options(common: Mapping[str, Any]) -> Invocation:
    """Return the invocation that the common options of `verb` describe."""
    profile = common["profile"]
    return Invocation(
        language=common["lang"] or choose_language((), os.environ),
        profile=Path(profile) if profile else None,
        relay_url=common["relay"] or None,
        output=Output(json=common["json"], quiet=common["quiet"], verbose=common["verbose"]),
        inputs=Inputs(
            no_input=common["no_input"],
            assume_yes=common["yes"],
            passphrase_fd=common["passphrase_fd"],
            passphrase_credential=common["passphrase_credential"],
        ),
    )

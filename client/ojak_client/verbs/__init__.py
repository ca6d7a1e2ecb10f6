"""The verbs, one file each, loaded only when called: `ojak --help` imports none of them.

Each module holds a `command` made with `ojak_client.verb.verb`.
"""

from collections.abc import Mapping
from typing import Final

from ojak_client.help_texts import HelpText
from ojak_client.i18n import Text

VERBS: Final[Mapping[str, Text]] = {
    "invite": HelpText.INVITE,
    "keep": HelpText.KEEP,
    "meet": HelpText.MEET,
    "send": HelpText.SEND,
    "recall": HelpText.RECALL,
    "read": HelpText.READ,
    "ask": HelpText.ASK,
    "answer": HelpText.ANSWER,
    "stop": HelpText.STOP,
    "sync": HelpText.SYNC,
    "questions": HelpText.QUESTIONS,
    "alarm": HelpText.ALARM,
    "allow": HelpText.ALLOW,
    "reopen": HelpText.REOPEN,
    "number": HelpText.NEW_NUMBER,
    "relay": HelpText.NEW_RELAY,
    "contacts": HelpText.CONTACTS,
    "status": HelpText.STATUS,
    "forget": HelpText.FORGET,
    "passphrase": HelpText.PASSPHRASE,
    "move": HelpText.MOVE,
    "wipe": HelpText.WIPE,
}
"""The name of each verb, which is also its module's, in the order `--help` lists them."""

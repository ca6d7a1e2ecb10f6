"""How `ojak keep` speaks: to the person, and without a name to the service manager."""

from ojak_client.i18n import Text, told
from ojak_client.messages import Message
from ojak_client.output import Output
from ojak_client.service_manager import ServiceManager
from ojak_protocol.values import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """Says sentences about waiting itself, none of which has a variable.

    Attributes:
        output: where everything else is said, which names people.
        manager: shows the last sentence in `systemctl status`.
    """

    output: Output
    manager: ServiceManager

    def say(self, message: Text) -> None:
        """Tell what happened; the person hears nothing of it with `-q`."""
        self.output.say(message)
        self.manager.status(told(message))

    def go_on(self) -> None:
        """Let the service manager show that it waits again; the person saw no end of it."""
        self.manager.status(told(Message.KEEPING))

    def warn(self, message: Text) -> None:
        """Tell what the person must know even with `-q`."""
        self.output.warn(message)
        self.manager.status(told(message))

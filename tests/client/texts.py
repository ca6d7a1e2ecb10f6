"""The texts that a person can see, by the names under which they stand."""

from ojak_client.i18n import Text


def texts_in(table: type) -> dict[str, Text]:
    """Return what stands in `Message` or `HelpText`, by name."""
    return {name: one for name, one in vars(table).items() if isinstance(one, Text)}

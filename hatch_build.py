"""Compiles the catalogues of the client whenever a wheel, an sdist or an editable install is made.

The compiled `.mo` files are not kept in the repository. `python hatch_build.py` compiles them by
hand after a `.po` file was changed; a test fails when they are stale.
"""

from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LOCALE = Path(__file__).parent / "client" / "ojak_client" / "locale"


def compile_catalogues(locale: Path = LOCALE) -> None:
    """Write beside each `ojak.po` below *locale* the `ojak.mo` that gettext reads.

    A client that starts meanwhile reads a whole `ojak.mo`, the former one or the new one.
    """
    for source in sorted(locale.glob("*/LC_MESSAGES/ojak.po")):
        compiled = BytesIO()
        with source.open("rb") as texts:
            write_mo(compiled, read_po(texts))
        fresh = source.with_suffix(".mo.new")
        fresh.write_bytes(compiled.getvalue())
        fresh.replace(source.with_suffix(".mo"))


class CatalogueHook(BuildHookInterface[Any]):
    """What hatchling calls before it builds."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile the catalogues; `artifacts` in pyproject.toml puts them into the build."""
        del version, build_data
        compile_catalogues(Path(self.root) / "client" / "ojak_client" / "locale")


if __name__ == "__main__":
    compile_catalogues()

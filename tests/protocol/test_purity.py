"""The protocol is pure: no event loop, no socket, no clock, no file, no hidden randomness."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ojak_protocol

SOURCES = sorted(Path(ojak_protocol.__file__).parent.glob("*.py"))
FORBIDDEN = ("asyncio", "socket", "ssl", "http", "http.client", "selectors", "aiohttp", "uvloop")
IMPURE = {"time", "datetime", "random", "secrets", "os", "pathlib", "socket", "uuid", "tempfile"}
BUILTINS = {"open", "input", "print", "exec", "eval", "__import__"}


def test_a_fresh_interpreter_with_the_whole_protocol_has_no_network_or_event_loop() -> None:
    names = [f"ojak_protocol.{source.stem}" for source in SOURCES if source.stem != "__init__"]
    assert len(names) > 15
    program = (
        f"import sys, {', '.join(names)}\n"
        f"print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def imported(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_module_imports_or_calls_anything_impure(source: Path) -> None:
    tree = ast.parse(source.read_text())
    assert not imported(tree) & {*IMPURE, "ojak_relay", "ojak_client"}
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    # As `dataclasses` does, of names of fields alone: docs/decisions/0120.
    assert not called & BUILTINS - ({"exec"} if source.stem == "values" else set())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    assert "nacl.utils" not in source.read_text()

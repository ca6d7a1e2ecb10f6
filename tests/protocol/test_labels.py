"""Every label stands once and is used once, so that no two derivations can meet."""

import ast
from collections import Counter
from pathlib import Path

import ojak_protocol
from ojak_protocol import labels

SOURCES = sorted(Path(ojak_protocol.__file__).parent.glob("*.py"))
LABELS = {
    name: value for name, value in vars(labels).items() if name.startswith(("H_", "MAC_", "KDF_"))
}
LABELLED = {"blake2b", "mac", "kdf"}


def uses(name: str) -> list[str]:
    """The modules that read *name*, once for each time."""
    return [
        source.stem
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
    ]


def test_no_label_is_used_twice() -> None:
    assert len(LABELS) >= 14
    assert {name: uses(name) for name in LABELS if len(uses(name)) > 1} == {}


def test_no_two_labels_of_one_function_are_equal() -> None:
    by_function = Counter((name.split("_")[0], value) for name, value in LABELS.items())
    assert set(by_function.values()) == {1}


def test_labels_of_the_hash_fit_its_personalisation() -> None:
    assert all(0 < len(value) <= 16 for name, value in LABELS.items() if name.startswith("H_"))


def label_of(call: ast.Call) -> ast.expr:
    match call:
        case ast.Call(func=ast.Name(id="blake2b"), args=[label, *_]):
            return label
        case ast.Call(func=ast.Name(id="mac"), args=[_, label]):
            return label
        case _:
            return next(keyword.value for keyword in call.keywords if keyword.arg == "info")


def test_every_derivation_names_a_label_and_no_other_bytes() -> None:
    calls = [
        node
        for source in SOURCES
        if source.stem != "primitives"
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in LABELLED
    ]
    assert len(calls) >= 12
    for call in calls:
        named = [node.id for node in ast.walk(label_of(call)) if isinstance(node, ast.Name)]
        assert set(named) & set(LABELS), ast.unparse(call)
        literals = [node for node in ast.walk(label_of(call)) if isinstance(node, ast.Constant)]
        assert not literals, ast.unparse(call)

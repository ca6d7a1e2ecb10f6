"""Every example in docs/protocol.md is what the code computes, and each one stands there."""

import pytest

from tests.docs.examples import BLOCK, DOCUMENT, EXAMPLES, block

WRITTEN = dict(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))


def test_each_example_of_the_code_stands_in_the_document_and_the_reverse() -> None:
    assert WRITTEN.keys() == EXAMPLES.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_what_the_code_computes(name: str) -> None:
    assert WRITTEN[name].splitlines() == block(name).splitlines()


def test_no_block_that_looks_like_an_example_is_left_unchecked() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").count("```example") == len(EXAMPLES)

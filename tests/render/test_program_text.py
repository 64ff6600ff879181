"""Array programs as text: equations with their numbers, operations with their operands and shapes."""

from __future__ import annotations

import re

import pytest

import symcnn as sc
from symcnn import models
from symcnn.front import program

DENSE = sc.layer("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", shapes={"x": "N,D", "W": "K,D", "b": "K"})


def test_a_formula() -> None:
    text = program(DENSE)
    lines = [line.rstrip() for line in text.splitlines()]
    start = lines.index("forward:")
    assert lines[start : start + 6] == [
        "forward:",
        "",
        "(1) z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])",
        f"{'    %1 = transpose W order=(1, 0)':<72} float (D, K)",
        f"{'    %2 = matmul x, %1':<72} float (N, K)",
        f"{'    z = add b, %2':<72} float (N, K)",
    ]
    assert "    W: input, (K, D)" in lines


@pytest.mark.parametrize("style", ["readable", "fast"])
@pytest.mark.parametrize("name", ["notes", "lenet5"])
def test_every_statement_and_gradient_is_listed(name: str, style: str) -> None:
    net = models.get(name)
    text = program(net, style)
    numbers = [int(number) for number in re.findall(r"^\((\d+)\) ", text, re.MULTILINE)]
    assert sorted(numbers) == list(
        range(1, len(numbers) + 1)
    )  # what is prepared stands before what it belongs to
    for tensor in net.parameters:
        assert f"\n    d{tensor.name} = " in text


def test_numbered_operations_are_defined_before_they_are_read() -> None:
    defined: set[str] = set()
    for line in program(models.get("lenet5"), "fast").splitlines():
        if not line.startswith("    %") and " = " not in line:
            continue
        own, _, rest = line.strip().partition(" = ")
        if line.startswith("    ") and not line.startswith("     "):
            assert set(re.findall(r"%\d+", rest)) <= defined, line
            defined = defined | {own} if own.startswith("%") else set()


def test_blocks_are_listed_once_and_called() -> None:
    text = program(models.get("resnet34-small"))
    called = re.findall(r"= call (\w+) ", text)
    assert len(called) > len(set(called))
    for name in set(called):
        assert text.count(f"\nblock {name}(") == 1


def test_the_fast_program_tells_what_was_chosen() -> None:
    text = program(models.get("lenet5"), "fast")
    assert "\nprepared from the parameters:" in text
    assert "batch: 32 examples at a time" in text[text.index("\nchoices:") :]


def test_a_formula_has_no_fast_program() -> None:
    with pytest.raises(sc.SymcnnError, match="expected a network for the style fast"):
        program(DENSE, "fast")

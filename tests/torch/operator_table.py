"""Runs PyTorch's own samples of an operator through the emitted layer, and counts."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from symcnn.core.errors import SymcnnError
from tests.torch.bridge import run
from tests.torch.operator_calls import CALLS, NotUsableError, Sample

TOLERANCE = 1e-9


@dataclass(slots=True)
class Row:
    """Counts for one operator: all samples, those that say something, those that agree; and reasons for the others."""

    operator: str
    cases: int = 0
    usable: int = 0
    right: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)


def operators() -> Iterator[tuple[str, Any]]:
    """The database's entries that a layer of the catalogue stands for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.testing._internal.common_methods_invocations import op_db

    for op in op_db:
        full = f"{op.name} {op.variant_test_name}".strip()
        if full in CALLS or (op.name in CALLS and f"{op.name} {op.variant_test_name}" not in CALLS):
            yield full, op


def measure(name: str, op: Any) -> Row:
    """Every float64 sample of one operator, compared with PyTorch."""
    row = Row(name)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = list(op.sample_inputs("cpu", torch.float64, requires_grad=True))
        for sample in samples:
            row.cases += 1
            try:
                difference = compare(CALLS.get(name) or CALLS[op.name], op, sample)
            except NotUsableError as reason:
                row.reasons[str(reason)] += 1
                continue
            row.usable += 1
            if difference:
                row.wrong[difference] += 1
            else:
                row.right += 1
    return row


def compare(call: Any, op: Any, sample: Any) -> str:
    """What differs between the layer and PyTorch, or nothing. Raises NotUsableError."""
    leaves = [t for t in _tensors((sample.input, sample.args, sample.kwargs)) if t.requires_grad]
    if any(t.numel() == 0 for t in _tensors((sample.input, sample.args, sample.kwargs))):
        raise NotUsableError("empty tensor")
    if not leaves:
        raise NotUsableError("no tensor that needs a gradient")
    try:
        torch.manual_seed(0)
        result = op(sample.input, *sample.args, **sample.kwargs)
    except (RuntimeError, ValueError) as error:
        raise NotUsableError(f"PyTorch refuses it: {str(error).splitlines()[0][:60]}") from None
    expected = result[0] if isinstance(result, tuple) else result
    if expected.numel() == 0:
        raise NotUsableError("empty result")
    try:
        found = call(Sample(sample.input, tuple(sample.args), dict(sample.kwargs), expected))
        ours = found.after(run(found.kind, found.tensors, found.scalars))
        if ours.shape != expected.shape:
            return f"shape {tuple(ours.shape)} for {tuple(expected.shape)}"
        if not _close(ours, expected):
            return "value"
        if not expected.requires_grad:
            return ""
        cotangent = torch.randn(expected.shape, dtype=expected.dtype)
        theirs = torch.autograd.grad(expected, leaves, cotangent, allow_unused=True)
        mine = torch.autograd.grad(ours, leaves, cotangent, allow_unused=True)
    except (SymcnnError, ValueError, TypeError, IndexError, ZeroDivisionError) as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0][:100]}"
    pairs = zip(leaves, mine, theirs, strict=True)
    bad = [k for k, (t, a, b) in enumerate(pairs) if not _close(_filled(a, t), _filled(b, t))]
    return f"gradient of tensor {bad[0] + 1}" if bad else ""


def _filled(gradient: torch.Tensor | None, leaf: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(leaf) if gradient is None else gradient


def _close(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """Equal to 1e-9 of the largest entry of PyTorch's result; nan only where PyTorch has nan."""
    ours, theirs = ours.detach(), theirs.detach()
    if not torch.equal(torch.isnan(ours), torch.isnan(theirs)):
        return False
    infinite = torch.isinf(theirs)
    if not torch.equal(torch.isinf(ours), infinite):
        return False
    a, b = (t.nan_to_num(0, 0, 0) for t in (ours, theirs))
    scale = max(1.0, float(b.abs().max())) if b.numel() else 1.0
    return bool((a - b).abs().max() <= TOLERANCE * scale) and torch.equal(ours[infinite], theirs[infinite])


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    match value:
        case torch.Tensor():
            yield value
        case dict():
            for item in value.values():
                yield from _tensors(item)
        case list() | tuple():
            for item in value:
                yield from _tensors(item)

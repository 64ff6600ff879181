"""Emitted layers as functions that PyTorch can call and differentiate, so that both sides run on the same tensors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

import torch

from symcnn.nets.formula import Layer
from symcnn.nets.kind import LayerKind
from symcnn.render.numpy_source import emit_plan


@cache
def emitted(kind: LayerKind, wrt: tuple[str, ...]) -> ModuleType:
    """The module of a layer with the cotangents of some of its tensors; one for all sizes."""
    system = kind.system()
    tensors = {tensor.name: tensor for tensor in system.inputs}
    layer = Layer(kind.formula, system, tuple(tensors[name] for name in wrt))
    return emit_plan(layer.plan()).load()


class Emitted(torch.autograd.Function):
    """``forward`` and ``vjp`` of an emitted module as one differentiable function."""

    @staticmethod
    def forward(ctx: Any, kind: LayerKind, scalars: Mapping[str, object], *tensors: torch.Tensor) -> Any:
        names = tuple(tensor.name for tensor in kind.system().inputs)
        wrt = tuple(name for name, t in zip(names, tensors, strict=True) if t.requires_grad)
        module = emitted(kind, wrt)
        arrays = {name: t.detach().numpy() for name, t in zip(names, tensors, strict=True)}
        known = inspect.signature(module.forward).parameters
        given = {name: value for name, value in scalars.items() if name in known}
        ctx.call = (module, names, arrays, given)
        return torch.as_tensor(module.forward(**arrays, **given))

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> Any:
        module, names, arrays, given = ctx.call
        found = module.vjp(cotangent.numpy(), **arrays, **given)
        return None, None, *(torch.as_tensor(found[name]) if name in found else None for name in names)


def run(kind: LayerKind, tensors: Mapping[str, torch.Tensor], scalars: Mapping[str, object]) -> torch.Tensor:
    """The layer's output for tensors by name."""
    ordered = [tensors[tensor.name] for tensor in kind.system().inputs]
    return Emitted.apply(kind, dict(scalars), *ordered)

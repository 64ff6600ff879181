"""The named networks: ``get("resnet18")`` or ``resnet18()``, and files that describe networks.

Their names and figures are a table; SymPy is imported by what builds a network.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from symcnn.core.errors import UnknownName
from symcnn.models.table import MODELS, Entry

if TYPE_CHECKING:
    from symcnn.nets.network import Network


def names() -> list[str]:
    """The names of all models."""
    return list(MODELS)


def get(name: str) -> Network:
    """A model by its name. Raises UnknownName."""
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=3)
        hint = f"the nearest are {', '.join(near)}" if near else f"such as {', '.join(list(MODELS)[:4])}"
        raise UnknownName(f"expected one of the models that `symcnn models` lists, {hint}; got {name!r}")
    return builder(name)()


def builder(name: str) -> Callable[..., Network]:
    """What builds a model; its keyword arguments, such as ``classes``, may be given otherwise."""
    entry = MODELS[name]
    module = importlib.import_module(f"symcnn.models.architectures.{entry.home}")
    made: Callable[..., Network] = partial(getattr(module, entry.builder), name=name, **dict(entry.arguments))
    return made


def figures(entry: Entry) -> dict[str, Any]:
    """A model's row of the table, as ``symcnn models --json`` prints it."""
    return {
        "name": entry.name,
        "source": entry.source,
        "input": list(entry.input),
        "parameters": entry.parameters,
        "multiply_adds": entry.multiply_adds,
    }


def summary(net: Network) -> dict[str, Any]:
    """Layers, shapes, parameters and multiply-adds, as ``symcnn show --json`` prints them."""
    from symcnn.models.summed import summary as summarise

    return summarise(net)


def __getattr__(name: str) -> Callable[..., Network]:
    """``models.lenet5`` for each name, with underscores for hyphens."""
    known = name.replace("_", "-")
    if known not in MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return builder(known)


def __dir__() -> list[str]:
    return sorted([*__all__, *(name.replace("-", "_") for name in MODELS)])


__all__ = ["MODELS", "Entry", "builder", "figures", "get", "names", "summary"]

"""symcnn derives, emits and verifies the mathematics of convolutional networks.

Names are loaded when they are first used, so that ``import symcnn`` does not import SymPy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import symcnn.nets.spec as layers  # noqa: F401
    from symcnn import models as models
    from symcnn.core.errors import FormulaError as FormulaError
    from symcnn.core.errors import ShapeError as ShapeError
    from symcnn.core.errors import SymcnnError as SymcnnError
    from symcnn.core.functions import KinkPolicy as KinkPolicy
    from symcnn.front import check as check
    from symcnn.front import derive as derive
    from symcnn.front import dump as dump
    from symcnn.front import emit as emit
    from symcnn.front import hessian_vector as hessian_vector
    from symcnn.front import load as load
    from symcnn.models.importers.onnx_file import from_onnx as from_onnx
    from symcnn.models.importers.torch_export import from_torch as from_torch
    from symcnn.models.params_file import load_params as load_params
    from symcnn.models.params_file import save_params as save_params
    from symcnn.nets.formula import Layer as Layer
    from symcnn.nets.formula import layer as layer
    from symcnn.nets.network import Network as Network
    from symcnn.notes.verify import verify as verify

__version__ = "0.1.0"

_HOME = {
    "FormulaError": "symcnn.core.errors",
    "KinkPolicy": "symcnn.core.functions",
    "Layer": "symcnn.nets.formula",
    "Network": "symcnn.nets.network",
    "ShapeError": "symcnn.core.errors",
    "SymcnnError": "symcnn.core.errors",
    "check": "symcnn.front",
    "derive": "symcnn.front",
    "dump": "symcnn.front",
    "emit": "symcnn.front",
    "from_onnx": "symcnn.models.importers.onnx_file",
    "from_torch": "symcnn.models.importers.torch_export",
    "hessian_vector": "symcnn.front",
    "layer": "symcnn.nets.formula",
    "load": "symcnn.front",
    "load_params": "symcnn.models.params_file",
    "save_params": "symcnn.models.params_file",
    "verify": "symcnn.notes.verify",
}
_MODULES = {"layers": "symcnn.nets.spec", "models": "symcnn.models"}

__all__ = ["__version__", *_HOME, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(_MODULES[name])
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""The front door: load, derive, emit and check: a network, a layer, or by name a model, standard layer or model file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from symcnn.core.errors import SymcnnError
from symcnn.core.plan import Plan
from symcnn.models import get, names
from symcnn.models.importers.imported import Imported
from symcnn.nets.catalogue import KINDS
from symcnn.nets.formula import Layer, of_kind
from symcnn.nets.network import Network
from symcnn.nets.sweep import plan, routines

if TYPE_CHECKING:
    from symcnn.render.document import Document
    from symcnn.render.evidence import Evidence
    from symcnn.render.numpy_source import Emitted

Subject = Network | Layer | Imported | str
Style = Literal["readable", "fast"]


def load(path: str | Path) -> Network:
    """The network that a model file describes. Raises SymcnnError naming file and layer; OSError."""
    from symcnn.models.file import load as read

    return read(path)


def dump(net: Network | Imported | str, path: str | Path | None = None) -> str:
    """A network as the text of a model file, which `load` reads as the same network; also written to ``path``.

    Layers that the catalogue does not have are written by their equations. Raises SymcnnError, OSError.
    """
    from symcnn.core.files import write_whole
    from symcnn.models.file_write import dump as written

    found = subject_of(net)
    if not isinstance(found, Network):
        raise SymcnnError(f"expected a network, got the layer {found.name}")
    text = written(found)
    if path is not None:
        write_whole(path, text)
    return text


def subject_of(subject: Subject) -> Network | Layer:
    """A network or layer, also by the name of a model, standard layer or model file. Raises SymcnnError, OSError."""
    if isinstance(subject, str):
        if subject.endswith(".toml"):
            return load(subject)
        if subject.endswith(".onnx"):
            from symcnn.models.importers.onnx_file import from_onnx

            return from_onnx(subject).network
        return of_kind(KINDS[subject]) if subject in KINDS and subject not in names() else get(subject)
    if isinstance(subject, Imported):
        return subject.network
    if not isinstance(subject, Network | Layer):
        raise SymcnnError(f"expected a network, a layer or the name of a model, got {type(subject).__name__}")
    return subject


def plan_of(subject: Subject) -> Plan:
    """Numbered statements of forward pass, loss and gradients."""
    found = subject_of(subject)
    return found.plan() if isinstance(found, Layer) else plan(found)


def derive(subject: Subject, wrt: Sequence[str] | None = None) -> Document:
    """The derivation of a network or layer, as a document: ``.to_latex()``, ``.to_html()``, ``.to_markdown()``.

    ``wrt`` keeps the cotangents of the named tensors of a layer. Raises SymcnnError.
    """
    from symcnn.render.document import build

    found = subject_of(subject)
    if wrt is not None:
        if not isinstance(found, Layer):
            raise SymcnnError("expected wrt with a formula; a network's derivation holds every parameter")
        found = found.with_respect_to(wrt)
    return build(found)


def emit(
    subject: Subject, style: Style = "readable", *, exact: bool = False, target: str = "numpy"
) -> Emitted:
    """One module that needs NumPy only: ``.source``, ``.write(path)``, ``.load()``. Raises SymcnnError.

    ``style`` "fast" gives a network's module with arrays made beforehand and rewritten equations; ``exact`` keeps to
    rewritings that do not enlarge rounding errors. ``.choices`` says what was chosen. ``target`` "array-api" gives a
    readable module that runs on the arrays of any library of the Python array API standard.
    """
    from symcnn.render.fast_module import emit_fast
    from symcnn.render.numpy_source import emit_plan

    if style not in ("readable", "fast"):
        raise SymcnnError(f"expected the style readable or fast, got {style!r}")
    found = subject_of(subject)
    if style == "readable":
        stateful = target == "numpy"  # arrays of other libraries are not assigned to
        return emit_plan(found.plan() if isinstance(found, Layer) else routines(found, stateful), target)
    if target != "numpy":
        raise SymcnnError(f"expected the target numpy with the style fast, got {target!r}")
    return emit_fast(found.plan() if isinstance(found, Layer) else plan(found, flat=True), exact)


def program(subject: Subject, style: Style = "readable", *, exact: bool = False) -> str:
    """The array program behind ``emit``: each statement's number, equation, operations and shapes. Raises SymcnnError."""
    from symcnn.program.build import build
    from symcnn.program.fast_build import fast_program
    from symcnn.render.program_text import fast_text, program_text

    if style not in ("readable", "fast"):
        raise SymcnnError(f"expected the style readable or fast, got {style!r}")
    found = subject_of(subject)
    if style == "readable":
        return program_text(build(found.plan() if isinstance(found, Layer) else routines(found, True)))
    if isinstance(found, Layer):
        raise SymcnnError("expected a network for the style fast; a formula has the readable style alone")
    return fast_text(fast_program(plan(found, flat=True), exact))


def check(subject: Subject) -> Evidence:
    """Replay and prove every derivation of a network or layer, and compare its program with numeric derivatives.

    A network of more than ten million multiply-adds or parameters is computed with fewer channels, and every step of
    its gradients compared with those of that narrow form; the findings say so.
    """
    from symcnn.render.check import check as evidence

    return evidence(subject_of(subject))


def hessian_vector(layer: Layer) -> Layer:
    """The layer of s = Σ_x ⟨x̄, v_x⟩, whose cotangents are the Hessian-vector products. Raises SymcnnError."""
    from symcnn.nets.second_order import hessian_vector as second

    return second(layer)

"""The notation of a document: names for compound extents, the order of sizes, names that would look alike."""

from __future__ import annotations

from collections.abc import Iterable

import sympy as sp

from symcnn.core.equation import Equation
from symcnn.core.tensor import Tensor
from symcnn.render.document_model import Line
from symcnn.render.latex import latex
from symcnn.render.latex_names import Notation, colliding
from symcnn.render.latex_order import is_size, term_key

LOSSES = ("L", "J", r"\ell")


def notation_for(equations: Iterable[Equation], *, one_based: bool = False) -> Notation:
    """The notation for a list of equations: compound extents of targets get primed names (H′ = ⌊…⌋ + 1)."""
    listed = list(equations)
    tensors = list(dict.fromkeys(t for e in listed for t in (e.tensor, *e.inputs)))
    sizes = list(
        dict.fromkeys(s for t in tensors for e in t.shape for s in sp.preorder_traversal(e) if is_size(s))
    )
    symbols = dict.fromkeys(s for e in listed for s in _symbols(e))
    clashes = colliding([*(t.name for t in tensors), *dict.fromkeys(s.name for s in (*sizes, *symbols))])
    return Notation(
        loss=_loss(tensors, [s.name for s in (*sizes, *symbols)]),
        extents=_extents(tensors),
        order=tuple(s.name for s in sizes),
        verbatim=frozenset(name for name in clashes if name not in {s.name for s in symbols}),
        one_based=one_based,
    )


def _symbols(equation: Equation) -> list[sp.Symbol]:
    return [s for s in sp.preorder_traversal(equation.body) if isinstance(s, sp.Symbol)]


def _loss(tensors: list[Tensor], symbols: list[str]) -> str:
    """The letter of the scalar that is differentiated: L where nothing else has that name."""
    scalar = next(
        (t.name for t in tensors if t.rank == 0 and t.role != "cotangent" and t.name in LOSSES), None
    )
    taken = {*(t.name for t in tensors if t.rank), *symbols}
    return scalar or next((letter for letter in LOSSES if letter not in taken), r"\mathcal{L}")


def _extents(tensors: list[Tensor]) -> tuple[tuple[sp.Expr, str], ...]:
    named: dict[sp.Expr, str] = {}
    taken: set[str] = set()
    for tensor in tensors:
        for extent in tensor.shape:
            if extent.is_Symbol or extent.is_number or extent in named or not _compound(extent):
                continue
            name = _leading_size(extent) + "'"
            while name in taken:
                name += "'"
            taken.add(name)
            named[extent] = name
    return tuple(named.items())


def _compound(extent: sp.Expr) -> bool:
    """Whether an extent is long enough to deserve a name of its own."""
    return bool(extent.has(sp.floor)) or sum(1 for _ in sp.preorder_traversal(extent)) > 5


def _leading_size(extent: sp.Expr) -> str:
    """The size that an extent is made from: the first one in its natural order."""
    inner = next(iter(sorted(extent.atoms(sp.floor), key=sp.default_sort_key)), None)
    number = sp.fraction(sp.together(inner.args[0]))[0] if inner is not None else extent
    terms = sorted(sp.Add.make_args(sp.expand(number)), key=lambda t: (term_key(t, value=False), str(t)))
    letters = [s for t in terms for s in sp.preorder_traversal(t) if is_size(s)]
    return Notation().symbol(letters[0].name) if letters else "M"


def extent_lines(notation: Notation) -> tuple[Line, ...]:
    """The definitions of the named extents."""
    bare = Notation(order=notation.order, verbatim=notation.verbatim)
    return tuple(Line(name, latex(extent, bare)) for extent, name in notation.extents)


def shape_latex(tensor: Tensor, notation: Notation) -> str:
    """``N \\times C \\times H``."""
    if not tensor.shape:
        return r"\text{scalar}"
    return r" \times ".join(notation.extent(e) or latex(e, notation) for e in tensor.shape)

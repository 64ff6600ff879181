"""How names are set: identifiers as LaTeX, and the choices that a whole document shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sympy as sp

from symcnn.core.errors import UnsupportedFormula
from symcnn.core.tensor import Tensor

GREEK = frozenset(
    {
        *(
            "alpha",
            "beta",
            "gamma",
            "delta",
            "zeta",
            "eta",
            "theta",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "pi",
        ),
        *(
            "rho",
            "sigma",
            "tau",
            "phi",
            "chi",
            "psi",
            "omega",
            "Gamma",
            "Delta",
            "Theta",
            "Lambda",
            "Xi",
            "Pi",
        ),
        *("Sigma", "Phi", "Psi", "Omega"),
    }
)
ALIASES = {"eps": r"\varepsilon", "epsilon": r"\varepsilon", "lam": r"\lambda"}
NAME = re.compile(r"([A-Za-z]+)([0-9][A-Za-z0-9]*)?((?:_[A-Za-z0-9]+)*)")


@dataclass(frozen=True, slots=True)
class Notation:
    """What a document has agreed on.

    ``loss`` is the letter of the scalar that is differentiated. ``extents`` gives compound extents names
    of their own (H′ for ⌊(H − R)/u⌋ + 1). ``order`` is the order in which sizes are multiplied.
    ``verbatim`` holds names that would look like another one if they were split into letter and label.
    ``one_based`` numbers the entries of expanded tensors as textbooks do: z₁₁, z₁₂, …
    """

    loss: str = "L"
    extents: tuple[tuple[sp.Expr, str], ...] = ()
    order: tuple[str, ...] = ()
    verbatim: frozenset[str] = frozenset()
    one_based: bool = False

    def parts(self, name: str) -> tuple[str, str]:
        """Letter and label of a name, both as LaTeX."""
        return (rf"\mathrm{{{_escaped(name)}}}", "") if name in self.verbatim else split_name(name)

    def symbol(self, name: str) -> str:
        """A size, index or scalar: the label stands below."""
        letter, label = self.parts(name)
        return f"{letter}_{{{label}}}" if label else letter

    def whole(self, tensor: Tensor | str) -> str:
        """A tensor as a whole, e.g. ``W_{1}``; a cotangent as a derivative of the loss."""
        if isinstance(tensor, str):
            return self.symbol(tensor)
        if tensor.role == "cotangent":
            return rf"\frac{{\partial {self.loss}}}{{\partial {self.symbol(tensor.name[1:])}}}"
        return self.symbol(tensor.name)

    def entry(self, tensor: Tensor, positions: str) -> str:
        """One entry, e.g. ``W^{(1)}_{k,d}``; of a cotangent as a derivative of the loss."""
        if tensor.role == "cotangent":
            return rf"\frac{{\partial {self.loss}}}{{\partial {self._entry(tensor.name[1:], positions)}}}"
        return self._entry(tensor.name, positions)

    def _entry(self, name: str, positions: str) -> str:
        letter, label = self.parts(name)
        if not positions:
            return self.symbol(name)
        above = f"^{{({label})}}" if label else ""
        return f"{letter}{above}_{{{positions}}}"

    def extent(self, extent: sp.Expr) -> str | None:
        """The name that a compound extent has, if any."""
        return next((name for known, name in self.extents if known == extent), None)


def split_name(name: str) -> tuple[str, str]:
    """``W1`` → (W, 1); ``gamma_out`` → (\\gamma, \\mathrm{out}); ``conv1a_W2`` → (conv, 1a, W2).

    Raises UnsupportedFormula for anything that is not a plain identifier.
    """
    found = NAME.fullmatch(name.replace("'", ""))
    if found is None:
        raise UnsupportedFormula(f"expected a name of letters and digits to print, got {name[:60]!r}")
    word, number, rest = found.groups()
    labels = [number, *rest.split("_")[1:]]
    return _word(word), ",".join(_label(label) for label in labels if label)


def _word(word: str) -> str:
    if word in ALIASES:
        return ALIASES[word]
    if word in GREEK:
        return f"\\{word}"
    return word if len(word) == 1 else rf"\mathrm{{{word}}}"


def _label(label: str) -> str:
    return label if label.isdigit() else _word(label) if label.isalpha() else rf"\mathrm{{{label}}}"


def _escaped(name: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_]+", name) is None:
        raise UnsupportedFormula(f"expected a name of letters and digits to print, got {name[:60]!r}")
    return name.replace("_", r"\_")


def colliding(names: Iterable[str]) -> frozenset[str]:
    """Names that would be set like another one: all but the first of each look."""
    seen: dict[tuple[str, str], str] = {}
    clashes = []
    for name in names:
        if seen.setdefault(split_name(name), name) != name:
            clashes.append(name)
    return frozenset(clashes)

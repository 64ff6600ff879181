"""Names in emitted modules: safe identifiers, what steps read, and which inputs hold labels."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable

import sympy as sp

from symcnn.core.expr import reads
from symcnn.core.plan import Statement
from symcnn.core.tensor import Tensor
from symcnn.program.build import Program, every_symbol
from symcnn.program.steps import Step

OWN_NAMES = frozenset(
    [
        "np",
        "math",
        "as_strided",
        "sliding_window_view",
        "dtype",
        "params",
        "grads",
        "name",
        "array",
        "shape",
        "windows",
        "dilated",
        "gathered",
        "first_of",
        "last_of",
        "sigmoid",
        "softplus",
        "erf",
        "init",
        "forward",
        "loss",
        "vjp",
        "loss_and_grads",
        "sgd_step",
        "lr",
        "seed",
        "saved",
        "own",
        "kept",
        "part",
        "momentum_step",
        "adam_step",
        "save",
        "load",
        "prefixed",
        "rng",
        "state",
        "training",
    ]
)


def identifiers(program: Program) -> dict[str, str]:
    """Safe Python text for every name: no keyword, builtin or name of the module's own is shadowed."""
    plan = program.plan
    steps = (*program.forward, *program.loss, *program.backward)
    names = [tensor.name for tensor in (*plan.inputs, *plan.parameters)]
    names += [symbol.name for symbol in every_symbol(plan)] + [name for step in steps for name in step.names]
    return {name: safe(name) for name in dict.fromkeys(names)}


def index_names(program: Program) -> frozenset[str]:
    """Names of indices that are no sizes or parameters: they stand in comments alone."""
    plan = program.plan
    tensors = (*plan.inputs, *plan.parameters, *(s.equation.tensor for s in plan.every_statement))
    sizes = {s for tensor in tensors for extent in tensor.shape for s in extent.free_symbols}
    sizes |= {symbol for symbol, _ in plan.scalars}
    free = {index.symbol for s in plan.every_statement for index in s.equation.free}
    return frozenset(symbol.name for symbol in free - sizes)


def safe(name: str) -> str:
    """``name`` as an identifier of our own module. Names are letters, digits and single underscores."""
    taken = keyword.iskeyword(name) or hasattr(builtins, name) or name in OWN_NAMES
    return f"{name}_" if taken else name


def names_read(steps: Iterable[Step]) -> set[str]:
    """Every name that some step reads."""
    return {name for step in steps for name in step.reads}


def classes_of(tensor: Tensor, statements: Iterable[Statement]) -> sp.Expr | None:
    """The number of classes where ``tensor`` holds labels: each of its reads is only compared with an index."""
    extent: sp.Expr | None = None
    for statement in statements:
        body = statement.equation.body
        pairs = [e for e in sp.preorder_traversal(body) if isinstance(e, sp.Eq | sp.Ne) and _with_index(e)]
        for pair in pairs:
            if any(read.tensor == tensor for read in reads(pair)):
                index = next(side for side in pair.args if side.is_Symbol)
                extent = statement.equation.extents.get(index, extent)
        rest = body.xreplace(dict.fromkeys(pairs, sp.true))
        if any(read.tensor == tensor for read in reads(rest)):
            return None
    return extent


def _with_index(pair: sp.Basic) -> bool:
    return any(side.is_Symbol for side in pair.args)

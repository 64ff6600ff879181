"""Rewritings of a network's forward equations; what follows for the backward pass is derived from the new equations.

Each rewriting replaces neighbouring statements by equations with the same result:

- a convolution's bias and a function that keeps the order of numbers stand after a maximum instead of before it;
- the places of a maximum over windows that do not overlap become axes of the convolution's result (phases), so that
  the maximum compares whole arrays and the windows of all phases are read once;
- a stride u becomes u times as many channels: x_split[c,a,h] = x[c, u·h + a].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.calculus.pullback import cotangents
from symcnn.core.bounds import nonnegative, span
from symcnn.core.equation import Equation
from symcnn.core.expr import Read, Reduce, reads, rebind
from symcnn.core.index import fresh, index
from symcnn.core.plan import Plan, Statement
from symcnn.core.tensor import Tensor
from symcnn.program.fast_patterns import Convolution, Pooling, convolution, keeps_order, pooling, statements
from symcnn.program.fast_simplify import simplified
from symcnn.program.fast_tiles import COUNT, bare, equation, strided, suits, tiled, unused_name

FEW = 256  # products for each entry of a convolution up to which copying its windows costs more than multiplying
LETTERS = "abefgh"


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, where, and why."""

    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Equations in the place of statements."""

    old: tuple[Statement, ...]
    new: tuple[Equation, ...]
    choice: Choice
    numbers: tuple[tuple[Tensor, sp.Matrix], ...] = ()


def pooled(group: Sequence[Statement], taken: set[str]) -> Rewriting | None:
    """A convolution, functions that keep the order, and a maximum of windows: the maximum first, then bias and functions."""
    first, *between, last = group
    conv, pool = convolution(first.equation), pooling(last.equation)
    if conv is None or pool is None:
        return None
    made: list[Equation] = []
    phased = all(w == s for w, s in zip(pool.windows, pool.strides, strict=True)) and _few(conv)
    best = _phases(conv, pool, taken, made) if phased else _before(conv, pool, taken, made)
    axes = [(i.symbol, i.extent) for i in last.equation.free]
    value = Read(best.tensor, best.target.at)
    names = dict(zip(best.target.at, (k for k, _ in axes), strict=True))
    value = rebind(value, names)
    if conv.bias != 0:
        made.append(
            equation(
                unused_name(f"{first.equation.tensor.name}_best", taken),
                axes,
                value + rebind(conv.bias, {conv.out: axes[1][0]}),
            )
        )
        value = Read(made[-1].tensor, made[-1].target.at)
    for statement in between:
        read = keeps_order(statement.equation)
        assert read is not None, "only such functions stand between"
        body = rebind(statement.equation.body, {read: value})
        final = statement is between[-1]
        name = (
            last.equation.tensor.name
            if final
            else unused_name(f"{statement.equation.tensor.name}_best", taken)
        )
        made.append(equation(name, axes, body))
        value = Read(made[-1].tensor, made[-1].target.at)
    made[-1] = Equation(Read(last.equation.tensor, made[-1].target.at), made[-1].body, made[-1].free)
    what = "maximum before bias and activation"
    why = "they keep the order of numbers"
    if phased:
        what += "; convolution in phases of the windows"
        why += f"; {_products(conv)} products for an entry: copying windows would cost more than multiplying"
    return Rewriting(tuple(group), tuple(made), Choice(first.layer or first.equation.tensor.name, what, why))


def _products(conv: Convolution) -> int:
    return conv.channels * int(sp.prod([s.window for s in conv.sliding]))


def _few(conv: Convolution) -> bool:
    return _products(conv) <= FEW and all(s.dilation == 1 for s in conv.sliding)


def _before(conv: Convolution, pool: Pooling, taken: set[str], made: list[Equation]) -> Equation:
    """The maximum of the bare sums."""
    old = conv.equation
    axes = [(i.symbol, i.extent) for i in old.free]
    made.append(equation(unused_name(f"{old.tensor.name}_sums", taken), axes, old.body - conv.bias))
    read = pool.equation.body.body
    body = rebind(pool.equation.body, {read: Read(made[-1].tensor, read.at)})
    axes = [(i.symbol, i.extent) for i in pool.equation.free]
    made.append(equation(unused_name(f"{old.tensor.name}_max", taken), axes, body))
    return made[-1]


def _phases(conv: Convolution, pool: Pooling, taken: set[str], made: list[Equation]) -> Equation:
    """The convolution with one more axis for each place in a window, and the maximum over those axes."""
    name = conv.equation.tensor.name
    phase = [index(LETTERS[at]) for at in range(len(conv.sliding))]
    counts = [sp.Integer(count) for count in pool.windows]
    strides = [s.stride * count for s, count in zip(conv.sliding, pool.windows, strict=True)]
    reach = [s.window + s.stride * (count - 1) for s, count in zip(conv.sliding, pool.windows, strict=True)]
    reach = [-(-r // u) * u for r, u in zip(reach, strides, strict=True)]
    inner = [index(k) for k in "rstuvw"[: len(phase)]]
    spread_at = [r - s.stride * a for r, s, a in zip(inner, conv.sliding, phase, strict=True)]
    outputs, channels = (conv.out, conv.weight.tensor.shape[0]), (index("c"), conv.weight.tensor.shape[1])
    weight = equation(
        unused_name(f"{conv.weight.tensor.name}_phases", taken),
        [
            *zip(phase, counts, strict=True),
            outputs,
            channels,
            *((k, sp.Integer(r)) for k, r in zip(inner, reach, strict=True)),
        ],
        Read(conv.weight.tensor, [outputs[0], channels[0], *spread_at], 0),
    )
    made.append(weight)
    batch = (conv.batch, conv.data.tensor.shape[0])
    outs = [(i.symbol, i.extent) for i in pool.equation.free[2:]]
    data, weight_at, data_at, bound = split(conv, strides, reach, [extent for _, extent in outs], taken, made)
    c = fresh("c")
    places = [k for k, _ in outs]
    steps = [index(k.name) for k, _ in bound]
    named = dict(zip((k for k, _ in bound), steps, strict=True))
    split_axes = [(step, extent) for step, (_, extent) in zip(steps, bound, strict=True)]
    made.append(
        equation(
            unused_name(f"{conv.weight.tensor.name}_split", taken),
            [*zip(phase, counts, strict=True), outputs, channels, *split_axes],
            Read(weight.tensor, [*phase, outputs[0], channels[0], *(rebind(p, named) for p in weight_at)]),
        )
    )
    product = Read(made[-1].tensor, [*phase, outputs[0], c, *(k for k, _ in bound)]) * Read(
        data, [c, *data_at(places), conv.batch]
    )
    body = Reduce("sum", product, [(c, channels[1]), *bound])
    free = [*zip(phase, counts, strict=True), outputs, *outs, batch]
    made.append(equation(unused_name(f"{name}_phases", taken), free, body))
    dummies = [fresh(k.name) for k in phase]
    best = Reduce(
        "max",
        Read(made[-1].tensor, [*dummies, outputs[0], *places, conv.batch]),
        list(zip(dummies, counts, strict=True)),
    )
    made.append(equation(unused_name(f"{name}_max", taken), [batch, outputs, *outs], best))
    return made[-1]


def split(
    conv: Convolution,
    strides: Sequence[int],
    reach: Sequence[int],
    outs: Sequence[sp.Expr],
    taken: set[str],
    made: list[Equation],
) -> tuple[
    Tensor,
    list[sp.Expr],
    Callable[[Sequence[sp.Expr]], list[sp.Expr]],
    list[tuple[sp.Symbol, sp.Expr]],
]:
    """The input with places that a stride skips as axes of their own, in the order [c, a…, h…, n].

    Gives the tensor, how the windows read weight and data, and the limits of the sums.
    """
    batch, channel = (conv.batch, conv.data.tensor.shape[0]), (index("c"), conv.data.tensor.shape[1])
    rest = [index(f"{LETTERS[at]}2") for at in range(len(strides))]
    steps = [r // u for r, u in zip(reach, strides, strict=True)]
    height = [index(k) for k in "hwxyz"[: len(strides)]]
    extents = [sp.expand(out + step - 1) for out, step in zip(outs, steps, strict=True)]
    at = [u * h + a + s.offset for u, h, a, s in zip(strides, height, rest, conv.sliding, strict=True)]
    thin = [k for k, u in enumerate(strides) if u > 1]
    at = [
        place.subs(a, 0) if k not in thin else place
        for k, (place, a) in enumerate(zip(at, rest, strict=True))
    ]
    axes = [
        channel,
        *((rest[k], sp.Integer(strides[k])) for k in thin),
        *zip(height, extents, strict=True),
        batch,
    ]
    made.append(
        equation(
            unused_name(f"{conv.data.tensor.name}_split", taken),
            axes,
            Read(conv.data.tensor, [batch[0], channel[0], *at], 0),
        )
    )
    coarse, fine = [fresh(k) for k in "rstuv"[: len(strides)]], [fresh(f"{LETTERS[k]}2") for k in thin]
    bound = [*zip(fine, (sp.Integer(strides[k]) for k in thin), strict=True)]
    bound += list(zip(coarse, map(sp.Integer, steps), strict=True))
    inner = dict(zip(thin, fine, strict=True))
    weight = [strides[k] * coarse[k] + inner.get(k, 0) for k in range(len(strides))]

    def data(places: Sequence[sp.Expr]) -> list[sp.Expr]:
        return [*fine, *(place + k for place, k in zip(places, coarse, strict=True))]

    return made[-1].tensor, weight, data, bound


# -- in a plan -------------------------------------------------------------------------------------------------


def rewritten(plan: Plan, exact: bool = False) -> tuple[Plan, dict[Tensor, sp.Matrix], tuple[Choice, ...]]:
    """The plan with every rewriting that applies, the tensors of numbers that it brings in, and what was chosen.

    ``exact`` leaves out what enlarges rounding errors.
    """
    plan = simplified(plan)
    taken = {t.name for t in (*plan.inputs, *plan.parameters)} | {
        s.equation.tensor.name for s in statements((*plan.forward, *plan.loss, *plan.backward))
    }
    choices: list[Choice] = []
    for group in _groups(plan):
        found = pooled(group, taken)
        changed = spliced(plan, found) if found is not None else None
        if found is not None and changed is not None:
            plan = changed
            choices.append(found.choice)
    numbers: dict[Tensor, sp.Matrix] = {}
    for find in () if exact else (_strided, _tiled):
        for statement in statements(plan.forward):
            made = find(statement, taken)
            changed = spliced(plan, made) if made is not None else None
            if made is not None and changed is not None:
                plan = changed
                numbers.update(made.numbers)
                choices.append(made.choice)
    return numbered(plan), numbers, tuple(choices)


def _strided(statement: Statement, taken: set[str]) -> Rewriting | None:
    """A large stride over few channels as many channels, where tiles can follow."""
    conv = convolution(statement.equation)
    if conv is None or all(s.stride == 1 for s in conv.sliding) or any(s.dilation > 1 for s in conv.sliding):
        return None
    steps = int(sp.prod([s.stride for s in conv.sliding]))
    new = strided(conv, set(taken))
    turned = convolution(new[-1])
    if turned is None or not suits(turned):
        return None
    new = strided(conv, taken)
    why = f"{conv.channels} channels become {conv.channels * steps}, and tiles can follow"
    return Rewriting(
        (statement,), tuple(new), Choice(statement.layer, "places that the stride skips as channels", why)
    )


def _tiled(statement: Statement, taken: set[str]) -> Rewriting | None:
    conv = convolution(statement.equation)
    if conv is None or not suits(conv):
        return None
    new, numbers = tiled(conv, taken)
    size = "×".join(str(COUNT + 1 - s.window) for s in conv.sliding)
    window = "×".join(str(s.window) for s in conv.sliding)
    products = int(sp.prod([s.window * (COUNT + 1 - s.window) for s in conv.sliding]))
    why = f"{COUNT**2} products for {products}; {conv.channels} channels in, {conv.outputs} out"
    choice = Choice(statement.layer, f"tiles of {size} (Winograd), window {window}", why)
    return Rewriting((statement,), tuple(new), choice, tuple(numbers.items()))


def _groups(plan: Plan) -> list[tuple[Statement, ...]]:
    """Convolution, functions that keep the order, pooling: each value read by the next statement alone."""
    readers: dict[str, list[Statement]] = {}
    for statement in statements((*plan.forward, *plan.loss)):
        for tensor in statement.equation.inputs:
            readers.setdefault(tensor.name, []).append(statement)
    groups = []
    for statement in statements(plan.forward):
        if convolution(statement.equation) is None:
            continue
        group = [statement]
        while len(following := readers.get(group[-1].equation.tensor.name, [])) == 1:
            group.append(following[0])
            if pooling(following[0].equation) is not None:
                groups.append(tuple(group))
                break
            if keeps_order(following[0].equation) is None:
                break
    return groups


def spliced(plan: Plan, change: Rewriting) -> Plan | None:
    """``change`` in forward and backward pass; None where the backward pass does not come apart."""
    gone = [s.equation.tensor for s in change.old]
    out = gone[-1]
    inputs = list(dict.fromkeys(t for s in change.old for t in s.equation.inputs if t not in gone))
    dead = {t.cotangent().name for t in gone[:-1]}
    passed = {*dead, out.cotangent().name}
    backward = {s.equation.tensor.name: s for s in statements(plan.backward)}
    wanted = [t for t in inputs if t.cotangent().name in backward]
    made: list[Statement] = []
    for derived, gradients in cotangents(change.new, wanted):
        scatters = tuple(s for gradient in gradients for s in gradient.scatters)
        derived = bare(reindexed(derived))
        made.append(Statement(0, derived, _note(derived, change), change.old[0].layer, scatters))
    rest: list[Statement] = []
    place: int | None = None
    for statement in statements(plan.backward):
        name = statement.equation.tensor.name
        reads_it = any(t.name in passed for t in statement.equation.inputs)
        if name in dead or (reads_it and name in {t.cotangent().name for t in wanted}):
            if name not in dead and not all(
                _only(term, passed) for term in sp.Add.make_args(statement.equation.body)
            ):
                return None
            place = len(rest) if place is None else place
            continue
        if reads_it and any(t.name in dead for t in statement.equation.inputs):
            return None
        rest.append(statement)
    if place is None:
        if wanted:
            return None
        place = 0
    forward = list(statements(plan.forward))
    at = forward.index(change.old[0])
    last = change.old[-1]
    new = [
        Statement(0, e, last.note if e is change.new[-1] else "part of " + last.note, last.layer)
        for e in change.new
    ]
    forward = (
        [s for s in forward[:at] if s not in change.old]
        + new
        + [s for s in forward[at:] if s not in change.old]
    )
    return replace(plan, forward=tuple(forward), backward=(*rest[:place], *made, *rest[place:]))


def reindexed(equation: Equation) -> Equation:
    """Sums over the places that a guarded read can take, instead of over all places with most of them outside.

    Σ_r X[r − h | 0, r] is Σ_a X[a, h + a] where h + a never leaves the range of r.
    """
    body = equation.body
    if not isinstance(body, Reduce) or body.kind != "sum" or not isinstance(body.body, Read):
        return equation
    read, limits = body.body, dict(body.limits)
    extents = equation.extents
    for k, extent in body.limits:
        for position, size in zip(read.at, read.tensor.shape, strict=True):
            rest = sp.expand(position - k)
            if position == k or rest.has(k) or not rest.free_symbols <= set(extents):
                continue
            place = fresh(str(k.name))
            moved = place - rest
            reach = span(moved, {**extents, place: size})
            if reach is None or not nonnegative(reach[0]) or not nonnegative(extent - 1 - reach[1]):
                continue
            del limits[k]
            read = rebind(read, {k: moved})
            read = Read(read.tensor, [sp.expand(p) for p in read.at], read.args[2])
            limits[place] = size
            extents = {**extents, place: size}
            break
    return Equation(equation.target, Reduce("sum", read, limits.items()), equation.free)


def _only(term: sp.Expr, names: set[str]) -> bool:
    cotangent = [read for read in reads(term) if read.tensor.role == "cotangent"]
    return bool(cotangent) and all(read.tensor.name in names for read in cotangent)


def _note(derived: Equation, change: Rewriting) -> str:
    return f"gradient of {derived.tensor.name[1:]}"


def numbered(plan: Plan) -> Plan:
    """The plan with its statements numbered anew."""
    count = 0
    sections = []
    for section in (plan.forward, plan.loss, plan.backward):
        done = []
        for statement in statements(section):
            count += 1
            done.append(replace(statement, number=count))
        sections.append(tuple(done))
    return replace(plan, forward=sections[0], loss=sections[1], backward=sections[2])

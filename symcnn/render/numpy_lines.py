"""Steps of an array program as lines of Python: one comment for each statement, parts named where a line grows long."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import sympy as sp

from symcnn.core.plan import Statement
from symcnn.program.array import (
    Accumulate,
    Apply,
    Called,
    Expand,
    Matmul,
    Named,
    Node,
    Reshape,
    Scalar,
    Target,
    Transpose,
    equal,
)
from symcnn.program.build import is_guarded
from symcnn.program.passes import described, unused
from symcnn.program.steps import Step, is_view, names_in, substituted, walk
from symcnn.render.equation_text import scattered, written
from symcnn.render.numpy_expr import Writer

WIDTH = 106
LOOPS = ("r", "s", "t", "k", "l", "m")


@dataclass(frozen=True, slots=True)
class Block:
    """The code of one statement; ``training`` where evaluation leaves it out."""

    comment: tuple[str, ...]
    lines: tuple[str, ...]
    training: bool = False


def laid_out(steps: Sequence[Step], used: set[str]) -> list[Step]:
    """Scatter-additions and their parts on lines of their own."""
    result: list[Step] = []
    for step in steps:
        names: dict[Node, Named] = {}
        for node in walk(step.node):
            if isinstance(node, Accumulate) and node not in names:
                source = _named_source(node, step, names, used, result)
                placed = Accumulate(node.shape, source, node.looped, node.targets)
                if node is step.node:
                    names[node] = Named(node.shape, step.name)
                    result.append(replace(step, node=placed))
                else:
                    name = unused(described(node, step.name), used)
                    names[node] = Named(node.shape, name)
                    result.append(Step(name, placed))
        if step.node not in names:
            result.append(replace(step, node=substituted(step.node, names)))
    return result


def _named_source(
    node: Accumulate, step: Step, names: dict[Node, Named], used: set[str], result: list[Step]
) -> Node:
    source = substituted(node.source, names)
    if isinstance(source, Named):
        return source
    name = unused(f"{step.name}_parts", used)
    result.append(Step(name, source))
    return Named(source.shape, name)


def fitted(steps: Sequence[Step], writer: Writer, used: set[str]) -> list[Step]:
    """Parts of long lines get names of their own, the longest part that fits a line first."""
    result: list[Step] = []
    for step in steps:
        node = step.node
        while (
            not isinstance(node, Accumulate | Called)
            and max(map(len, _lines(replace(step, node=node), writer))) > WIDTH
        ):
            part = _part(node, step.name, writer)
            if part is None:
                break
            name = unused(described(part, step.name), used)
            result.append(Step(name, part, training=step.training or step.evaluation is not None))
            node = substituted(node, {part: Named(part.shape, name, part.kind)})
        result.append(replace(step, node=node))
    return result


def _part(root: Node, name: str, writer: Writer) -> Node | None:
    """The largest proper part of the value ``name`` that fits a line of its own, else the smallest."""
    parts = [
        (len(writer.text(node)), node)
        for node in walk(root)
        if node is not root and not isinstance(node, Named | Scalar | Transpose | Expand) and node.sources
    ]
    small = [
        (length, node) for length, node in parts if 16 <= length < WIDTH - len(described(node, name)) - 3
    ]
    if small:
        return max(small, key=lambda part: (not is_view(part[1]), part[0]))[1]
    return min(parts, key=lambda part: part[0])[1] if parts else None


def blocks(steps: Sequence[Step], writer: Writer, freed: Mapping[int, Sequence[str]]) -> list[Block]:
    """Code with comments; parts without a statement stand under the comment of the statement that follows them.

    ``freed`` says which arrays are done with after a step, by its place.
    """
    result: list[Block] = []
    parts: list[Step] = []
    done: list[str] = []
    for place, step in enumerate(steps):
        parts.append(step)
        done.extend(freed.get(place, ()))
        if step.statement is not None or isinstance(step.node, Called):
            block = _block(parts, writer)
            release = (f"del {', '.join(done)}",) if done else ()
            result.append(replace(block, lines=(*block.lines, *release)))
            parts, done = [], []
    assert not parts, "the last step of a function is a statement"
    return _grouped(result)


def _block(parts: Sequence[Step], writer: Writer) -> Block:
    """The lines of one statement or call; parts that only training needs stand under that condition."""
    last = parts[-1]
    lines: list[str] = []
    for part in parts:
        own = _lines(part, writer)
        if part.training and not last.training:
            own = [*([] if lines and lines[-1].startswith("    ") else ["if training:"]), *_indented(own)]
        lines.extend(own)
    if isinstance(last.node, Called):
        return _called_block(last.node, lines, last.training, writer)
    assert last.statement is not None, "a block ends with a statement or call"
    given = last.name in names_in(last.node)  # running statistics, which have their shape already
    shape = f"; {writer.shape(last.node.shape)}" if last.node.shape and not given else ""
    return Block(*commented(last.statement, lines, shape), last.training)


def _grouped(blocks: Sequence[Block]) -> list[Block]:
    """Neighbours that only training needs stand under one condition."""
    result: list[Block] = []
    for block in blocks:
        if block.training:
            lines = _indented((*block.comment, *block.lines))
            if result and result[-1].training:
                lines = [*result.pop().lines, *lines]
            else:
                lines = ["if training:", *lines]
            result.append(Block((), tuple(lines), True))
        else:
            result.append(block)
    return result


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _lines(step: Step, writer: Writer) -> list[str]:
    name = writer.names.get(step.name, step.name)
    node = step.node
    if isinstance(node, Called):
        return called(step, node, writer)
    if step.name in names_in(node) and writer.assigns:  # running statistics: the caller's own array
        name = f"{name}[...]"
    if step.evaluation is not None:
        return [f"{name} = {writer.text(node)} if training else {writer.text(step.evaluation)}"]
    if not isinstance(node, Accumulate):
        product, term = _product_and_term(node)
        if product is not None and term is not None:
            if writer.large(node):
                return [f"{name} = {writer.text(product)}", f"{name} += {writer.text(term)}"]
            node = Apply(node.shape, "add", (product, term))
        return [f"{name} = {writer.text(node)}"]
    if not writer.assigns:
        return writer.accumulated(name, node)
    source = writer.text(node.source)
    lines = [f"{name} = np.zeros({writer.shape(node.shape)}, {source}.dtype)"]
    if not node.looped:
        lines.append(f"{name}[{_places(node, (), writer)}] = {source}")
        return lines
    taken = {str(s.name) for n in (*node.shape, *node.source.shape) for s in n.free_symbols}
    taken |= {text for name, text in writer.names.items() if name not in writer.indices}
    free = [k for k in (*LOOPS, *(f"k{n}" for n in range(9))) if k not in taken]
    loops = tuple(sp.Symbol(k, integer=True, nonnegative=True) for k in free[: node.looped])
    extents = ", ".join(writer.number(extent) for extent in node.source.shape[: node.looped])
    over = f"range({extents})" if node.looped == 1 else f"np.ndindex({extents})"
    lines.append(f"for {', '.join(k.name for k in loops)} in {over}:")
    inner = ", ".join(k.name for k in loops)
    lines.append(f"    {name}[{_places(node, loops, writer)}] += {source}[{inner}]")
    return lines


def _product_and_term(node: Node) -> tuple[Node | None, Node | None]:
    """A matrix product and what is added to it, where the sum can be formed in the product's own memory."""
    match node:
        case Apply(function="add", args=(left, right)):
            for whole, rest in ((left, right), (right, left)):
                source = whole.source if isinstance(whole, Reshape) else whole
                if isinstance(source, Matmul) and whole.shape == node.shape:
                    return whole, rest
    return None, None


def _places(node: Accumulate, loops: Sequence[sp.Symbol], writer: Writer) -> str:
    pairs = zip(node.targets, node.shape, strict=True)
    marks = [_place(target, extent, loops, writer) for target, extent in pairs]
    while len(marks) > 1 and marks[-1] == ":":
        marks = marks[:-1]
    return ", ".join(marks) if marks else "()"


def _place(target: Target, whole: sp.Expr, loops: Sequence[sp.Symbol], writer: Writer) -> str:
    moved = sum((c * k for c, k in zip(target.loops, loops, strict=True)), sp.S.Zero)
    start = sp.expand(target.start + moved)
    if target.extent is None:
        return writer.number(start)
    length = sp.expand(target.step * (target.extent - 1) + 1)
    if start == 0 and target.step == 1 and equal(length, whole):
        return ":"
    low, stop = writer.number(start), writer.number(sp.expand(start + length))
    step = "" if target.step == 1 else f":{writer.number(target.step)}"
    return f"{'' if low == '0' else low}:{stop}{step}"


def _called_block(node: Called, lines: Sequence[str], training: bool, writer: Writer) -> Block:
    """A call with the numbers of the equations that it computes."""
    procedure = writer.functions[node.call.procedure].procedure
    actions = procedure.backward if node.call.backward else procedure.forward
    numbers = [action.number for action in actions if isinstance(action, Statement)]
    told = f"equations ({min(numbers)}) to ({max(numbers)})" if numbers else "no equations of its own"
    if len(set(numbers)) == 1:
        told = f"equation ({numbers[0]})"
    beside = f"{lines[0]}  # {told}"
    if len(beside) <= WIDTH and (len(lines) == 1 or lines[1].startswith("grads |=")):
        return Block((), (beside, *lines[1:]), training)
    back = ", backwards" if node.call.backward else ""
    return Block((f"# {node.call.name}{back}: {told}",), tuple(lines), training)


def called(step: Step, node: Called, writer: Writer) -> list[str]:
    """A call of a block's function, forwards or backwards."""
    call = node.call
    function = writer.functions[call.procedure]
    args = [writer.text(arg) for arg in node.args]
    own = [] if function.procedure.explicit else [f'part(params, "{call.name}")']
    if not call.backward:
        args = [*own, *args, *function.extras(call.name)]
        output = writer.names.get(step.name, step.name)
        return _wrapped(f'{output}, saved["{call.name}"] = {function.name}(', args)
    given = iter(step.also)
    wanted = ["_" if result is None else writer.names.get(n := next(given), n) for result in call.results]
    args = [*own, f'saved.pop("{call.name}")', *args[1:]]
    if call.given is not None:
        results = [*wanted, *(writer.names.get(name, name) for name in given)]
        return _wrapped(f"{', '.join(results)} = {function.name}_backward(", args)
    results = [*wanted, *(["own"] if function.gradients else [])]
    lines = _wrapped(f"{', '.join(results)} = {function.name}_backward(", args)
    if function.gradients:
        lines.append(f'grads |= prefixed("{call.name}", own)')
    return lines


def _wrapped(start: str, args: Sequence[str]) -> list[str]:
    """A call, its arguments on a line of their own where it is long."""
    line = f"{start}{', '.join(args)})"
    return [line] if len(line) <= WIDTH else [start, f"    {', '.join(args)}", ")"]


def comment(statement: Statement, shape: str = "") -> tuple[str, ...]:
    """The number, what the statement is where there is room, its equation in index notation, the result's shape."""
    note = f"{statement.note}: " if statement.note else ""
    full = f"# ({statement.number}) {note}{_formula(statement)}{shape}"
    bare = f"# ({statement.number}) {_formula(statement)}{shape}"
    if len(full) > WIDTH >= len(bare):
        return (bare,)
    lines = textwrap.wrap(full[2:], WIDTH - 2, subsequent_indent="    ", break_long_words=False)
    return tuple(f"# {line}" for line in lines)


def _formula(statement: Statement) -> str:
    if statement.scatters and is_guarded(statement.equation):
        return " and ".join(map(scattered, statement.scatters))
    text = written(statement.equation)
    if statement.evaluation is not None:
        text += f"; in evaluation {written(statement.evaluation).split(' = ', 1)[1]}"
    return text


def commented(
    statement: Statement, lines: Sequence[str], shape: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A comment above the lines of a statement, or beside the last where it fits there: comment and lines."""
    beside = f"{lines[-1]}  # ({statement.number}) {_formula(statement)}{shape}"
    if len(beside) <= WIDTH and not lines[-1].startswith(" "):
        return (), (*lines[:-1], beside)
    return comment(statement, shape), tuple(lines)

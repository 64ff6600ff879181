"""Parts that are added to places of an array; the pairs of views are bound once."""

from __future__ import annotations

from collections.abc import Sequence

import sympy as sp

from symcnn.program.array import Accumulate, Apply, Transpose
from symcnn.program.passes import unused
from symcnn.render.fast_arrays import Array
from symcnn.render.fast_emit import Emitter
from symcnn.render.fast_maxima import chosen_in, routed, without
from symcnn.render.numpy_lines import _place


def accumulate(to: Emitter, node: Accumulate, target: Array) -> None:
    """Parts added one by one; the pairs of views are bound once.

    Parts that together cover the target without overlap are copied: a loop that fills the gaps of a step.
    """
    if _handed(to, node, target):
        return
    source = to.value(node.source, "parts")
    if not node.looped:
        to.call(f"{target.text}.fill(0)")
        to.call(f"np.copyto({_row_places(to, target, node, ())}, {source.text})")
        return
    extents = [int(extent) for extent in node.source.shape[: node.looped]]
    name = unused(f"{target.text.removeprefix('self.')}_pairs", to.used)
    loops = tuple(sp.Symbol(k, integer=True, nonnegative=True) for k in ("r", "s", "t", "k")[: node.looped])
    inner = ", ".join(k.name for k in loops)
    over = f"range({extents[0]})" if len(extents) == 1 else f"np.ndindex({', '.join(map(str, extents))})"
    marks = _row_places(to, target, node, loops)
    to.setup.append(f"self.{name} = [({marks}, {source.text}[{inner}]) for {inner} in {over}]")
    gap = _gap(node)
    if gap is None:
        to.call(f"{target.text}.fill(0)")
        to.call(f"for into, part in self.{name}:")
    else:
        step, axis, covered = gap
        rest = to.view(target, f"[{':, ' * axis}{to.writer.number(covered)}:]", False)
        to.call(f"{rest.text}.fill(0)")
        to.call(f"for into, part in self.{name}[:{step}]:")
        to.call("    np.copyto(into, part)")
        to.call(f"for into, part in self.{name}[{step}:]:")
    to.call("    np.add(into, part, out=into)")
    if not to.is_kept(node.source):
        to.pool.release(source.slot)


def _handed(to: Emitter, node: Accumulate, target: Array) -> bool:
    """A routed cotangent straight into its places: those of the first windows are written, the others added."""
    source, gap = node.source, _gap(node)
    order = source.order if isinstance(source, Transpose) else tuple(range(len(source.shape)))
    source = source.source if isinstance(source, Transpose) else source
    chosen = chosen_in(source)
    if gap is None or chosen is None or not isinstance(source, Apply):
        return False
    if order[0] != chosen.axis or list(order[1:]) != sorted(order[1:]):
        return False
    step, axis, covered = gap
    added: list[tuple[Array, Array]] = []

    def rows(place: int) -> Array:
        pairs = zip(node.targets, node.shape, strict=True)
        marks = ", ".join(_place(t, extent, (sp.Integer(place),), to.writer) for t, extent in pairs)
        mine = to.view(target, f"[{marks}]", False)
        if place < step:
            return mine
        added.append((mine, to.buffer("late", without(source.shape, chosen.axis))))
        return added[-1][1]

    if not routed(to, source, rows):
        return False
    rest = to.view(target, f"[{':, ' * axis}{to.writer.number(covered)}:]", False)
    to.call(f"{rest.text}.fill(0)")
    for into, part in added:
        to.call(f"np.add({into.text}, {part.text}, out={into.text})")
        to.pool.release(part.slot)
    return True


def _gap(node: Accumulate) -> tuple[int, int, sp.Expr] | None:
    """The step of the one axis that the one loop fills place by place, and how far it is covered then."""
    if node.looped != 1:
        return None
    moved = [k for k, target in enumerate(node.targets) if target.extent is not None and target.loops != (0,)]
    if len(moved) != 1:
        return None
    (axis,) = moved
    target = node.targets[axis]
    others = [(t, n) for k, (t, n) in enumerate(zip(node.targets, node.shape, strict=True)) if k != axis]
    if target.start != 0 or target.loops != (1,) or not target.step.is_Integer or target.step < 2:
        return None
    if any(
        t.extent is None or t.start != 0 or t.step != 1 or sp.expand(t.extent - n) != 0 for t, n in others
    ):
        return None
    if int(node.source.shape[0]) <= int(target.step) or target.extent is None:
        return None
    return int(target.step), axis, sp.expand(target.step * target.extent)


def _row_places(to: Emitter, target: Array, node: Accumulate, loops: Sequence[sp.Symbol]) -> str:
    pairs = zip(node.targets, node.shape, strict=True)
    return f"{target.text}[{', '.join(_place(t, extent, loops, to.writer) for t, extent in pairs)}]"

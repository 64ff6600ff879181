"""The tables of a dossier: layers of a scope with shapes, parameters, multiply-adds and receptive fields; places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from symcnn.nets.body import Body, Placed
from symcnn.nets.network import Network
from symcnn.nets.node import Node
from symcnn.nets.sweep import describe, shape_text
from symcnn.render.document_model import Block, Paragraph, Table, Text
from symcnn.render.dossier_fields import Fields, body_fields, field_text
from symcnn.render.dossier_scopes import Scope
from symcnn.render.graph_network import Part, example, parts

MOST_NAMED = 4
MOST_COLUMNS = 5
FIELD_WORDS = (
    "A receptive field counts as if the input went on beyond its borders, up to where an entry depends on all of it; "
    "its stride is the distance of the fields of two neighbouring entries. Statistics of the batch count as the given "
    "numbers that they are in evaluation."
)


@cache
def counts(body: Body) -> tuple[int, int]:
    """Parameters and multiply-adds of a body, for one image, without losses."""
    return totals(body.items)


def totals(items: Sequence[Node | Placed]) -> tuple[int, int]:
    """Parameters and multiply-adds of items."""
    pairs = [counts(item.body) if isinstance(item, Placed) else _of_node(item) for item in items]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def _of_node(node: Node) -> tuple[int, int]:
    return node.parameter_count(), 0 if node.kind.loss else node.multiply_adds()


def network_table(net: Network, titles: Mapping[Body, str]) -> tuple[Block, ...]:
    """One row for each box of the network's picture, and the totals."""
    fields = body_fields(net.body)
    axes = range(2, net.input.rank)
    rows = [_row(part, titles, fields[part.output.name], net.input.name, axes) for part in parts(net.body)]
    parameters, products = counts(net.body)
    rows.append((("total",), ("",), ("",), (f"{parameters:,}",), (f"{products:,}",), ("",), ("",)))
    one = example(net)
    caption = f"Layers, shapes for one {one}, parameters, multiply-adds"
    if not axes:
        return (_table(rows, caption, len(axes)),)
    return _table(rows, f"{caption}, receptive fields in the {one}", len(axes)), Paragraph((FIELD_WORDS,))


def body_table(scope: Scope) -> Table:
    """One row for each box of a block's picture; receptive fields are those in the block's input."""
    body = scope.body
    fields = body_fields(body)
    source = body.inputs[0]
    rows = [
        _row(part, {}, fields[part.output.name], source.name, range(2, source.rank)) for part in parts(body)
    ]
    parameters, products = counts(body)
    rows.append((("total",), ("",), ("",), (f"{parameters:,}",), (f"{products:,}",), ("",), ("",)))
    return _table(rows, f"The layers of {scope.title} in {scope.places[0][0]}", source.rank - 2)


def _row(
    part: Part, titles: Mapping[Body, str], fields: Fields, source: str, axes: range
) -> tuple[Text, ...]:
    parameters, products = totals(part.items)
    extent, stride = ("", "") if part.kind == "loss" else field_text(fields, source, axes)
    return (
        (part.name,),
        (_words(part, titles),),
        (shape_text(part.output) or "scalar",),
        (f"{parameters:,}" if parameters else "",),
        (f"{products:,}" if products else "",),
        (extent,),
        (stride,),
    )


def _words(part: Part, titles: Mapping[Body, str]) -> str:
    """What a box holds, in a line."""
    first = part.items[0]
    if isinstance(first, Placed) and part.kind != "layer":
        times = f"{len(part.items)} × " if len(part.items) > 1 else ""
        return f"{times}{titles.get(first.body, 'block')}"
    nodes = [n for item in part.items for n in ((item,) if isinstance(item, Node) else item.body.nodes)]
    return "; ".join(map(describe, nodes))


def _table(rows: Sequence[tuple[Text, ...]], caption: str, axes: int) -> Table:
    """The rows; without the columns of fields where there are no axes in which they lie."""
    head: tuple[Text, ...] = (
        ("name",),
        ("layers",),
        ("shape",),
        ("parameters",),
        ("multiply-adds",),
        ("field",),
        ("stride",),
    )
    if not axes:
        return Table(head[:-2], tuple(row[:-2] for row in rows), "lplrr", caption)
    return Table(head, tuple(rows), "lplrrll", caption)


# -- places --------------------------------------------------------------------------------------------------


def places_table(scope: Scope) -> Table:
    """Where the blocks of a form stand, and what each of them takes and gives."""
    rows: list[tuple[Text, ...]] = []
    for body, names in zip(scope.bodies, scope.places, strict=True):
        parameters, products = counts(body)
        reached = ", ".join(shape_text(tensor) for tensor in body.inputs)
        rows.append(
            (
                (listed(names),),
                (str(len(names)),),
                (reached,),
                (shape_text(body.output) or "scalar",),
                (f"{parameters:,}",),
                (f"{products:,}",),
            )
        )
    head: tuple[Text, ...] = (
        ("blocks",),
        ("number",),
        ("from",),
        ("to",),
        ("parameters of each",),
        ("multiply-adds of each",),
    )
    return Table(head, tuple(rows), "prllrr", f"Where {scope.title} stands")


def listed(names: Sequence[str]) -> str:
    """Names in a row; of many, the first and the last."""
    if len(names) <= MOST_NAMED:
        return ", ".join(names)
    return f"{names[0]}, {names[1]}, …, {names[-1]}"


def shapes_tables(scope: Scope) -> tuple[Table, ...]:
    """The shapes inside every different body of a form, a few bodies a table; none where there is one body only."""
    if len(scope.bodies) == 1:
        return ()
    tables = []
    for start in range(0, len(scope.bodies), MOST_COLUMNS):
        bodies = scope.bodies[start : start + MOST_COLUMNS]
        columns = [[shape_text(part.output) for part in parts(body)] for body in bodies]
        names = [part.name for part in parts(bodies[0])]
        rows = tuple(((name,), *((c,) for c in cells)) for name, *cells in zip(names, *columns, strict=True))
        head: tuple[Text, ...] = (
            ("result of",),
            *((scope.places[start + k][0],) for k in range(len(bodies))),
        )
        tables.append(
            Table(head, rows, "l" * len(head), f"Shapes inside {scope.title}, by the first place of each")
        )
    return tuple(tables)

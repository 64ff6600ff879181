"""Names of functions that stand for blocks: a chain is named after its layers, another block after its places."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence

from symcnn.nets.body import Body, Placed
from symcnn.nets.node import Node

DETAIL = re.compile(r"\b(without|in|of|over|same|with|by|as)\b.*|\b\d+d\b|(?<=[a-z])\d+d\b")
Namer = Callable[[Body, dict[Body, str]], str]


def routine_names(root: Body) -> dict[Body, str]:
    """A name for each body: conv_relu, with windows where several would have it: conv3x3_relu; layer, layer_down."""
    found: dict[Body, str] = {}
    items = [item for body in (*root.bodies, root) for item in body.items if isinstance(item, Placed)]
    for body in root.bodies:
        places = [item.name for item in items if item.body is body]
        found[body] = _chained(body, found, False) or _stem(places)
    for namer in (_with_windows, _with_change):
        counts = Counter(found.values())
        for body, name in list(found.items()):
            if counts[name] > 1:
                found[body] = namer(body, found)
    taken: set[str] = set()
    return {body: _numbered(name, taken) for body, name in found.items()}


def _numbered(name: str, taken: set[str]) -> str:
    count, found = 1, name
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found)
    return found


def _chained(body: Body, names: dict[Body, str], windows: bool) -> str:
    """The layers of a chain; empty where the body is none."""
    words = []
    before = body.inputs
    for item in body.items:
        if item.inputs != before or (isinstance(item, Placed) and not item.names):
            return ""
        words.append(names[item.body] if isinstance(item, Placed) else _word(item, windows))
        before = (item.output,)
    return "_".join(words)


def _word(node: Node, windows: bool) -> str:
    """The family of a layer, with its window if wanted: conv3x3."""
    family = "_".join(DETAIL.sub("", node.kind.name).split())
    sizes = {s.name: v for s, v in node.sizes}
    return f"{family}{sizes['R']}x{sizes['S']}" if windows and {"R", "S"} <= set(sizes) else family


def _with_windows(body: Body, names: dict[Body, str]) -> str:
    return _chained(body, names, True) or names[body]


def _with_change(body: Body, names: dict[Body, str]) -> str:
    """What tells blocks of one name apart: that the image shrinks, or else that the channels change."""
    given, made = body.inputs[0].shape, body.output.shape
    if given[2:] != made[2:]:
        return f"{names[body]}_down"
    return names[body] if given == made else f"{names[body]}_wide"


def _stem(places: Sequence[str]) -> str:
    """What the names of the places begin with."""
    alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*places, strict=False))
    return "".join(letters[0] for letters in alike).rstrip("_0123456789") or "block"

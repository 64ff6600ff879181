"""The context of the notes: definitions, shapes, ranges and habits, gathered from all pieces in order."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace

from symcnn.notes import prose as talk
from symcnn.notes.claims import Piece
from symcnn.notes.extract import Document
from symcnn.notes.facts import Cues, Definition, Facts, FunctionRule, Shape
from symcnn.notes.free import means
from symcnn.notes.members import find_members
from symcnn.notes.names import (
    LOSS_NAMES,
    Habits,
    Ref,
    base_name,
    letter,
    letters_of,
    observe,
    read_name,
    subscript_items,
    superscript_items,
)
from symcnn.notes.operations import known_function
from symcnn.notes.shaper import arguments_of, function_name
from symcnn.notes.tree import (
    NOWHERE,
    Add,
    Annotated,
    BigOperator,
    Call,
    CallOrProduct,
    Chain,
    Decorated,
    Derivative,
    Differential,
    Gradient,
    Group,
    Matrix,
    Node,
    Number,
    Product,
    Script,
    Sequence,
    Span,
    Symbol,
    Text,
    Unary,
    Word,
    walk,
)

DEFINING = frozenset({"=", ":=", "equiv", "triangleq"})


def gather(document: Document, found: list[Piece], trees: Iterable[Node]) -> Facts:
    """All facts of the notes."""
    trees = list(trees)
    facts = Facts(observe(trees))
    text = " ".join(block.text for block in document.prose)
    facts.cues = talk.cues(text, document.text)
    facts.normalised = talk.one_hot(document.text)
    _sizes(facts, trees)
    find_members(facts.habits, trees, found, facts.sizes, document.text)
    _counted(facts, trees, document.text)
    _losses(facts, trees)
    _layers(facts, trees)
    _applied(facts, trees, found)
    for piece in found:
        _note(facts, piece, document)
    for definition in facts.definitions:
        if (
            definition.key in LOSS_NAMES
            and definition.indices is None
            and definition.key not in facts.losses
            and (definition.key != "C" or any(isinstance(n, BigOperator) for n in walk(definition.body)))
        ):
            facts.losses.append(definition.key)
    order = {d.key: d.order for d in reversed(facts.definitions)}
    facts.losses.sort(key=lambda key: order.get(key, -1))
    _stated_shapes(facts, found, document)
    _zero_based(facts, trees)
    _larger(facts, trees)
    _extra_sizes(facts)
    facts.applied -= _multiplied(facts, trees)
    return facts


def _multiplied(facts: Facts, trees: list[Node]) -> set[str]:
    """Names before a bracket that are factors all the same: sizes, and tensors whose entries are differentiated by."""
    found = {name for name in facts.applied if name in facts.sizes and not known_function(name)}
    for tree in trees:
        for node in walk(tree):
            for wrt in node.wrt if isinstance(node, Derivative) else ():
                ref = read_name(wrt, facts.habits)
                if ref is not None and ref.indices is not None and ref.key in facts.applied:
                    found.add(ref.key)
    return found - set(facts.functions)


# --- names


def _losses(facts: Facts, trees: list[Node]) -> None:
    """Names of which derivatives are taken and that look like a loss, or that occur nowhere else."""
    tops: list[str] = []
    elsewhere: set[str] = set()
    for tree in trees:
        for node in walk(tree):
            of = node.of if isinstance(node, Derivative | Gradient) else None
            if of is None:
                continue
            base = of.base if isinstance(of, Script) else of
            name = base_name(base)
            if name is None:
                continue
            if name in LOSS_NAMES and isinstance(of, Script) and of.sub is not None:
                letters = letters_of(of.sub)
                if len(letters) == 1 and name not in facts.habits.members:
                    facts.habits.labelled.add(f"{name}_{letters[0]}")
            ref = read_name(of, facts.habits)
            if ref is not None and ref.key not in tops and ref.indices is None and ref.layer is None:
                tops.append(ref.key)
    for tree in trees:
        elsewhere |= _plain_names(tree, facts)
    for key in tops:
        if key.split("_")[0] in LOSS_NAMES or key not in elsewhere:
            facts.losses.append(key)


def _plain_names(tree: Node, facts: Facts) -> set[str]:
    """Names that stand in a tree other than on top of a derivative."""
    found: set[str] = set()
    waiting = [tree]
    from symcnn.notes.tree import children

    while waiting:
        node = waiting.pop()
        ref = read_name(node, facts.habits) if isinstance(node, Symbol | Script) else None
        if ref is not None:
            found.add(ref.key)
        if isinstance(node, Derivative) and node.of is not None:
            waiting.extend(child for child in children(node) if child is not node.of)
            continue
        waiting.extend(children(node))
    return found


def _layers(facts: Facts, trees: list[Node]) -> None:
    numbers: set[int] = set()
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, Script) and node.sup is not None:
                for part in superscript_items(node.sup):
                    if isinstance(part, Group) and part.open == "[" and isinstance(part.body, Number):
                        numbers.add(int(part.body.text))
    facts.layers = tuple(sorted(numbers))


def _sizes(facts: Facts, trees: list[Node]) -> None:
    """Names in the bounds of sums and in declared shapes are sizes."""
    for tree in trees:
        for node in walk(tree):
            match node:
                case BigOperator(lower=Node() as lower, upper=None):
                    facts.bound |= set(letters_of(lower))
                case BigOperator(lower=lower, upper=upper) if upper is not None:
                    if isinstance(lower, Chain):
                        facts.bound |= set(letters_of(lower.sides[0]))
                    _mark_sizes(facts, upper)
                    if isinstance(lower, Chain):
                        for side in lower.sides[1:]:
                            _mark_sizes(facts, side)
        for size, _ in means(tree):
            _mark_sizes(facts, size)
    facts.sizes -= _running(facts, trees)
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, Script) and base_name(node.base) == "bb R" and node.sup is not None:
                _mark_sizes(facts, node.sup)


RANGE = re.compile(r"\$\s*(\w)\s*=\s*(\d)\s*,\s*(?:\d\s*,\s*)?\\[lc]?dots\s*,\s*(\w)\s*\$")
"""For $t = 1, \\dots, T$."""


def _counted(facts: Facts, trees: list[Node], text: str) -> None:
    """The range of a letter that counts tensors: stated in the text, or given by a sum over it."""
    counters = {*facts.habits.members.values(), *facts.habits.implicit.values()}
    for match in RANGE.finditer(text):
        if match[1] in counters and match[3].isupper():
            facts.sizes.add(match[3])
            facts.ranges.setdefault(match[1], (int(match[2]), Symbol(NOWHERE, match[3])))
    for tree in trees:
        for node in walk(tree):
            match node:
                case BigOperator(
                    name="sum", lower=Chain(sides=(first, Number(text=low))), upper=Symbol() as high
                ):
                    name = letter(first)
                    if name in counters and low.isdigit() and high.name in facts.sizes:
                        facts.ranges.setdefault(name or "", (int(low), high))


def _running(facts: Facts, trees: list[Node]) -> set[str]:
    """Small letters in the bounds of a sum that are indices themselves: the t and s of a sum from s + 1 to t."""
    ends: set[str] = set()
    under: set[str] = set()
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                if letters_of(node.lower.sides[-1]):
                    ends |= {*letters_of(node.lower.sides[-1]), *letters_of(node.upper)}
            elif isinstance(node, Script) and node.sub is not None:
                under |= {name for item in subscript_items(node.sub) if (name := letter(item)) is not None}
    return {name for name in (ends & under) | facts.bound if name.islower()}


def _mark_sizes(facts: Facts, node: Node) -> None:
    if isinstance(node, Number):
        return
    for part in _names_in(node):
        ref = read_name(part, facts.habits)
        if (
            ref is not None
            and ref.indices is None
            and ref.layer is None
            and ref.key not in ("infty", "L", "l")
        ):
            facts.sizes.add(ref.key + "'" * ref.primes)


def _names_in(node: Node) -> list[Node]:
    from symcnn.notes.tree import children

    if isinstance(node, Symbol | Script):
        return [node]
    return [name for child in children(node) for name in _names_in(child)]


def _applied(facts: Facts, trees: list[Node], found: list[Piece]) -> None:
    """Names that are functions: they are applied with a prime, or defined by `f(z) = ...`."""
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, CallOrProduct):
                head = node.head
                name = base_name(head.base if isinstance(head, Script) else head)
                if name is None:
                    continue
                primed = isinstance(head, Script) and (head.primes > 0 or _has_prime(head.sup))
                entry = isinstance(head, Script) and head.sub is not None and name in ("f", "g")
                if (
                    primed
                    or (name in ("sigma", "phi", "varphi", "f", "g", "psi") and not entry)
                    or known_function(name)
                ) and (not _index_arguments(node) or primed):
                    facts.applied.add(name)
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, CallOrProduct) and _index_arguments(node):
                name = base_name(node.head)
                arguments = arguments_of(node.group)
                if name is not None and name not in facts.applied and len(arguments) >= 2:
                    facts.called_entries.add(name)


def _has_prime(sup: Node | None) -> bool:
    return sup is not None and any(isinstance(n, Symbol) and n.name == "prime" for n in walk(sup))


def _index_arguments(node: CallOrProduct) -> bool:
    from symcnn.notes.names import index_like

    arguments = arguments_of(node.group)
    return len(arguments) >= 2 and all(index_like(argument) for argument in arguments)


def _zero_based(facts: Facts, trees: list[Node]) -> None:
    if facts.cues.zero_based:
        return
    for tree in trees:
        for node in walk(tree):
            if isinstance(node, BigOperator) and isinstance(node.lower, Chain) and node.upper is not None:
                low = node.lower.sides[-1]
                if isinstance(low, Number) and low.text == "0":
                    facts.cues = replace(facts.cues, zero_based=True)
                    return


def _larger(facts: Facts, trees: list[Node]) -> None:
    """Sums up to n - k, and ranges up to n - k, say that the size n is not below the size k."""
    bounds = [high for _, high in facts.ranges.values() if isinstance(high, Node)]
    for tree in trees:
        bounds += [n.upper for n in walk(tree) if isinstance(n, BigOperator) and n.upper is not None]
    for bound in bounds:
        if not isinstance(bound, Add):
            continue
        names = [letter(term) for term in bound.terms]
        less = [letter(t.body) for t in bound.terms if isinstance(t, Unary) and t.name == "-"]
        smaller = tuple(name for name in less if name in facts.sizes)
        if names[0] in facts.sizes and smaller and names[0] is not None:
            known = facts.larger.get(names[0], ())
            facts.larger[names[0]] = (*known, *(n for n in smaller if n not in known))


# --- pieces


def _note(facts: Facts, piece: Piece, document: Document) -> None:
    line = document.place(piece.formula.span.start + piece.span.start)[0]
    if piece.right is None and piece.left is not None:
        _between(facts, piece.left)
    if piece.left is None or piece.right is None:
        return
    if piece.sign == "in":
        _membership(facts, piece.left, piece.right, line, piece.order)
        return
    if piece.sign in ("<", "<="):
        _bounds(facts, piece)
        return
    if piece.sign not in DEFINING:
        return
    _normalised(facts, piece.left, piece.right)
    shape = shape_of(piece.right)
    ref = read_name(piece.left, facts.habits)
    if shape is not None and ref is not None:
        facts.shapes.setdefault(ref.key, []).append(Shape(shape, line, piece.order))
        return
    if ref is not None and isinstance(piece.right, Number) and _size_name(ref) in facts.sizes:
        return
    if not piece.first and piece.head is not None and is_signature(piece.left):
        piece = replace(piece, left=piece.head, first=True)
    definition = definition_of(facts, piece, line)
    if definition is not None:
        facts.definitions.append(definition)
    else:
        _function(facts, piece, line)


def _size_name(ref: Ref) -> str:
    return ref.key + "'" * ref.primes


BETWEEN = re.compile(
    r"^\s*(?:(?:is |are |be )?(?:a |an )?(?:of|has|have|with|in)?\s*(?:the |a )?(?:size|shape|dimensions?)"
    r"|has|is|is an?|of)\s*$|^\s*\|[^|\n]*\|\s*$"
)


def _stated_shapes(facts: Facts, found: list[Piece], document: Document) -> None:
    """Shapes that the prose gives: `$W$ has shape $(m, n)$`, `a kernel $w$ of size $k \\times l$`."""
    for first, second in itertools.pairwise(found):
        if second.right is not None or second.left is None:
            continue
        name = first.left if first.right is None else first.right
        if name is None or first.formula is second.formula:
            continue
        between = document.text[first.formula.outer.end : second.formula.outer.start]
        ref = read_name(name, facts.habits)
        if ref is None or ref.indices is not None or ref.transposed or not BETWEEN.match(between):
            continue
        sizes = shape_of(second.left) or listed(second.left)
        if sizes is None or ref.sample is not None:
            continue
        for size in sizes:
            _mark_sizes(facts, size)
        line = document.place(second.formula.span.start)[0]
        facts.shapes.setdefault(_shape_key(ref), []).append(Shape(sizes, line, second.order, ref.layer))
    for match in re.finditer(r"\$([^$]{1,12})\$ of (?:size|shape) `?\[(\w+) x (\w+)\]", document.text):
        span = Span(0, 0)
        key = match[1].strip()
        sizes = tuple(
            Number(span, part) if part.isdigit() else Symbol(span, part) for part in (match[2], match[3])
        )
        facts.sizes |= {part for part in (match[2], match[3]) if not part.isdigit()}
        facts.shapes.setdefault(key, []).append(Shape(sizes, document.place(match.start())[0], 0))


def _shape_key(ref: Ref) -> str:
    """A name; with the number of its layer where that is given."""
    if isinstance(ref.layer, Number):
        return f"{ref.key}@{ref.layer.text}"
    return ref.key


def listed(node: Node) -> tuple[Node, ...] | None:
    """The sizes in `(m, n)`."""
    if (
        isinstance(node, Group)
        and node.open == "("
        and isinstance(node.body, Sequence)
        and all(isinstance(item, Symbol | Script | Number) for item in node.body.items)
    ):
        return node.body.items
    return None


def _membership(facts: Facts, left: Node, right: Node, line: int, order: int) -> None:
    """x ∈ R^{m×n} declares a shape, i ∈ {1, 2} a range."""
    names = list(left.items) if isinstance(left, Sequence) else [left]
    sizes = real_space(right)
    for name in names:
        if sizes is not None:
            ref = read_name(name, facts.habits)
            if ref is not None:
                facts.shapes.setdefault(ref.key, []).append(Shape(sizes, line, order))
        elif isinstance(right, Group) and right.open == "{" and isinstance(right.body, Sequence):
            items = right.body.items
            index = letter(name)
            if index and isinstance(items[0], Number) and isinstance(items[-1], Number | Symbol):
                high: Node | int = int(items[-1].text) if isinstance(items[-1], Number) else items[-1]
                facts.ranges.setdefault(index, (int(items[0].text), high))


def _normalised(facts: Facts, left: Node, right: Node) -> None:
    """A sum over the entries of a name that is said to be one."""
    match left, right:
        case BigOperator(name="sum", body=Script() as body), Number(text="1"):
            ref = read_name(body, facts.habits)
            if ref is not None and ref.indices is not None and len(ref.indices) == 1:
                facts.normalised.add(ref.key)


def _between(facts: Facts, node: Node) -> None:
    """A remark such as (0 <= i <= n - k) gives a range."""
    inner = node.body if isinstance(node, Group) else node
    match inner:
        case Chain(sides=(Number(text=low), middle, high), relations=(first, second)):
            if first.name in ("<", "<=") and second.name in ("<", "<="):
                for name in (
                    letter(part) for part in (middle.items if isinstance(middle, Sequence) else (middle,))
                ):
                    if name is not None:
                        one = Unary(high.span, "-", Number(high.span, "1"))
                        last = Add(high.span, (high, one)) if second.name == "<" else high
                        facts.ranges.setdefault(name, (int(low) + (first.name == "<"), last))


def _bounds(facts: Facts, piece: Piece) -> None:
    """0 <= i < H gives a range."""
    if piece.head is None or piece.first or piece.left is None or piece.right is None:
        return
    names = piece.left.items if isinstance(piece.left, Sequence) else (piece.left,)
    for name in names:
        index = letter(name)
        if index is not None and isinstance(piece.head, Number):
            high: Node = piece.right
            if piece.sign == "<":
                _mark_bound(facts, piece.right)
                one = Number(high.span, "1")
                high = Add(high.span, (high, Unary(high.span, "-", one)))
            facts.ranges.setdefault(index, (int(piece.head.text), high))


def _mark_bound(facts: Facts, node: Node) -> None:
    """A capital that an index stays below is a size; primed ones too."""
    name = letter(node)
    if name is not None and name.rstrip("'").isupper() and name not in facts.losses:
        facts.sizes.add(name)


def real_space(node: Node) -> tuple[Node, ...] | None:
    """The sizes in R^{m x n}."""
    match node:
        case Script(base=Symbol(name="R", font="bb"), sup=Node() as sup):
            return shape_of(sup) or (sup,)
    return None


def shape_of(node: Node) -> tuple[Node, ...] | None:
    """The sizes in (3 x 3), m x n, (n, m); None where that is no shape."""
    match node:
        case Group(open="(" | "[" | "", body=body):
            return shape_of(body)
        case Product(factors=factors, operators=operators) if all(op.name == "times" for op in operators):
            if all(_size_like(factor) for factor in factors):
                return factors
    return None


def _size_like(node: Node) -> bool:
    match node:
        case Number(text=text):
            return text.isdigit()
        case Symbol() | Script():
            return not any(isinstance(n, Derivative) for n in walk(node))
        case Group(body=body):
            return _size_like(body) or any(isinstance(n, Number | Symbol) for n in walk(body))
    return False


def definition_of(facts: Facts, piece: Piece, line: int) -> Definition | None:
    """The definition that a piece may be: a name or an entry on the left, no derivative in place of it."""
    if not piece.first or piece.left is None or piece.right is None:
        return None
    left = piece.left
    while isinstance(left, Decorated | Annotated):
        left = left.body
    left = _called(facts, left)
    ref = read_name(left, facts.habits)
    if is_signature(piece.right):
        return None
    if ref is None or ref.transposed or isinstance(left, Derivative | Differential):
        return None
    if ref.power is not None:
        ref = _squared_name(ref)
        if ref is None:
            return None
    if letter(left) in facts.bound and ref.indices is None:
        return None
    if isinstance(piece.right, Text) or contains_text_only(piece.right):
        return None
    if is_update(left, piece.right, facts):
        return None
    key = ref.key + "'" * ref.primes
    return Definition(
        facts.resolve(key),
        ref.layer,
        ref.sample,
        ref.indices,
        piece.right,
        line,
        piece.order,
        piece.latex,
        display=displayed(facts, piece.right) is not None,
        head=piece.left,
        member=ref.member,
    )


def is_signature(node: Node) -> bool:
    """f(x; W, b): a function with several arguments, which only says what it depends on."""
    if not isinstance(node, CallOrProduct) or base_name(node.head) is None:
        return False
    arguments = arguments_of(node.group)
    return len(arguments) >= 2 and all(read_name(a, Habits()) is not None for a in arguments)


def displayed(facts: Facts, body: Node) -> Matrix | None:
    """The matrix of a body that only names entries, `[x_{11} x_{12}; ...]`."""
    while isinstance(body, Script | Decorated | Annotated):
        body = body.base if isinstance(body, Script) else body.body
    if not isinstance(body, Matrix):
        return None
    for row in body.rows:
        for entry in row:
            ref = read_name(entry, facts.habits)
            if ref is None or not ref.indices or not all(isinstance(i, Number) for i in ref.indices):
                return None
    return body


def _squared_name(ref: Ref) -> Ref | None:
    """A variance is defined as σ²: the power is a part of the name then."""
    if isinstance(ref.power, Number) and ref.power.text == "2" and ref.key.split("_")[0] in ("sigma", "s"):
        return None
    return None


def _called(facts: Facts, left: Node) -> Node:
    """`A / B = ...` says that A is also called B."""
    if isinstance(left, Product) and all(op.name == "/" for op in left.operators):
        refs = [read_name(factor, facts.habits) for factor in left.factors]
        if all(ref is not None and ref.indices is None for ref in refs):
            first = refs[0]
            for other in refs[1:]:
                if first is not None and other is not None and other.key != first.key:
                    facts.aliases.setdefault(other.key, first.key)
            return left.factors[0]
    return left


def contains_text_only(node: Node) -> bool:
    return isinstance(node, Text) or (isinstance(node, Word) and " " in node.text.strip())


def is_update(left: Node, right: Node, facts: Facts) -> bool:
    """W = W - ... : the name on the left stands as a term on the right."""
    ref = read_name(left, facts.habits)
    terms = right.terms if isinstance(right, Add) else (right,)
    for term in terms:
        other = read_name(term, facts.habits)
        if ref is None or other is None:
            continue
        if (
            other.key.lower() == ref.key.lower()
            and len(terms) > 1
            and other.indices == ref.indices is None
            and (other.layer is None) == (ref.layer is None)
        ):
            from symcnn.notes.tree import same

            if other.layer is None or same(other.layer, ref.layer):
                return True
    return False


def _function(facts: Facts, piece: Piece, line: int) -> None:
    """f(z) = body, L(a, y) = body, (I * K)_{ij} = body."""
    left, right = piece.left, piece.right
    assert left is not None
    assert right is not None
    if not piece.first:
        return
    match left:
        case CallOrProduct(head=head, group=group):
            name = base_name(head)
            parameters = [letter(a) for a in arguments_of(group)]
            _rule(facts, name, parameters, right, line, piece.order)
        case Call(function=function, argument=argument) if not isinstance(function, Script):
            parameters = [letter(a) for a in arguments_of(argument)]
            _rule(facts, function_name(function), parameters, right, line, piece.order)
        case Script(base=Group(body=Product(operators=(operator,), factors=factors)), sub=Node() as sub):
            names = tuple(base_name(f) or "" for f in factors)
            rule = FunctionRule(operator.name, names, subscript_items(sub), right, line, piece.order)
            facts.operators.setdefault(operator.name, []).append(rule)


def _rule(
    facts: Facts, name: str | None, parameters: list[str | None], body: Node, line: int, order: int
) -> None:
    if name is None or not parameters or any(p is None for p in parameters):
        return
    names = tuple(p for p in parameters if p is not None)
    if name in facts.called_entries:
        return
    if name in facts.losses:
        facts.definitions.append(Definition(name, None, None, None, body, line, order))
        return
    rule = FunctionRule(name, names, None, body, line, order)
    facts.functions.setdefault(name, []).append(rule)
    facts.applied.add(name)


def _extra_sizes(facts: Facts) -> None:
    """In a definition, a letter inside an index that nothing binds is a parameter: a stride, a padding."""
    for definition in facts.definitions:
        if definition.indices is None:
            continue
        bound = {name for index in definition.indices for name in letters_of(index)}
        for node in walk(definition.body):
            if isinstance(node, BigOperator) and node.lower is not None:
                bound |= set(letters_of(node.lower))
        for node in walk(definition.body):
            ref = read_name(node, facts.habits) if isinstance(node, Script) else None
            for index in ref.indices or () if ref is not None else ():
                if letter(index) is None:
                    given = {name for name in letters_of(index) if name not in bound}
                    facts.steps |= {name for name in given - facts.sizes if name.islower()}
                    facts.sizes |= given


__all__ = ["Cues", "definition_of", "displayed", "gather", "is_update", "real_space", "shape_of"]

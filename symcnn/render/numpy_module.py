"""What both kinds of module share: identifiers, arguments, sizes, and the blocks of their functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from symcnn.core.plan import Plan
from symcnn.core.tensor import Tensor
from symcnn.program.array import Called
from symcnn.program.build import Program, every_symbol
from symcnn.program.passes import unused
from symcnn.program.sizes import size_rules
from symcnn.program.steps import Step
from symcnn.render.dialect import NUMPY, Dialect
from symcnn.render.loader import render
from symcnn.render.numpy_calls import Function
from symcnn.render.numpy_expr import Writer
from symcnn.render.numpy_lines import Block, blocks, fitted, laid_out
from symcnn.render.numpy_names import OWN_NAMES, index_names, names_read, safe
from symcnn.render.numpy_text import columns, imports, tidy

SIZES = re.compile(r"((?:[A-Z]\w*)(?:, [A-Z]\w*)*,?) = ")
FREED = 1_048_576  # entries an image from which an array is freed as soon as it is done with


@dataclass(frozen=True, slots=True)
class Body:
    """The lines with which a function starts, and its blocks."""

    prologue: tuple[str, ...]
    blocks: tuple[Block, ...]


@dataclass(slots=True)
class Module:
    """A module in the making; ``names`` maps the plan's names to Python text."""

    program: Program
    names: dict[str, str]
    functions: dict[str, Function] = field(default_factory=dict)
    extents: list[tuple[sp.Expr, sp.Symbol]] = field(default_factory=list)
    sections: list[list[Step]] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    dialect: Dialect = NUMPY

    def __post_init__(self) -> None:
        program = self.program
        self._name_extents()
        used = set(self.names) | set(self.names.values()) | OWN_NAMES
        writer = self.writer()
        for section in (program.forward, program.loss, program.backward):
            self.sections.append(fitted(laid_out(section, used), writer, used))

    def _name_extents(self) -> None:
        """Extents that are computed from other sizes get the name of their index in capitals."""
        taken = {*self.names, *self.names.values(), *OWN_NAMES}
        for statement in self.plan.statements:
            for index in statement.equation.free:
                known = {extent for extent, _ in self.extents}
                if index.extent.free_symbols and not index.extent.is_Symbol and index.extent not in known:
                    name = unused(safe(str(index.symbol.name).upper()), taken)
                    self.extents.append((index.extent, sp.Symbol(name, integer=True, positive=True)))

    @property
    def plan(self) -> Plan:
        return self.program.plan

    def writer(self) -> Writer:
        """Writes expressions under the module's names."""
        layout = self.program.layout
        return self.dialect.writer(
            self.names,
            extents=self.extents,
            functions=self.functions,
            layout=layout,
            indices=index_names(self.program),
        )

    def name(self, name: str) -> str:
        """Python text for a tensor, size, parameter or part."""
        return self.names.get(name, name)

    def shape(self, shape: Sequence[sp.Expr]) -> str:
        """A shape as a tuple."""
        return Writer(self.names).shape(shape)

    def made(self, steps: Iterable[Step]) -> list[str]:
        """Python text for what steps define; values that blocks keep are together in one dict."""
        texts = ["saved" if saved else self.name(name) for step in steps for name, saved in _defined(step)]
        return list(dict.fromkeys(texts))

    def kept(self, steps: Sequence[Step], made: Iterable[str]) -> list[str]:
        """Those of ``made`` that ``steps`` read."""
        read = {self.name(name) for name in names_read(steps)}
        if any(isinstance(step.node, Called) for step in steps):
            read.add("saved")
        return [text for text in made if text in read]

    def value_of(self, names: Sequence[str]) -> list[str]:
        """The first of ``names`` that is a value of the network: parts may be masks or labels."""
        values = [self.name(s.equation.tensor.name) for s in self.plan.statements]
        return [next((name for name in names if name in values), names[0])] if names else []

    def extents_of(self, tensors: Iterable[Tensor]) -> list[str]:
        """Lines that read all sizes from these arrays, as they are stored."""
        order = self.program.layout.order
        stored = [Tensor(t.name, [t.shape[axis] for axis in order(t)], t.role) for t in tensors]
        return self.size_lines(stored)

    def missing(self, body: Body, tensors: Iterable[Tensor]) -> list[str]:
        """The sizes that the code reads and these arrays do not tell."""
        found = {rule.symbol for rule in size_rules(tensors)}
        batch = self.program.layout.batch
        sizes = {s for s, _ in next(iter(self.program.layout.instances), ())} | ({batch} if batch else set())
        return [n for n in sorted(self.name(s.name) for s in sizes - found) if _is_read(n, body)]

    def freed(self, steps: Sequence[Step], living: Iterable[str]) -> dict[int, list[str]]:
        """Large arrays of a function that nothing reads after a step, by its place; ``living`` ones outlive it."""
        layout = self.program.layout
        every = [step for section in self.sections for step in section]
        large = {step.name for step in every if layout.entries(step.node.shape) > FREED and not step.training}
        last = {name: place for place, step in enumerate(steps) for name in {step.name, *step.reads}}
        found: dict[int, list[str]] = {}
        for name in sorted(large - set(living)):
            if name in last and self.name(name) not in living:
                found.setdefault(last[name], []).append(self.name(name))
        return found

    def bodies(
        self,
        sections: Sequence[Sequence[Step]],
        prologues: Sequence[Iterable[str]],
        arrays: Sequence[str],
        living: Iterable[str],
    ) -> list[Body]:
        """One function in several parts; ``arrays`` are those whose dtype it computes in.

        Large arrays that do not outlive it are freed when they are done with.
        """
        freed = self.freed([step for section in sections for step in section], list(living))
        result: list[Body] = []
        start = 0
        for section, prologue in zip(sections, prologues, strict=True):
            own = {place - start: names for place, names in freed.items()}
            result.append(self.body(section, prologue, kept=None, freed=own))
            start += len(section)
        later = [line for body in result[1:] for line in _code(body)]
        whole = Body(result[0].prologue, (*result[0].blocks, Block((), tuple(later))))
        result[0] = Body(_trimmed(whole, ()).prologue, result[0].blocks)
        if any(_is_read("dtype", body, r"(?<!\.)\bdtype\b(?!=\w+\.)") for body in result):
            device = any(_is_read("device", body) for body in result)
            setting = self.dialect.setting(arrays, device)
            result[0] = Body((*result[0].prologue, setting), result[0].blocks)
        result[0] = Body((*self.dialect.begun(arrays), *result[0].prologue), result[0].blocks)
        return result

    def body(
        self,
        steps: Sequence[Step],
        prologue: Iterable[str] = (),
        arrays: Sequence[str] | None = None,
        kept: Sequence[str] | None = (),
        freed: Mapping[int, Sequence[str]] | None = None,
    ) -> Body:
        """The code of some steps. Sizes of the prologue that neither a step nor ``kept`` reads are left out if it is given.

        ``arrays`` are those whose dtype it computes in, where it is a function of its own; ``freed`` says which arrays
        are done with after a step.
        """
        writer = self.writer()
        made = tuple(blocks(steps, writer, freed or {}))
        self.helpers |= writer.used
        lines = self._started(steps, prologue)
        plain = Writer(self.names)
        at = lines.index("") if "" in lines else len(lines)
        named = [(e, s) for e, s in self.extents if s.name in writer.used | self.helpers]
        lines[at : at + 1] = [f"{symbol.name} = {plain.number(extent)}" for extent, symbol in named]
        if arrays is not None:
            lines[:0] = self.dialect.begun(arrays)
            if "dtype" in writer.used:
                lines.append(self.dialect.setting(arrays, _is_read("device", Body((), made))))
        whole = Body(tuple(lines), made)
        return whole if kept is None else _trimmed(whole, kept)

    def _started(self, steps: Sequence[Step], prologue: Iterable[str]) -> list[str]:
        """The first lines, with the dicts that calls of blocks fill."""
        calls = [step.node.call for step in steps if isinstance(step.node, Called)]
        made = {
            "saved": any(not call.backward for call in calls),
            "grads": any(call.backward and call.given is None for call in calls),
        }
        return [*prologue, *(f"{name} = {{}}" for name, filled in made.items() if filled)]

    def size_lines(self, tensors: Iterable[Tensor], known: Iterable[sp.Symbol] = ()) -> list[str]:
        """Assignments that read the sizes from the arrays; a shape of new names is unpacked at once."""
        rules = size_rules(tensors, known)
        lines: list[str] = []
        plain: dict[str, dict[int, str]] = {}
        for rule in rules:
            array = self.name(rule.tensor.name)
            if rule.formula == rule.extent:
                plain.setdefault(array, {})[rule.axis] = self.name(rule.symbol.name)
        ranks = {self.name(rule.tensor.name): rule.tensor.rank for rule in rules}
        for array, axes in plain.items():
            if len(axes) == ranks[array]:
                comma = "," if len(axes) == 1 else ""
                lines.append(f"{', '.join(axes[axis] for axis in sorted(axes))}{comma} = {array}.shape")
            else:
                lines.extend(
                    f"{name} = {array}.shape[{axis}]" if axis else f"{name} = {self.dialect.length(array)}"
                    for axis, name in sorted(axes.items())
                )
        for rule in rules:
            if rule.formula != rule.extent:
                place = {rule.extent.name: f"{self.name(rule.tensor.name)}.shape[{rule.axis}]"}
                text = Writer({**self.names, **place}).number(rule.formula)
                lines.append(f"{self.name(rule.symbol.name)} = {text}")
        return lines

    def scalars(self, scalars: Iterable[tuple[sp.Symbol, sp.Expr | None]]) -> tuple[str, str, list[str]]:
        """Keyword arguments with their defaults, how they are handed on, and the lines that make them numbers."""
        whole = {s.name for s in every_symbol(self.plan) if s.is_integer}
        given, passed, lines = [], [], []
        for symbol, default in sorted(scalars, key=lambda item: item[1] is not None):
            name = self.name(symbol.name)
            value = "" if default is None else f"={self.writer().number(default)}"
            given.append(f"{name}{value}")
            passed.append(f"{name}={name}")
            lines.append(
                f"{name} = {'int' if symbol.is_integer or symbol.name in whole else 'float'}({name})"
            )
        return ", ".join(given), ", ".join(passed), lines

    def rendered(self, template: str, values: Mapping[str, object]) -> str:
        """The module's text."""
        table = columns(self.plan.table)
        text = render(
            f"{self.dialect.templates}/{template}",
            helpers=self.helpers,
            table=table,
            plan=self.plan,
            imports="IMPORTS",
            **values,
        )
        return tidy(text.replace("IMPORTS", imports(text), 1))


def _is_read(name: str, body: Body, pattern: str = "") -> bool:
    """Whether the code, comments apart, has the name."""
    return any(re.search(pattern or rf"\b{name}\b", line.split("  # ")[0]) for line in _code(body))


def _code(body: Body) -> list[str]:
    return [*body.prologue, *(line for block in body.blocks for line in block.lines)]


def _trimmed(body: Body, kept: Sequence[str]) -> Body:
    """Without the sizes at its start that nothing reads."""
    lines = list(body.prologue)
    for place in range(len(lines) - 1, -1, -1):
        names = SIZES.match(lines[place])
        rest = Body(tuple(lines[place + 1 :]), body.blocks)
        if names is None or any(n in kept or _is_read(n, rest) for n in re.findall(r"\w+", names[1])):
            continue
        del lines[place]
    return Body(tuple(lines), body.blocks)


def _defined(step: Step) -> list[tuple[str, bool]]:
    """The names that a step defines, and whether each is what a block keeps."""
    call = step.node.call if isinstance(step.node, Called) else None
    if call is not None and call.backward:
        return [(name, False) for name in step.also]
    return [(step.name, False), *((name, True) for name in step.also)]

"""Derivatives along the definitions of a world, and cotangents: derivatives of a loss that depends on all.

A derivative of the loss is a symbol of its own for every entry until it is expanded by the chain rule over the
entries that are computed from it; where the notes do not define the way to the loss it stays free, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp

from symcnn.core.errors import SymcnnError
from symcnn.notes.defined_values import defined_families, defined_value
from symcnn.notes.entries import is_elastic
from symcnn.notes.families import ALONE, Family, Unreadable
from symcnn.notes.name_parts import letters_of, names_in
from symcnn.notes.names import read_name
from symcnn.notes.world import World

DEEPEST = 14


@dataclass(slots=True)
class Cotangents:
    """The derivatives of one world; `of` maps a cotangent's symbol to the loss and the entry."""

    world: World
    of: dict[sp.Symbol, tuple[sp.Symbol, sp.Symbol]] = field(default_factory=dict)
    _derivatives: dict[tuple[sp.Symbol, sp.Symbol], sp.Expr] = field(default_factory=dict)
    _dependents: dict[sp.Symbol, list[sp.Symbol]] | None = None
    _edges: dict[Family, set[Family]] = field(default_factory=dict)
    _upstream: dict[sp.Symbol, frozenset[sp.Symbol]] = field(default_factory=dict)
    _reached: dict[Family, frozenset[Family]] = field(default_factory=dict)
    _loss_is_read: bool = False
    trouble: list[str] = field(default_factory=list)

    def cotangent(self, loss: sp.Symbol, entry: sp.Symbol) -> sp.Symbol:
        """The symbol of the loss's derivative by one entry."""
        made = sp.Symbol(f"∂{loss}/∂{entry}")
        self.of.setdefault(made, (loss, entry))
        return made

    def derivative(self, expr: sp.Expr, entry: sp.Symbol) -> sp.Expr:
        """d expr / d entry along the definitions; cotangents inside `expr` cannot be differentiated."""
        total: sp.Expr = sp.Integer(0)
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in self.of:
                raise Unreadable("a second derivative of the loss")
            inner = self.along(symbol, entry)
            if inner != 0:
                total += sp.diff(expr, symbol) * inner
        return total

    def along(self, symbol: sp.Symbol, entry: sp.Symbol) -> sp.Expr:
        """d symbol / d entry, where `symbol` is an entry that may be defined."""
        if symbol == entry:
            return sp.Integer(1)
        key = (symbol, entry)
        if key in self._derivatives:
            return self._derivatives[key]
        if symbol in self.world.origin and self._is_free_loss(symbol, entry):
            result: sp.Expr = self.cotangent(symbol, entry)
        elif symbol in self.world.opaque or self.upstream(symbol) & self.world.opaque:
            raise Unreadable(f"the definition of {self.world.origin[symbol][0]} cannot be evaluated here")
        elif entry not in self.upstream(symbol):
            result = sp.Integer(0)
        else:
            value = defined_value(self.world, symbol)
            result = sp.Integer(0) if value is None else self.derivative(value, entry)
        self._derivatives[key] = result
        return result

    def _is_free_loss(self, symbol: sp.Symbol, entry: sp.Symbol) -> bool:
        family, indices = self.world.origin[symbol]
        if family.key not in self.world.facts.losses or indices:
            return False
        return entry not in self.upstream(symbol) and entry not in self.world.facts.losses

    def upstream(self, symbol: sp.Symbol) -> frozenset[sp.Symbol]:
        """The entries that a symbol is computed from."""
        if symbol not in self._upstream:
            self._upstream[symbol] = frozenset()
            value = defined_value(self.world, symbol)
            found: set[sp.Symbol] = set()
            for part in value.free_symbols if value is not None else ():
                found.add(part)
                found |= self.upstream(part)
            self._upstream[symbol] = frozenset(found)
        return self._upstream[symbol]

    # --- the chain rule over what is computed from an entry

    @property
    def dependents(self) -> dict[sp.Symbol, list[sp.Symbol]]:
        """For every entry the entries whose definitions read it."""
        if self._dependents is None:
            self._dependents = {}
            for family in defined_families(self.world):
                self._note_readers(family)
            losses = self.world.facts.losses
            for key in losses:
                self._note_open_loss(key)
            self._loss_is_read = any(f.key in losses for found in self._edges.values() for f in found)
        return self._dependents

    def _note_readers(self, family: Family) -> None:
        assert self._dependents is not None
        try:
            entries = list(self.world.tensor(family).flat)
            values = [
                (entry, defined_value(self.world, entry)) for entry in entries if isinstance(entry, sp.Symbol)
            ]
        except SymcnnError as error:
            self.trouble.append(f"{family}: {error}")
            return
        for entry, value in values:
            if value is None or any(read in self.of for read in value.free_symbols):
                continue  # what is made of derivatives of the loss is not on the way to it
            mine = self.world.origin[entry][0]
            for read in sorted(value.free_symbols, key=str):
                if read in self.world.origin:
                    self._dependents.setdefault(read, []).append(entry)
                    self._edges.setdefault(self.world.origin[read][0], set()).add(mine)

    def _note_open_loss(self, key: str) -> None:
        """A loss that is only said to depend on some names is reached from them."""
        world = self.world
        losses = [
            f
            for f in defined_families(world)
            if f.key == key and defined_value(world, world.symbol(f, ())) is None
        ]
        for loss in losses:
            for definition in world.definitions[key]:
                for node in names_in(definition.body):
                    ref = read_name(node, world.facts.habits)
                    name = world.facts.resolve(ref.key) if ref is not None else ""
                    for family in [f for f in defined_families(world) if f.key == name and f.key != key]:
                        self._edges.setdefault(family, set()).add(loss)

    def reaches(self, family: Family) -> frozenset[Family]:
        """The tensors that are computed from a tensor, directly or not."""
        _ = self.dependents
        if family not in self._reached:
            self._reached[family] = frozenset()
            found: set[Family] = set()
            for other in sorted(self._edges.get(family, ())):
                found.add(other)
                found |= self.reaches(other)
            self._reached[family] = frozenset(found)
        return self._reached[family]

    def families(self, expr: sp.Expr) -> frozenset[Family]:
        """The tensors whose cotangents occur in an expression."""
        return frozenset(self.world.origin[self.of[s][1]][0] for s in expr.free_symbols if s in self.of)

    def terminals(self, exprs: list[sp.Expr]) -> frozenset[Family]:
        """Of the tensors whose cotangents occur, those from which no other one is computed."""
        present = frozenset().union(*map(self.families, exprs))
        return frozenset(f for f in present if not (self.reaches(f) - {f}) & present)

    def connected(self, loss: sp.Symbol) -> bool:
        """Whether the notes define the loss."""
        return defined_value(self.world, loss) is not None

    def expand(self, expr: sp.Expr, stop: frozenset[Family], depth: int = 0) -> sp.Expr:
        """`expr` with cotangents written by those of the entries computed from theirs, up to `stop`."""
        table: dict[sp.Symbol, sp.Expr] = {}
        for symbol in sorted(expr.free_symbols, key=str):
            if symbol in self.of:
                table[symbol] = self._expanded(symbol, stop, depth)
        return expr.xreplace(table) if table else expr

    def _expanded(self, symbol: sp.Symbol, stop: frozenset[Family], depth: int) -> sp.Expr:
        loss, entry = self.of[symbol]
        family = self.world.origin[entry][0]
        if family in stop:
            return symbol
        if loss == entry:
            return sp.Integer(1)
        if depth > DEEPEST:
            raise Unreadable("the way to the loss is longer than the limit")
        if entry in self.upstream(loss) and not stop:
            return self.along(loss, entry)
        if self._unused(entry, loss):
            return sp.Integer(0)
        if self.is_output(family):
            return symbol
        total: sp.Expr = sp.Integer(0)
        readers = self._relevant(entry, loss, stop)
        if not readers:
            return sp.Integer(0) if self._passed_over(family) else symbol
        for reader in readers:
            value = defined_value(self.world, reader)
            assert value is not None
            slope = sp.diff(value, entry)
            if slope != 0:
                inner = sp.Integer(1) if reader == loss else self.cotangent(loss, reader)
                total += slope * (inner if reader == loss else self._expanded(inner, stop, depth + 1))
        return total

    def step(self, symbol: sp.Symbol) -> sp.Expr | None:
        """A cotangent by those of the entries computed directly from its own; None for one that is free."""
        loss, entry = self.of[symbol]
        if loss == entry:
            return sp.Integer(1)
        if self._unused(entry, loss):
            return sp.Integer(0)
        if self.is_output(self.world.origin[entry][0]):
            return None
        total: sp.Expr = sp.Integer(0)
        readers = self._relevant(entry, loss, frozenset())
        if not readers:
            return sp.Integer(0) if self._passed_over(self.world.origin[entry][0]) else None
        for reader in readers:
            value = defined_value(self.world, reader)
            slope = sp.Integer(0) if value is None else sp.diff(value, entry)
            if slope != 0:
                total += slope * (sp.Integer(1) if reader == loss else self.cotangent(loss, reader))
        return total

    def last_computed(self, loss: sp.Symbol) -> list[sp.Symbol]:
        """The entries of the tensors from which no other one is computed, and that are no derivatives of the loss."""
        _ = self.dependents
        found: list[sp.Symbol] = []
        for family in defined_families(self.world):
            entries = [entry for entry in self.world.tensor(family).flat if isinstance(entry, sp.Symbol)]
            values = [value for entry in entries if (value := defined_value(self.world, entry)) is not None]
            marks = any(symbol in self.of for value in values for symbol in value.free_symbols)
            read = {f.key for f in self._edges.get(family, ())} - self.world.aside
            if (
                values
                and not marks
                and not read
                and family.key not in {*self.world.facts.losses, *self.world.aside}
            ):
                found += entries
        return found

    def is_output(self, family: Family) -> bool:
        """Whether a state goes out of its step: no other tensor of the step reads it, so a loss that is left open may."""
        if family.member == ALONE:
            return False
        _ = self.dependents
        if self._loss_is_read:
            return False
        return not any(other.member == family.member for other in self._edges.get(family, ()))

    def _passed_over(self, family: Family) -> bool:
        """Whether rules for all entries of other tensors read this one, so that what they leave out moves nothing."""
        if is_elastic(self.world, family):
            return False
        readers = [
            d for other in self._edges.get(family, ()) for d in self.world.definitions.get(other.key, ())
        ]
        return bool(readers) and all(
            d.indices is not None and all(letters_of(index) for index in d.indices) for d in readers
        )

    def _unused(self, entry: sp.Symbol, loss: sp.Symbol) -> bool:
        """Whether a loss that is defined reads other entries of a tensor, but not this one."""
        upstream = self.upstream(loss)
        if entry in upstream or loss in self.world.opaque or not upstream:
            return False
        family = self.world.origin[entry][0]
        return any(s in self.world.origin and self.world.origin[s][0] == family for s in upstream)

    def _relevant(self, entry: sp.Symbol, loss: sp.Symbol, stop: frozenset[Family]) -> list[sp.Symbol]:
        """The entries computed from `entry` through which it reaches the loss, or the place to stop at."""
        readers = [r for r in dict.fromkeys(self.dependents.get(entry, ())) if r != entry]
        loss_family = self.world.origin[loss][0]
        goal = {loss_family} | stop

        def leads(reader: sp.Symbol) -> bool:
            family = self.world.origin[reader][0]
            return family in goal or bool(self.reaches(family) & goal)

        if not any(loss_family in found for found in self._edges.values()):
            goal |= {self.world.origin[r][0] for r in self._here(readers)}
        through = [r for r in readers if leads(r)]
        used = self.upstream(loss)
        if not stop and any(r == loss or r in used for r in through):
            through = [r for r in through if r == loss or r in used]
        if through:
            return through
        wanted = self.world.facts.gradients
        named = [r for r in readers if self._asked_for(r, wanted)]
        return named or self._here(readers)

    def _here(self, readers: list[sp.Symbol]) -> list[sp.Symbol]:
        """Of the entries that read another one those that are no loss, and of the place looked at if any is."""
        keys = {r: self.world.origin[r][0].key for r in readers}
        found = [r for r in readers if keys[r] not in self.world.facts.losses]
        return [r for r in found if keys[r] not in self.world.aside] or found

    def _asked_for(self, reader: sp.Symbol, wanted: dict[str, str]) -> bool:
        family = self.world.origin[reader][0]
        return family.key in wanted or any(f.key in wanted for f in self.reaches(family))

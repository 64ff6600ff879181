"""One node of an ONNX graph: its inputs as views or arrays, and its attributes, which know the ones that were read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from symcnn.core.errors import ShapeError, UnsupportedFormula
from symcnn.models.importers.arguments import Arguments
from symcnn.models.importers.views import View, Weight, constant, whole


@dataclass(frozen=True, slots=True, eq=False)
class Initial:
    """An array of floats that the file holds under a name: a parameter, or numbers that an operator asks for."""

    name: str
    array: np.ndarray


@dataclass(slots=True)
class Node:
    """A node; ``inputs`` are views, initial values, constant arrays, or None where one is left out."""

    operator: str
    inputs: list[Any]
    proto: Any
    opset: int
    attributes: Arguments = field(init=False)

    def __post_init__(self) -> None:
        from onnx import helper

        found = {}
        for attribute in self.proto.attribute:
            value = helper.get_attribute_value(attribute)
            found[attribute.name] = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        self.attributes = Arguments(found)

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or what it is where it is left out."""
        return self.attributes.get(name, default)

    def has(self, place: int) -> bool:
        """Whether an input is given."""
        return place < len(self.inputs) and self.inputs[place] is not None

    def view(self, place: int) -> View:
        """An input as a view; initial values are trained. Raises ShapeError."""
        value = self.inputs[place] if self.has(place) else None
        match value:
            case View():
                return value
            case Initial(name=name, array=array):
                return whole(Weight(name, array, trained=True))
            case np.ndarray() if value.dtype != object:
                return constant(value)
        raise ShapeError(f"expected a tensor as input {place}, got {'none' if value is None else 'a shape'}")

    def given(self, place: int) -> View | None:
        """An input as a view, None where it is left out."""
        return self.view(place) if self.has(place) else None

    def operand(self, place: int) -> Any:
        """An input as a view, or as a number where it is a constant of one entry."""
        value = self.inputs[place] if self.has(place) else None
        if isinstance(value, np.ndarray) and value.size == 1:
            return value.ravel()[0] if value.dtype == object else value.ravel()[0].item()
        return self.view(place)

    def number(self, place: int) -> Any:
        """An input as an operand, an initial value of one entry as a number too: an exponent or a limit."""
        value = self.inputs[place] if self.has(place) else None
        if isinstance(value, Initial) and value.array.size == 1:
            return value.array.ravel()[0].item()
        return self.operand(place)

    def held(self, place: int) -> View:
        """An array that nothing trains, such as running statistics. Raises UnsupportedFormula."""
        value = self.inputs[place]
        return constant(self.array(place), value.name if isinstance(value, Initial) else "constant")

    def array(self, place: int) -> np.ndarray:
        """An input's entries, which have to be constant. Raises UnsupportedFormula."""
        value = self.inputs[place] if self.has(place) else None
        if isinstance(value, Initial):
            return value.array
        if not isinstance(value, np.ndarray):
            raise UnsupportedFormula(f"expected a constant as input {place}, got a computed value")
        return value

    def numbers(self, place: int, attribute: str) -> list[Any] | None:
        """Integers (or expressions of the batch) that newer operators take as an input and older ones as an attribute."""
        if self.has(place):
            return list(self.array(place).ravel().tolist())
        found = self.attribute(attribute)
        return None if found is None else list(found) if isinstance(found, list | tuple) else [found]

    def check(self) -> None:
        """Raise UnsupportedFormula where an attribute was passed over."""
        for name in self.attributes:
            if name not in self.attributes.read:
                raise UnsupportedFormula(f"the attribute {name} is not supported")


def decimal(number: float) -> float:
    """A number of a file, which is a 32-bit float, as the shortest decimal that stands for it."""
    return float(str(np.float32(number)))

"""The two dialects of emitted modules: NumPy, and the functions of the array API standard under ``xp``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symcnn.core.errors import UnknownName
from symcnn.render.array_api_expr import ArrayWriter
from symcnn.render.numpy_expr import Writer


@dataclass(frozen=True, slots=True)
class Dialect:
    """How nodes are written, the namespace of functions, and the folder of the templates that lay the module out."""

    name: str
    writer: type[Writer]
    space: str
    templates: str

    def length(self, array: str) -> str:
        """The extent of the first axis."""
        return f"len({array})" if self is NUMPY else f"{array}.shape[0]"

    def number(self, text: str) -> str:
        """An array of no axes as it is handed to the caller: under the standard it stays one."""
        return f"float({text})" if self is NUMPY else text

    def labels(self, text: str, arrays: Sequence[str]) -> str:
        """Whole numbers that are compared with indices: the standard has no joint dtype of both."""
        return text if self is NUMPY or not arrays else f"xp.astype({text}, {arrays[0]}.dtype)"

    def begun(self, arrays: Sequence[str]) -> list[str]:
        """The lines with which a function on these arrays starts."""
        return [] if self is NUMPY or not arrays else [f"xp = _namespace({arrays[0]})"]

    def setting(self, arrays: Sequence[str], device: bool = True) -> str:
        """The line that keeps as what, and where if ``device``, new arrays are made: the joint dtype of these arrays."""
        if not arrays:
            return f"dtype = {self.space}.float64"
        joint = f"{self.space}.result_type({', '.join(arrays)})" if len(arrays) > 1 else f"{arrays[0]}.dtype"
        if self is NUMPY or not device:
            return f"dtype = {joint}"
        return f"dtype, device = {joint}, _device({arrays[0]})"


NUMPY = Dialect("numpy", Writer, "np", "numpy")
ARRAY_API = Dialect("array-api", ArrayWriter, "xp", "array_api")
DIALECTS = {dialect.name: dialect for dialect in (NUMPY, ARRAY_API)}


def dialect(name: str) -> Dialect:
    """A dialect by its name. Raises UnknownName."""
    if name not in DIALECTS:
        raise UnknownName(f"expected one of the targets {', '.join(DIALECTS)}, got {name!r}")
    return DIALECTS[name]

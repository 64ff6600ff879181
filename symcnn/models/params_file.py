"""Parameters as files that other libraries read: NumPy's .npz, and .safetensors.

The second is 8 bytes with the length of a header, the header in JSON (type, shape and place of each array) and the
arrays' bytes one after the other: NumPy and ``json`` are enough for it, and nothing in such a file is ever run.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from symcnn.core.errors import SymcnnError
from symcnn.core.files import write_whole

Arrays = dict[str, np.ndarray]
MOST_HEADER = 100_000_000
TYPES = {
    "BOOL": "?",
    "U8": "<u1",
    "I8": "<i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}


def save_params(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name to a .npz or .safetensors file, whole or not at all. Raises SymcnnError, OSError."""
    found = {name: np.asarray(array) for name, array in arrays.items()}
    match _format(path):
        case "npz":
            stream = io.BytesIO()
            np.savez(stream, **found)  # type: ignore[arg-type]
            write_whole(path, stream.getvalue())
        case _:
            write_whole(path, _packed(found, str(path)))


def load_params(path: str | Path) -> Arrays:
    """The arrays of a .npz or .safetensors file by name. Raises SymcnnError naming what is wrong, OSError.

    Numbers of type BF16, which NumPy does not have, come as 32-bit ones of the same value.
    """
    if _format(path) == "npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (ValueError, EOFError) as error:
            raise SymcnnError(f"{path}: expected an .npz file of arrays: {error}") from None
    return _unpacked(Path(path).read_bytes(), str(path))


def _format(path: str | Path) -> str:
    ending = Path(path).suffix.lower()
    if ending not in (".npz", ".safetensors"):
        raise SymcnnError(f"{path}: expected a file that ends in .npz or .safetensors")
    return ending[1:]


def _packed(arrays: Mapping[str, np.ndarray], path: str) -> bytes:
    header: dict[str, object] = {}
    parts: list[bytes] = []
    start = 0
    for name, array in arrays.items():
        kind = NAMES.get(array.dtype.newbyteorder("<"))
        if kind is None or name == "__metadata__":
            raise SymcnnError(
                f"{path}: expected {name} as numbers of a type such as float32, got {array.dtype}"
            )
        content = array.astype(TYPES[kind], copy=False).tobytes()
        header[name] = {
            "dtype": kind,
            "shape": list(array.shape),
            "data_offsets": [start, start + len(content)],
        }
        parts.append(content)
        start += len(content)
    told = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    told += b" " * (-len(told) % 8)
    return b"".join([len(told).to_bytes(8, "little"), told, *parts])


def _unpacked(content: bytes, path: str) -> Arrays:
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > min(MOST_HEADER, len(content) - 8):
        raise SymcnnError(f"{path}: expected a .safetensors file, got one whose header does not fit")
    try:
        header = json.loads(
            content[8 : 8 + length].decode(), object_pairs_hook=lambda pairs: _unique(pairs, path)
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise SymcnnError(f"{path}: expected a .safetensors file with a header in JSON: {error}") from None
    if not isinstance(header, dict):
        raise SymcnnError(f"{path}: expected a header that names arrays, got {header!r:.40}")
    header.pop("__metadata__", None)
    data = memoryview(content)[8 + length :]
    found = {name: _array(entry, data, f"{path}: {name}") for name, entry in header.items()}
    if sum(int(entry["data_offsets"][1]) - int(entry["data_offsets"][0]) for entry in header.values()) != len(
        data
    ):
        raise SymcnnError(f"{path}: expected {len(data):,} bytes of arrays side by side, got others")
    return found


def _unique(pairs: list[tuple[str, Any]], path: str) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SymcnnError(f"{path}: expected every name once")
    return found


def _array(entry: Any, data: memoryview, where: str) -> np.ndarray:
    match entry:
        case {"dtype": str(kind), "shape": [*shape], "data_offsets": [int(start), int(stop)]}:
            pass
        case _:
            raise SymcnnError(f"{where}: expected dtype, shape and data_offsets, got {entry!r:.60}")
    dtype = np.dtype(TYPES.get(kind, "<u2"))
    if kind not in (*TYPES, "BF16"):
        raise SymcnnError(f"{where}: expected one of the types {', '.join(TYPES)}, got {kind!r:.20}")
    if not all(type(extent) is int and extent >= 0 for extent in shape):
        raise SymcnnError(f"{where}: expected integers as shape, got {shape!r:.60}")
    if not 0 <= start <= stop <= len(data) or stop - start != math.prod(shape) * dtype.itemsize:
        raise SymcnnError(
            f"{where}: expected {math.prod(shape) * dtype.itemsize:,} bytes, got {start} to {stop}"
        )
    flat = np.frombuffer(data[start:stop], dtype)
    if kind == "BF16":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    return flat.reshape(shape).copy()

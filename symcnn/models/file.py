"""Model files: networks described in TOML, read without running any of it.

A file names its version, its network, the input's shape without the batch, and the layers in order::

    symcnn = 1
    name = "tiny"
    input = [1, 8, 8]
    layers = [
        { type = "conv2d", in_channels = 1, out_channels = 4, kernel_size = 3, padding = 1 },
        { type = "relu" },
        { type = "unit", width = 8, repeat = 2 },
        { type = "global_avg_pool" },
        { type = "linear", in_features = 4, out_features = 10 },
        { type = "cross_entropy_with_logits" },
    ]

    [block.unit]
    parameters = ["width"]
    layers = [
        { type = "conv2d", in_channels = 4, out_channels = "width", kernel_size = 1, name = "wide" },
        { type = "conv2d", in_channels = "width", out_channels = 4, kernel_size = 3, padding = 1, name = "narrow" },
        { type = "add", on = ["x", "narrow"] },
    ]

A layer has a ``type`` of `symcnn.layers` with PyTorch's arguments, or a block's name with its parameters; ``name``,
``on`` (the values that it reads; inside a block ``x`` is what reaches the block) and ``repeat``. A string in place of
a number is a parameter of the block, or a product or quotient such as ``"4*width"``. With ``training = false`` the file
describes the network of evaluation: given statistics, no dropout, no auxiliary losses.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symcnn.core.errors import LimitExceeded, SymcnnError
from symcnn.models.file_layers import LayerReader
from symcnn.models.file_values import ModelFileError, known_keys, plain_text
from symcnn.nets.network import Network

VERSION = 1
MOST_BYTES = 256_000
MOST_AXES = 4
LARGEST_INPUT = 65_536
KEYS = ("symcnn", "name", "title", "source", "input", "training", "layers", "block")
NAME = re.compile(r"[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*")


def load(path: str | Path) -> Network:
    """The network that a model file describes.

    Raises ModelFileError, which names the file and the layer; LimitExceeded; OSError where the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise LimitExceeded(f"{path}: expected a model file of at most {MOST_BYTES:,} bytes, got more")
    try:
        return read(content.decode("utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise ModelFileError(f"{path}: expected UTF-8, got the byte {content[error.start]:#04x}") from None


def read(text: str, file: str = "model") -> Network:
    """The network that the text of a model file describes. Raises ModelFileError, LimitExceeded."""
    data = _parsed(text, file)
    version = data.get("symcnn")
    if version != VERSION or isinstance(version, bool):
        raise ModelFileError(
            f"{file}: expected symcnn = {VERSION}, the version of the format, got {version!r}"
        )
    known_keys(data, KEYS, file)
    for key in ("name", "input", "layers"):
        if key not in data:
            raise ModelFileError(f"{file}: expected {key} = …, got none")
    reader = LayerReader(file, data.get("block", {}), lines=_header_lines(text, data))
    layers = reader.layers(data["layers"])
    name = _name(data["name"], file)
    shape = _input(data["input"], file)
    training = data.get("training", True)
    if not isinstance(training, bool):
        raise ModelFileError(f"{file}: expected training as true or false, got {training!r:.40}")
    title, source = (plain_text(data.get(key, ""), f"{file}: {key}") for key in ("title", "source"))
    try:
        return Network(layers, shape, name, title=title, source=source, training=training)
    except SymcnnError as error:
        raise ModelFileError(f"{file}: {error}") from None


def _parsed(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelFileError(f"{file}: {error}") from None
    except RecursionError:
        raise LimitExceeded(f"{file}: brackets are nested too deeply") from None


def _name(value: object, file: str) -> str:
    if not isinstance(value, str) or len(value) > 80 or not NAME.fullmatch(value):
        raise ModelFileError(
            f"{file}: expected name as letters and digits, joined by single - _ or ., got {value!r:.80}"
        )
    return value


def _input(value: object, file: str) -> tuple[int, ...]:
    listed = value if isinstance(value, list) else []
    fits = [extent for extent in listed if type(extent) is int and 0 < extent <= LARGEST_INPUT]
    if fits != value or not 0 < len(fits) <= MOST_AXES:
        raise ModelFileError(
            f"{file}: expected input as 1 to {MOST_AXES} integers from 1 to {LARGEST_INPUT}, such as [3, 224, 224], "
            f"got {value!r:.80}"
        )
    return tuple(fits)


def _header_lines(text: str, data: Mapping[str, Any]) -> dict[str, list[int]]:
    """Lines of ``[[layers]]`` and ``[[block.….layers]]``, where each layer has such a line."""
    found: dict[str, list[int]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\[\s*(?:block\s*\.\s*(\w+)\s*\.\s*)?layers\s*\]\]", line):
            found.setdefault(header[1] or "", []).append(number)
    tables = {"": data.get("layers")}
    blocks = data.get("block", {})
    if isinstance(blocks, dict):
        tables |= {name: own.get("layers") for name, own in blocks.items() if isinstance(own, dict)}
    return {
        name: lines
        for name, lines in found.items()
        if isinstance(layers := tables.get(name), list) and len(layers) == len(lines)
    }

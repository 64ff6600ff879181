"""Parameters in files: what is written reads back, and what is no such file is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import symcnn as sc

ARRAYS = {
    "W1": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array(1.5),
    "mask": np.array([True, False, True]),
    "half": np.array([0.5, -2], dtype=np.float16),
    "none": np.zeros((0, 3), dtype=np.int64),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "foreign": np.arange(3, dtype=">i4"),
}


@pytest.mark.parametrize("ending", ["npz", "safetensors"])
def test_arrays_read_back(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    sc.save_params(path, ARRAYS)
    found = sc.load_params(path)
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype.newbyteorder("=") == array.dtype.newbyteorder("=")


def test_a_module_trains_on_what_was_read(tmp_path: Path) -> None:
    module = sc.emit("notes").load()
    params = module.init()
    sc.save_params(tmp_path / "notes.safetensors", params)
    found = sc.load_params(tmp_path / "notes.safetensors")
    module.sgd_step(found, params, 0.5)
    np.testing.assert_allclose(found["W1"], 0.5 * params["W1"])


def test_the_other_reader_reads_the_same(tmp_path: Path) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    own = {name: np.ascontiguousarray(a) for name, a in ARRAYS.items() if name != "foreign"}
    sc.save_params(tmp_path / "a.safetensors", own)
    found = numpy.load_file(tmp_path / "a.safetensors")
    numpy.save_file(own, tmp_path / "b.safetensors", metadata={"format": "pt"})
    again = sc.load_params(tmp_path / "b.safetensors")
    for name, array in own.items():
        np.testing.assert_array_equal(found[name], array)
        np.testing.assert_array_equal(again[name], array)


def packed(header: object, data: bytes = b"") -> bytes:
    told = (header if isinstance(header, str) else json.dumps(header)).encode()
    return len(told).to_bytes(8, "little") + told + data


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


def test_short_floats_come_as_floats(tmp_path: Path) -> None:
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    (tmp_path / "a.safetensors").write_bytes(packed({"a": entry}, b"\x80\x3f\x00\xc0"))
    found = sc.load_params(tmp_path / "a.safetensors")["a"]
    assert found.dtype == np.float32
    assert found.tolist() == [1.0, -2.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header does not fit"),
        (b"\xff" * 16, "header does not fit"),
        (packed("{"), "header in JSON"),
        (packed("[" * 5000), "header"),
        (packed([1]), "names arrays"),
        (packed({"a": 1}), "a: expected dtype, shape"),
        (packed({"a": ENTRY}, b"123"), "a: expected 4 bytes"),
        (packed({"a": ENTRY}, b"12345"), "expected 5 bytes of arrays"),
        (packed({"a": {**ENTRY, "shape": [2]}}, b"1234"), "a: expected 8 bytes"),
        (packed({"a": {**ENTRY, "shape": [-1]}}, b"1234"), "expected integers as shape"),
        (packed({"a": {**ENTRY, "dtype": "F8"}}, b"1234"), "expected one of the types"),
        (packed('{"a": 1, "a": 1}'), "every name once"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(sc.SymcnnError, match=message) as caught:
        sc.load_params(path)
    assert "\n" not in str(caught.value)


def test_endings_and_types_are_named(tmp_path: Path) -> None:
    with pytest.raises(sc.SymcnnError, match=r"ends in \.npz or \.safetensors"):
        sc.save_params(tmp_path / "a.bin", ARRAYS)
    with pytest.raises(sc.SymcnnError, match=r"expected c as numbers .* got complex128"):
        sc.save_params(tmp_path / "a.safetensors", {"c": np.array([1j])})
    (tmp_path / "a.npz").write_bytes(b"none")
    with pytest.raises(sc.SymcnnError, match=r"expected an \.npz file"):
        sc.load_params(tmp_path / "a.npz")
    assert not (tmp_path / "a.safetensors").exists()

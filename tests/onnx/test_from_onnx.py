"""Imported ONNX files against ONNX's own reference, and what malformed or hostile files give: one line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

import symcnn as sc  # noqa: E402
from symcnn.core.errors import LimitExceeded, ShapeError, SymcnnError, UnsupportedFormula  # noqa: E402
from tests.onnx.files import Node, model, written  # noqa: E402

pytestmark = pytest.mark.onnx
DRAW = np.random.default_rng(0)


def drawn(*shape: int) -> np.ndarray:
    return DRAW.standard_normal(shape)


def integers(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


Case = tuple[list[Node], dict[str, np.ndarray], tuple[int | str, ...], int]

CASES: dict[str, Case] = {
    "gemm, not turned, with factors": (
        [("Gemm", ("x", "W", "b"), ("y",), {"alpha": 0.5, "beta": 2.0})],
        {"W": drawn(4, 3), "b": drawn(3)},
        ("n", 4),
        17,
    ),
    "shapes of the batch": (
        [
            ("Shape", ("x",), ("s",), {}),
            ("Gather", ("s", "zero"), ("n",), {"axis": 0}),
            ("Unsqueeze", ("n", "axis"), ("m",), {}),
            ("Concat", ("m", "rest"), ("t",), {"axis": 0}),
            ("Reshape", ("x", "t"), ("f",), {}),
            ("MatMul", ("f", "W"), ("y",), {}),
        ],
        {"zero": np.array(0), "axis": integers(0), "rest": integers(-1), "W": drawn(24, 2)},
        ("n", 2, 3, 4),
        17,
    ),
    "uneven padding, groups, strides": (
        [
            (
                "Conv",
                ("x", "W", "b"),
                ("c",),
                {"group": 2, "strides": [2, 1], "pads": [0, 1, 1, 2], "dilations": [1, 2]},
            ),
            ("MaxPool", ("c",), ("m",), {"kernel_shape": [2, 2], "strides": [1, 2], "pads": [1, 0, 0, 1]}),
            ("AveragePool", ("m",), ("y",), {"kernel_shape": [2, 2], "pads": [0, 0, 1, 0]}),
        ],
        {"W": drawn(4, 1, 3, 2), "b": drawn(4)},
        ("n", 2, 7, 6),
        17,
    ),
    "automatic padding": (
        [
            ("Conv", ("x", "W"), ("c",), {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
            (
                "ConvTranspose",
                ("c", "V"),
                ("y",),
                {"strides": [2, 2], "pads": [1, 0, 0, 1], "output_padding": [1, 0]},
            ),
        ],
        {"W": drawn(3, 2, 3, 3), "V": drawn(3, 2, 3, 2)},
        ("n", 2, 6, 5),
        17,
    ),
    "norms": (
        [
            ("BatchNormalization", ("x", "g", "b", "m", "v"), ("a",), {"epsilon": 1e-3}),
            ("InstanceNormalization", ("a", "g", "b"), ("i",), {}),
            ("LayerNormalization", ("i", "G", "B"), ("l",), {"axis": 2}),
            ("LRN", ("l",), ("y",), {"size": 3, "alpha": 0.1, "beta": 0.5, "bias": 1.5}),
        ],
        {
            "g": drawn(3),
            "b": drawn(3),
            "m": drawn(3),
            "v": drawn(3) ** 2 + 0.5,
            "G": drawn(4, 5),
            "B": drawn(4, 5),
        },
        ("n", 3, 4, 5),
        17,
    ),
    "moved, cut and joined": (
        [
            ("Transpose", ("x",), ("t",), {"perm": [0, 2, 3, 1]}),
            ("Split", ("t", "parts"), ("p", "q"), {"axis": 1}),
            ("Slice", ("q", "from", "to", "axes", "steps"), ("s",), {}),
            ("Concat", ("p", "s"), ("c",), {"axis": 1}),
            ("Gather", ("c", "places"), ("g",), {"axis": 2}),
            ("Squeeze", ("one", "axes0"), ("z",), {}),
            ("Add", ("g", "z"), ("e",), {}),
            ("Tile", ("e", "times"), ("h",), {}),
            ("Pad", ("h", "pads"), ("y",), {"mode": "reflect"}),
        ],
        {
            "parts": integers(1, 3),
            "from": integers(-1),
            "to": integers(-100),
            "axes": integers(1),
            "steps": integers(-2),
            "places": np.array([[0, 2], [3, 1]]),
            "one": drawn(1, 1, 3, 2, 2, 2),
            "axes0": integers(0),
            "times": integers(1, 1, 2, 1, 1),
            "pads": integers(0, 0, 1, 0, 0, 0, 0, 1, 0, 1),
        },
        ("n", 2, 4, 5),
        17,
    ),
    "choices and limits": (
        [
            ("Greater", ("x", "limit"), ("c",), {}),
            ("Mul", ("x", "w"), ("a",), {}),
            ("Where", ("c", "a", "x"), ("b",), {}),
            ("Clip", ("b", "low", "high"), ("d",), {}),
            ("Pow", ("d", "two"), ("e",), {}),
            ("Sub", ("e", "x"), ("f",), {}),
            ("HardSigmoid", ("f",), ("h",), {}),
            ("LogSoftmax", ("h",), ("y",), {"axis": 1}),
        ],
        {
            "limit": np.array(0.1),
            "w": drawn(1, 3, 1),
            "low": np.array(-1.5),
            "high": np.array(2.5),
            "two": np.array(2.0),
        },
        ("n", 3, 4),
        17,
    ),
    "resized and shuffled": (
        [
            ("Resize", ("x", "", "scales"), ("r",), {"mode": "linear"}),
            ("Resize", ("r", "", "", "sizes"), ("q",), {"mode": "nearest", "nearest_mode": "floor"}),
            ("DepthToSpace", ("q",), ("d",), {"blocksize": 2}),
            ("SpaceToDepth", ("d",), ("y",), {"blocksize": 2}),
        ],
        {"scales": np.array([1, 1, 2, 1.5], np.float32), "sizes": integers(2, 4, 9, 4)},
        (2, 4, 3, 4),
        17,
    ),
    "limits and exponents of one entry": (
        [
            ("Clip", ("x", "low"), ("c",), {}),
            ("Pow", ("c", "two"), ("p",), {}),
            ("MatMul", ("p", "W"), ("y",), {}),
        ],
        {"low": np.array(-0.5), "two": np.array([2.0]), "W": drawn(4, 2)},
        ("n", 4),
        13,
    ),
    "reductions and sums of products": (
        [
            ("ReduceL2", ("x",), ("a",), {"axes": [1], "keepdims": 1}),
            ("Div", ("x", "a"), ("b",), {}),
            ("Einsum", ("b", "W"), ("c",), {"equation": "bij,jk->bki"}),
            ("ReduceMean", ("c",), ("d",), {"axes": [-1], "keepdims": 0}),
            ("Max", ("d", "m"), ("y",), {}),
        ],
        {"W": drawn(4, 5), "m": drawn(5)},
        ("n", 3, 4),
        13,
    ),
    "an old operator set": (
        [
            ("Unsqueeze", ("x",), ("u",), {"axes": [1]}),
            ("Pad", ("u",), ("p",), {"pads": [0, 0, 1, 0, 0, 1], "value": 0.5}),
            ("Slice", ("p",), ("s",), {"starts": [0], "ends": [3], "axes": [2]}),
            ("Clip", ("s",), ("c",), {"min": -1.0, "max": 1.0}),
            ("Softmax", ("c",), ("y",), {"axis": 2}),
        ],
        {},
        ("n", 4),
        9,
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES)
def test_outputs_are_the_reference_s(case: str, tmp_path: Path) -> None:
    from onnx.reference import ReferenceEvaluator

    nodes, arrays, shape, opset = CASES[case]
    path = written(tmp_path, nodes, arrays, shape, opset=opset)
    net = sc.from_onnx(path)
    emitted = sc.emit(net).load()
    x = drawn(shape[0] if isinstance(shape[0], int) else 3, *(int(n) for n in shape[1:]))
    expected = ReferenceEvaluator(str(path)).run(None, {"x": x})[0]
    given = {"state": net.state} if net.state else {}
    found = emitted.forward(net.params, x, **given)
    assert found.shape == expected.shape
    assert np.allclose(
        found, expected, rtol=1e-6, atol=1e-7
    )  # the reference rounds some constants to 32 bits
    if net.params:
        _derivatives_agree(emitted, net.params, x, expected.shape, given)


def _derivatives_agree(
    emitted: Any, params: dict[str, np.ndarray], x: np.ndarray, shape: tuple[int, ...], given: dict[str, Any]
) -> None:
    cotangent, step = drawn(*shape), 1e-6
    gradients = emitted.vjp(cotangent, params, x, **given)
    along = {name: drawn(*array.shape) for name, array in params.items()}
    ends = [
        emitted.forward({k: v + sign * step * along[k] for k, v in params.items()}, x, **given)
        for sign in (1, -1)
    ]
    slope = float(np.sum(cotangent * (ends[0] - ends[1])) / (2 * step))
    assert sum(float(np.sum(gradients[k] * along[k])) for k in params) == pytest.approx(slope, rel=1e-5)


def test_softmax_once_was_over_all_axes_behind_one(tmp_path: Path) -> None:
    """Before operator set 13 the axes from ``axis`` on were one; ONNX's reference does not do that."""
    path = written(tmp_path, [("Softmax", ("x",), ("y",), {"axis": 1})], {}, ("n", 2, 3), opset=9)
    x = drawn(2, 2, 3)
    found = sc.emit(sc.from_onnx(path)).load().forward({}, x)
    assert np.allclose(found, np.exp(x) / np.exp(x).sum(axis=(1, 2), keepdims=True))


@pytest.mark.parametrize("kind", ["nearest", "linear"])
def test_resizing_once_counted_places_from_the_corner(kind: str, tmp_path: Path) -> None:
    scales = {"s": np.array([1, 1, 1.5], np.float32)}
    path = written(tmp_path, [("Resize", ("x", "s"), ("y",), {"mode": kind})], scales, ("n", 1, 4), opset=10)
    x = np.arange(4.0).reshape(1, 1, 4)
    places = np.minimum(np.arange(6) / 1.5, 3)
    expected = np.floor(places + 1e-9) if kind == "nearest" else places
    net = sc.from_onnx(path)
    assert np.allclose(sc.emit(net).load().forward({}, x, state=net.state).ravel(), expected, atol=1e-6)


def test_a_file_is_a_subject_by_its_path(tmp_path: Path) -> None:
    nodes, arrays, shape, opset = CASES["gemm, not turned, with factors"]
    path = written(tmp_path, nodes, arrays, shape, opset=opset)
    assert "vjp" in sc.emit(str(path)).source
    assert sc.check(str(path)).passed


# --- malformed and hostile files -------------------------------------------------------------------------------------

PLAIN: tuple[list[Node], dict[str, np.ndarray], tuple[int | str, ...]] = (
    [("MatMul", ("x", "W"), ("y",), {})],
    {"W": drawn(4, 3)},
    ("n", 4),
)


def refused(path: Path, error: type[SymcnnError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        sc.from_onnx(path)
    assert "\n" not in str(caught.value)


def test_truncated_and_foreign_files(tmp_path: Path) -> None:
    path = written(tmp_path, *PLAIN)
    whole = path.read_bytes()
    for count in range(0, len(whole), 7):
        path.write_bytes(whole[:count])
        with pytest.raises(SymcnnError) as caught:
            sc.from_onnx(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(b"not a model at all" * 20)
    refused(path, SymcnnError, "expected an ONNX model")
    with pytest.raises(OSError, match="nowhere"):
        sc.from_onnx(tmp_path / "nowhere.onnx")


def test_external_data_stays_in_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "secret").write_bytes(drawn(4, 3).tobytes())
    (inner / "link").symlink_to(tmp_path / "secret")
    for location in ("../secret", str(tmp_path / "secret"), "link", ""):
        made = model(*PLAIN)
        _outside(made.graph.initializer[0], location)
        (inner / "model.onnx").write_bytes(made.SerializeToString())
        refused(inner / "model.onnx", SymcnnError, "expected external data in the model's folder")
    _outside(made.graph.initializer[0], "missing")
    (inner / "model.onnx").write_bytes(made.SerializeToString())
    refused(inner / "model.onnx", SymcnnError, "'missing', which does not exist")
    (inner / "beside").write_bytes(drawn(4, 3).tobytes())
    _outside(made.graph.initializer[0], "beside")
    (inner / "model.onnx").write_bytes(made.SerializeToString())
    assert sc.from_onnx(inner / "model.onnx").params["W1"].shape == (4, 3)


def _outside(tensor: Any, location: str) -> None:
    tensor.ClearField("raw_data")
    del tensor.external_data[:]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", location


def test_graphs_that_are_none(tmp_path: Path) -> None:
    cyclic: list[Node] = [
        ("Add", ("x", "b"), ("a",), {}),
        ("Relu", ("a",), ("b",), {}),
        ("Relu", ("b",), ("y",), {}),
    ]
    refused(written(tmp_path, cyclic, {}, ("n", 4)), SymcnnError, "expected a valid ONNX model: .*sorted")
    refused(written(tmp_path, *PLAIN, opset=3), SymcnnError, "expected operator set 7 to .*, got 3")
    refused(written(tmp_path, *PLAIN, opset=99), SymcnnError, "expected operator set 7 to .*, got 99")
    refused(written(tmp_path, [], {}, ("n", 4)), SymcnnError, "one without nodes")
    refused(
        written(tmp_path, *PLAIN[:2], ("n", "m")),
        ShapeError,
        "extent of axis 1 of x, got m: give input_shape",
    )
    refused(
        written(tmp_path, *PLAIN[:2], ("n", 5)),
        SymcnnError,
        re.escape("node n0 (MatMul): matmul: expected an axis"),
    )
    unknown: list[Node] = [("Sin", ("x",), ("y",), {})]
    refused(
        written(tmp_path, unknown, {}, ("n", 4)),
        UnsupportedFormula,
        r"node n0 \(Sin\): no layer.*those with one",
    )
    foreign: list[Node] = [("Relu", ("x",), ("y",), {})]
    refused(written(tmp_path, foreign, {}, ("n", 4), domain="evil"), UnsupportedFormula, "domain 'evil'")


def test_constants_do_not_grow_without_limit(tmp_path: Path) -> None:
    huge: list[Node] = [
        ("ConstantOfShape", ("size",), ("c",), {}),
        ("Add", ("x", "c"), ("y",), {}),
    ]
    path = written(tmp_path, huge, {"size": integers(10**6, 10**6)}, ("n", 4))
    refused(path, LimitExceeded, "a constant of 1,000,000,000,000 entries; the limit is")
    spread: list[Node] = [("Add", ("a", "b"), ("c",), {}), ("Add", ("x", "c"), ("y",), {})]
    arrays = {"a": integers(*range(10**5)).reshape(-1, 1), "b": integers(*range(10**5))}
    refused(
        written(tmp_path, spread, arrays, ("n", 4)), LimitExceeded, "a constant of 10,000,000,000 entries"
    )


def test_names_of_a_file_stay_names(tmp_path: Path) -> None:
    """Whatever a file calls its values, the emitted module has names of its own."""
    nodes: list[Node] = [("MatMul", ("x", "W'); import os #"), ("y",), {})]
    path = written(tmp_path, nodes, {"W'); import os #": drawn(4, 3)}, ("n", 4))
    net = sc.from_onnx(path)
    assert list(net.params) == ["W1"]
    assert "import os" not in sc.emit(net).source

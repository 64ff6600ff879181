"""Forms of the standard layers: arguments as in PyTorch, errors in one line, values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from symcnn.core.errors import SymcnnError
from symcnn.nets.catalogue import BUILDERS, CATALOGUE, KINDS, standard
from symcnn.nets.formula import of_kind
from symcnn.nets.kind import LayerKind
from symcnn.render.numpy_source import emit_plan


def test_names_are_unique() -> None:
    assert len(KINDS) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("conv4d", {}, "expected one of the layers"),
        ("conv2d", {"filters": 3}, "expected the arguments bias, groups, padding"),
        ("conv2d", {"groups": 0}, "groups as a positive integer"),
        ("conv2d", {"padding": "valid?"}, "padding given or same"),
        ("softmax", {"rank": 9}, "expected 1 to 7 axes"),
        ("softmax", {"rank": 2, "dim": 2}, "dim as one of 2 axes"),
        ("mse_loss", {"reduction": "max"}, "reduction as one of mean, sum, none"),
        ("reshape", {"input_shape": (2, 3), "shape": (4, -1)}, "a shape of 6 entries"),
        ("permute", {"dims": (0, 0)}, "an order of 2 axes"),
        ("pad", {"rank": 2, "dims": 3}, "1 to 2 padded axes"),
        ("scaled_dot_product_attention", {"attn_mask": "bool"}, "attn_mask as one of"),
        ("gelu", {"approximate": "erf"}, "approximate as one of none, tanh"),
        ("layer_norm", {"rank": 2, "normalized_dims": 3}, "1 to 2 normalised axes"),
    ],
)
def test_wrong_arguments_are_one_clear_line(name: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(SymcnnError) as caught:
        standard(name, **arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_builder_has_a_plain_form() -> None:
    given = {"reshape": {"input_shape": (2, 3), "shape": (3, 2)}, "permute": {"dims": (1, 0)}}
    for name in BUILDERS:
        assert standard(name, **given.get(name, {})).system().equations


def forward(kind: LayerKind, *arrays: np.ndarray, **scalars: object) -> np.ndarray:
    """The emitted layer's output; arrays in the order of the kind's data, trained and label tensors."""
    names = (*kind.data, *kind.trained, *kind.labels)
    module = emit_plan(of_kind(kind).plan()).load()
    return np.asarray(module.forward(**dict(zip(names, arrays, strict=True)), **scalars))


def test_same_padding_puts_the_odd_zero_behind() -> None:
    kind = standard("conv1d", padding="same", bias=False)
    x, weight = np.array([[[1.0, 2.0, 4.0]]]), np.array([[[1.0, 10.0]]])
    assert forward(kind, x, weight).tolist() == [[[21.0, 42.0, 4.0]]]


def test_adaptive_average_has_bins_that_overlap_where_sizes_do_not_divide() -> None:
    x = np.arange(5.0).reshape(1, 1, 5)
    assert forward(standard("adaptive_avg_pool1d"), x, P=3).tolist() == [[[0.5, 2.0, 3.5]]]
    assert forward(standard("adaptive_avg_pool1d"), x, P=2).tolist() == [[[1.0, 3.0]]]


def test_average_counts_padding_but_nothing_beyond_it() -> None:
    x = np.ones((1, 1, 4))
    ceil = standard("avg_pool1d", ceil_mode=True)
    assert np.allclose(forward(ceil, x, R=3, u=2, p=1, P=3), [[[2 / 3, 1, 1 / 2]]])
    inside = standard("avg_pool1d", count_include_pad=False)
    assert np.allclose(forward(inside, x, R=3, u=2, p=1), [[[1, 1]]])


def test_transposed_convolution_spreads_each_entry() -> None:
    kind = standard("conv_transpose1d", bias=False)
    x, weight = np.array([[[1.0, 2.0]]]), np.array([[[1.0, 10.0, 100.0]]])
    assert forward(kind, x, weight, u=2).tolist() == [[[1, 10, 102, 20, 200]]]
    assert forward(kind, x, weight, u=2, p=1, a=1).tolist() == [[[10, 102, 20, 200]]]


def test_ignored_labels_count_for_nothing() -> None:
    x = np.log(np.array([[0.5, 0.5], [0.25, 0.75]]))
    kind = standard("cross_entropy", ignore_index=True)
    assert np.isclose(forward(kind, x, np.array([-100, 0])), -np.log(0.25))
    weighted = standard("nll_loss", weight=True)
    found = forward(weighted, x, np.array([1, 0]), np.array([3.0, 1.0]))
    assert np.isclose(found, (np.log(2) + 3 * np.log(4)) / 4)


def test_causal_attention_reads_nothing_ahead() -> None:
    kind = standard("scaled_dot_product_attention", rank=2, is_causal=True)
    q = k = np.zeros((3, 2))
    v = np.array([[1.0], [3.0], [8.0]])
    assert np.allclose(forward(kind, q, k, v), [[1], [2], [4]])
    steep = np.array([[3000.0, 0.0], [-3000.0, 0.0], [0.0, 3000.0]])
    assert np.array_equal(forward(kind, steep, steep, v), v)


def test_nearest_up_sampling_repeats_and_a_given_size_samples() -> None:
    x = np.array([[[1.0, 2.0]]])
    assert forward(standard("upsample_nearest1d"), x, R=2).tolist() == [[[1, 1, 2, 2]]]
    assert forward(standard("upsample_nearest1d", size=True), x, P=3).tolist() == [[[1, 1, 2]]]


def test_reshape_keeps_row_major_order() -> None:
    x = np.arange(12.0).reshape(2, 6)
    kind = standard("reshape", input_shape=(2, 6), shape=(3, -1))
    assert np.array_equal(forward(kind, x), x.reshape(3, 4))

"""Networks of the standard layers: specifications with PyTorch's names, gradients against differences."""

from __future__ import annotations

import numpy as np
import pytest

from symcnn.core.errors import ShapeError
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Spec,
    adaptive_avg_pool2d,
    add,
    avg_pool1d,
    avg_pool2d,
    batch_norm1d,
    batch_norm2d,
    batch_norm3d,
    bce_with_logits,
    block,
    celu,
    concat,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose2d,
    cross_entropy,
    cross_entropy_with_logits,
    dropout,
    elu,
    flatten,
    gelu,
    global_avg_pool,
    glu,
    group_norm,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    huber_loss,
    l1_loss,
    layer_norm,
    leaky_relu,
    linear,
    local_response_norm,
    log_softmax,
    logsigmoid,
    max_pool1d,
    max_pool3d,
    mish,
    mse_loss,
    multiply,
    nll_loss,
    pixel_shuffle,
    prelu,
    relu,
    relu6,
    selu,
    silu,
    smooth_l1_loss,
    softmax,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
    total,
    upsample,
)
from symcnn.nets.sweep import plan
from symcnn.render.numpy_source import emit_plan

Shape = tuple[int, ...]


def between(activation: Spec) -> list[Spec]:
    """A small network around one activation."""
    return [linear(6, 8), activation, linear(8, 4), softmax(), cross_entropy()]


NETWORKS: dict[str, tuple[list[Spec], Shape, Shape]] = {
    "residual": (
        [
            conv2d(3, 4, 3, padding="same", name="stem"),
            batch_norm2d(4),
            relu(name="r"),
            conv2d(4, 4, 3, padding=1, groups=2),
            silu(name="s"),
            add("r", "s"),
            concat("r", "s"),
            global_avg_pool(),
            linear(8, 4),
            cross_entropy_with_logits(),
        ],
        (3, 5, 6),
        (),
    ),
    "up and down": (
        [
            conv2d(2, 4, 3, stride=2),
            group_norm(2, 4),
            conv_transpose2d(4, 3, 3, stride=2, output_padding=1),
            upsample(2),
            adaptive_avg_pool2d(3),
            local_response_norm(3),
            flatten(),
            linear(27, 4),
            cross_entropy_with_logits(0.1),
        ],
        (2, 7, 9),
        (),
    ),
    "signals": (
        [conv1d(2, 4, 3), relu(), max_pool1d(2, dilation=2), avg_pool1d(2), glu(1), flatten(), linear(4, 3),
         mse_loss()],
        (2, 12),
        (3,),
    ),
    "volumes": (
        [conv3d(1, 2, 2, padding="same"), batch_norm3d(2), leaky_relu(), max_pool3d(2), flatten(), linear(16, 4),
         cross_entropy_with_logits()],
        (1, 4, 4, 4),
        (),
    ),
    "shuffled": (
        [conv2d(1, 4, 3), softmax(1), pixel_shuffle(2), flatten(), linear(16, 3, bias=False), bce_with_logits()],
        (1, 4, 4),
        (3,),
    ),
    "gated": (
        [linear(6, 5, name="a"), linear(6, 5, name="b").on("x"), multiply("a", "b"), batch_norm1d(5), linear(5, 3),
         smooth_l1_loss(0.5)],
        (6,),
        (3,),
    ),
    "blocks in many places": (
        [
            block(linear(6, 6), tanh(), name="first"),
            block(linear(6, 6), tanh(), name="again"),
            block(dropout(0), name="nothing"),
            block(multiply().on("x", "x2"), add().on("x", "x2"), linear(6, 6).on("x2"), add().on("add1", "linear1"),
                  name="pair", inputs=("again", "x")),
            block(linear(6, 6), tanh(), name="third").on("first"),
            add("pair", "third"),
            block(linear(6, 4), dropout(0), mse_loss(), name="side").on("first"),
            linear(6, 4).on("add1"),
            mse_loss(name="main"),
            total(0.5, 2).on("main", "side"),
        ],
        (6,),
        (4,),
    ),
    "a block's value inside and after": (
        [block(conv2d(1, 2, 3, name="c"), relu(name="r"), add("c", "r"), name="b"),
         block(conv2d(2, 2, 1, name="p"), concat("x", "p"), block(avg_pool2d(2), flatten(), name="deep"), name="q"),
         linear(16, 2, name="l"), flatten(name="g").on("b"), linear(32, 2), add("l", "linear2"), mse_loss()],
        (1, 6, 6),
        (2,),
    ),
    "normalised": ([linear(6, 4), layer_norm(4), linear(4, 3), huber_loss(0.3)], (6,), (3,)),
    "absolute": ([linear(6, 3), l1_loss("sum")], (6,), (3,)),
    "likelihood": ([linear(6, 4), log_softmax(), nll_loss()], (6,), ()),
    **{
        spec.family + str(spec.arguments): (between(spec), (6,), ())
        for spec in (
            relu6(), selu(), silu(), mish(), softsign(), hardsigmoid(), hardswish(), logsigmoid(), tanhshrink(),
            elu(0.7), celu(0.7), softplus(2), softshrink(0.1), hardshrink(0.1), hardtanh(-0.3, 0.4), prelu(8), gelu(),
            gelu("tanh"), threshold(0.1, 0.2),
        )
    },
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_the_differences_of_the_loss(name: str) -> None:
    specs, shape, label = NETWORKS[name]
    module = emit_plan(plan(Network(specs, shape, name="net"))).load()
    random = np.random.default_rng(0)
    params = module.init(0, np.float64)
    x = random.standard_normal((5, *shape))
    y = random.random((5, *label)) if label else random.integers(0, 4, 5)
    _, grads = module.loss_and_grads(params, x, y)
    for key, value in params.items():
        at = tuple(extent - 1 for extent in value.shape)
        losses = []
        for step in (1e-6, -1e-6):
            moved = {**params, key: value.copy()}
            moved[key][at] += step
            losses.append(module.loss_and_grads(moved, x, y)[0])
        assert np.isclose((losses[0] - losses[1]) / 2e-6, grads[key][at], rtol=1e-5, atol=1e-8), key


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: conv2d(3, 4, 3, stride=2, padding="same"), "stride 1 with padding='same'"),
        (lambda: conv1d(3, 4, (3, 3)), "kernel_size as an integer ≥ 1, got (3, 3)"),
        (lambda: conv2d(3, 4, 3, groups=2), "channels divisible by groups=2"),
        (lambda: conv_transpose2d(1, 1, 3, output_padding=1), "output_padding smaller than stride"),
        (lambda: softplus("2"), "beta as a number"),  # type: ignore[arg-type]
        (lambda: leaky_relu(float("nan")), "negative_slope as a finite number"),
        (lambda: add("a"), "the names of two values"),
        (lambda: group_norm(3, 4), "channels divisible by num_groups=3"),
        (lambda: Network([linear(4, 4), batch_norm2d(4), mse_loss()], (4,)), "expected data of 4 axes"),
    ],
)
def test_wrong_arguments_name_what_was_expected(wrong: object, message: str) -> None:
    assert callable(wrong)
    with pytest.raises(ShapeError) as caught:
        wrong()
    assert message in str(caught.value)

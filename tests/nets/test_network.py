"""Networks: shapes, names, parameter counts, entries, and errors that name the layer and the shapes."""

from __future__ import annotations

import pytest
import sympy as sp

from symcnn.calculus.entries import entry
from symcnn.core.errors import LimitExceeded, ShapeError, UnknownName
from symcnn.core.plan import Call
from symcnn.nets import spec
from symcnn.nets.formula import layer
from symcnn.nets.network import Network
from symcnn.nets.sweep import plan

SMALL = (spec.conv2d(1, 2, 3), spec.relu(), spec.max_pool2d(2), spec.flatten(), spec.linear(8, 3))
LOSS = (spec.softmax(), spec.cross_entropy())


def small() -> Network:
    return Network([*SMALL, *LOSS], (1, 6, 6))


def test_shapes_names_and_parameters() -> None:
    net = small()
    outputs = {node.output.name: [str(extent) for extent in node.output.shape[1:]] for node in net.nodes}
    assert outputs["z1"] == ["2", "4", "4"]
    assert outputs["p1"] == ["2", "2", "2"]
    assert outputs["f"] == ["8"]
    assert outputs["z2"] == ["3"]
    assert {t.name: tuple(map(int, t.shape)) for t in net.parameters} == {
        "W1": (2, 1, 3, 3),
        "b1": (2,),
        "W2": (3, 8),
        "b2": (3,),
    }


@pytest.mark.parametrize(
    ("specs", "shape", "message"),
    [
        ([spec.conv2d(3, 2, 3), spec.flatten(), spec.linear(8, 3), *LOSS], (1, 6, 6), "conv.*3.*1"),
        ([*SMALL[:4], spec.linear(9, 3), *LOSS], (1, 6, 6), "linear.*9.*8"),
        ([spec.conv2d(1, 2, 7), spec.flatten(), spec.linear(8, 3), *LOSS], (1, 6, 6), "conv.*6"),
        ([spec.linear(8, 3), *LOSS], (1, 6, 6), "linear"),
        ([*SMALL], (1, 6, 6), "loss"),
        ([], (1, 6, 6), "expected layers"),
        (["relu"], (1, 6, 6), "expected layers"),
        ([*SMALL, *LOSS], (1, 0, 6), "positive integers"),
        ([*SMALL, *LOSS], (), "positive integers"),
    ],
)
def test_shapes_that_do_not_fit_are_named(specs: list[object], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError, match=message) as caught:
        Network(specs, shape)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: spec.conv2d(1, 0, 3),
        lambda: spec.conv2d(1, 2, 3, stride=0),
        lambda: spec.conv2d(1, 2, 3, padding=-1),
        lambda: spec.conv2d(1, 2, (3, 3, 3)),
        lambda: spec.conv2d(3, 4, 3, groups=2),
        lambda: spec.max_pool2d(2, padding=2),
        lambda: spec.linear(True, 3),
    ],
)
def test_arguments_out_of_range_are_refused(build: object) -> None:
    with pytest.raises(ShapeError, match="expected"):
        build()  # type: ignore[operator]


def test_entries_of_the_first_convolution() -> None:
    net = Network(
        [spec.conv2d(1, 1, 2), spec.flatten(), spec.linear(4, 1), spec.sigmoid(), spec.bce()], (1, 3, 3)
    )
    found = net.expand("z1", n=0)
    assert len(found) == 4
    x, w = (lambda a, b: entry("x", (a, b))), (lambda a, b: entry("W1", (a, b)))
    for i in range(2):
        for j in range(2):
            wanted = sp.Symbol("b1", real=True) + sum(
                w(r, s) * x(i + r, j + s) for r in range(2) for s in range(2)
            )
            assert sp.expand(found[entry("z1", (i, j))] - wanted) == 0


def test_unknown_values_and_huge_expansions() -> None:
    net = small()
    with pytest.raises(UnknownName, match="z1"):
        net.expand("z9")
    with pytest.raises(UnknownName, match="number of an image"):
        net.expand("z1", n=-1)
    with pytest.raises(LimitExceeded, match="limit is 10"):
        net.expand("z1", limit=10)


def test_statements_are_numbered_in_the_order_of_computation() -> None:
    found = plan(small())
    statements = [*found.forward, *found.loss, *found.backward]
    assert [s.number for s in statements] == list(range(1, len(statements) + 1))
    known = {t.name for t in (*found.inputs, *found.parameters)}
    for statement in statements:
        assert {t.name for t in statement.equation.inputs} <= known, statement.equation
        known.add(statement.equation.tensor.name)
    assert {tensor.name for _, tensor in found.gradients} <= known
    assert "dx" not in known


def test_the_joined_gradient_divides_by_no_probability() -> None:
    first = plan(small()).backward[0].equation
    assert first.tensor.name == "dz2"
    assert not any(p.exp.is_negative and not p.base.is_Symbol for p in first.body.atoms(sp.Pow))


def test_with_respect_to_keeps_the_named_tensors() -> None:
    made = layer("z[n,k] = b[k] + sum[d](W[k,d]*x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"})
    assert [t.name for t in made.with_respect_to(["W"]).wrt] == ["W"]
    with pytest.raises(UnknownName, match="expected one of the tensors"):
        made.with_respect_to(["V"])


def bottleneck(name: str, channels: int = 4) -> spec.Block:
    return spec.block(
        spec.conv2d(channels, 2, 1, bias=False, name="conv1"),
        spec.batch_norm2d(2),
        spec.relu(),
        spec.block(spec.conv2d(2, 4, 3, padding=1), spec.relu(), name="inner"),
        spec.batch_norm2d(4, name="last"),
        spec.conv2d(channels, 4, 1, name="down").on("x"),
        spec.add().on("last", "down"),
        name=name,
    )


def blocked(*between: spec.Spec | spec.Block) -> Network:
    head = [spec.global_avg_pool(), spec.linear(4, 3), spec.cross_entropy_with_logits()]
    return Network([spec.conv2d(1, 4, 3), *between, *head], (1, 6, 6))


def test_blocks_prefix_local_names_and_share_bodies() -> None:
    net = blocked(bottleneck("r1"), bottleneck("r2"), spec.add().on("r1", "r2"))
    first, second = (item for item in net.items if not hasattr(item, "kind"))
    assert first.body is second.body
    assert [body.output.name for body in net.bodies] == ["a1", "y4"]
    assert [t.name for t in first.trained] == ["r1_W1", "r1_g2", "r1_b2", "r1_inner_W1", "r1_inner_b1", "r1_g3",
                                               "r1_b3", "r1_W4", "r1_b4"]  # fmt: skip
    assert [t.name for t in second.inputs] == [first.output.name] == ["r1_y4"]
    assert net.node("r2_inner_relu1").inputs == (net.node("r2_inner_z1").output,)
    assert net.node("r1_down").inputs == (net.node("z1").output,)
    assert {t.name for t in net.state} == {
        f"r{k}_running_{letter}{stage}" for k in (1, 2) for letter in "mv" for stage in (2, 3)
    }
    assert len({t.name for node in net.nodes for t in node.made}) == sum(len(node.made) for node in net.nodes)


def test_a_block_of_several_inputs_reads_them_in_order() -> None:
    joined = spec.block(spec.concat().on("x2", "x"), spec.conv2d(8, 4, 1), name="join", inputs=("c", "s"))
    net = blocked(spec.relu(name="c"), spec.conv2d(4, 4, 1, name="s"), joined)
    node = net.node("join_concat1")
    assert [t.name for t in node.inputs] == [net.node("s").output.name, net.node("c").output.name]


def test_the_first_of_several_losses_remains_in_evaluation() -> None:
    aux = spec.block(
        spec.flatten(), spec.linear(64, 3), spec.dropout(), spec.cross_entropy_with_logits(), name="aux"
    )
    net = Network(
        [
            spec.conv2d(1, 4, 3, name="stem"),
            aux,
            spec.global_avg_pool().on("stem"),
            spec.batch_norm1d(4),
            spec.linear(4, 3),
            spec.cross_entropy_with_logits(name="main"),
            spec.total(1, 0.3).on("main", "aux"),
        ],
        (1, 6, 6),
    )
    assert [t.name for t in net.labels] == ["y"]
    assert net.loss.name == "main"
    assert net.objective.kind.name == "total of 2"
    used = net.evaluation()
    assert [node.name for node in used.nodes] == [
        "stem",
        "global_avg_pool2d1",
        "batch_norm1",
        "linear1",
        "main",
    ]
    assert set(used.parameters) == {t for t in net.parameters if not t.name.startswith("aux")}
    assert used.state == net.state
    assert used.evaluation() is used
    assert small().evaluation() == small()


def test_labels_of_other_shapes_are_named() -> None:
    two = [
        spec.linear(4, 3, name="a"),
        spec.linear(4, 2, name="b").on("x"),
        spec.mse_loss(name="first").on("a"),
    ]
    with pytest.raises(ShapeError, match="name others"):
        Network([*two, spec.mse_loss(name="second").on("b"), spec.total(1, 2).on("first", "second")], (4,))
    net = Network(
        [*two, spec.mse_loss(name="second").on("b", "y2"), spec.total(1, 2).on("first", "second")], (4,)
    )
    assert [(t.name, str(t.shape[1])) for t in net.labels] == [("y", "3"), ("y2", "2")]
    again = spec.mse_loss(name="third").on("b", "y2")
    losses = [spec.mse_loss(name="second").on("b", "y2"), again]
    net = Network([*two, *losses, spec.total(1, 2, 3).on("first", "second", "third")], (4,))
    assert [t.name for t in net.labels] == ["y", "y2"]


@pytest.mark.parametrize(
    ("extent", "stride", "outputs"), [(7, 2, 3), (8, 2, 4), (6, 3, 2), (7, 4, 2), (5, 4, 2)]
)
def test_ceil_mode_counts_as_pytorch_does(extent: int, stride: int, outputs: int) -> None:
    pooled = [
        spec.max_pool2d(3, stride, ceil_mode=True, name="p"),
        spec.flatten(),
        spec.linear(outputs**2, 2),
    ]
    net = Network([*pooled, spec.mse_loss()], (1, extent, extent))
    assert [int(n) for n in net.node("p").output.shape[2:]] == [outputs, outputs]


def test_adaptive_pooling_into_equal_bins_is_pooling() -> None:
    for extent, name in ((6, "avg_pool2d"), (7, "adaptive_avg_pool2d")):
        net = Network(
            [spec.adaptive_avg_pool2d(3), spec.flatten(), spec.linear(9, 2), spec.mse_loss()],
            (1, extent, extent),
        )
        assert net.nodes[0].kind.name == name


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: spec.block(name="empty"), "empty: expected layers"),
        (lambda: spec.block(spec.relu(), name="a__b"), "single underscores as a block's name, got 'a__b'"),
        (lambda: blocked(spec.relu(name="x; import os")), "single underscores as a name"),
        (lambda: blocked(bottleneck("r1", 3)), "r1: conv1: expected 3 channels, got 4"),
        (lambda: blocked(bottleneck("r1").on("z9")), "r1: expected one of the values x, .* got 'z9'"),
        (lambda: blocked(spec.block(spec.relu().on("z1"), name="r")), "r: relu1: expected one of the values x as input"),
        (lambda: Network([spec.linear(4, 3), spec.mse_loss(), spec.mse_loss().on("z1")], (4,)), r"total\(…\)"),
        (lambda: blocked(spec.add("z1", "z7")), "add1: expected one of the values x, .* got 'z7'"),
        (lambda: spec.total(), "a weight for each loss"),
        (lambda: spec.batch_norm2d(4, momentum=2), "momentum from 0 to 1"),
        (
            lambda: blocked(bottleneck("r1"), spec.relu(), spec.block(spec.conv2d(4, 4, 1), name="r1_inner")),
            "one tensor named r1_inner_b1",
        ),
    ],
)  # fmt: skip
def test_blocks_and_losses_that_do_not_fit_are_named(build: object, message: str) -> None:
    with pytest.raises((ShapeError, UnknownName), match=message) as caught:
        build()  # type: ignore[operator]
    assert "\n" not in str(caught.value)


def test_plans_of_blocks_call_procedures_in_their_places() -> None:
    found = plan(blocked(bottleneck("r1"), bottleneck("r2")))
    assert [p.name for p in found.procedures] == ["r1_inner", "r1"]
    assert [p.places for p in found.procedures] == [("r1_inner", "r2_inner"), ("r1", "r2")]
    forward = [action.name for action in found.forward if isinstance(action, Call)]
    assert forward == ["r1", "r2"]
    assert [(a.name, a.backward) for a in found.backward if isinstance(a, Call)] == [
        ("r2", True),
        ("r1", True),
    ]
    numbers = [s.number for s in found.every_statement]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    block = found.procedure("r1")
    assert [t.name for t in block.cotangents] == ["dx"]
    assert {name for name, _ in block.gradients} == {t.name for t in block.parameters}


def test_evaluation_replaces_statistics_and_masks() -> None:
    net = Network([spec.linear(4, 3), spec.batch_norm1d(3), spec.dropout(0.2), spec.mse_loss()], (4,))
    statements = {s.equation.tensor.name: s for s in plan(net).forward if not isinstance(s, Call)}
    assert str(statements["m2"].evaluation) == "m2[k] = running_m2[k]"
    assert str(statements["y2_2"].evaluation) == "y2_2[n, k] = y2[n, k]"
    assert str(statements["running_v2"].equation.body) == "N*v2[k]/(10*(N - 1)) + 9*running_v2[k]/10"
    used = net.evaluation().node("y2")
    assert used.forward().body == net.node("y2").forward().body.xreplace(
        {net.node("y2").tensor(name): used.tensor(name) for name in ("m", "v")}
    )

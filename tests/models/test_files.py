"""Model files: what they say, what is wrong with them, and what they must not do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import symcnn as sc
from symcnn import models
from symcnn.cli import main
from symcnn.core.errors import LimitExceeded
from symcnn.models.file import MOST_BYTES, load, read
from symcnn.models.file_values import ModelFileError
from symcnn.nets.network import Network
from symcnn.nets.spec import block, conv2d, cross_entropy_with_logits, flatten, linear, relu

HEAD = 'symcnn = 1\nname = "m"\ninput = [1, 4, 4]\n'
END = '{ type = "flatten" }, { type = "linear", in_features = 16, out_features = 2 }, { type = "cross_entropy_with_logits" }'


def file(*layers: str, head: str = HEAD, blocks: str = "") -> str:
    return f"{head}layers = [\n" + "".join(f"  {layer},\n" for layer in layers) + f"  {END},\n]\n{blocks}"


def test_shipped_files_are_the_networks_they_name(root: Path) -> None:
    for name in ("lenet5", "resnet18"):
        assert load(root / f"examples/models/{name}.toml") == models.get(name)
    digits = models.summary(load(root / "examples/models/resnet-digits.toml"))
    assert digits["parameters"] == 77_754
    assert {layer["name"] for layer in digits["layers"]} >= {
        "stage1_conv2d1",
        "stage2_projected",
        "stage3_add1",
    }


def test_a_file_is_the_network_of_the_same_layers() -> None:
    text = file(
        '{ type = "conv2d", in_channels = 1, out_channels = 1, kernel_size = [1, 3], padding = "same" }',
        '{ type = "relu" }',
    )
    layers = [
        conv2d(1, 1, (1, 3), padding="same"),
        relu(),
        flatten(),
        linear(16, 2),
        cross_entropy_with_logits(),
    ]
    assert read(text) == Network(layers, (1, 4, 4), "m")


def test_blocks_have_parameters_and_repeat() -> None:
    blocks = """
[block.inner]
parameters = ["wide"]
defaults = { window = 3 }
layers = [ { type = "conv2d", in_channels = "wide", out_channels = "2*wide/2", kernel_size = "window", padding = "same" } ]
[block.outer]
parameters = ["wide"]
layers = [ { type = "inner", wide = "wide", window = 1, name = "a", repeat = 2 }, { type = "relu" } ]
"""
    net = read(file('{ type = "outer", wide = 1, name = "o", repeat = 2 }', blocks=blocks))
    unit = block(conv2d(1, 1, 1, padding="same"), name="a_0")
    outer = block(unit, block(*unit.layers, name="a_1"), relu(), name="o_0")
    wanted = [outer, block(*outer.layers, name="o_1"), flatten(), linear(16, 2), cross_entropy_with_logits()]
    assert net == Network(wanted, (1, 4, 4), "m")


def test_own_equations_are_a_layer() -> None:
    layer = (
        '{ type = "formula", text = "y[n,c,i,j] = w[c]*x[n,c,i,j]**p", shapes = { x = "N,C,H,V", w = "C" }, '
    )
    net = read(file(layer + 'trained = ["w"], sizes = { p = 2 }, name = "square" }'))
    assert net.node("square").parameter_count() == 1


def test_several_losses() -> None:
    text = (
        file(head=HEAD)
        .replace('_with_logits" }', '_with_logits", name = "loss" }')
        .replace(
            ",\n]",
            ',\n{ type = "mse_loss", on = ["x", "y2"], name = "other" },\n'
            '{ type = "total", weights = [1, 0.25], on = ["loss", "other"] } ]',
        )
    )
    assert [node.name for node in read(text).losses] == ["loss", "other"]


CONV = '{ type = "conv2d", in_channels = 1, out_channels = 2'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("symcnn = 1\nlayers = [", "net.toml: .*end of document"),
        (file(head=HEAD.replace("= 1\n", "= 2\n", 1)), "expected symcnn = 1.*got 2"),
        (file(head=HEAD.replace("symcnn = 1", "")), "expected symcnn = 1.*got None"),
        (file(head=HEAD + "imput = [1]\n"), "unknown key 'imput'; the nearest is 'input'"),
        (file(head=HEAD.replace("name", "title")), "expected name"),
        (file(head=HEAD.replace('"m"', '"x; import os"')), "expected name as letters"),
        (file(head=HEAD + 'title = \'"""\'\n'), "title: expected printable text"),
        (file(head=HEAD + 'title = "a\\nb"\n'), "title: expected printable text"),
        (file(head=HEAD.replace("[1, 4, 4]", "[1, 0, 4]")), "expected input as"),
        (file(head=HEAD.replace("[1, 4, 4]", "[true, 4, 4]")), "expected input as"),
        (HEAD + "layers = 3", "layers: expected tables"),
        (file('{ type = "conv3" }'), r"layer 1 \(conv3\): expected type .*'conv3d'.*got 'conv3'"),
        (file('{ name = "a" }'), r"layer 1 \(a\): expected type"),
        (
            file(CONV + ", kernel = 3 }"),
            r"layer 1 \(conv2d\): unknown key 'kernel'; the nearest is 'kernel_size'",
        ),
        (file(CONV + " }"), "expected kernel_size = …, got none"),
        (file(CONV + ", kernel_size = 0 }"), "expected kernel_size as an integer ≥ 1.*got 0"),
        (file(CONV + ', kernel_size = "k" }'), "kernel_size: expected k as an integer parameter"),
        (file(CONV + ', kernel_size = "__import__" }'), "expected a number or a product"),
        (file(CONV + ", kernel_size = 3000000 }"), "number of at most 1,000,000"),
        (file(CONV + ", kernel_size = [[3]] }"), "or a list"),
        (file(CONV + ", kernel_size = 3, padding = inf }"), "padding"),
        (file(CONV + ", kernel_size = 1979-05-27 }"), "kernel_size"),
        (file('{ type = "relu", name = "x; import os" }'), "name of letters, digits and single underscores"),
        (
            file('{ type = "relu", name = "\\\\write18{rm}" }'),
            "name of letters, digits and single underscores",
        ),
        (file('{ type = "relu", repeat = 0 }'), "repeat: expected an integer from 1 to 1,000"),
        (file('{ type = "relu", on = [3] }'), "on: expected a list of strings"),
        (file('{ type = "relu", on = "z9" }'), "relu1: expected one of the values .* got 'z9'"),
        (file(CONV + ", kernel_size = 3 }"), "linear1: expected 16 features, got 8"),
        (
            file(CONV.replace("= 1", "= 3") + ", kernel_size = 3 }"),
            "conv2d1: expected 3 channels, got 1 from x",
        ),
        (file('{ type = "b" }', blocks='[block.b]\nlayers = [{ type = "b" }]'), "block b .*expected type"),
        (file(blocks='[block.relu]\nlayers = [{ type = "relu" }]'), "name that no layer type has"),
        (
            file(blocks='[block.b]\nlayer = [{ type = "relu" }]'),
            "unknown key 'layer'; the nearest is 'layers'",
        ),
        (file('{ type = "b", x = 1 }', blocks='[block.b]\nlayers = [{ type = "relu" }]'), "unknown key 'x'"),
        (
            file('{ type = "b" }', blocks='[block.b]\nparameters = ["w"]\nlayers = [{ type = "relu" }]'),
            "expected w = …, got none",
        ),
        (file('{ type = "formula", text = "y[n] = ", shapes = { x = "N" } }'), "line 1, column"),
        (
            file('{ type = "formula", text = "y[n] = x[n]", shapes = { x = "N" }, sizes = { trained = 1 } }'),
            "unknown key 'trained'",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ModelFileError, match=message) as caught:
        read(text, "net.toml")
    assert str(caught.value).startswith("net.toml")
    assert "\n" not in str(caught.value)


def test_a_layer_with_its_own_header_is_found_by_its_line() -> None:
    text = HEAD + '[[layers]]\ntype = "relu"\n\n[[layers]]\ntype = "conv2d"\nchannels = 2\n'
    with pytest.raises(ModelFileError, match=r"^net.toml:7: layer 2 \(conv2d\): unknown key 'channels'"):
        read(text, "net.toml")


def test_shapes_that_do_not_fit_inside_a_block_name_both() -> None:
    blocks = '[block.b]\nlayers = [{ type = "linear", in_features = 3, out_features = 3, name = "inner" }]'
    with pytest.raises(ModelFileError, match="outer: inner"):
        read(file('{ type = "b", name = "outer" }', blocks=blocks))


def test_limits(tmp_path: Path) -> None:
    nested = "".join(
        f'[block.b{k}]\nlayers = [{{ type = "{f"b{k - 1}" if k else "relu"}", repeat = 900 }}]\n'
        for k in range(9)
    )
    with pytest.raises(LimitExceeded, match="at most 5,000 layers"):
        read(file('{ type = "b8" }', blocks=nested))
    with pytest.raises(LimitExceeded, match="nested too deeply"):
        read(HEAD + "layers = " + "[" * 50_000)
    chain = "".join(
        f'[block.b{k}]\nlayers = [{{ type = "{f"b{k - 1}" if k else "relu"}" }}]\n' for k in range(40)
    )
    with pytest.raises(LimitExceeded, match="at most 16 deep"):
        read(file('{ type = "b39" }', blocks=chain))
    large = tmp_path / "large.toml"
    large.write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(LimitExceeded, match="at most"):
        load(large)
    large.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelFileError, match="expected UTF-8"):
        load(large)


def test_the_commands_take_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.toml"
    path.write_text(file('{ type = "relu" }'), encoding="utf-8")
    assert main(["show", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == 34
    assert sc.load(path).name == "m"
    path.write_text(file('{ type = "rely" }'), encoding="utf-8")
    assert main(["show", str(path)]) == 2
    error = capsys.readouterr().err
    assert "net.toml: layer 1 (rely)" in error
    assert error.count("\n") == 1
    assert main(["show", str(tmp_path / "absent.toml")]) == 2
    assert "absent.toml: No such file" in capsys.readouterr().err

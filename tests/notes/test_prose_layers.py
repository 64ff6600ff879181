"""Sentences that describe one layer and state the size of its map or the number of its weights."""

from __future__ import annotations

import pytest

from symcnn.notes.prose_layers import described


@pytest.mark.parametrize(
    ("text", "stated", "true"),
    [
        ("A 5×5 filter without padding, in steps of one over a 32×32 image, gives a 28×28 map.", 28, 28),
        ("A 3×3 filter with stride 2 and one ring of zeros around a 64×64 image gives a 33×33 map.", 33, 32),
        ("A 7x7 kernel on a 224x224 image with stride 2 and padding 3 gives a 112x112 output.", 112, 112),
        ("A 2x2 max pooling with stride 2 on a 28 by 28 input yields a 13 by 13 map.", 13, 14),
        (
            "A layer with 16 filters of size 3×3 over an RGB image has 448 parameters, biases included.",
            448,
            448,
        ),
        (
            "Take 32 filters of size 3×3 over those 16 channels, and it has 4,608 parameters with the biases.",
            4608,
            4640,
        ),
        ("A layer of 8 filters of size 5x5x3 has 600 weights.", 600, 600),
        ("It has 16 filters of size 3x3 on 3 channels and needs 433 parameters without biases.", 433, 432),
    ],
)
def test_one_layer_is_computed(text: str, stated: int, true: int) -> None:
    (one,) = described(text)
    assert (one.stated, one.true) == (stated, true)


@pytest.mark.parametrize(
    "text",
    [
        "The same 3x3 kernel on an 8x8 image gives an 8x8 map.",
        "A dilated 3x3 kernel without padding on an 8x8 image gives a 4x4 map.",
        "A 3x3 kernel on an 8x8 image with zero padding gives an 8x8 map.",
        "A 3x3 kernel on an 8x8 image with stride 12 gives a 6x6 map.",
        "A 3x3 kernel on an 8x8 image gives an 8x8 map.",
        "A layer with 16 filters of size 3x3 gives 16 channels and has 448 parameters.",
        "A layer with 16 filters of size 3x3 on 3 channels has 500 parameters.",
        "Its 16 filters of size 3x3 on 3 channels are grouped, it has 100 parameters without biases.",
    ],
)
def test_what_is_left_open_is_left_alone(text: str) -> None:
    assert not list(described(text))

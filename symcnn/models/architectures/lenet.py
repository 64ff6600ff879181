"""LeNet-5: as published in 1998, as it is taught today, and for 8×8 digits."""

from __future__ import annotations

from fractions import Fraction

from symcnn.models.papers import GRADIENT_BASED
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Spec,
    avg_pool2d,
    concat,
    conv2d,
    cross_entropy,
    cross_entropy_with_logits,
    flatten,
    formula,
    linear,
    max_pool2d,
    relu,
    softmax,
)


def lenet5(name: str = "lenet5") -> Network:
    """LeNet-5 as it is taught today: ReLU and max pooling, 28×28 images padded by 2, softmax; 61,706 parameters."""
    layers = [
        *(conv2d(1, 6, 5, padding=2), relu(), max_pool2d(2)),
        *(conv2d(6, 16, 5), relu(), max_pool2d(2)),
        flatten(),
        *(linear(400, 120), relu()),
        *(linear(120, 84), relu()),
        *(linear(84, 10), softmax(), cross_entropy()),
    ]
    return Network(layers, (1, 28, 28), name, title="LeNet-5", source=GRADIENT_BASED)


def lenet5_digits(name: str = "lenet5-digits") -> Network:
    """LeNet's plan for 8×8 images: two convolutions with pooling, two hidden dense layers."""
    layers = [
        *(conv2d(1, 16, 3, padding=1), relu(), max_pool2d(2)),
        *(conv2d(16, 32, 3, padding=1), relu(), max_pool2d(2)),
        flatten(),
        *(linear(128, 84), relu()),
        *(linear(84, 10), softmax(), cross_entropy()),
    ]
    return Network(layers, (1, 8, 8), name, title="LeNet for 8×8 digits", source=GRADIENT_BASED)


def lenet5_1998(name: str = "lenet5-1998") -> Network:
    """LeNet-5 as published: 60,000 trained parameters up to F6, and the centres of the output.

    Squashing A·tanh(S·a) with A = 1.7159, S = 2/3 (appendix A); subsampling with one trained coefficient and bias for
    each map; the partial connections of C3 (table I); output units that measure a squared distance (equation 7).
    What differs: the coefficient of a subsampling map multiplies the mean of four entries, in the paper their sum;
    the 840 entries of the output's centres are trained from random starts, in the paper they are fixed drawings of the
    characters; the loss (equation 9) is without the constant exp(−j) of its rubbish class.
    """
    layers = [
        *(conv2d(1, 6, 5, name="C1"), squash(4)),
        *(*subsample(6), squash(4, "S2")),
        *(*partial_connections(), squash(4, "C3")),
        *(*subsample(16), squash(4)),
        *(conv2d(16, 120, 5, name="C5"), squash(4), flatten()),
        *(linear(120, 84, name="F6"), squash(2)),
        *(nearness(84, 10), cross_entropy_with_logits()),
    ]
    return Network(layers, (1, 32, 32), name, title="LeNet-5 of 1998", source=GRADIENT_BASED)


def squash(rank: int, name: str = "") -> Spec:
    """a = A·tanh(S·x); appendix A."""
    place = "n,c,i,j" if rank == 4 else "n,k"
    shape = "N,C,H,V" if rank == 4 else "N,K"
    return formula(
        f"a[{place}] = A*tanh(S*x[{place}])",
        {"x": shape},
        defaults={"A": Fraction(17_159, 10_000), "S": Fraction(2, 3)},
        title="scaled tanh",
        name=name,
    )


def subsample(channels: int) -> list[Spec]:
    """y = w[c]·(mean of 2×2 entries) + b[c]; section II.B."""
    scaled = formula(
        "y[n,c,i,j] = w[c]*x[n,c,i,j] + b[c]",
        {"x": f"N,{channels},H,V", "w": f"{channels}", "b": f"{channels}"},
        trained=("w", "b"),
        title="trained subsampling",
    )
    return [avg_pool2d(2), scaled]


def partial_connections() -> list[Spec]:
    """C3: which maps of S2 each of its 16 maps reads; table I.

    Six maps read 3 neighbours, six read 4, three read two pairs, one reads all; neighbours go round, so that they are
    read from S2 twice over.
    """
    return [
        concat("S2", "S2", name="round"),
        neighbours(6, 3, "C3a"),
        neighbours(6, 4, "C3b").on("round"),
        pairs(3, "C3c").on("round"),
        conv2d(6, 1, 5, name="C3d").on("S2"),
        concat("C3a", "C3b", "C3c", "C3d"),
    ]


def neighbours(maps: int, count: int, name: str) -> Spec:
    """z[n,o,i,j] = b[o] + Σ_{d,r,s} W[o,d,r,s]·x[n,o+d,i+r,j+s]: map o reads ``count`` maps from map o on."""
    return formula(
        "z[n,o,i,j] = b[o] + sum[d,r,s](W[o,d,r,s]*x[n,o+d,i+r,j+s | 0])",
        {"x": "N,C,H,V", "W": "O,D,R,S", "b": "O", "z": "N,O,H-R+1,V-S+1"},
        trained=("W", "b"),
        title="convolution of neighbouring maps",
        name=name,
        O=maps,
        D=count,
        R=5,
        S=5,
    )


def pairs(maps: int, name: str) -> Spec:
    """z[n,o,i,j] = b[o] + Σ_{g,d,r,s} W[o,g,d,r,s]·x[n,o+3g+d,i+r,j+s]: map o reads two pairs of maps, 3 apart."""
    return formula(
        "z[n,o,i,j] = b[o] + sum[g,d,r,s](W[o,g,d,r,s]*x[n,o+3*g+d,i+r,j+s | 0])",
        {"x": "N,C,H,V", "W": "O,M,D,R,S", "b": "O", "z": "N,O,H-R+1,V-S+1"},
        trained=("W", "b"),
        title="convolution of pairs of maps",
        name=name,
        O=maps,
        M=2,
        D=2,
        R=5,
        S=5,
    )


def nearness(features: int, classes: int) -> Spec:
    """y[n,k] = −Σ_d (x[n,d] − W[k,d])²: how near x is to the centre of class k; equation 7, negated to be a logit."""
    return formula(
        "y[n,k] = -sum[d]((x[n,d] - W[k,d])**2)",
        {"x": f"N,{features}", "W": f"{classes},{features}"},
        trained=("W",),
        title="nearness to centres",
    )

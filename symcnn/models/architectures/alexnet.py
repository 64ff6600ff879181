"""AlexNet: in the two columns of the paper, and in the single column that is trained today."""

from __future__ import annotations

from symcnn.models.papers import IMAGENET, ONE_WEIRD_TRICK
from symcnn.nets.network import Network
from symcnn.nets.spec import (
    Spec,
    conv2d,
    cross_entropy_with_logits,
    dropout,
    flatten,
    linear,
    local_response_norm,
    max_pool2d,
    relu,
)


def alexnet(narrow: int = 1, image: int = 224, classes: int = 1000, name: str = "alexnet") -> Network:
    """AlexNet in one column, without normalisation; 61,100,840 parameters.

    ``narrow`` divides every number of channels. Where PyTorch averages the last maps into 6×6 bins, each bin is one
    entry at size 224; it is left out here.
    """
    a, b, c, d = (count // narrow for count in (64, 192, 384, 256))
    features = [
        *(conv2d(3, a, 11, stride=4, padding=2), relu(), max_pool2d(3, 2)),
        *(conv2d(a, b, 5, padding=2), relu(), max_pool2d(3, 2)),
        *(conv2d(b, c, 3, padding=1), relu()),
        *(conv2d(c, d, 3, padding=1), relu()),
        *(conv2d(d, d, 3, padding=1), relu(), max_pool2d(3, 2)),
    ]
    hidden = 4096 // narrow
    classifier = [
        *(dropout(), linear(d * _side(image) ** 2, hidden), relu()),
        *(dropout(), linear(hidden, hidden), relu()),
        linear(hidden, classes),
    ]
    return _network("AlexNet", ONE_WEIRD_TRICK, features, classifier, image, name)


def alexnet_2012(
    narrow: int = 1, image: int = 224, classes: int = 1000, name: str = "alexnet-2012"
) -> Network:
    """AlexNet as published: two columns (groups), local response normalisation, dropout; 60,965,224 parameters.

    The paper's images of 224 do not give its maps of 55; they are padded by 2 here. Its alpha multiplies the sum of
    squares of n = 5 channels, ours their mean, hence alpha·n.
    """
    a, b, c = (count // narrow for count in (96, 256, 384))
    normalise = local_response_norm(5, alpha=5e-4, beta=0.75, k=2)
    features = [
        *(conv2d(3, a, 11, stride=4, padding=2), relu(), normalise, max_pool2d(3, 2)),
        *(conv2d(a, b, 5, padding=2, groups=2), relu(), normalise, max_pool2d(3, 2)),
        *(conv2d(b, c, 3, padding=1), relu()),
        *(conv2d(c, c, 3, padding=1, groups=2), relu()),
        *(conv2d(c, b, 3, padding=1, groups=2), relu(), max_pool2d(3, 2)),
    ]
    hidden = 4096 // narrow
    classifier = [
        *(linear(b * _side(image) ** 2, hidden), relu(), dropout()),
        *(linear(hidden, hidden), relu(), dropout()),
        linear(hidden, classes),
    ]
    return _network("AlexNet of 2012", IMAGENET, features, classifier, image, name)


def _network(
    title: str, source: str, features: list[Spec], classifier: list[Spec], image: int, name: str
) -> Network:
    layers = [*features, flatten(), *classifier, cross_entropy_with_logits()]
    return Network(layers, (3, image, image), name, title=title, source=source)


def _side(image: int) -> int:
    """The extent of the last maps: one convolution of stride 4, then three poolings of stride 2."""
    side = (image + 2 * 2 - 11) // 4 + 1
    for _ in range(3):
        side = (side - 3) // 2 + 1
    return side

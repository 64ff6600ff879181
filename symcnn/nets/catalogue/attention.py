"""Scaled dot-product attention, with heads, as several equations."""

from __future__ import annotations

from symcnn.core.errors import ShapeError
from symcnn.nets.catalogue.axes import chosen
from symcnn.nets.kind import LayerKind, kind

VASWANI = "Vaswani et al., Attention is all you need, 2017, equation 1"
PLAIN = "a[{at}i,j] = exp(s[{at}i,j])/sum[l](exp(s[{at}i,l]))\ny[{at}i,e] = sum[j](a[{at}i,j]*v[{at}j,e])"
CAUSAL = (
    "r[{at}i,l] = s[{at}i,i-l | -oo]\n"
    "a[{at}i,l] = exp(r[{at}i,l])/sum[g](exp(r[{at}i,g]))\n"
    "y[{at}i,e] = sum[l](a[{at}i,l]*v[{at}i-l,e | 0])"
)
FRONT = (("n", "N"), ("h", "H"))


def scaled_dot_product_attention(
    rank: int = 4, attn_mask: str = "none", is_causal: bool = False, scale: bool = False
) -> LayerKind:
    """y[n,h,i,d] = Σ_j softmax_j(Σ_d q[n,h,i,d]·k[n,h,j,d]/√D)·v[n,h,j,d], for images n and heads h.

    ``attn_mask`` is ``added`` to the scores (tensor m of shape I,J), ``added each`` (one mask for each image and
    head), or none; ``is_causal`` leaves j ≤ i: the weights are then a[n,h,i,l] for the key l places before the query,
    and nothing stands before the first; ``scale`` is a parameter in place of 1/√D.
    """
    if rank not in (2, 3, 4):
        raise ShapeError(f"expected 2 to 4 axes, got {rank!r}")
    chosen(attn_mask, ("none", "added", "added each"), "attn_mask")
    front = FRONT[4 - rank :]
    at, shape = "".join(f"{i}," for i, _ in front), "".join(f"{s}," for _, s in front)
    score = f"sum[d](q[{at}i,d]*k[{at}j,d])" + ("*scale" if scale else "/sqrt(D)")
    mask = {"none": "", "added": "m[i,j]", "added each": f"m[{at}i,j]"}[attn_mask]
    attended = CAUSAL if is_causal else PLAIN
    name = "scaled_dot_product_attention" + (f" {rank}d" if rank != 4 else "")
    return kind(
        name
        + (" causal" if is_causal else "")
        + (f" with {attn_mask} mask" if mask else "")
        + (" and scale" if scale else ""),
        f"s[{at}i,j] = {score}{' + ' + mask if mask else ''}\n" + attended.format(at=at),
        {
            "q": f"{shape}I,D",
            "k": f"{shape}J,D",
            "v": f"{shape}J,E",
            **({"r": f"{shape}I,I"} if is_causal else {}),
            **({"m": "I,J" if attn_mask == "added" else f"{shape}I,J"} if mask else {}),
        },
        "y",
        "scaled dot-product attention",
        VASWANI,
        data=("q", "k", "v"),
        labels=("m",) if mask else (),
    )


KINDS = (
    *(scaled_dot_product_attention(rank) for rank in (2, 3, 4)),
    scaled_dot_product_attention(is_causal=True),
    scaled_dot_product_attention(attn_mask="added"),
)

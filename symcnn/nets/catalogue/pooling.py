"""Pooling: maxima and means of windows."""

from __future__ import annotations

from symcnn.nets.kind import kind

SIZE = "(H+2*p-R)//u+1,(V+2*q-S)//v+1"
SOURCE = "Goodfellow, Bengio and Courville, Deep Learning, 2016, section 9.3"

KINDS = (
    kind(
        "max_pool2d",
        "y[n,c,i,j] = max[r<R,s<S](x[n,c,u*i+r-p,v*j+s-q | -oo])",
        {"x": "N,C,H,V", "y": f"N,C,{SIZE}"},
        "p",
        "max pooling",
        SOURCE,
    ),
    kind(
        "avg_pool2d",
        "y[n,c,i,j] = mean[r<R,s<S](x[n,c,u*i+r-p,v*j+s-q | 0])",
        {"x": "N,C,H,V", "y": f"N,C,{SIZE}"},
        "p",
        "average pooling",
        SOURCE,
    ),
)

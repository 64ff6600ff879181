"""Convolutions as networks use them: cross-correlations, the filter is not flipped."""

from __future__ import annotations

from symcnn.nets.kind import kind

SIZE = "(H+2*p-e*(R-1)-1)//u+1,(V+2*q-f*(S-1)-1)//v+1"
ARITHMETIC = "Dumoulin and Visin, A guide to convolution arithmetic for deep learning, 2016, section 2"

KINDS = (
    kind(
        "conv2d",
        "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s]*x[n,c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,C,H,V", "W": "O,C,R,S", "b": "O", "z": f"N,O,{SIZE}"},
        "z",
        "convolution",
        ARITHMETIC,
        trained=("W", "b"),
    ),
    kind(
        "conv2d without bias",
        "z[n,o,i,j] = sum[c,r,s](W[o,c,r,s]*x[n,c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,C,H,V", "W": "O,C,R,S", "z": f"N,O,{SIZE}"},
        "z",
        "convolution without bias",
        ARITHMETIC,
        trained=("W",),
    ),
    kind(
        "grouped conv2d",
        "z[n,g*K+k,i,j] = b[g*K+k] + sum[c,r,s](W[g*K+k,c,r,s]*x[n,g*C+c,u*i+e*r-p,v*j+f*s-q | 0])",
        {"x": "N,G*C,H,V", "W": "G*K,C,R,S", "b": "G*K", "z": f"N,G*K,{SIZE}"},
        "z",
        "convolution in groups",
        "Krizhevsky, Sutskever and Hinton, ImageNet classification with deep convolutional neural networks, 2012",
        trained=("W", "b"),
    ),
)

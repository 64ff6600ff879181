"""Formulas that several tests derive: those of the design, with shapes."""

from __future__ import annotations

CONV = "z[n,o,i,j] = b[o] + sum[c,r,s](W[o,c,r,s] * x[n,c,u*i+e*r-p,v*j+f*s-q | 0])"
CONV_SHAPES = {
    "x": "N,C,H,V",
    "W": "O,C,R,S",
    "b": "O",
    "z": "N,O,(H+2*p-e*(R-1)-1)//u+1,(V+2*q-f*(S-1)-1)//v+1",
}
GROUPED = "z[n,g*K+k,i,j] = b[g*K+k] + sum[c,r,s](W[g*K+k,c,r,s]*x[n,g*C+c,u*i+e*r-p,v*j+f*s-q | 0])"
GROUPED_SHAPES = {
    "x": "N,G*C,H,V",
    "W": "G*K,C,R,S",
    "b": "G*K",
    "z": "N,G*K,(H+2*p-e*(R-1)-1)//u+1,(V+2*q-f*(S-1)-1)//v+1",
}

DESIGN: dict[str, tuple[str, dict[str, str]]] = {
    "dense": ("z[n,k] = b[k] + sum[d](W[k,d] * x[n,d])", {"x": "N,D", "W": "K,D", "b": "K"}),
    "conv2d": (CONV, CONV_SHAPES),
    "grouped conv2d": (GROUPED, GROUPED_SHAPES),
    "max pool": ("y[n,c,i,j] = max[r<2,s<2](x[n,c,2*i+r,2*j+s])", {"x": "N,C,H,W"}),
    "avg pool": (
        "y[n,c,i,j] = mean[r<R,s<S](x[n,c,u*i+r-p,u*j+s-p | 0])",
        {"x": "N,C,H,W", "y": "N,C,(H+2*p-R)//u+1,(W+2*p-S)//u+1"},
    ),
    "relu": ("a[n,k] = max(z[n,k], 0)", {"z": "N,K"}),
    "sigmoid": ("a[n,k] = 1 / (1 + exp(-z[n,k]))", {"z": "N,K"}),
    "tanh": ("a[n,k] = tanh(z[n,k])", {"z": "N,K"}),
    "softmax": ("p[n,k] = exp(z[n,k]) / sum[l](exp(z[n,l]))", {"z": "N,K"}),
    "bce": ("L = mean[n](-y[n]*log(a[n]) - (1 - y[n])*log(1 - a[n]))", {"y": "N", "a": "N"}),
    "cross-entropy": ("L = mean[n](-sum[k](where(y[n] == k, log(p[n,k]), 0)))", {"y": "N", "p": "N,K"}),
    "batch norm": (
        "m[c] = mean[n,i](x[n,c,i]); v[c] = mean[n,i]((x[n,c,i] - m[c])**2); "
        "y[n,c,i] = g[c]*(x[n,c,i] - m[c])/sqrt(v[c] + eps) + b[c]",
        {"x": "N,C,H", "g": "C", "b": "C"},
    ),
    "lrn": (
        "y[n,c,i,j] = x[n,c,i,j] / (k + alpha/D*sum[d<D](x[n,c+d-D//2,i,j | 0]**2))**beta",
        {"x": "N,C,H,W"},
    ),
    "concat": (
        "y[n,c,i,j] = f[n,c,i,j | 0] + g[n,c-C1,i,j | 0]",
        {"f": "N,C1,H,W", "g": "N,C2,H,W", "y": "N,C1+C2,H,W"},
    ),
    "flatten": ("f[n,(c*H + i)*W + j] = p[n,c,i,j]", {"p": "N,C,H,W"}),
    "attention": (
        "s[i,j] = sum[d](q[i,d]*k[j,d])/sqrt(D); w[i,j] = exp(s[i,j])/sum[l](exp(s[i,l])); "
        "y[i,d] = sum[j](w[i,j]*v[j,d])",
        {"q": "T,D", "k": "U,D", "v": "U,D"},
    ),
    "prod": ("y[n] = prod[k](x[n,k])", {"x": "N,K"}),
    "min": ("y[n] = min[k](x[n,k]*w[k])", {"x": "N,K", "w": "K"}),
    "bilinear": ("y[n,k] = sum[i,j](x[n,i]*W[k,i,j]*z[n,j])", {"x": "N,I", "W": "K,I,J", "z": "N,J"}),
    "flipped filter": ("y[n,i] = sum[r](w[R-1-r]*x[n,i+r])", {"w": "R", "x": "N,H"}),
}

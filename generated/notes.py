"""A small convolutional network

    value  layer                      shape   parameters
    x      input                      1×6×6
    z1     convolution 3×3            1×4×4   10
    a1     ReLU                       1×4×4
    p1     max pooling 2×2, stride 2  1×2×2
    f      flatten                    4
    z2     dense                      1       5
    a2     sigmoid                    1
    L      binary cross-entropy       scalar
           total                              15

Inside, the batch is the last axis, so that neighbours in memory are the same place of several
examples.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

PARAMETERS = {"W1": (1, 1, 3, 3), "b1": (1,), "W2": (1, 4), "b2": (1,)}
FAN_IN = {"W1": 9, "W2": 4}


def init(seed=0, dtype=np.float32):
    """Parameters to start from: weights of variance 2 / fan-in (He et al. 2015), biases 0."""
    rng = np.random.default_rng(seed)
    params = {name: np.zeros(shape, dtype) for name, shape in PARAMETERS.items()}
    for name, fan_in in FAN_IN.items():
        params[name] += (rng.standard_normal(PARAMETERS[name]) * math.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a2, an array of shape (N, 1)."""
    return _run(params, x)


def loss(params, x, y):
    """The loss, a number."""
    return _run(params, x, y)


def loss_and_grads(params, x, y):
    """The loss, and its derivative by each parameter, by name."""
    return _run(params, x, y, training=True)


def _run(params, x, y=..., training=False):
    """The output; given labels, the loss; in training, its gradients too."""
    _check(params)
    x = _array("x", x, (None, 1, 6, 6))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c<1,r<3,s<3](W1[o,c,r,s]*x[n,c,i+r,j+s])
    x_columns = windows(windows(x, 1, (4, 3)), 3, (4, 3)).transpose(0, 2, 4, 1, 3, 5).reshape(9, -1)
    z1 = (params["W1"].reshape(1, 9) @ x_columns).reshape(1, 4, 4, N)
    z1 += params["b1"][:, None, None, None]  # shape (1, 4, 4, N)
    # (2) ReLU: a1[n,c,i,j] = where(z1[n,c,i,j] > 0, z1[n,c,i,j], 0)
    a1 = np.maximum(z1, 0)  # shape (1, 4, 4, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s])
    a1_max = largest(a1.reshape(1, 2, 2, 2, 2, N), 4)
    p1 = largest(a1_max, 2)  # shape (1, 2, 2, N)
    # (4) flatten: f[n,4*c+2*i+j] = p1[n,c,i,j]
    f = p1.reshape(4, N)  # shape (4, N)
    # (5) dense: z2[n,k] = b2[k] + sum[d<4](W2[k,d]*f[n,d])
    z2 = params["W2"] @ f
    z2 += params["b2"][:, None]  # shape (1, N)
    # (6) sigmoid: a2[n,k] = sigmoid(z2[n,k])
    a2 = sigmoid(z2)  # shape (1, N)
    if y is ...:
        return a2.transpose(1, 0).copy()
    y = _array("y", y, (N, 1))
    y = np.ascontiguousarray(y.transpose(1, 0))
    # (7) binary cross-entropy: L = sum[n<N,k<1]((1 - y[n,k])*softplus(z2[n,k]) +
    #     softplus(-z2[n,k])*y[n,k])/N
    L = ((1 - y) * softplus(z2) + y * softplus(-z2)).sum() / N  # a number
    if not training:
        return float(L)
    # (8) binary cross-entropy and sigmoid together: dz2[n,k] = (a2[n,k] - y[n,k])/N
    dz2 = (a2 - y) / N  # shape (1, N)
    # (9) gradient of W2: dW2[k,d] = sum[n<N](dz2[n,k]*f[n,d])
    dW2 = dz2 @ f.T  # shape (1, 4)
    # (10) gradient of b2: db2[k] = sum[n<N](dz2[n,k])
    db2 = dz2.sum(axis=1)  # shape (1,)
    # (11) dense: df[n,d] = sum[k<1](W2[k,d]*dz2[n,k])
    df = params["W2"].T @ dz2  # shape (4, N)
    # (12) flatten: dp1[n,c,i,j] = df[n,4*c+2*i+j]
    dp1 = df.reshape(1, 2, 2, N)  # shape (1, 2, 2, N)
    # (13) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]
    # shape (1, 4, 4, N)
    a1_chosen = first_of(a1.reshape(1, 2, 2, 2, 2, N), a1_max, 4)
    da1 = ((dp1[:, :, None] * first_of(a1_max, p1, 2))[:, :, :, :, None] * a1_chosen).reshape(1, 4, 4, N)
    # (14) ReLU: dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0)
    dz1 = da1 * (z1 > 0)  # shape (1, 4, 4, N)
    # (15) gradient of W1: dW1[o,c,r,s] = sum[n<N,i<4,j<4](dz1[n,o,i,j]*x[n,c,i+r,j+s])
    # shape (1, 1, 3, 3)
    dW1 = (x_columns @ dz1.reshape(1, -1).T).reshape(1, 3, 3, 1).transpose(3, 0, 1, 2).copy()
    # (16) gradient of b1: db1[o] = sum[n<N,i<4,j<4](dz1[n,o,i,j])
    db1 = dz1.sum(axis=(1, 2, 3))  # shape (1,)
    grads = {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
    return float(L), grads


# Descent, and files: beside the mathematics of the network.


def sgd_step(params, grads, lr):
    """One step down the gradient, in place."""
    _check(params)
    _check(grads, "gradients")
    for name, value in params.items():
        value -= lr * grads[name]


def momentum_step(params, grads, velocity, lr, momentum=0.9, weight_decay=0.0, nesterov=False):
    """A step with momentum, in place (Sutskever et al. 2013, the rate before the velocity as in PyTorch).
    `velocity` is {} before the first step; it remembers v for each parameter.
    """
    _check(params)
    _check(grads, "gradients")
    for name, p in params.items():
        g, v = grads[name], velocity.setdefault(name, np.zeros_like(p))
        d = weight_decay * p + g  # d[k] = weight_decay*p[k] + g[k]
        v[...] = momentum * v + d  # w[k] = momentum*v[k] + d[k]
        p[...] = p - lr * (momentum * v + d) if nesterov else p - lr * v  # q[k] = -lr*w[k] + p[k]


def adam_step(params, grads, moments, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """A step of Adam, in place (Kingma and Ba 2015, algorithm 1).
    `moments` is {} before the first step; it remembers the number of steps t, and m and v for each parameter.
    """
    _check(params)
    _check(grads, "gradients")
    t = moments["t"] = moments.get("t", 0) + 1
    for name, p in params.items():
        g = grads[name]
        m, v = moments.setdefault(name, (np.zeros_like(p), np.zeros_like(p)))
        d = weight_decay * p + g  # d[k] = weight_decay*p[k] + g[k]
        m[...] = beta1 * m + (1 - beta1) * d  # a[k] = beta1*m[k] + (1 - beta1)*d[k]
        v[...] = beta2 * v + (1 - beta2) * d ** 2  # b[k] = beta2*v[k] + (1 - beta2)*d[k]**2
        # q[k] = -lr*a[k]/((1 - beta1**t)*(eps + sqrt(b[k]/(1 - beta2**t)))) + p[k]
        p[...] = p - lr * m / (eps + np.sqrt(v / (1 - beta2 ** t))) / (1 - beta1 ** t)


def save(path, params):
    """Write the parameters to an .npz file."""
    _check(params)
    with open(path, "wb") as file:
        np.savez(file, **params)


def load(path):
    """The parameters of an .npz file; ValueError unless names and shapes fit."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    _check(arrays)
    return {name: arrays[name] for name in PARAMETERS}


def _check(arrays, what="parameters", shapes=PARAMETERS):
    """Raise ValueError unless `arrays` has these names and shapes, and holds floats."""
    if set(arrays) != set(shapes):
        raise ValueError(f"expected {what} {', '.join(shapes)}, got {', '.join(map(str, arrays))}")
    for name, shape in shapes.items():
        _array(name, arrays[name], shape)


def _array(name, array, shape, classes=None):
    """`array` as an array of this shape (None: any extent), of floats or labels; ValueError otherwise."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape))
    if not fits or array.dtype.kind not in ("iuf" if classes else "f"):
        wanted = "numbers" if classes else "floats"
        raise ValueError(f"expected {name}: {wanted} of shape {shape}, got {array.dtype} {array.shape}")
    return array


def windows(x, axis, extents, steps=None):
    """View with axes i, r in place of `axis`: entry [.., i, r, ..] is x[.., steps[0]*i + steps[1]*r, ..]."""
    steps = steps or (1,) * len(extents)
    if sum((n - 1) * step for n, step in zip(extents, steps)) >= x.shape[axis]:
        raise ValueError(f"expected windows {extents} in steps {steps} to fit into {x.shape[axis]} entries")
    shape = x.shape[:axis] + tuple(extents) + x.shape[axis + 1 :]
    stride = x.strides[axis]
    strides = x.strides[:axis] + tuple(step * stride for step in steps) + x.strides[axis + 1 :]
    return as_strided(x, shape, strides, writeable=False)


def largest(x, axis):
    """The maximum along a short axis, entry by entry: faster than x.max(axis)."""
    first, *rest = np.moveaxis(x, axis, 0)
    for row in rest:
        first = np.maximum(first, row)
    return first


def first_of(x, best, axis):
    """Mask of the first entry along `axis` that equals `best`."""
    mask = x == np.expand_dims(best, axis)
    rows = np.moveaxis(mask, axis, 0)
    seen = rows[0, ...].copy()
    for k in range(1, len(rows)):
        np.greater(rows[k, ...], seen, out=rows[k, ...])
        seen |= rows[k, ...]
    return mask


def sigmoid(z):
    """1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def softplus(z):
    """log(1 + exp(z)) without overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

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
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PARAMETERS = {"W1": (1, 1, 3, 3), "b1": (1,), "W2": (1, 4), "b2": (1,)}
FAN_IN = {"W1": 9, "W2": 4}


def init(seed=0, dtype=np.float32):
    """Parameters to start from: weights of variance 2 / fan-in (He et al. 2015), biases 0."""
    rng = np.random.default_rng(seed)
    params = {name: np.zeros(shape, dtype) for name, shape in PARAMETERS.items()}
    for name, fan_in in FAN_IN.items():
        params[name] += (rng.standard_normal(PARAMETERS[name]) * np.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a2, an array of shape (N, 1)."""
    return _run(params, x)


def loss(params, x, y):
    """The loss, a number."""
    return _run(params, x, y)


def loss_and_grads(params, x, y, summed=False):
    """The loss and its gradients by name; `summed` over the examples, their number comes third."""
    value, grads = _run(params, x, y, training=True)
    return (len(x) * value, {k: len(x) * g for k, g in grads.items()}, len(x)) if summed else (value, grads)


def _run(params, x, y=..., training=False):
    """The output; given labels, the loss; in training, its gradients too."""
    W1, b1, W2, b2 = _check(params).values()
    x = _array("x", x, (None, 1, 6, 6))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))  # inside, the batch is the last axis
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c,r,s](W1[o,c,r,s]*x[n,c,i+r,j+s]); (1, 4, 4, N)
    x_columns = sliding_window_view(x, (3, 3), (1, 2)).transpose(0, 4, 5, 1, 2, 3).reshape(9, -1)
    z1 = (W1.reshape(1, 9) @ x_columns).reshape(1, 4, 4, N) + b1[:, None, None, None]
    a1 = np.maximum(z1, 0)  # (2) a1[n,c,i,j] = max(z1[n,c,i,j], 0); (1, 4, 4, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s]); (1, 2, 2, N)
    a1_max = np.maximum(a1[:, :, ::2], a1[:, :, 1::2]).reshape(1, 2, 2, 2, N)
    p1 = np.maximum(a1_max[:, :, 0], a1_max[:, :, 1])
    f = p1.reshape(4, N)  # (4) f[n,4*c+2*i+j] = p1[n,c,i,j]; (4, N)
    z2 = W2 @ f + b2[:, None]  # (5) z2[n,k] = b2[k] + sum[d](W2[k,d]*f[n,d]); (1, N)
    a2 = sigmoid(z2)  # (6) a2[n,k] = sigmoid(z2[n,k]); (1, N)
    if y is ...:
        return a2.transpose(1, 0).copy()
    y = _array("y", y, (N, 1))
    y = np.ascontiguousarray(y.transpose(1, 0))
    # (7) binary cross-entropy: L = sum[n,k]((1 - y[n,k])*softplus(z2[n,k]) + softplus(-z2[n,k])*y[n,k])/N
    L = ((1 - y) * softplus(z2) + y * softplus(-z2)).sum() / N
    if not training:
        return float(L)
    dz2 = (a2 - y) / N  # (8) dz2[n,k] = (a2[n,k] - y[n,k])/N; (1, N)
    dW2 = dz2 @ f.T  # (9) dW2[k,d] = sum[n](dz2[n,k]*f[n,d]); (1, 4)
    db2 = dz2.sum(axis=1)  # (10) db2[k] = sum[n](dz2[n,k]); (1,)
    df = W2.T @ dz2  # (11) df[n,d] = sum[k](W2[k,d]*dz2[n,k]); (4, N)
    dp1 = df.reshape(1, 2, 2, N)  # (12) dp1[n,c,i,j] = df[n,4*c+2*i+j]; (1, 2, 2, N)
    # (13) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]; (1, 4, 4, N)
    da1_part = dp1[:, :, None] * ((a1_max[:, :, :1] < a1_max[:, :, 1:]) == [[[False]], [[True]]])
    a1_chosen = (a1[:, :, ::2] < a1[:, :, 1::2]).reshape(1, 2, 2, 2, 1, N) == [[False], [True]]
    da1 = (da1_part[:, :, :, :, None] * a1_chosen).reshape(1, 4, 4, N)
    dz1 = da1 * (z1 > 0)  # (14) dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0); (1, 4, 4, N)
    # (15) gradient of W1: dW1[o,c,r,s] = sum[n,i,j](dz1[n,o,i,j]*x[n,c,i+r,j+s]); (1, 1, 3, 3)
    dW1 = (x_columns @ dz1.reshape(1, -1).T).reshape(1, 3, 3, 1).transpose(3, 0, 1, 2).copy()
    db1 = dz1.sum(axis=(1, 2, 3))  # (16) db1[o] = sum[n,i,j](dz1[n,o,i,j]); (1,)
    return float(L), dict(zip(PARAMETERS, (dW1, db1, dW2, db2)))


def sgd_step(params, grads, lr):
    """One step down the gradient, in place."""
    _check(grads, "gradients")
    for name, p in _check(params).items():
        p -= lr * grads[name]


def momentum_step(params, grads, velocity, lr, momentum=0.9, weight_decay=0.0, nesterov=False):
    """A step with momentum, in place; `velocity` is {} at first (Sutskever et al. 2013, as in PyTorch)."""
    _check(grads, "gradients")
    for name, p in _check(params).items():
        v = velocity.setdefault(name, np.zeros_like(p))
        d = weight_decay * p + grads[name]
        v[...] = momentum * v + d
        p[...] = p - lr * (momentum * v + d) if nesterov else p - lr * v


def adam_step(params, grads, moments, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    """A step of Adam, in place; `moments` is {} at first (Kingma and Ba 2015, algorithm 1)."""
    _check(grads, "gradients")
    t = moments["t"] = moments.get("t", 0) + 1
    for name, p in _check(params).items():
        m, v = moments.setdefault(name, (np.zeros_like(p), np.zeros_like(p)))
        d = weight_decay * p + grads[name]
        m[...] = beta1 * m + (1 - beta1) * d
        v[...] = beta2 * v + (1 - beta2) * d ** 2
        p[...] = p - lr * m / (eps + np.sqrt(v / (1 - beta2 ** t))) / (1 - beta1 ** t)


def save(path, params):
    """Write the parameters to an .npz file."""
    arrays = _check(params)
    with open(path, "wb") as file:
        np.savez(file, **arrays)


def load(path):
    """The parameters of an .npz file; ValueError unless names and shapes fit."""
    with np.load(path, allow_pickle=False) as file:
        return _check(dict(file))


def _check(arrays, what="parameters", shapes=PARAMETERS):
    """`arrays` in the order of `shapes`; ValueError unless names and shapes fit and all hold floats."""
    if set(arrays) != set(shapes):
        raise ValueError(f"expected {what} {', '.join(shapes)}, got {', '.join(map(str, arrays))}")
    return {name: _array(name, arrays[name], shape) for name, shape in shapes.items()}


def _array(name, array, shape, classes=None):
    """`array` as an array of this shape (None: any extent), of floats or labels; ValueError otherwise."""
    array = np.asarray(array)
    fits = array.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, array.shape))
    if not fits or array.dtype.kind not in ("iuf" if classes else "f"):
        wanted = "numbers" if classes else "floats"
        raise ValueError(f"expected {name}: {wanted} of shape {shape}, got {array.dtype} {array.shape}")
    return array


def sigmoid(z):
    """1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def softplus(z):
    """log(1 + exp(z)) without overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

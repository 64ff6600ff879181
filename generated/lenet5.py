"""LeNet-5

    value  layer                       shape     parameters
    x      input                       1×28×28
    z1     convolution 5×5, padding 2  6×28×28   156
    a1     ReLU                        6×28×28
    p1     max pooling 2×2, stride 2   6×14×14
    z2     convolution 5×5             16×10×10  2416
    a2     ReLU                        16×10×10
    p2     max pooling 2×2, stride 2   16×5×5
    f      flatten                     400
    z3     dense                       120       48120
    a3     ReLU                        120
    z4     dense                       84        10164
    a4     ReLU                        84
    z5     dense                       10        850
    a5     softmax                     10
    L      cross-entropy               scalar
           total                                 61706
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PARAMETERS = {
    "W1": (6, 1, 5, 5), "b1": (6,), "W2": (16, 6, 5, 5), "b2": (16,), "W3": (120, 400), "b3": (120,),
    "W4": (84, 120), "b4": (84,), "W5": (10, 84), "b5": (10,),
}
FAN_IN = {"W1": 25, "W2": 150, "W3": 400, "W4": 120, "W5": 84}


def init(seed=0, dtype=np.float32):
    """Parameters to start from: weights of variance 2 / fan-in (He et al. 2015), biases 0."""
    rng = np.random.default_rng(seed)
    params = {name: np.zeros(shape, dtype) for name, shape in PARAMETERS.items()}
    for name, fan_in in FAN_IN.items():
        params[name] += (rng.standard_normal(PARAMETERS[name]) * np.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a5, an array of shape (N, 10)."""
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
    W1, b1, W2, b2, W3, b3, W4, b4, W5, b5 = _check(params).values()
    x = _array("x", x, (None, 1, 28, 28))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))  # inside, the batch is the last axis
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c,r,s](W1[o,c,r,s]*x[n,c,i+r-2,j+s-2 | 0]); (6, 28, 28, N)
    x_padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    x_columns = sliding_window_view(x_padded, (5, 5), (1, 2)).transpose(0, 4, 5, 1, 2, 3).reshape(25, -1)
    z1 = (W1.reshape(6, 25) @ x_columns).reshape(6, 28, 28, N)
    z1 += b1[:, None, None, None]
    a1 = np.maximum(z1, 0)  # (2) a1[n,c,i,j] = max(z1[n,c,i,j], 0); (6, 28, 28, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s]); (6, 14, 14, N)
    a1_max = np.maximum(a1[:, :, ::2], a1[:, :, 1::2]).reshape(6, 14, 2, 14, N)
    p1 = np.maximum(a1_max[:, :, 0], a1_max[:, :, 1])
    # (4) convolution: z2[n,o,i,j] = b2[o] + sum[c,r,s](W2[o,c,r,s]*p1[n,c,i+r,j+s]); (16, 10, 10, N)
    p1_columns = sliding_window_view(p1, (5, 5), (1, 2)).transpose(0, 4, 5, 1, 2, 3).reshape(150, -1)
    z2 = (W2.reshape(16, 150) @ p1_columns).reshape(16, 10, 10, N)
    z2 += b2[:, None, None, None]
    a2 = np.maximum(z2, 0)  # (5) a2[n,c,i,j] = max(z2[n,c,i,j], 0); (16, 10, 10, N)
    # (6) max pooling: p2[n,c,i,j] = max[r<2,s<2](a2[n,c,2*i+r,2*j+s]); (16, 5, 5, N)
    a2_max = np.maximum(a2[:, :, ::2], a2[:, :, 1::2]).reshape(16, 5, 2, 5, N)
    p2 = np.maximum(a2_max[:, :, 0], a2_max[:, :, 1])
    f = p2.reshape(400, N)  # (7) f[n,25*c+5*i+j] = p2[n,c,i,j]; (400, N)
    z3 = W3 @ f + b3[:, None]  # (8) z3[n,k] = b3[k] + sum[d](W3[k,d]*f[n,d]); (120, N)
    a3 = np.maximum(z3, 0)  # (9) a3[n,k] = max(z3[n,k], 0); (120, N)
    z4 = W4 @ a3 + b4[:, None]  # (10) z4[n,k] = b4[k] + sum[d](W4[k,d]*a3[n,d]); (84, N)
    a4 = np.maximum(z4, 0)  # (11) a4[n,k] = max(z4[n,k], 0); (84, N)
    z5 = W5 @ a4 + b5[:, None]  # (12) z5[n,k] = b5[k] + sum[d](W5[k,d]*a4[n,d]); (10, N)
    # (13) softmax: a5[n,k] = exp(z5[n,k] - max[m](z5[n,m]))/sum[m2](exp(z5[n,m2] - max[m](z5[n,m]))); (10, N)
    a5_difference = z5 - z5.max(axis=0)
    a5_exp = np.exp(a5_difference)
    a5_sum = a5_exp.sum(axis=0)
    a5 = a5_exp / a5_sum
    if y is ...:
        return a5.transpose(1, 0).copy()
    y = _array("y", y, (N,), 10)
    # (14) cross-entropy: L = sum[n](-sum[k](where(y[n] == k, z5[n,k] - log(sum[m2](exp(z5[n,m2] -
    #     max[m](z5[n,m])))) - max[m](z5[n,m]), 0)))/N
    L_mask = y == np.arange(10)[:, None]
    L = -((a5_difference - np.log(a5_sum)) * L_mask).sum() / N
    if not training:
        return float(L)
    dz5 = (a5 - L_mask) / N  # (15) dz5[n,m] = (a5[n,m] - where(y[n] == m, 1, 0))/N; (10, N)
    dW5 = dz5 @ a4.T  # (16) dW5[k,d] = sum[n](a4[n,d]*dz5[n,k]); (10, 84)
    db5 = dz5.sum(axis=1)  # (17) db5[k] = sum[n](dz5[n,k]); (10,)
    da4 = W5.T @ dz5  # (18) da4[n,d] = sum[k](W5[k,d]*dz5[n,k]); (84, N)
    dz4 = da4 * (z4 > 0)  # (19) dz4[n,k] = where(z4[n,k] > 0, da4[n,k], 0); (84, N)
    dW4 = dz4 @ a3.T  # (20) dW4[k,d] = sum[n](a3[n,d]*dz4[n,k]); (84, 120)
    db4 = dz4.sum(axis=1)  # (21) db4[k] = sum[n](dz4[n,k]); (84,)
    da3 = W4.T @ dz4  # (22) da3[n,d] = sum[k](W4[k,d]*dz4[n,k]); (120, N)
    dz3 = da3 * (z3 > 0)  # (23) dz3[n,k] = where(z3[n,k] > 0, da3[n,k], 0); (120, N)
    dW3 = dz3 @ f.T  # (24) dW3[k,d] = sum[n](dz3[n,k]*f[n,d]); (120, 400)
    db3 = dz3.sum(axis=1)  # (25) db3[k] = sum[n](dz3[n,k]); (120,)
    df = W3.T @ dz3  # (26) df[n,d] = sum[k](W3[k,d]*dz3[n,k]); (400, N)
    dp2 = df.reshape(16, 5, 5, N)  # (27) dp2[n,c,i,j] = df[n,25*c+5*i+j]; (16, 5, 5, N)
    # (28) max pooling: da2[n,c,2*i+r,2*j+s] += dp2[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a2[n,c,2*i+r2,2*j+s2
    #     | -oo])]; (16, 10, 10, N)
    da2_part = dp2[:, :, None] * ((a2_max[:, :, :1] < a2_max[:, :, 1:]) == [[[False]], [[True]]])
    a2_chosen = (a2[:, :, ::2] < a2[:, :, 1::2]).reshape(16, 5, 2, 5, 1, N) == [[False], [True]]
    da2 = (da2_part[:, :, :, :, None] * a2_chosen).reshape(16, 10, 10, N)
    dz2 = da2 * (z2 > 0)  # (29) dz2[n,c,i,j] = where(z2[n,c,i,j] > 0, da2[n,c,i,j], 0); (16, 10, 10, N)
    # (30) gradient of W2: dW2[o,c,r,s] = sum[n,i,j](dz2[n,o,i,j]*p1[n,c,i+r,j+s]); (16, 6, 5, 5)
    dW2 = (p1_columns @ dz2.reshape(16, -1).T).reshape(6, 5, 5, 16).transpose(3, 0, 1, 2).copy()
    db2 = dz2.sum(axis=(1, 2, 3))  # (31) db2[o] = sum[n,i,j](dz2[n,o,i,j]); (16,)
    # (32) convolution: dp1[n,c,i+r,j+s] += W2[o,c,r,s]*dz2[n,o,i,j]; (6, 14, 14, N)
    dp1_parts_product = W2.reshape(16, 150).T @ dz2.reshape(16, -1)
    dp1_parts = dp1_parts_product.reshape(6, 5, 5, 10, 10, N).transpose(1, 2, 0, 3, 4, 5)
    dp1 = np.zeros((6, 14, 14, N), dp1_parts.dtype)
    for r, s in np.ndindex(5, 5):
        dp1[:, r:r + 10, s:s + 10] += dp1_parts[r, s]
    # (33) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]; (6, 28, 28, N)
    da1_part = dp1[:, :, None] * ((a1_max[:, :, :1] < a1_max[:, :, 1:]) == [[[False]], [[True]]])
    a1_chosen = (a1[:, :, ::2] < a1[:, :, 1::2]).reshape(6, 14, 2, 14, 1, N) == [[False], [True]]
    da1 = (da1_part[:, :, :, :, None] * a1_chosen).reshape(6, 28, 28, N)
    dz1 = da1 * (z1 > 0)  # (34) dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0); (6, 28, 28, N)
    # (35) gradient of W1: dW1[o,c,r,s] += dz1[n,o,i,j]*x[n,c,i+r-2,j+s-2 | 0]; (6, 1, 5, 5)
    dW1 = (x_columns @ dz1.reshape(6, -1).T).reshape(1, 5, 5, 6).transpose(3, 0, 1, 2).copy()
    db1 = dz1.sum(axis=(1, 2, 3))  # (36) db1[o] = sum[n,i,j](dz1[n,o,i,j]); (6,)
    return float(L), dict(zip(PARAMETERS, (dW1, db1, dW2, db2, dW3, db3, dW4, db4, dW5, db5)))


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
    if classes and array.size and not np.isin(array, np.arange(classes)).all():
        raise ValueError(f"expected {name}: labels 0 to {classes - 1}, got {array.min()} to {array.max()}")
    return array

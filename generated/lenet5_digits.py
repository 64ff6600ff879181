"""LeNet for 8×8 digits

    value  layer                       shape   parameters
    x      input                       1×8×8
    z1     convolution 3×3, padding 1  16×8×8  160
    a1     ReLU                        16×8×8
    p1     max pooling 2×2, stride 2   16×4×4
    z2     convolution 3×3, padding 1  32×4×4  4640
    a2     ReLU                        32×4×4
    p2     max pooling 2×2, stride 2   32×2×2
    f      flatten                     128
    z3     dense                       84      10836
    a3     ReLU                        84
    z4     dense                       10      850
    a4     softmax                     10
    L      cross-entropy               scalar
           total                               16486
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

PARAMETERS = {
    "W1": (16, 1, 3, 3), "b1": (16,), "W2": (32, 16, 3, 3), "b2": (32,), "W3": (84, 128), "b3": (84,),
    "W4": (10, 84), "b4": (10,),
}
FAN_IN = {"W1": 9, "W2": 144, "W3": 128, "W4": 84}


def init(seed=0, dtype=np.float32):
    """Parameters to start from: weights of variance 2 / fan-in (He et al. 2015), biases 0."""
    rng = np.random.default_rng(seed)
    params = {name: np.zeros(shape, dtype) for name, shape in PARAMETERS.items()}
    for name, fan_in in FAN_IN.items():
        params[name] += (rng.standard_normal(PARAMETERS[name]) * np.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a4, an array of shape (N, 10)."""
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
    W1, b1, W2, b2, W3, b3, W4, b4 = _check(params).values()
    x = _array("x", x, (None, 1, 8, 8))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))  # inside, the batch is the last axis
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c,r,s](W1[o,c,r,s]*x[n,c,i+r-1,j+s-1 | 0]); (16, 8, 8, N)
    x_padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    x_columns = sliding_window_view(x_padded, (3, 3), (1, 2)).transpose(0, 4, 5, 1, 2, 3).reshape(9, -1)
    z1 = (W1.reshape(16, 9) @ x_columns).reshape(16, 8, 8, N)
    z1 += b1[:, None, None, None]
    a1 = np.maximum(z1, 0)  # (2) a1[n,c,i,j] = max(z1[n,c,i,j], 0); (16, 8, 8, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s]); (16, 4, 4, N)
    a1_max = np.maximum(a1[:, :, ::2], a1[:, :, 1::2]).reshape(16, 4, 2, 4, N)
    p1 = np.maximum(a1_max[:, :, 0], a1_max[:, :, 1])
    # (4) convolution: z2[n,o,i,j] = b2[o] + sum[c,r,s](W2[o,c,r,s]*p1[n,c,i+r-1,j+s-1 | 0]); (32, 4, 4, N)
    p1_padded = np.pad(p1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    p1_columns = sliding_window_view(p1_padded, (3, 3), (1, 2)).transpose(0, 4, 5, 1, 2, 3).reshape(144, -1)
    z2 = (W2.reshape(32, 144) @ p1_columns).reshape(32, 4, 4, N) + b2[:, None, None, None]
    a2 = np.maximum(z2, 0)  # (5) a2[n,c,i,j] = max(z2[n,c,i,j], 0); (32, 4, 4, N)
    # (6) max pooling: p2[n,c,i,j] = max[r<2,s<2](a2[n,c,2*i+r,2*j+s]); (32, 2, 2, N)
    a2_max = np.maximum(a2[:, :, ::2], a2[:, :, 1::2]).reshape(32, 2, 2, 2, N)
    p2 = np.maximum(a2_max[:, :, 0], a2_max[:, :, 1])
    f = p2.reshape(128, N)  # (7) f[n,4*c+2*i+j] = p2[n,c,i,j]; (128, N)
    z3 = W3 @ f + b3[:, None]  # (8) z3[n,k] = b3[k] + sum[d](W3[k,d]*f[n,d]); (84, N)
    a3 = np.maximum(z3, 0)  # (9) a3[n,k] = max(z3[n,k], 0); (84, N)
    z4 = W4 @ a3 + b4[:, None]  # (10) z4[n,k] = b4[k] + sum[d](W4[k,d]*a3[n,d]); (10, N)
    # (11) softmax: a4[n,k] = exp(z4[n,k] - max[m](z4[n,m]))/sum[m2](exp(z4[n,m2] - max[m](z4[n,m]))); (10, N)
    a4_difference = z4 - z4.max(axis=0)
    a4_exp = np.exp(a4_difference)
    a4_sum = a4_exp.sum(axis=0)
    a4 = a4_exp / a4_sum
    if y is ...:
        return a4.transpose(1, 0).copy()
    y = _array("y", y, (N,), 10)
    # (12) cross-entropy: L = sum[n](-sum[k](where(y[n] == k, z4[n,k] - log(sum[m2](exp(z4[n,m2] -
    #     max[m](z4[n,m])))) - max[m](z4[n,m]), 0)))/N
    L_mask = y == np.arange(10)[:, None]
    L = -((a4_difference - np.log(a4_sum)) * L_mask).sum() / N
    if not training:
        return float(L)
    dz4 = (a4 - L_mask) / N  # (13) dz4[n,m] = (a4[n,m] - where(y[n] == m, 1, 0))/N; (10, N)
    dW4 = dz4 @ a3.T  # (14) dW4[k,d] = sum[n](a3[n,d]*dz4[n,k]); (10, 84)
    db4 = dz4.sum(axis=1)  # (15) db4[k] = sum[n](dz4[n,k]); (10,)
    da3 = W4.T @ dz4  # (16) da3[n,d] = sum[k](W4[k,d]*dz4[n,k]); (84, N)
    dz3 = da3 * (z3 > 0)  # (17) dz3[n,k] = where(z3[n,k] > 0, da3[n,k], 0); (84, N)
    dW3 = dz3 @ f.T  # (18) dW3[k,d] = sum[n](dz3[n,k]*f[n,d]); (84, 128)
    db3 = dz3.sum(axis=1)  # (19) db3[k] = sum[n](dz3[n,k]); (84,)
    df = W3.T @ dz3  # (20) df[n,d] = sum[k](W3[k,d]*dz3[n,k]); (128, N)
    dp2 = df.reshape(32, 2, 2, N)  # (21) dp2[n,c,i,j] = df[n,4*c+2*i+j]; (32, 2, 2, N)
    # (22) max pooling: da2[n,c,2*i+r,2*j+s] += dp2[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a2[n,c,2*i+r2,2*j+s2
    #     | -oo])]; (32, 4, 4, N)
    da2_part = dp2[:, :, None] * ((a2_max[:, :, :1] < a2_max[:, :, 1:]) == [[[False]], [[True]]])
    a2_chosen = (a2[:, :, ::2] < a2[:, :, 1::2]).reshape(32, 2, 2, 2, 1, N) == [[False], [True]]
    da2 = (da2_part[:, :, :, :, None] * a2_chosen).reshape(32, 4, 4, N)
    dz2 = da2 * (z2 > 0)  # (23) dz2[n,c,i,j] = where(z2[n,c,i,j] > 0, da2[n,c,i,j], 0); (32, 4, 4, N)
    # (24) gradient of W2: dW2[o,c,r,s] += dz2[n,o,i,j]*p1[n,c,i+r-1,j+s-1 | 0]; (32, 16, 3, 3)
    dW2 = (p1_columns @ dz2.reshape(32, -1).T).reshape(16, 3, 3, 32).transpose(3, 0, 1, 2).copy()
    db2 = dz2.sum(axis=(1, 2, 3))  # (25) db2[o] = sum[n,i,j](dz2[n,o,i,j]); (32,)
    dp1_parts_product = W2.reshape(32, 144).T @ dz2.reshape(32, -1)
    dp1_parts = dp1_parts_product.reshape(16, 3, 3, 4, 4, N).transpose(1, 2, 0, 3, 4, 5)
    dp1_added = np.zeros((16, 6, 6, N), dp1_parts.dtype)
    for r, s in np.ndindex(3, 3):
        dp1_added[:, r:r + 4, s:s + 4] += dp1_parts[r, s]
    dp1 = dp1_added[:, 1:5, 1:5]  # (26) dp1[n,c,i+r-1,j+s-1] += W2[o,c,r,s]*dz2[n,o,i,j]; (16, 4, 4, N)
    # (27) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]; (16, 8, 8, N)
    da1_part = dp1[:, :, None] * ((a1_max[:, :, :1] < a1_max[:, :, 1:]) == [[[False]], [[True]]])
    a1_chosen = (a1[:, :, ::2] < a1[:, :, 1::2]).reshape(16, 4, 2, 4, 1, N) == [[False], [True]]
    da1 = (da1_part[:, :, :, :, None] * a1_chosen).reshape(16, 8, 8, N)
    dz1 = da1 * (z1 > 0)  # (28) dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0); (16, 8, 8, N)
    # (29) gradient of W1: dW1[o,c,r,s] += dz1[n,o,i,j]*x[n,c,i+r-1,j+s-1 | 0]; (16, 1, 3, 3)
    dW1 = (dz1.reshape(16, -1) @ x_columns.T).reshape(16, 1, 3, 3).copy()
    db1 = dz1.sum(axis=(1, 2, 3))  # (30) db1[o] = sum[n,i,j](dz1[n,o,i,j]); (16,)
    return float(L), dict(zip(PARAMETERS, (dW1, db1, dW2, db2, dW3, db3, dW4, db4)))


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

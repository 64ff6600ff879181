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

Inside, the batch is the last axis, so that neighbours in memory are the same place of several
examples.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

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
        params[name] += (rng.standard_normal(PARAMETERS[name]) * math.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a4, an array of shape (N, 10)."""
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
    x = _array("x", x, (None, 1, 8, 8))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c<1,r<3,s<3](W1[o,c,r,s]*x[n,c,i+r-1,j+s-1 | 0])
    x_padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    x_columns = windows(windows(x_padded, 1, (8, 3)), 3, (8, 3)).transpose(0, 2, 4, 1, 3, 5).reshape(9, -1)
    z1 = (params["W1"].reshape(16, 9) @ x_columns).reshape(16, 8, 8, N)
    z1 += params["b1"][:, None, None, None]  # shape (16, 8, 8, N)
    # (2) ReLU: a1[n,c,i,j] = where(z1[n,c,i,j] > 0, z1[n,c,i,j], 0)
    a1 = np.maximum(z1, 0)  # shape (16, 8, 8, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s])
    a1_max = largest(a1.reshape(16, 4, 2, 4, 2, N), 4)
    p1 = largest(a1_max, 2)  # shape (16, 4, 4, N)
    # (4) convolution: z2[n,o,i,j] = b2[o] + sum[c<16,r<3,s<3](W2[o,c,r,s]*p1[n,c,i+r-1,j+s-1 | 0])
    p1_padded = np.pad(p1, ((0, 0), (1, 1), (1, 1), (0, 0)))
    p1_windows = windows(windows(p1_padded, 1, (4, 3)), 3, (4, 3))
    p1_columns = p1_windows.transpose(0, 2, 4, 1, 3, 5).reshape(144, -1)
    z2 = (params["W2"].reshape(32, 144) @ p1_columns).reshape(32, 4, 4, N)
    z2 += params["b2"][:, None, None, None]  # shape (32, 4, 4, N)
    # (5) ReLU: a2[n,c,i,j] = where(z2[n,c,i,j] > 0, z2[n,c,i,j], 0)
    a2 = np.maximum(z2, 0)  # shape (32, 4, 4, N)
    # (6) max pooling: p2[n,c,i,j] = max[r<2,s<2](a2[n,c,2*i+r,2*j+s])
    a2_max = largest(a2.reshape(32, 2, 2, 2, 2, N), 4)
    p2 = largest(a2_max, 2)  # shape (32, 2, 2, N)
    # (7) flatten: f[n,4*c+2*i+j] = p2[n,c,i,j]
    f = p2.reshape(128, N)  # shape (128, N)
    # (8) dense: z3[n,k] = b3[k] + sum[d<128](W3[k,d]*f[n,d])
    z3 = params["W3"] @ f
    z3 += params["b3"][:, None]  # shape (84, N)
    # (9) ReLU: a3[n,k] = where(z3[n,k] > 0, z3[n,k], 0)
    a3 = np.maximum(z3, 0)  # shape (84, N)
    # (10) dense: z4[n,k] = b4[k] + sum[d<84](W4[k,d]*a3[n,d])
    z4 = params["W4"] @ a3
    z4 += params["b4"][:, None]  # shape (10, N)
    # (11) softmax: a4[n,k] = exp(z4[n,k] - max[m<10](z4[n,m]))/sum[m2<10](exp(z4[n,m2] -
    #     max[m<10](z4[n,m])))
    a4_part = z4 - z4.max(axis=0)
    a4_part2 = np.exp(a4_part)
    a4_sum = a4_part2.sum(axis=0)
    a4 = a4_part2 / a4_sum  # shape (10, N)
    if y is ...:
        return a4.transpose(1, 0).copy()
    y = _array("y", y, (N,), 10)
    # (12) cross-entropy: L = sum[n<N](-sum[k<10](where(y[n] == k, -log(sum[m2<10](exp(z4[n,m2] -
    #     max[m<10](z4[n,m])))) + z4[n,k] - max[m<10](z4[n,m]), 0)))/N
    L_part = y == np.arange(10)[:, None]
    L = -((a4_part - np.log(a4_sum)) * L_part).sum() / N  # a number
    if not training:
        return float(L)
    # (13) cross-entropy and softmax together: dz4[n,m] = (a4[n,m] - where(y[n] == m, 1, 0))/N
    dz4 = (a4 - L_part) / N  # shape (10, N)
    # (14) gradient of W4: dW4[k,d] = sum[n<N](a3[n,d]*dz4[n,k])
    dW4 = dz4 @ a3.T  # shape (10, 84)
    # (15) gradient of b4: db4[k] = sum[n<N](dz4[n,k])
    db4 = dz4.sum(axis=1)  # shape (10,)
    # (16) dense: da3[n,d] = sum[k<10](W4[k,d]*dz4[n,k])
    da3 = params["W4"].T @ dz4  # shape (84, N)
    # (17) ReLU: dz3[n,k] = where(z3[n,k] > 0, da3[n,k], 0)
    dz3 = da3 * (z3 > 0)  # shape (84, N)
    # (18) gradient of W3: dW3[k,d] = sum[n<N](dz3[n,k]*f[n,d])
    dW3 = dz3 @ f.T  # shape (84, 128)
    # (19) gradient of b3: db3[k] = sum[n<N](dz3[n,k])
    db3 = dz3.sum(axis=1)  # shape (84,)
    # (20) dense: df[n,d] = sum[k<84](W3[k,d]*dz3[n,k])
    df = params["W3"].T @ dz3  # shape (128, N)
    # (21) flatten: dp2[n,c,i,j] = df[n,4*c+2*i+j]
    dp2 = df.reshape(32, 2, 2, N)  # shape (32, 2, 2, N)
    # (22) max pooling: da2[n,c,2*i+r,2*j+s] += dp2[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a2[n,c,2*i+r2,2*j+s2
    #     | -oo])]
    # shape (32, 4, 4, N)
    a2_chosen = first_of(a2.reshape(32, 2, 2, 2, 2, N), a2_max, 4)
    da2 = ((dp2[:, :, None] * first_of(a2_max, p2, 2))[:, :, :, :, None] * a2_chosen).reshape(32, 4, 4, N)
    # (23) ReLU: dz2[n,c,i,j] = where(z2[n,c,i,j] > 0, da2[n,c,i,j], 0)
    dz2 = da2 * (z2 > 0)  # shape (32, 4, 4, N)
    # (24) gradient of W2: dW2[o,c,r,s] += dz2[n,o,i,j]*p1[n,c,i+r-1,j+s-1 | 0]
    # shape (32, 16, 3, 3)
    dW2 = (p1_columns @ dz2.reshape(32, -1).T).reshape(16, 3, 3, 32).transpose(3, 0, 1, 2).copy()
    # (25) gradient of b2: db2[o] = sum[n<N,i<4,j<4](dz2[n,o,i,j])
    db2 = dz2.sum(axis=(1, 2, 3))  # shape (32,)
    # (26) convolution: dp1[n,c,i+r-1,j+s-1] += W2[o,c,r,s]*dz2[n,o,i,j]
    dp1_parts_product = params["W2"].reshape(32, 144).T @ dz2.reshape(32, -1)
    dp1_parts = dp1_parts_product.reshape(16, 3, 3, 4, 4, N).transpose(1, 2, 0, 3, 4, 5)
    dp1_added = np.zeros((16, 6, 6, N), dp1_parts.dtype)
    for t, l in np.ndindex(3, 3):
        dp1_added[:, t:t + 4, l:l + 4] += dp1_parts[t, l]
    dp1 = dp1_added[:, 1:5, 1:5]  # shape (16, 4, 4, N)
    # (27) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]
    # shape (16, 8, 8, N)
    a1_chosen = first_of(a1.reshape(16, 4, 2, 4, 2, N), a1_max, 4)
    da1 = ((dp1[:, :, None] * first_of(a1_max, p1, 2))[:, :, :, :, None] * a1_chosen).reshape(16, 8, 8, N)
    # (28) ReLU: dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0)
    dz1 = da1 * (z1 > 0)  # shape (16, 8, 8, N)
    # (29) gradient of W1: dW1[o,c,r,s] += dz1[n,o,i,j]*x[n,c,i+r-1,j+s-1 | 0]
    dW1 = (dz1.reshape(16, -1) @ x_columns.T).reshape(16, 1, 3, 3).copy()  # shape (16, 1, 3, 3)
    # (30) gradient of b1: db1[o] = sum[n<N,i<8,j<8](dz1[n,o,i,j])
    db1 = dz1.sum(axis=(1, 2, 3))  # shape (16,)
    grads = {
        "W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3, "W4": dW4, "b4": db4,
    }
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
    if classes and array.size and not np.isin(array, np.arange(classes)).all():
        raise ValueError(f"expected {name}: labels 0 to {classes - 1}, got {array.min()} to {array.max()}")
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

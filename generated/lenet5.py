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

Inside, the batch is the last axis, so that neighbours in memory are the same place of several
examples.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

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
        params[name] += (rng.standard_normal(PARAMETERS[name]) * math.sqrt(2 / fan_in)).astype(dtype)
    return params


def forward(params, x):
    """The network's output a5, an array of shape (N, 10)."""
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
    x = _array("x", x, (None, 1, 28, 28))
    N = len(x)
    x = np.ascontiguousarray(x.transpose(1, 2, 3, 0))
    # (1) convolution: z1[n,o,i,j] = b1[o] + sum[c<1,r<5,s<5](W1[o,c,r,s]*x[n,c,i+r-2,j+s-2 | 0])
    x_padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
    x_columns = windows(windows(x_padded, 1, (28, 5)), 3, (28, 5)).transpose(0, 2, 4, 1, 3, 5).reshape(25, -1)
    z1 = (params["W1"].reshape(6, 25) @ x_columns).reshape(6, 28, 28, N)
    z1 += params["b1"][:, None, None, None]  # shape (6, 28, 28, N)
    # (2) ReLU: a1[n,c,i,j] = where(z1[n,c,i,j] > 0, z1[n,c,i,j], 0)
    a1 = np.maximum(z1, 0)  # shape (6, 28, 28, N)
    # (3) max pooling: p1[n,c,i,j] = max[r<2,s<2](a1[n,c,2*i+r,2*j+s])
    a1_max = largest(a1.reshape(6, 14, 2, 14, 2, N), 4)
    p1 = largest(a1_max, 2)  # shape (6, 14, 14, N)
    # (4) convolution: z2[n,o,i,j] = b2[o] + sum[c<6,r<5,s<5](W2[o,c,r,s]*p1[n,c,i+r,j+s])
    p1_columns = windows(windows(p1, 1, (10, 5)), 3, (10, 5)).transpose(0, 2, 4, 1, 3, 5).reshape(150, -1)
    z2 = (params["W2"].reshape(16, 150) @ p1_columns).reshape(16, 10, 10, N)
    z2 += params["b2"][:, None, None, None]  # shape (16, 10, 10, N)
    # (5) ReLU: a2[n,c,i,j] = where(z2[n,c,i,j] > 0, z2[n,c,i,j], 0)
    a2 = np.maximum(z2, 0)  # shape (16, 10, 10, N)
    # (6) max pooling: p2[n,c,i,j] = max[r<2,s<2](a2[n,c,2*i+r,2*j+s])
    a2_max = largest(a2.reshape(16, 5, 2, 5, 2, N), 4)
    p2 = largest(a2_max, 2)  # shape (16, 5, 5, N)
    # (7) flatten: f[n,25*c+5*i+j] = p2[n,c,i,j]
    f = p2.reshape(400, N)  # shape (400, N)
    # (8) dense: z3[n,k] = b3[k] + sum[d<400](W3[k,d]*f[n,d])
    z3 = params["W3"] @ f
    z3 += params["b3"][:, None]  # shape (120, N)
    # (9) ReLU: a3[n,k] = where(z3[n,k] > 0, z3[n,k], 0)
    a3 = np.maximum(z3, 0)  # shape (120, N)
    # (10) dense: z4[n,k] = b4[k] + sum[d<120](W4[k,d]*a3[n,d])
    z4 = params["W4"] @ a3
    z4 += params["b4"][:, None]  # shape (84, N)
    # (11) ReLU: a4[n,k] = where(z4[n,k] > 0, z4[n,k], 0)
    a4 = np.maximum(z4, 0)  # shape (84, N)
    # (12) dense: z5[n,k] = b5[k] + sum[d<84](W5[k,d]*a4[n,d])
    z5 = params["W5"] @ a4
    z5 += params["b5"][:, None]  # shape (10, N)
    # (13) softmax: a5[n,k] = exp(z5[n,k] - max[m<10](z5[n,m]))/sum[m2<10](exp(z5[n,m2] -
    #     max[m<10](z5[n,m])))
    a5_part = z5 - z5.max(axis=0)
    a5_part2 = np.exp(a5_part)
    a5_sum = a5_part2.sum(axis=0)
    a5 = a5_part2 / a5_sum  # shape (10, N)
    if y is ...:
        return a5.transpose(1, 0).copy()
    y = _array("y", y, (N,), 10)
    # (14) cross-entropy: L = sum[n<N](-sum[k<10](where(y[n] == k, -log(sum[m2<10](exp(z5[n,m2] -
    #     max[m<10](z5[n,m])))) + z5[n,k] - max[m<10](z5[n,m]), 0)))/N
    L_part = y == np.arange(10)[:, None]
    L = -((a5_part - np.log(a5_sum)) * L_part).sum() / N  # a number
    if not training:
        return float(L)
    # (15) cross-entropy and softmax together: dz5[n,m] = (a5[n,m] - where(y[n] == m, 1, 0))/N
    dz5 = (a5 - L_part) / N  # shape (10, N)
    # (16) gradient of W5: dW5[k,d] = sum[n<N](a4[n,d]*dz5[n,k])
    dW5 = dz5 @ a4.T  # shape (10, 84)
    # (17) gradient of b5: db5[k] = sum[n<N](dz5[n,k])
    db5 = dz5.sum(axis=1)  # shape (10,)
    # (18) dense: da4[n,d] = sum[k<10](W5[k,d]*dz5[n,k])
    da4 = params["W5"].T @ dz5  # shape (84, N)
    # (19) ReLU: dz4[n,k] = where(z4[n,k] > 0, da4[n,k], 0)
    dz4 = da4 * (z4 > 0)  # shape (84, N)
    # (20) gradient of W4: dW4[k,d] = sum[n<N](a3[n,d]*dz4[n,k])
    dW4 = dz4 @ a3.T  # shape (84, 120)
    # (21) gradient of b4: db4[k] = sum[n<N](dz4[n,k])
    db4 = dz4.sum(axis=1)  # shape (84,)
    # (22) dense: da3[n,d] = sum[k<84](W4[k,d]*dz4[n,k])
    da3 = params["W4"].T @ dz4  # shape (120, N)
    # (23) ReLU: dz3[n,k] = where(z3[n,k] > 0, da3[n,k], 0)
    dz3 = da3 * (z3 > 0)  # shape (120, N)
    # (24) gradient of W3: dW3[k,d] = sum[n<N](dz3[n,k]*f[n,d])
    dW3 = dz3 @ f.T  # shape (120, 400)
    # (25) gradient of b3: db3[k] = sum[n<N](dz3[n,k])
    db3 = dz3.sum(axis=1)  # shape (120,)
    # (26) dense: df[n,d] = sum[k<120](W3[k,d]*dz3[n,k])
    df = params["W3"].T @ dz3  # shape (400, N)
    # (27) flatten: dp2[n,c,i,j] = df[n,25*c+5*i+j]
    dp2 = df.reshape(16, 5, 5, N)  # shape (16, 5, 5, N)
    # (28) max pooling: da2[n,c,2*i+r,2*j+s] += dp2[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a2[n,c,2*i+r2,2*j+s2
    #     | -oo])]
    # shape (16, 10, 10, N)
    a2_chosen = first_of(a2.reshape(16, 5, 2, 5, 2, N), a2_max, 4)
    da2 = ((dp2[:, :, None] * first_of(a2_max, p2, 2))[:, :, :, :, None] * a2_chosen).reshape(16, 10, 10, N)
    # (29) ReLU: dz2[n,c,i,j] = where(z2[n,c,i,j] > 0, da2[n,c,i,j], 0)
    dz2 = da2 * (z2 > 0)  # shape (16, 10, 10, N)
    # (30) gradient of W2: dW2[o,c,r,s] = sum[n<N,i<10,j<10](dz2[n,o,i,j]*p1[n,c,i+r,j+s])
    # shape (16, 6, 5, 5)
    dW2 = (p1_columns @ dz2.reshape(16, -1).T).reshape(6, 5, 5, 16).transpose(3, 0, 1, 2).copy()
    # (31) gradient of b2: db2[o] = sum[n<N,i<10,j<10](dz2[n,o,i,j])
    db2 = dz2.sum(axis=(1, 2, 3))  # shape (16,)
    # (32) convolution: dp1[n,c,i+r,j+s] += W2[o,c,r,s]*dz2[n,o,i,j]
    dp1_parts_product = params["W2"].reshape(16, 150).T @ dz2.reshape(16, -1)
    dp1_parts = dp1_parts_product.reshape(6, 5, 5, 10, 10, N).transpose(1, 2, 0, 3, 4, 5)
    dp1 = np.zeros((6, 14, 14, N), dp1_parts.dtype)
    for t, l in np.ndindex(5, 5):
        dp1[:, t:t + 10, l:l + 10] += dp1_parts[t, l]  # shape (6, 14, 14, N)
    # (33) max pooling: da1[n,c,2*i+r,2*j+s] += dp1[n,c,i,j]*[(r, s) = argmax[r2<2,s2<2](a1[n,c,2*i+r2,2*j+s2
    #     | -oo])]
    # shape (6, 28, 28, N)
    a1_chosen = first_of(a1.reshape(6, 14, 2, 14, 2, N), a1_max, 4)
    da1 = ((dp1[:, :, None] * first_of(a1_max, p1, 2))[:, :, :, :, None] * a1_chosen).reshape(6, 28, 28, N)
    # (34) ReLU: dz1[n,c,i,j] = where(z1[n,c,i,j] > 0, da1[n,c,i,j], 0)
    dz1 = da1 * (z1 > 0)  # shape (6, 28, 28, N)
    # (35) gradient of W1: dW1[o,c,r,s] += dz1[n,o,i,j]*x[n,c,i+r-2,j+s-2 | 0]
    # shape (6, 1, 5, 5)
    dW1 = (x_columns @ dz1.reshape(6, -1).T).reshape(1, 5, 5, 6).transpose(3, 0, 1, 2).copy()
    # (36) gradient of b1: db1[o] = sum[n<N,i<28,j<28](dz1[n,o,i,j])
    db1 = dz1.sum(axis=(1, 2, 3))  # shape (6,)
    grads = {
        "W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3, "W4": dW4, "b4": db4,
        "W5": dW5, "b5": db5,
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

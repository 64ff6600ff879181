"""Modules as their authors would write them, none of which is a model of this project."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn


class Separable(nn.Module):
    """Depthwise-separable convolutions with inverted residuals, batch norm and ReLU6, as in MobileNets."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True)
        )
        self.expand = nn.Sequential(
            nn.Conv2d(8, 24, 1, bias=False), nn.BatchNorm2d(24), nn.ReLU6(inplace=True)
        )
        self.depthwise = nn.Sequential(
            nn.Conv2d(24, 24, 3, 1, 1, groups=24, bias=False), nn.BatchNorm2d(24), nn.Hardswish(inplace=True)
        )
        self.project = nn.Sequential(nn.Conv2d(24, 8, 1, bias=False), nn.BatchNorm2d(8))
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU(), nn.Conv2d(4, 8, 1), nn.Sigmoid()
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 5))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = x + self.project(self.depthwise(self.expand(x)))
        x = x * self.gate(x)
        return self.head(x.mean((2, 3)))


class UShaped(nn.Module):
    """Down by max pooling, up by transposed convolution and by interpolation, joined to what was on the way down."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.middle = nn.Conv2d(8, 8, 3, padding=1)
        self.up2, self.up1 = (
            nn.ConvTranspose2d(8, 8, 2, stride=2),
            nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
        )
        self.join2, self.join1 = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(8, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 8)
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = F.leaky_relu(self.down1(x))
        b = F.elu(self.norm(self.down2(F.max_pool2d(a, 2))))
        c = F.relu(self.middle(F.max_pool2d(b, 2)))
        b = F.relu(self.join2(torch.cat([self.up2(c), b], dim=1)))
        a = F.relu(self.join1(torch.cat((self.up1(b), a), 1)))
        return torch.sigmoid(self.head(a))


class Vision(nn.Module):
    """A small vision transformer: patches, a class token, trained positions, one block of attention by hand."""

    def __init__(self, width: int = 8, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.patches = nn.Conv2d(3, width, 4, 4)
        self.token, self.positions = (
            nn.Parameter(torch.randn(1, 1, width)),
            nn.Parameter(torch.randn(1, 5, width)),
        )
        self.norm1, self.norm2, self.norm = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Dropout(0.1), nn.Linear(2 * width, width)
        )
        self.head = nn.Linear(width, 4)

    def attend(self, x: Tensor) -> Tensor:
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        weights = ((q @ k.transpose(-2, -1)) * (d // self.heads) ** -0.5).softmax(dim=-1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, d))

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.positions
        x = x + self.attend(self.norm1(x))
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm(x)[:, 0])


class Encoder(nn.Module):
    """PyTorch's own encoder layers, whose attention joins images and heads in one axis."""

    def __init__(self, norm_first: bool = True) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, norm_first=norm_first)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layers(x).mean(dim=1))


class Dense(nn.Module):
    """A dense block: every layer reads all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.BatchNorm2d(4 + 3 * k) for k in range(3)])
        self.layers = nn.ModuleList([nn.Conv2d(4 + 3 * k, 3, 3, padding=1, bias=False) for k in range(3)])
        self.transition = nn.Sequential(nn.BatchNorm2d(13), nn.ReLU(), nn.Conv2d(13, 6, 1), nn.AvgPool2d(2))
        self.head = nn.Linear(6 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for norm, layer in zip(self.norms, self.layers, strict=True):
            found.append(layer(F.relu(norm(torch.cat(found, 1)))))
        return self.head(torch.flatten(self.transition(torch.cat(found, 1)), 1))


class Residual(nn.Module):
    """Two residual blocks, one with a strided projection."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True)
        )
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.block1 = self.block(4, 4, 1)
        self.block2 = self.block(4, 8, 2)
        self.down = nn.Sequential(nn.Conv2d(4, 8, 1, 2, bias=False), nn.BatchNorm2d(8))
        self.head = nn.Linear(8, 3)

    @staticmethod
    def block(before: int, behind: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(before, behind, 3, stride, 1, bias=False),
            nn.BatchNorm2d(behind),
            nn.ReLU(inplace=True),
            nn.Conv2d(behind, behind, 3, 1, 1, bias=False),
            nn.BatchNorm2d(behind),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.stem(x))
        x = F.relu(self.block1(x) + x, inplace=True)
        out = self.block2(x)
        out += self.down(x)
        return self.head(F.adaptive_avg_pool2d(F.relu_(out), 1).flatten(1))


class Tied(nn.Module):
    """One matrix read three times: as it is, transposed, and cut in two."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(6, 4))
        self.scale = nn.Parameter(torch.rand(6))

    def forward(self, x: Tensor) -> Tensor:
        code = torch.tanh(F.linear(x, self.weight * self.scale[:, None]))
        first, second = self.weight.chunk(2, dim=0)
        return code @ self.weight + F.linear(x, first).sum(1, keepdim=True) * F.linear(x, second).amax(
            1, keepdim=True
        )


class Sequence(nn.Module):
    """Words as numbers: an embedding, fixed positions, a causal mask as a buffer, one-dimensional convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(7, 6), nn.Embedding(10, 6)
        self.register_buffer("mask", torch.tril(torch.ones(10, 10)).view(1, 10, 10))
        self.query, self.key, self.value = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.conv = nn.Conv1d(6, 5, 3, padding="same")
        self.head = nn.Linear(5, 7)

    def forward(self, x: Tensor) -> Tensor:
        t = x.size(1)
        h = self.words(x) + self.places(torch.arange(t))
        scores = self.query(h) @ self.key(h).transpose(1, 2) / 6**0.5
        weights = scores.masked_fill(self.mask[:, :t, :t] == 0, float("-inf")).softmax(-1)
        h = h + weights @ self.value(h)
        return self.head(F.glu(torch.cat([self.conv(h.mT).mT] * 2, -1)))


class Pixels(nn.Module):
    """Pads, shuffles, interpolation, strides and moved entries."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect")
        self.shuffle = nn.PixelShuffle(2)
        self.prelu = nn.PReLU(2)
        self.norm = nn.InstanceNorm2d(2, affine=True)
        self.channels = nn.ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.shuffle(self.channels(self.conv(x)))
        x = self.norm(self.prelu(F.pad(x, (1, 0, 2, -1))))
        y = F.interpolate(x, scale_factor=2, mode="nearest")[:, :, ::2, 1::2]
        z = F.interpolate(x, size=(5, 7), mode="bilinear", align_corners=False)
        w = torch.stack([x, y.flip(3)], dim=1).amax(1).roll(1, 2)
        return torch.cat(
            [w.reshape(x.shape[0], -1), z.flatten(1), F.avg_pool2d(x, 3, 2, 1).flatten(1)], dim=1
        )


class Moments(nn.Module):
    """Means, variances and powers written out; a normalisation as people type it."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.randn(6))
        self.mix = nn.Bilinear(6, 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        z = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
        z = z * (1 + self.gain) - 0.5 * z.pow(3) / 7
        z = torch.where(z > 0, z, 0.1 * z.abs().clamp(max=2.0))
        z = F.softplus(z) * torch.exp(-z.square().sum(1, keepdim=True) / 20) + F.silu(z).log_softmax(1)
        return self.mix(z, F.normalize(x, dim=1)) / x.std(1, keepdim=True)


class Bottleneck(nn.Module):
    """A residual block of three convolutions."""

    def __init__(self, wide: int, narrow: int) -> None:
        super().__init__()
        self.narrow, self.norm1 = nn.Conv2d(wide, narrow, 1, bias=False), nn.BatchNorm2d(narrow)
        self.window, self.norm2 = nn.Conv2d(narrow, narrow, 3, padding=1, bias=False), nn.BatchNorm2d(narrow)
        self.widen, self.norm3 = nn.Conv2d(narrow, wide, 1, bias=False), nn.BatchNorm2d(wide)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.narrow(x)))
        y = F.relu(self.norm2(self.window(y)))
        return F.relu(self.norm3(self.widen(y)) + x)


class Inverted(nn.Module):
    """MobileNetV2: inverted residuals with windows of each channel, widths and strides that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1, bias=False)
        self.blocks = nn.ModuleList(
            self.block(wide, behind, stride) for wide, behind, stride in ((4, 4, 1), (4, 6, 2), (6, 6, 1))
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2), nn.Linear(6, 3))

    @staticmethod
    def block(wide: int, behind: int, stride: int) -> nn.Sequential:
        inner = 3 * wide
        return nn.Sequential(
            *(nn.Conv2d(wide, inner, 1, bias=False), nn.BatchNorm2d(inner), nn.ReLU6()),
            *(nn.Conv2d(inner, inner, 3, stride, 1, groups=inner, bias=False), nn.BatchNorm2d(inner)),
            *(nn.ReLU6(), nn.Conv2d(inner, behind, 1, bias=False), nn.BatchNorm2d(behind)),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            y = block(x)
            x = x + y if x.shape == y.shape else y
        return self.head(x)


class Excited(nn.Module):
    """Squeeze and excitation around a residual block."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(6, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.squeeze, self.excite = nn.Linear(6, 2), nn.Linear(2, 6)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.conv(x))
        scale = torch.sigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(y, 1).flatten(1)))))
        return F.relu(x + y * scale[:, :, None, None]).mean((-2, -1))


class Shuffled(nn.Module):
    """ShuffleNet: half of the channels pass by, groups, and channels that change their places by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(4, 4, 1, groups=2, bias=False), nn.BatchNorm2d(4)
        self.window = nn.Conv2d(4, 4, 3, padding=1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(2):
            kept, y = x.chunk(2, dim=1)
            y = self.window(F.relu(self.norm(self.first(y))))
            n, c, h, w = x.shape
            x = torch.cat([kept, y], 1).view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        return x.flatten(1)


class Modern(nn.Module):
    """A block as in ConvNeXt: large windows of each channel, layer norm over channels that stand last, GELU, a scale."""

    def __init__(self, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 2, 2)
        self.window = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.widen, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.gamma = nn.Parameter(torch.full((width,), 0.5))
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.norm(self.window(x).permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(F.gelu(self.widen(y)))
        return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))


class Recurrent(nn.Module):
    """Cells of a GRU and an LSTM, unrolled over a sequence by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.gru, self.lstm = nn.GRUCell(3, 4), nn.LSTMCell(4, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], 4)
        state = (x.new_zeros(x.shape[0], 5), x.new_zeros(x.shape[0], 5))
        for t in range(x.shape[1]):
            h = self.gru(x[:, t], h)
            state = self.lstm(h, state)
        return self.head(state[0])


class Autoencoder(nn.Module):
    """Convolutions to a code and transposed ones back, with a bottleneck of dense layers."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            *(nn.Conv2d(1, 4, 3, 2, 1), nn.SiLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.SiLU(), nn.Flatten()),
            nn.Linear(24, 5),
        )
        self.decode = nn.Sequential(
            *(nn.Linear(5, 24), nn.SiLU(), nn.Unflatten(1, (6, 2, 2))),
            *(nn.ConvTranspose2d(6, 4, 3, 2, 1, 1), nn.SiLU(), nn.ConvTranspose2d(4, 1, 3, 2, 1, 1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.decode(self.encode(x)))


class Words(nn.Module):
    """A text CNN: windows of three sizes over embedded words, the largest answer of each."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(9, 4)
        self.convs = nn.ModuleList(nn.Conv1d(4, 3, size) for size in (2, 3, 4))
        self.head = nn.Linear(9, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.words(x).transpose(1, 2)
        return self.head(torch.cat([F.relu(conv(h)).amax(-1) for conv in self.convs], 1))

"""The oracle of the parity tests: DMS-Net in PyTorch, after the executable
reference that docs/model.md puts in words.  Tests only, never shipped.

The C implementation must agree with this module: the same tensor names, shapes,
forward values, loss values, gradients and batch-norm statistics.  It needs only
torch (Debian's python3-torch 1.13 is enough); it is never a run-time dependency.

Shapes use N patients, C channels, H x W feature positions, K labels.
"""
import torch
import torch.nn.functional as F
from torch import nn

LABELS = "NDGCAHMO"  # ODIR-5K label order

# ---------------------------------------------------------------- ResNet v1.5


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, cin, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = shortcut(cin, planes, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, cin, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(cin, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)  # v1.5: stride here
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.downsample = shortcut(cin, 4 * planes, stride)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (self.downsample(x) if self.downsample else x))


def shortcut(cin, cout, stride):
    if stride == 1 and cin == cout:
        return None
    return nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))


DEPTHS = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet34": (BasicBlock, (3, 4, 6, 3)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
    "resnet152": (Bottleneck, (3, 8, 36, 3)),
}


class Backbone(nn.Module):
    """torchvision's ResNet without avgpool and fc: N,3,S,S -> N,C,S/32,S/32."""

    def __init__(self, name, zero_init_residual=False):
        super().__init__()
        block, depths = DEPTHS[name]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        cin = 64
        for i, (planes, depth) in enumerate(zip((64, 128, 256, 512), depths), 1):
            blocks = []
            for j in range(depth):
                blocks.append(block(cin, planes, 2 if i > 1 and j == 0 else 1))
                cin = planes * block.expansion
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.channels = cin
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            if zero_init_residual and isinstance(m, (BasicBlock, Bottleneck)):
                nn.init.zeros_((m.bn3 if isinstance(m, Bottleneck) else m.bn2).weight)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        return self.layer4(self.layer3(self.layer2(self.layer1(x))))


# ---------------------------------------------------------------------- MSCAM


class ConvBnRelu(nn.Module):
    def __init__(self, cin, cout, kernel, groups=1):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, padding=kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(cout)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Mscam(nn.Module):
    """Multi-Scale Context-Aware Module: N,C,H,W -> N,D,H,W."""

    def __init__(self, cin, width, bins=(1, 2, 3, 6), attention=True):
        super().__init__()
        self.reduce = ConvBnRelu(cin, width, 1)
        self.bins = bins
        self.attention = attention
        if not attention:  # the ablation "context = none" keeps only the reduction
            return
        self.pyramid = nn.ModuleList(ConvBnRelu(width, width // 4, 1) for _ in bins)
        self.fuse = ConvBnRelu(width + len(bins) * (width // 4), width, 3)
        self.channel1 = nn.Linear(width, width // 16)
        self.channel2 = nn.Linear(width // 16, width)
        self.spatial = nn.Conv2d(2, 1, 7, padding=3, bias=False)

    def forward(self, f):
        x = self.reduce(f)
        if not self.attention:
            return x
        size = x.shape[-2:]
        levels = [x]
        for bin_, conv in zip(self.bins, self.pyramid):
            y = conv(F.adaptive_avg_pool2d(x, bin_))
            levels.append(F.interpolate(y, size=size, mode="bilinear", align_corners=False))
        z = self.fuse(torch.cat(levels, 1))
        mlp = lambda v: self.channel2(F.relu(self.channel1(v)))
        a = torch.sigmoid(mlp(z.mean((2, 3))) + mlp(z.amax((2, 3))))
        z = z * a[:, :, None, None]
        s = torch.sigmoid(self.spatial(torch.stack((z.mean(1), z.amax(1)), 1)))
        return x + s * z


# ----------------------------------------------------------------------- DMFF


class Dmff(nn.Module):
    """Dual-Modal Feature Fusion: two maps N,D,H,W -> two descriptors N,2D.

    Every weight is shared by the two directions, so exchanging the eyes
    exchanges the outputs.
    """

    def __init__(self, width, heads=8):
        super().__init__()
        self.heads = heads
        # semantic recalibration: both eyes are squeezed, each is excited
        self.semantic1 = nn.Linear(2 * width, width // 4)
        self.semantic2 = nn.Linear(width // 4, width)
        # spatial recalibration: own and fellow eye's channel mean and maximum
        self.spatial = nn.Conv2d(4, 1, 7, padding=3, bias=False)
        # bidirectional attention
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        # local edge branch: a depthwise 3x3 that starts as a Laplacian, then 1x1
        self.edge = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.local = ConvBnRelu(width, width, 1)
        laplacian = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]])
        with torch.no_grad():
            self.edge.weight.copy_(laplacian.expand_as(self.edge.weight))

    def recalibrate(self, own, fellow):
        squeeze = torch.cat((own.mean((2, 3)), fellow.mean((2, 3))), 1)
        c = torch.sigmoid(self.semantic2(F.relu(self.semantic1(squeeze))))
        maps = torch.stack((own.mean(1), own.amax(1), fellow.mean(1), fellow.amax(1)), 1)
        s = torch.sigmoid(self.spatial(maps))
        return own * (1 + c[:, :, None, None] * s)

    def attend(self, own, fellow):
        n, d, h, w = own.shape
        tokens = lambda x: self.norm(x.flatten(2).transpose(1, 2))  # N,HW,D
        split = lambda x: x.view(n, h * w, self.heads, d // self.heads).transpose(1, 2)
        own_t, fellow_t = tokens(own), tokens(fellow)
        q, k, v = split(self.query(own_t)), split(self.key(fellow_t)), split(self.value(fellow_t))
        a = torch.softmax(q @ k.transpose(-1, -2) / (d // self.heads) ** 0.5, -1)
        y = self.out((a @ v).transpose(1, 2).reshape(n, h * w, d))
        return own + y.transpose(1, 2).reshape(n, d, h, w)

    def forward(self, left, right):
        left, right = self.recalibrate(left, right), self.recalibrate(right, left)
        left, right = self.attend(left, right), self.attend(right, left)
        # one pass over both eyes, so that batch-norm sees 2N maps
        both = torch.cat((left, right), 0)
        edges = self.local(self.edge(both)).amax((2, 3))
        h = torch.cat((both.mean((2, 3)), edges), 1)
        return h.chunk(2, 0)


# -------------------------------------------------------------------- DMS-Net


class DmsNet(nn.Module):
    """left, right: N,3,S,S -> patient logits N,K; eye logits N,K for each eye."""

    def __init__(self, backbone="resnet152", width=512, labels=8, context="mscam",
                 fusion="dmff", dropout=0.5):
        super().__init__()
        self.fusion = fusion
        self.backbone = Backbone(backbone)
        self.context = Mscam(self.backbone.channels, width, attention=context == "mscam")
        if fusion == "dmff":
            self.dmff = Dmff(width)
        descriptor = 2 * width
        self.fuse = nn.Linear(2 * descriptor, width)
        self.fuse_bn = nn.BatchNorm1d(width)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, labels)
        self.eye_head = nn.Linear(descriptor, labels)

    def forward(self, left, right):
        n = left.shape[0]
        f = self.context(self.backbone(torch.cat((left, right), 0)))  # Siamese: one 2N batch
        l, r = f[:n], f[n:]
        if self.fusion == "dmff":
            hl, hr = self.dmff(l, r)
        else:  # the ablation "fusion = concat": mean and maximum of each eye, no interaction
            pool = lambda x: torch.cat((x.mean((2, 3)), x.amax((2, 3))), 1)
            hl, hr = pool(l), pool(r)
        # symmetric in the eyes: sum and absolute difference
        z = F.relu(self.fuse_bn(self.fuse(torch.cat((hl + hr, (hl - hr).abs()), 1))))
        return self.head(self.dropout(z)), self.eye_head(hl), self.eye_head(hr)


def loss(patient, left, right, y, y_left=None, y_right=None, eye_weight=0.3, pos_weight=None):
    """Mean binary cross-entropy over the N*K cells, plus eye_weight times the mean of the two eyes' own.

    An eye without a label has NaN in its row; NaN cells are not counted, and an eye table
    with no counted cell contributes 0.  Either both eye tables are given or neither.
    """
    def bce(z, t):
        counted = ~torch.isnan(t)
        cells = F.binary_cross_entropy_with_logits(
            z, torch.nan_to_num(t), pos_weight=pos_weight, reduction="none")
        return (cells * counted).sum() / counted.sum().clamp(min=1)

    total = bce(patient, y)
    if y_left is not None:
        total = total + eye_weight * 0.5 * (bce(left, y_left) + bce(right, y_right))
    return total

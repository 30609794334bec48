"""PyTorch with the executable reference of docs/model.md:

    peer_torch.py REFERENCE.py BACKBONE PATIENTS SIZE THREADS HOW

HOW is eager, optimized, bf16 or autocast for a forward; train or
train-autocast for a step with AdamW.
"""
import importlib.util
import sys

import torch

from serve import images, serve


def load(path):
    spec = importlib.util.spec_from_file_location("reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def autocast(on):
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=on)


def norm_in_float(model):
    """1.13's autocast passes bfloat16 and a float32 weight to layer_norm."""
    norm = model.dmff.norm
    norm.forward = lambda x: torch.nn.functional.layer_norm(
        x.float(), norm.normalized_shape, norm.weight, norm.bias, norm.eps)


def optimize_backbone(model, left, right):
    """optimize_for_inference refuses the whole model: its adaptive pooling by
    oneDNN cannot reduce 7 x 7 to 2 x 2. The backbone is 97 % of the work."""
    both = torch.cat((left, right)).contiguous(
        memory_format=torch.channels_last)
    with torch.no_grad():
        traced = torch.jit.trace(model.backbone, both, check_trace=False)
        model.backbone = torch.jit.optimize_for_inference(
            torch.jit.freeze(traced))


def forward(model, left, right, how):
    """A function that runs the model once, in the way of `how`."""
    model.eval()
    if how == "bf16":
        model = model.to(torch.bfloat16)
        left, right = left.to(torch.bfloat16), right.to(torch.bfloat16)
    if how == "optimized":
        optimize_backbone(model, left, right)
    if how == "autocast":
        norm_in_float(model)

    def run():
        with torch.no_grad(), autocast(how == "autocast"):
            return model(left, right)
    return run


def step(reference, model, left, right, how):
    """A function that runs one training step."""
    model.train()
    n = left.shape[0]
    targets = torch.zeros(3, n, 8)
    targets[..., ::3] = 1
    if how == "train-autocast":
        norm_in_float(model)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-5)

    def run():
        optimizer.zero_grad(set_to_none=True)
        with autocast(how == "train-autocast"):
            logits = model(left, right)
        loss = reference.loss(*(z.float() for z in logits), *targets)
        loss.backward()
        optimizer.step()
    return run


def main():
    path, backbone = sys.argv[1:3]
    patients, size, threads = map(int, sys.argv[3:6])
    how = sys.argv[6]
    torch.manual_seed(1)
    torch.set_num_threads(threads)
    reference = load(path)
    model = reference.DmsNet(backbone, dropout=0.0)
    model = model.to(memory_format=torch.channels_last)
    left, right = (torch.from_numpy(x).contiguous(
        memory_format=torch.channels_last) for x in images(patients, size))
    serve(step(reference, model, left, right, how)
          if how.startswith("train") else forward(model, left, right, how))


main()

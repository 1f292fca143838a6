"""IFC said again, slowly and plainly, straight from a state dict in the authors' names.

One clip at a time, one frame at a time, softmax written out, padded keys left out instead of
masked. It shares no code with the program.
"""

import math

import torch
import torch.nn.functional as F

BACKBONE = "detr.backbone.0.backbone."
TRANSFORMER = "detr.transformer."


def run(state, frames, valid_size=None, heads=8, stride_in_1x1=False):
    """Class logits (Q, K + 1) and mask logits (Q, T, h, w) of frames (T, 3, H, W)."""
    height, width = valid_size or frames.shape[-2:]
    res3, res4, res5 = backbone(state, frames, stride_in_1x1)
    x = conv(state, "detr.input_proj", res5)
    grid = x.shape[-2:]
    valid = torch.zeros(grid, dtype=torch.bool)
    valid[: math.ceil(height / 32), : math.ceil(width / 32)] = True
    tokens = [frame.flatten(1).T for frame in x]  # T of (L, C)
    position = sine_code(valid, x.shape[1])
    keep = valid.flatten()
    memory, memory_position = state[TRANSFORMER + "memory_bus"], state[TRANSFORMER + "memory_pos"]
    memories = [memory for _ in tokens]
    layer = 0
    while f"{TRANSFORMER}encoder.enc_layers.{layer}.norm1.weight" in state:
        name = f"{TRANSFORMER}encoder.enc_layers.{layer}"
        placed = torch.cat((position, memory_position))
        open_keys = torch.cat((keep, torch.ones(len(memory), dtype=torch.bool)))
        for t, frame in enumerate(tokens):
            both = torch.cat((frame, memories[t]))
            both = encoder_layer(state, name, both, placed, open_keys, heads)
            tokens[t], memories[t] = both[: len(frame)], both[len(frame) :]
        name = f"{TRANSFORMER}encoder.bus_layers.{layer}"
        over_time = [
            encoder_layer(state, name, torch.stack([m[slot] for m in memories]), 0.0, None, heads)
            for slot in range(len(memory))
        ]
        memories = [torch.stack([slot[t] for slot in over_time]) for t in range(len(tokens))]
        layer += 1
    queries = decode(state, tokens, memories, position, memory_position, keep, heads)
    features = spatial_decoder(state, tokens, grid, res4, res3)
    weights = mlp(state, "detr.mask_head.convert_to_weight.layers", queries)
    return mlp(state, "detr.class_embed.layers", queries), torch.einsum(
        "qc,tchw->qthw", weights, features
    )


def decode(state, tokens, memories, position, memory_position, keep, heads):
    position_of_query = state["detr.query_embed.weight"]
    values = torch.cat([f[keep] for f in tokens] + memories)
    places = torch.cat([position[keep]] * len(tokens) + [memory_position] * len(memories))
    x, layer = torch.zeros_like(position_of_query), 0
    while f"{TRANSFORMER}clip_decoder.layers.{layer}.norm1.weight" in state:
        name = f"{TRANSFORMER}clip_decoder.layers.{layer}"
        q = x + position_of_query
        x = norm(state, name + ".norm1", x + attend(state, name + ".self_attn", q, q, x, heads))
        read = attend(
            state, name + ".multihead_attn", x + position_of_query, values + places, values, heads
        )
        x = norm(state, name + ".norm2", x + read)
        x = norm(state, name + ".norm3", x + feedforward(state, name, x))
        layer += 1
    return norm(state, TRANSFORMER + "clip_decoder.norm", x)


def spatial_decoder(state, tokens, grid, res4, res3):
    name = "detr.mask_head."
    x = torch.stack([f.T.reshape(-1, *grid) for f in tokens])
    x = group_norm(state, name + "gn1", conv(state, name + "lay1", x))
    for step, res in ((1, res4), (2, res3)):
        lateral = conv(state, f"{name}adapter{step}", res)
        rows = (torch.arange(lateral.shape[2]) * x.shape[2]) // lateral.shape[2]
        columns = (torch.arange(lateral.shape[3]) * x.shape[3]) // lateral.shape[3]
        x = lateral + x[:, :, rows][:, :, :, columns]
        x = group_norm(state, f"{name}gn{step + 1}", conv(state, f"{name}lay{step + 1}", x))
    x = conv(state, name + "out_lay.depthwise", x.relu(), groups=x.shape[1]).relu()
    return conv(state, name + "out_lay.pointwise", x).relu()


def encoder_layer(state, name, x, position, open_keys, heads):
    q, k, v = x + position, x + position, x
    if open_keys is not None:
        k, v = k[open_keys], v[open_keys]
    x = norm(state, name + ".norm1", x + attend(state, name + ".self_attn", q, k, v, heads))
    return norm(state, name + ".norm2", x + feedforward(state, name, x))


def attend(state, name, q, k, v, heads):
    weight, bias = state[name + ".in_proj_weight"], state[name + ".in_proj_bias"]
    q, k, v = (
        F.linear(x, w, b) for x, w, b in zip((q, k, v), weight.chunk(3), bias.chunk(3), strict=True)
    )
    mixed = []
    for a, b, c in zip(q.chunk(heads, 1), k.chunk(heads, 1), v.chunk(heads, 1), strict=True):
        scores = a @ b.T / math.sqrt(a.shape[1])
        scores = (scores - scores.max(1, keepdim=True).values).exp()
        mixed.append(scores / scores.sum(1, keepdim=True) @ c)
    return linear(state, name + ".out_proj", torch.cat(mixed, 1))


def sine_code(valid, channels):
    rows = valid.float().cumsum(0)
    columns = valid.float().cumsum(1)
    rows = rows / (rows[-1:] + 1e-6) * 2 * math.pi
    columns = columns / (columns[:, -1:] + 1e-6) * 2 * math.pi
    out = []
    for axis in (rows.flatten(), columns.flatten()):
        for i in range(channels // 2):
            angle = axis / 10000 ** (2 * (i // 2) / (channels // 2))
            out.append(angle.cos() if i % 2 else angle.sin())
    return torch.stack(out, 1)  # (L, C)


def backbone(state, x, stride_in_1x1):
    name = BACKBONE + "stem.conv1"
    x = batch_norm(state, name, F.conv2d(x, state[name + ".weight"], stride=2, padding=3)).relu()
    x = F.max_pool2d(x, 3, 2, 1)
    maps = []
    for stage in (2, 3, 4, 5):
        block = 0
        while f"{BACKBONE}res{stage}.{block}.conv1.weight" in state:
            stride = 2 if stage > 2 and block == 0 else 1
            x = bottleneck(state, f"{BACKBONE}res{stage}.{block}", x, stride, stride_in_1x1)
            block += 1
        maps.append(x)
    return maps[1:]


def bottleneck(state, name, x, stride, stride_in_1x1):
    first, second = (stride, 1) if stride_in_1x1 else (1, stride)
    y = F.conv2d(x, state[name + ".conv1.weight"], stride=first)
    y = batch_norm(state, name + ".conv1", y).relu()
    y = F.conv2d(y, state[name + ".conv2.weight"], stride=second, padding=1)
    y = batch_norm(state, name + ".conv2", y).relu()
    y = batch_norm(state, name + ".conv3", F.conv2d(y, state[name + ".conv3.weight"]))
    if name + ".shortcut.weight" in state:
        x = F.conv2d(x, state[name + ".shortcut.weight"], stride=stride)
        x = batch_norm(state, name + ".shortcut", x)
    return (x + y).relu()


def batch_norm(state, name, x):
    def get(part):
        return state[f"{name}.norm.{part}"][:, None, None]

    scale = get("weight") / (get("running_var") + 1e-5).sqrt()
    return (x - get("running_mean")) * scale + get("bias")


def conv(state, name, x, groups=1):
    weight = state[name + ".weight"]
    return F.conv2d(x, weight, state[name + ".bias"], padding=weight.shape[-1] // 2, groups=groups)


def group_norm(state, name, x):
    return F.group_norm(x, 32, state[name + ".weight"], state[name + ".bias"])


def norm(state, name, x):
    return F.layer_norm(x, x.shape[-1:], state[name + ".weight"], state[name + ".bias"])


def linear(state, name, x):
    return F.linear(x, state[name + ".weight"], state[name + ".bias"])


def feedforward(state, name, x):
    return linear(state, name + ".linear2", linear(state, name + ".linear1", x).relu())


def mlp(state, name, x):
    layer = 0
    while f"{name}.{layer}.weight" in state:
        x = linear(state, f"{name}.{layer}", x.relu() if layer else x)
        layer += 1
    return x

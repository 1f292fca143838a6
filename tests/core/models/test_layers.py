import pytest
import torch
from torch import nn

from ifc_core.models.layers import MultiHeadAttention, attention_rows
from ifc_core.models.position_encoding import sine_position_code


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_attention_is_torchs(recorded, padded, own):
    torch.manual_seed(0)
    ours, theirs = MultiHeadAttention(32, 4), nn.MultiheadAttention(32, 4, batch_first=True)
    theirs.load_state_dict(ours.state_dict())
    query, key, value = torch.randn(2, 5, 32), torch.randn(2, 7, 32), torch.randn(2, 7, 32)
    if own:
        query = key
    mask = torch.zeros(2, 7, dtype=torch.bool)
    mask[0, 4:] = padded
    rows = []
    ours.sink = rows.append if recorded else None
    out = ours(query, key, value, mask if padded else None)
    expected, weights = theirs(query, key, value, key_padding_mask=mask, average_attn_weights=False)
    torch.testing.assert_close(out, expected, atol=1e-5, rtol=1e-4)
    if recorded:
        torch.testing.assert_close(rows[0], weights, atol=1e-6, rtol=1e-4)


def test_attention_rows_sum_to_one():
    rows = attention_rows(torch.randn(1, 2, 3, 8) * 50, torch.randn(1, 2, 5, 8) * 50, None)
    torch.testing.assert_close(rows.sum(-1), torch.ones(1, 2, 3))


def test_sine_code_counts_the_unpadded_area():
    mask = torch.ones(1, 4, 6, dtype=torch.bool)
    mask[:, :3, :5] = False
    padded = sine_position_code(mask, 32)
    alone = sine_position_code(torch.zeros(1, 3, 5, dtype=torch.bool), 32)
    torch.testing.assert_close(padded[:, :, :3, :5], alone)


def test_sine_code_values():
    code = sine_position_code(torch.zeros(1, 2, 4, dtype=torch.bool), 8)
    angle = torch.tensor(2 * torch.pi)
    # channel 0: sine of y, channel 4: sine of x, channel 5: cosine of x; temperature 1 there
    torch.testing.assert_close(code[0, 0, 0, 0], (angle / 2).sin(), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[0, 4, 0, 2], (angle * 3 / 4).sin(), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[0, 5, 0, 2], (angle * 3 / 4).cos(), atol=1e-5, rtol=0)
    torch.testing.assert_close(code[0, 6, 0, 2], (angle * 3 / 400).sin(), atol=1e-5, rtol=0)

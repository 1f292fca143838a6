"""A training step on a CUDA device."""

import pytest
import torch

from ifc_core.training.trainer import Trainer

pytestmark = pytest.mark.cuda


def losses(trainer):
    return [report.loss for report in trainer.run(None)]


def test_a_step_gives_the_loss_of_the_cpu(toy_config, toy_source):
    stages = [{"iterations": 2, "num_frames": [2], "batch_size": 2, "sizes": [[48, 64]]}]
    expected = losses(Trainer(toy_config("cpu", stages=stages), source=toy_source))
    config = toy_config("cuda", stages=stages, device="cuda")
    assert losses(Trainer(config, source=toy_source)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_training_lowers_the_loss(toy_config, toy_source, precision):
    stages = [{"iterations": 40, "num_frames": [1], "batch_size": 4, "sizes": [[48, 64]]}]
    config = toy_config(precision, stages=stages, device="cuda", precision=precision)
    trainer = Trainer(config, source=toy_source)
    values = losses(trainer)
    assert sum(values[-5:]) < 0.75 * sum(values[:5])
    assert next(trainer.model.parameters()).device == torch.device("cuda", 0)

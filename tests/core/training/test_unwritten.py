"""Trainings whose files cannot be written, for a while or at all."""

import json
import re

import pytest

from ifc_core.errors import OutputError
from ifc_core.jobs import JobContext
from ifc_core.training.trainer import Trainer


def losses(trainer):
    return [report.loss for report in trainer.run()]


def told_by(messages):
    return JobContext(lambda progress: messages.append(progress.message))


def test_a_full_disk_costs_no_run(toy_config, toy_source, full_disk):
    expected = losses(Trainer(toy_config("whole"), source=toy_source))
    config = toy_config("full", checkpoint_seconds=0.0, export_seconds=0.0)
    messages = []
    reports = Trainer(config, source=toy_source).run(told_by(messages))
    seen = [next(reports).loss]
    state = config.output / "resume.safetensors"
    with full_disk():
        seen += [next(reports).loss, next(reports).loss]
        assert not state.exists()
    assert re.search(r"training, state not saved \(Cannot write .*: file too large\)", messages[-1])
    assert "weights not saved" in messages[-1]
    seen += [report.loss for report in reports]
    assert seen == expected
    assert messages[-1] == "training"
    assert Trainer(config, source=toy_source).iteration == len(expected)


def test_a_log_that_cannot_grow_costs_no_run(toy_config, toy_source, full_disk):
    config, messages = toy_config(), []
    (config.output).mkdir()
    (config.output / "log.jsonl").write_text(json.dumps({"iteration": -1, "x": "x" * 1000}) + "\n")
    reports = Trainer(config, source=toy_source).run(told_by(messages))
    with full_disk():
        next(reports)
        next(reports)
    assert "log not saved" in messages[-1]
    assert len(list(reports)) == 2


def test_at_the_end_a_full_disk_is_an_error_unless_the_network_is_all_that_is_wanted(
    toy_config, toy_source, full_disk
):
    with full_disk(), pytest.raises(OutputError, match="Cannot write"):
        losses(Trainer(toy_config("files"), source=toy_source))
    with full_disk():
        assert losses(Trainer(toy_config("none", export_seconds=float("inf")), source=toy_source))


def test_an_output_folder_that_cannot_be_is_told_before_training(toy_config, toy_source):
    config = toy_config()
    config.output.write_text("a file")
    with pytest.raises(OutputError, match=r"Cannot write .*run: "):
        Trainer(config, source=toy_source)

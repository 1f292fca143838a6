"""The loop: exact resume, accumulation, files, distribution."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading

import pytest
import torch

from ifc_core.errors import CheckpointError, ConfigError, OutputError
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.checkpoint import read_checkpoint
from ifc_core.training import skipped_steps
from ifc_core.training.config import StageConfig, TrainConfig, build_config
from ifc_core.training.distributed import Ranks
from ifc_core.training.run_state import write_state
from ifc_core.training.starting import build_model
from ifc_core.training.trainer import Trainer


def losses(trainer, context=None):
    return [report.loss for report in trainer.run(context)]


def test_training_lowers_the_loss(toy_config, toy_source):
    stages = [{"iterations": 40, "num_frames": [1], "batch_size": 4, "sizes": [[48, 64]]}]
    values = losses(Trainer(toy_config(stages=stages), source=toy_source))
    assert sum(values[-5:]) < 0.7 * sum(values[:5])


def test_equal_seeds_give_equal_runs_and_others_do_not(toy_config, toy_source):
    first = losses(Trainer(toy_config("a"), source=toy_source))
    again = losses(Trainer(toy_config("b"), source=toy_source))
    other = losses(Trainer(toy_config("c", seed=1), source=toy_source))
    assert first == again
    assert first != other


def cancelled_after(iterations):
    flag = threading.Event()

    def on_progress(progress):
        if progress.done >= iterations:
            flag.set()

    return JobContext(on_progress, flag)


def test_a_stopped_run_goes_on_to_the_bit(toy_config, toy_source):
    model = {"preset": "tiny", "dropout": 0.1}
    whole = Trainer(toy_config("whole", model=model), source=toy_source)
    expected = losses(whole)
    stopped = Trainer(toy_config("parts", model=model), source=toy_source)
    reports = stopped.run(cancelled_after(2))
    seen = [next(reports).loss, next(reports).loss]
    with pytest.raises(JobCancelled):
        next(reports)
    resumed = Trainer(toy_config("parts", model=model), source=toy_source)
    assert resumed.iteration == 2
    seen += losses(resumed)
    assert seen == expected
    for name, value in whole.averaged_weights().items():
        assert torch.equal(value, resumed.averaged_weights()[name]), name
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_run_stopped_within_an_iteration_goes_on_to_the_bit(toy_config, toy_source):
    stages = [
        {
            "iterations": 4,
            "num_frames": [2],
            "batch_size": 2,
            "accumulate": 2,
            "sizes": [[48, 64]],
        }
    ]
    model = {"preset": "tiny", "frozen_batch_norm": True}

    def trainer(name):
        return Trainer(toy_config(name, stages=stages, model=model), source=toy_source)

    expected, stopped = losses(trainer("whole")), trainer("parts")
    job = JobContext()
    figures = stopped._figures

    def cancel_in_the_third(output, batch, result):
        if stopped.iteration == 2:
            job.cancel()
        return figures(output, batch, result)

    stopped._figures = cancel_in_the_third
    reports = stopped.run(job)
    seen = [next(reports).loss, next(reports).loss]
    with pytest.raises(JobCancelled):
        next(reports)
    resumed = trainer("parts")
    assert resumed.iteration == 2
    assert seen + losses(resumed) == expected


def test_a_damaged_checkpoint_is_named(toy_config, toy_source):
    config = toy_config()
    losses(Trainer(config, source=toy_source))
    state = config.output / "resume.safetensors"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="training checkpoint"):
        Trainer(config, source=toy_source)


@pytest.mark.parametrize("facts", [{"model": {}}, [], {"iteration": 1, "scaler": {}}], ids=str)
def test_a_checkpoint_without_its_facts_is_named(toy_config, toy_source, facts):
    config = toy_config()
    losses(Trainer(config, source=toy_source))
    write_state(config.output / "resume.safetensors", {"model/a": torch.zeros(1)}, facts)
    with pytest.raises(CheckpointError, match="training checkpoint"):
        Trainer(config, source=toy_source)


@pytest.mark.parametrize(
    "change",
    [
        {"categories": ["cat", "dog"]},
        {"seed": 5},
        {"data": {"kind": "coco", "annotations": "a.json", "root": "a", "num_workers": 0}},
    ],
)
def test_a_folder_of_another_run_is_refused_and_a_longer_run_goes_on(
    toy_config, toy_source, change
):
    losses(Trainer(toy_config(), source=toy_source))
    with pytest.raises(CheckpointError, match=next(iter(change))):
        Trainer(toy_config(**change), source=toy_source)
    stages = [{"iterations": 6, "num_frames": [1, 2], "batch_size": 4, "sizes": [[48, 64]]}]
    assert Trainer(toy_config(stages=stages), source=toy_source).iteration == 4


def test_a_run_starts_warm_from_the_shards_alone(toy_config, toy_source):
    first = Trainer(toy_config("first"), source=toy_source)
    losses(first)
    warm = build_model(toy_config("second", init=str(first.export_path)))
    for name, value in first.averaged_weights().items():
        torch.testing.assert_close(warm.state_dict()[name], value, rtol=1e-3, atol=1e-6)


def test_weights_of_another_architecture_are_refused(toy_config, toy_source):
    first = Trainer(toy_config("first"), source=toy_source)
    losses(first)
    other = toy_config(
        "other", model={"preset": "tiny", "num_queries": 5}, init=str(first.export_path)
    )
    with pytest.raises(CheckpointError) as caught:
        build_model(other)
    assert caught.value.mismatched


def test_the_model_file_is_there_though_the_shards_fail(toy_config, toy_source, monkeypatch):
    def full(*_):
        raise OutputError("Cannot write ema.", path="ema")

    monkeypatch.setattr("ifc_core.training.trainer.write_shards", full)
    trainer = Trainer(toy_config(), source=toy_source)
    with pytest.raises(OutputError):
        losses(trainer)
    assert read_checkpoint(trainer.model_path).info.provenance["iteration"] == 4


def test_a_frozen_backbone_stays_as_it_was(toy_config, toy_source):
    optimizer = {"lr": 1e-3, "backbone_lr": 0, "clip_norm": 1.0}
    trainer = Trainer(toy_config(optimizer=optimizer, frozen_stages=5), source=toy_source)
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    losses(trainer)
    after = trainer.model.state_dict()
    changed = {k.split(".")[0] for k in before if not torch.equal(before[k], after[k])}
    assert "backbone" not in changed
    assert {"encoder", "decoder", "class_head", "spatial_decoder"} <= changed


def test_frozen_stages_alone_freeze_those_stages(toy_config, toy_source):
    trainer = Trainer(toy_config(frozen_stages=2), source=toy_source)
    before = {k: v.clone() for k, v in trainer.model.state_dict().items()}
    losses(trainer)
    after = trainer.model.state_dict()
    assert torch.equal(before["backbone.conv1.weight"], after["backbone.conv1.weight"])
    assert torch.equal(
        before["backbone.layer1.0.bn1.running_mean"], after["backbone.layer1.0.bn1.running_mean"]
    )
    assert not torch.equal(
        before["backbone.layer2.0.conv1.weight"], after["backbone.layer2.0.conv1.weight"]
    )


def test_the_log_has_a_line_an_iteration(toy_config, toy_source):
    config = toy_config()
    values = losses(Trainer(config, source=toy_source))
    lines = [json.loads(x) for x in (config.output / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 2, 3]
    assert [line["loss"] for line in lines] == pytest.approx(values, rel=1e-4)
    assert {"loss_ce", "loss_dice", "loss_mask", "loss_ce_0"} <= lines[0]["terms"].keys()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_worker_processes_change_nothing(toy_config, toy_source, precision):
    inline = losses(Trainer(toy_config("a", precision=precision), source=toy_source))
    data = {"num_workers": 1}
    worker = losses(Trainer(toy_config("b", precision=precision, data=data), source=toy_source))
    assert worker == inline


def without_batch_statistics(config, **stage):
    """Settings under which a batch can be split: no live batch norm."""
    stages = (dataclasses.replace(config.stages[0], **stage),)
    model = {**config.model, "frozen_batch_norm": True}
    return dataclasses.replace(config, stages=stages, model=model)


def test_accumulated_passes_come_near_one_large_batch(toy_config, toy_source):
    """Equal objects a clip make the normalisers equal, so the split must not show."""
    whole = losses(Trainer(without_batch_statistics(toy_config("a")), source=toy_source))
    split = losses(
        Trainer(without_batch_statistics(toy_config("b"), accumulate=2), source=toy_source)
    )
    assert split == pytest.approx(whole, rel=1e-3)


def test_a_batch_that_does_not_divide_is_refused(toy_config, toy_source):
    with pytest.raises(ConfigError, match="accumulate"):
        StageConfig(iterations=1, batch_size=4, accumulate=3)


_WORKER = """
import dataclasses, json, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from conftest import ToySource
from ifc_core.training.config import TrainConfig, build_config
from ifc_core.training.distributed import joined_ranks
from ifc_core.training.trainer import Trainer
config = build_config(TrainConfig, json.loads(sys.argv[2]))
with joined_ranks("cpu") as ranks:
    trainer = Trainer(config, source=ToySource(), ranks=ranks)
    values = [report.loss for report in trainer.run()]
    if ranks.is_main:
        print(json.dumps({"world": ranks.world_size, "losses": values}))
"""


def start_two(request, tables):
    """Two processes of one run, with the settings of each."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def start(rank):
        variables = {
            "RANK": str(rank), "WORLD_SIZE": "2", "LOCAL_RANK": str(rank),
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1",
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(request.path.parent), json.dumps(tables[rank])],
            env={**os.environ, **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return [start(rank) for rank in (0, 1)]


_TWO = {
    "categories": ["red", "green"],
    "model": {"preset": "tiny", "frozen_batch_norm": True},
    "device": "cpu",
    "data": {"num_workers": 0},
    "optimizer": {"lr": 1e-3, "backbone_lr": 1e-3, "clip_norm": 1.0},
    "stages": [{"iterations": 3, "num_frames": [2], "batch_size": 4, "sizes": [[48, 64]]}],
}


def test_two_processes_give_the_losses_of_one(toy_source, tmp_path, request):
    processes = start_two(request, [{**_TWO, "output": str(tmp_path / "two")}] * 2)
    one = build_config(TrainConfig, {**_TWO, "output": str(tmp_path / "one")})
    expected = losses(Trainer(one, source=toy_source))
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    two = json.loads(outputs[0])
    assert two["world"] == 2
    assert two["losses"] == pytest.approx(expected, rel=1e-4)


def test_a_process_whose_state_another_one_has_not_is_refused(toy_config, toy_source):
    class Apart(Ranks):
        def agree(self, number, device):
            return False  # the other one begins with another iteration

    with pytest.raises(CheckpointError, match=r"same resume\.safetensors"):
        Trainer(toy_config(), source=toy_source, ranks=Apart())


@pytest.mark.slow
def test_processes_that_find_different_states_are_refused(toy_source, tmp_path, request):
    """Two machines, of which the second has not the file that the first one goes on from."""
    folders = [str(tmp_path / name) for name in ("first", "second")]
    tables = [{**_TWO, "output": folder} for folder in folders]
    reports = Trainer(build_config(TrainConfig, tables[0]), source=toy_source).run(
        cancelled_after(1)
    )
    with pytest.raises(JobCancelled):
        list(reports)
    processes = start_two(request, tables)
    errors = [process.communicate(timeout=240)[1] for process in processes]
    assert all("same resume.safetensors" in text for text in errors)
    assert all(process.returncode == 1 for process in processes)


def test_the_exported_model_file_is_the_averaged_network(toy_config, toy_source):
    trainer = Trainer(toy_config(), source=toy_source)
    losses(trainer)
    checkpoint = read_checkpoint(trainer.model_path)
    assert [category.name for category in checkpoint.categories] == ["red", "green"]
    assert checkpoint.info.provenance["iteration"] == 4
    for name, value in trainer.averaged_weights().items():
        stored = checkpoint.state_dict[name].float()
        torch.testing.assert_close(stored, value.contiguous(), rtol=1e-3, atol=1e-6)


def test_a_remixed_batch_serves_several_iterations_and_goes_on_to_the_bit(toy_config, toy_source):
    asked = []

    def source(request):
        asked.append(request.index)
        return toy_source(request)

    stages = [
        {"iterations": 4, "num_frames": [2], "batch_size": 2, "sizes": [[48, 64]], "remix": 2},
        {"iterations": 1, "num_frames": [2], "batch_size": 2, "sizes": [[48, 64]]},
    ]
    whole = losses(Trainer(toy_config("whole", stages=stages), source=source))
    assert asked == [0, 1, 2, 3, 4, 5]
    assert len({round(loss, 6) for loss in whole}) == 5
    with pytest.raises(JobCancelled):
        losses(Trainer(toy_config("parts", stages=stages), source=source), cancelled_after(3))
    rest = losses(Trainer(toy_config("parts", stages=stages), source=source))
    assert rest == whole[-len(rest) :]
    assert 0 < len(rest) < 5


def test_remix_must_divide_its_stage(toy_config):
    with pytest.raises(ConfigError, match="remix"):
        toy_config(stages=[{"iterations": 3, "remix": 2}])


# ---- gradients that are not finite -----------------------------------------------------------


def broken_gradients(monkeypatch, broken):
    """Gradients are infinite in the iterations for which ``broken`` holds."""
    step = Trainer._step

    def spoilt(self):
        if broken(self.iteration):
            next(self.model.class_head.parameters()).grad.fill_(float("inf"))
        return step(self)

    monkeypatch.setattr(Trainer, "_step", spoilt)


def long_run(iterations):
    return [{"iterations": iterations, "num_frames": [1], "batch_size": 2, "sizes": [[48, 64]]}]


def test_a_run_without_finite_gradients_ends_and_keeps_what_was_learnt(
    toy_config, toy_source, monkeypatch
):
    monkeypatch.setattr(skipped_steps, "MOST_IN_A_ROW", 5)
    broken_gradients(monkeypatch, lambda iteration: iteration >= 2)
    model = {"preset": "tiny", "frozen_batch_norm": True}
    config = toy_config(stages=long_run(100), model=model)
    trainer, reports = Trainer(config, source=toy_source), []
    with pytest.raises(ConfigError, match="5 iterations in a row") as caught:
        reports.extend(trainer.run())
    assert caught.value.name == "lr"
    assert trainer.iteration == 7
    lower = toy_config(
        stages=long_run(100), model=model, optimizer={"lr": 1e-5, "backbone_lr": 0.0}
    )
    resumed = Trainer(lower, source=toy_source)
    assert (resumed.iteration, resumed.skipped.total) == (7, 0)
    for name, value in trainer.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


@pytest.mark.parametrize(
    ("iterations", "broken", "part"),
    [
        (20, lambda i: i % 3 == 0, "5 of 13 iterations"),  # a fifth of the run is 4
        (3, lambda i: True, "3 of 3 iterations"),
    ],
)
def test_a_run_that_skips_too_much_ends(
    toy_config, toy_source, monkeypatch, iterations, broken, part
):
    monkeypatch.setattr(skipped_steps, "MOST_IN_SHORT_RUNS", 4)
    broken_gradients(monkeypatch, broken)
    trainer = Trainer(toy_config(stages=long_run(iterations)), source=toy_source)
    with pytest.raises(ConfigError, match=part):
        losses(trainer)


def test_a_short_run_in_fp16_without_a_scale_says_what_to_do(toy_config, toy_source, monkeypatch):
    broken_gradients(monkeypatch, lambda iteration: True)
    config = toy_config(stages=long_run(3), precision="fp16")
    stopped = Trainer(config, source=toy_source).run(cancelled_after(2))
    with pytest.raises(JobCancelled):
        list(stopped)
    trainer = Trainer(config, source=toy_source)
    assert (trainer.iteration, trainer.skipped.total) == (2, 2)
    with pytest.raises(ConfigError, match=r"All 3 .* fp16.*; give 40 iterations or more") as caught:
        losses(trainer)
    assert caught.value.name == "precision"
    assert "lr" not in str(caught.value)
    assert Trainer(config, source=toy_source).iteration == 0  # it would have ended at once


def test_a_run_that_learnt_nothing_is_begun_anew(toy_config, toy_source, monkeypatch):
    broken_gradients(monkeypatch, lambda iteration: True)
    config = toy_config(stages=long_run(3))
    with pytest.raises(ConfigError, match=r"lr = .*3 of 3 .*set a lower one and begin anew"):
        losses(Trainer(config, source=toy_source))
    assert not (config.output / "resume.safetensors").exists()


def test_a_batch_that_overflows_spoils_no_statistics(toy_config, toy_source, monkeypatch):
    broken_gradients(monkeypatch, lambda iteration: iteration == 1)
    forward = Trainer._forward_backward

    def overflowing(self, *given, **named):
        result = forward(self, *given, **named)
        if self.iteration == 1:
            self.model.backbone.bn1.running_mean.fill_(float("nan"))
        return result

    monkeypatch.setattr(Trainer, "_forward_backward", overflowing)
    trainer = Trainer(toy_config(), source=toy_source)
    losses(trainer)
    for values in (trainer.averaged_weights(), trainer.model.state_dict()):
        assert all(value.isfinite().all() for value in values.values())


def test_skipped_iterations_are_told(toy_config, toy_source, monkeypatch):
    broken_gradients(monkeypatch, lambda iteration: iteration in (1, 2))
    config, told = toy_config(), []
    stopped = Trainer(config, source=toy_source).run(cancelled_after(2))
    with pytest.raises(JobCancelled):
        list(stopped)
    losses(Trainer(config, source=toy_source), JobContext(lambda p: told.append(p.message)))
    assert told == ["training, 2 skipped", "training, 2 skipped"]
    lines = [json.loads(x) for x in (config.output / "log.jsonl").read_text().splitlines()]
    assert [line["skipped"] for line in lines] == [0, 1, 2, 2]
    assert [line["gradient_norm"] is None for line in lines] == [False, True, True, False]


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_killed_run_that_goes_on_logs_no_iteration_twice(toy_config, toy_source, has_checkpoint):
    config = toy_config()
    killed = Trainer(config, source=toy_source)
    reports = killed.run()
    next(reports)
    if has_checkpoint:
        killed.save_state()
    next(reports)
    next(reports)
    del reports  # the log goes on to the third iteration, the checkpoint does not
    with (config.output / "log.jsonl").open("a") as file:
        file.write('{"iteration": 3, "itera')
    resumed = Trainer(config, source=toy_source)
    assert resumed.iteration == int(has_checkpoint)
    losses(resumed)
    lines = [json.loads(x) for x in (config.output / "log.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == [0, 1, 2, 3]


def test_damaged_pictures_are_told(toy_config, toy_source):
    def source(request):
        damaged = (f"frame {request.index % 2} of clip",) if request.index > 3 else ()
        return dataclasses.replace(toy_source(request), damaged=damaged)

    config, told = toy_config(), []
    losses(Trainer(config, source=source), JobContext(lambda p: told.append(p.message)))
    assert told == ["training"] + ["training, 2 unusable pictures left out (frame 0 of clip)"] * 3
    lines = [json.loads(x) for x in (config.output / "log.jsonl").read_text().splitlines()]
    assert [line["damaged"] for line in lines] == [0, 2, 2, 2]

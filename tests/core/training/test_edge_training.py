"""Runs that train the edge network: they learn, stop and go on."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from edge_runs import config, elsewhere, filled, keep, matched, of_clip

from ifc_core import cli
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.jobs import JobCancelled, JobContext
from ifc_core.models.edge_network import read_edge_network
from ifc_core.training import skipped_steps
from ifc_core.training.distributed import Ranks
from ifc_core.training.edge_batches import EdgeBatches
from ifc_core.training.edge_config import read_edge_config
from ifc_core.training.edge_samples import SampleFiles, example_of
from ifc_core.training.edge_training import EdgeTrainer, train_edges
from ifc_core.training.run_state import read_state, write_state

FOREVER = float("inf")


def test_masks_that_cover_nothing_are_judged_so(clip, tmp_path):
    stages = [{"iterations": 60, "side": 32, "batch_size": 6, "unmatched": 0.5}]
    settings = filled(tmp_path, clip, stages=stages, warmup_iterations=1, lr=3e-3)
    unmatched = of_clip(elsewhere(clip)).unmatched
    unmatched[..., :3] = 40  # and there is nothing to see
    SampleFiles(tmp_path / "unmatched").write(0, unmatched)
    trainer = EdgeTrainer(settings)
    trainer.run(JobContext(), FOREVER)
    judged = []
    for samples in (matched(clip), unmatched):
        seen = [example_of(sample, 32, 9, i) for i, sample in enumerate(samples)]
        pictures = torch.from_numpy(np.stack([e.picture for e in seen])).permute(0, 3, 1, 2)
        prior = torch.from_numpy(np.stack([e.prior for e in seen]))
        with torch.inference_mode():
            judged.append(trainer.network.eval()(pictures, prior).quality.sigmoid())
    assert judged[0].min() > judged[1].max()


def test_training_learns(clip, tmp_path):
    stages = [{"iterations": 40, "side": 32, "batch_size": 4}]
    settings = filled(tmp_path, clip, stages=stages, warmup_iterations=1, lr=3e-3)
    train_edges(settings)
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert len(losses) == 40
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])


def weights(folder):
    return read_edge_network(folder / "edges.safetensors").state_dict()


@pytest.mark.parametrize("more", [{}, {"repeated": 0.5}])
def test_a_stopped_run_goes_on_to_the_same_weights(clip, tmp_path, more):
    whole = filled(tmp_path / "whole", clip, **more)
    train_edges(whole)
    parts = filled(tmp_path / "parts", clip, **more)

    stops = JobContext(lambda progress: progress.done == 3 and stops.cancel())
    with pytest.raises(JobCancelled):
        train_edges(parts, stops)
    assert EdgeTrainer(parts).iteration == 3
    log = parts.output / "log.jsonl"
    with log.open("a", encoding="utf-8") as file:  # as after a kill: beyond the state
        file.write('{"iteration": 3, "loss": 1.0}\n{"iteration": 4, "lo')
    train_edges(parts)
    lines = log.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["iteration"] for line in lines] == [0, 1, 2, 3, 4]
    wanted, found = weights(whole.output), weights(parts.output)
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def test_a_share_of_the_crops_is_decided_twice(clip, tmp_path):
    trainer = EdgeTrainer(filled(tmp_path, clip, repeated=0.25))
    pictures, prior = torch.rand(8, 3, 32, 32) * 255, torch.full((8, 32, 32), 8.0)
    motion = torch.zeros(8, 8, 16, 16)
    answered = trainer._answered(pictures, prior, motion)
    changed = (answered != prior).any((1, 2))
    assert changed.sum() == 2
    trainer.network.eval()
    expected = trainer.network(pictures, prior, motion).masks
    torch.testing.assert_close(answered[changed], expected[changed], atol=1e-4, rtol=1e-4)
    trainer.iteration = 1
    assert not (trainer._answered(pictures, prior, motion) != prior).any((1, 2))[changed].any()
    assert trainer.network.training


def test_parts_of_a_batch_and_of_its_loss_are_those_of_one_process(clip, tmp_path):
    stages = [{"iterations": 1, "side": 32, "batch_size": 4, "unmatched": 0.25}]
    settings = filled(tmp_path, clip, stages=stages)
    trainer = EdgeTrainer(settings)
    stores = trainer.samples.stores()
    whole = EdgeBatches(stores, settings, Ranks())[0]
    for rank in (0, 1):
        part = EdgeBatches(stores, settings, Ranks(rank, 2))[0]
        assert all(torch.equal(x, y[rank::2]) for x, y in zip(part, whole, strict=True))
    truth, is_matched = whole[1], whole[4]
    assert is_matched.sum() == 3
    logits = torch.linspace(-3, 3, truth.numel()).view(truth.shape)
    expected = trainer._edge_loss(logits[is_matched], truth[is_matched])
    trainer.ranks = Ranks(world_size=2)
    parts = [
        trainer._edge_loss(*(x[rank::2][is_matched[rank::2]] for x in (logits, truth)))
        for rank in (0, 1)
    ]
    torch.testing.assert_close(sum(parts) / 2, expected)


@pytest.mark.slow
def test_two_processes_share_every_batch(clip, tmp_path):
    """Before it has learnt, the network's masks are those it is told, whatever its norms see.

    So the first losses and what the last layer's bias learns from them must be equal.
    """
    stages = [{"iterations": 1, "side": 32, "batch_size": 4, "unmatched": 0.25}]
    one = filled(tmp_path / "one", clip, stages=stages, clip_norm=1e9)
    train_edges(one)
    file = tmp_path / "two.toml"
    file.write_text(
        'task = "edges"\noutput = "two"\nclips = 1\nnum_workers = 0\ndevice = "cpu"\n'
        'log_every = 1\nprecision = "fp32"\nclip_norm = 1e9\n'
        "[[stages]]\niterations = 1\nside = 32\nbatch_size = 4\nunmatched = 0.25\n",
        encoding="utf-8",
    )
    keep(read_edge_config(file), matched(clip), of_clip(elsewhere(clip)).unmatched)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    command = f"from ifc_core.cli import main; raise SystemExit(main(['train', {str(file)!r}]))"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", command],
            env={**os.environ, **shared, "RANK": rank, "LOCAL_RANK": rank, "OMP_NUM_THREADS": "1"},
        )
        for rank in ("0", "1")
    ]
    try:
        assert [process.wait(timeout=240) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    logs, moments = [], []
    for name in ("one", "two"):
        (line,) = (tmp_path / name / "log.jsonl").read_text(encoding="utf-8").splitlines()
        logs.append(json.loads(line)["loss"])
        state, _ = read_state(tmp_path / name / "resume.safetensors")
        moments.append(state["optimizer/exp_avg/answer.bias"])
    assert logs[1] == pytest.approx(logs[0], rel=1e-4)
    assert moments[0].abs().max() > 0
    torch.testing.assert_close(moments[1], moments[0], rtol=1e-3, atol=1e-6)
    assert weights(tmp_path / "two")


def test_processes_stop_together_where_one_is_cancelled_or_late(proposer, clip, tmp_path):
    class Other(Ranks):
        def any(self, flag, device):
            return True  # the other one says so

        def agree(self, number, device):
            return True

    trainer = EdgeTrainer(filled(tmp_path, clip), Other())
    assert not trainer.samples.gather(JobContext(), FOREVER)
    assert not trainer.run(JobContext(), FOREVER)
    assert trainer.iteration == 0


def test_a_cancelled_drawing_of_clips_ends_at_once(proposer, tmp_path):
    job = JobContext(lambda progress: job.cancel())
    with pytest.raises(JobCancelled):
        EdgeTrainer(config(tmp_path)).samples.gather(job, FOREVER)
    assert not (tmp_path / "samples").exists()


def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    for batch_size, world_size in ((3, 2), (2, 2)):
        stages = [{"iterations": 1, "side": 32, "batch_size": batch_size}]
        settings = config(tmp_path, stages=stages)
        with pytest.raises(ConfigError, match=f"of {batch_size} does not .* two crops or more"):
            EdgeTrainer(settings, Ranks(world_size=world_size))


def test_low_precision_learns_as_well(clip, tmp_path):
    stages = [{"iterations": 40, "side": 32, "batch_size": 4}]
    changes = {"stages": stages, "warmup_iterations": 1, "lr": 3e-3}
    trainer = EdgeTrainer(filled(tmp_path, clip, precision="bf16", **changes))
    kinds = set()
    trainer.network.stem[0][0].register_forward_hook(lambda *told: kinds.add(told[2].dtype))
    assert trainer.run(JobContext(), FOREVER)
    assert kinds == {torch.bfloat16}
    lines = (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()
    losses = [json.loads(line)["loss"] for line in lines]
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    assert all(value.dtype != torch.bfloat16 for value in weights(tmp_path).values())


def test_a_run_out_of_time_draws_the_rest_later(proposer, tmp_path):
    settings = config(tmp_path)
    trainer = EdgeTrainer(settings)
    assert not trainer.samples.gather(JobContext(), until=0.0)
    assert train_edges(settings, stop_after_seconds=0.0) == trainer.weights_path
    assert not trainer.weights_path.exists()
    assert trainer.samples.gather(JobContext(), FOREVER)
    drawn = (tmp_path / "samples" / "0000.npy").stat().st_mtime_ns
    assert trainer.samples.gather(JobContext(), FOREVER)
    assert (tmp_path / "samples" / "0000.npy").stat().st_mtime_ns == drawn


def test_clips_in_which_nothing_is_found_are_told(clip, tmp_path):
    settings = config(tmp_path, clips=1)
    nothing = replace(clip, masks=np.zeros_like(clip.masks))
    keep(settings, matched(nothing), matched(nothing))
    with pytest.raises(ConfigError, match="draw more clips"):
        train_edges(settings)


def test_a_full_disk_costs_no_run(clip, tmp_path, full_disk):
    messages, disk = [], contextlib.ExitStack()

    def fill_for_a_while(progress):
        messages.append(progress.message)
        if progress.done == 2:
            disk.enter_context(full_disk())
        elif progress.done == 4:
            disk.close()

    whole = filled(tmp_path / "whole", clip)
    settings = filled(tmp_path / "full", clip, checkpoint_seconds=0.0)
    with disk:
        weights = train_edges(settings, JobContext(fill_for_a_while))
    assert re.search(
        r"learning edges, state not saved \(Cannot write .*: file too large", messages[2]
    )
    assert messages[-1] == "learning edges"
    expected = read_edge_network(train_edges(whole)).state_dict()
    for name, value in read_edge_network(weights).state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_checkpoint_of_another_run_and_a_damaged_file_are_refused(clip, tmp_path):
    settings = filled(tmp_path, clip)
    train_edges(settings)
    for name, value in (("seed", 5), ("sizes", ((96, 96),)), ("num_frames", 2)):
        with pytest.raises(CheckpointError, match=rf"resume.* other settings \({name}\)"):
            EdgeTrainer(replace(settings, **{name: value}))
    state = tmp_path / "resume.safetensors"
    tensors, facts = read_state(state)
    write_state(state, {k: v.clone() for k, v in tensors.items()}, {**facts, "samples": [1]})
    with pytest.raises(CheckpointError, match="no usable training checkpoint"):
        EdgeTrainer(settings)
    for name in ("average/answer.bias", "optimizer/exp_avg/answer.bias"):
        rest = {key: value.clone() for key, value in tensors.items() if key != name}
        write_state(state, rest, facts)
        with pytest.raises(CheckpointError, match=r"answer\.bias"):
            EdgeTrainer(settings)
    (tmp_path / "samples" / "0000.npy").write_bytes(b"no array")
    state.unlink()
    with pytest.raises(CheckpointError, match="delete it"):
        train_edges(settings)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"stages": []}, "at least one"),
        ({"repeated": -0.5}, "repeated"),
        ({"stages": [{"iterations": 1, "side": 48}]}, "multiple of 32"),
        ({"stages": [{"iterations": 1, "batch_size": 1}]}, "at least 2"),
        ({"stages": [{"iterations": 1, "unmatched": 1.0}]}, "below 1"),
        ({"clips": 0}, "one clip"),
        ({"lr": 0.0}, "above 0"),
        ({"ema_decay": 1.0}, "below 1"),
        ({"lr": float("nan")}, "lr must be a finite number"),
        ({"warmup_iterations": -1}, "warmup_iterations must be"),
        ({"seed": -1}, "seed must be"),
        ({"log_every": 0}, "log_every must be"),
        ({"checkpoint_seconds": float("nan")}, "checkpoint_seconds must be"),
        ({"sizes": [[16, 96]]}, "sizes of at least 32 pixels"),
        ({"difficulties": []}, "needs a difficulty"),
        ({"speed": 3}, "no setting"),
        ({"synthetic": {"colour": 1}}, "wrong entry"),
    ],
)
def test_impossible_settings_are_refused(proposer, tmp_path, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        train_edges(config(tmp_path, **changes))


def test_the_bundled_recipe_can_be_read(tmp_path):
    settings = read_edge_config("edges", output=tmp_path)
    assert settings.iterations == sum(stage.iterations for stage in settings.stages)
    first, last = settings.stages
    assert settings.place_of(0) == (first, 0, 0)
    others = first.iterations * first.num_unmatched
    drawn = first.iterations * first.batch_size - others
    assert settings.place_of(first.iterations) == (last, drawn, others)
    assert 0 < first.num_unmatched < last.num_unmatched < last.batch_size
    end = settings.place_of(settings.iterations - 1)
    assert end.unmatched == others + (last.iterations - 1) * last.num_unmatched
    total = sum(stage.iterations * stage.batch_size for stage in settings.stages)
    assert end.matched + end.unmatched == total - last.batch_size
    with pytest.raises(IndexError):
        settings.place_of(settings.iterations)


def test_the_command_trains_from_a_file(proposer, clip, tmp_path, capsys):
    file = tmp_path / "mine.toml"
    file.write_text(
        'task = "edges"\noutput = "run"\nclips = 1\nnum_workers = 1\ndevice = "cpu"\n'
        "[[stages]]\niterations = 2\nside = 32\nbatch_size = 2\n",
        encoding="utf-8",
    )
    keep(read_edge_config(file), matched(clip), of_clip(elsewhere(clip)).unmatched)
    assert cli.main(["train", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "run" / "edges.safetensors")
    assert read_edge_network(tmp_path / "run" / "edges.safetensors").provenance["iteration"] == 2


# ---- gradients that are not finite -----------------------------------------------------------


@pytest.fixture
def overflowing(monkeypatch):
    """A function that makes the pictures of iterations infinite for which ``broken`` holds."""
    step = EdgeTrainer._step

    def install(broken):
        def spoilt(self, pictures, *rest):
            return step(self, pictures * float("inf" if broken(self.iteration) else 1), *rest)

        monkeypatch.setattr(EdgeTrainer, "_step", spoilt)

    return install


def test_a_step_that_is_not_finite_is_left_out_and_told(clip, tmp_path, overflowing):
    overflowing(lambda iteration: iteration == 1)
    settings, told = filled(tmp_path, clip, checkpoint_seconds=0.0), []
    train_edges(settings, JobContext(lambda progress: told.append(progress.message)))
    assert told == ["learning edges"] + ["learning edges, 1 skipped"] * 4
    assert all(value.isfinite().all() for value in weights(tmp_path).values())
    again = EdgeTrainer(settings)
    assert (again.iteration, again.skipped.total) == (5, 1)
    assert all(value.isfinite().all() for value in again.network.state_dict().values())
    lines = [json.loads(x) for x in (tmp_path / "log.jsonl").read_text("utf-8").splitlines()]
    assert [line["skipped"] for line in lines] == [0, 1, 1, 1, 1]
    assert [line["loss"] is None for line in lines] == [False, True, False, False, False]


def test_a_run_that_comes_to_nothing_keeps_what_it_learnt(clip, tmp_path, overflowing, monkeypatch):
    monkeypatch.setattr(skipped_steps, "MOST_IN_A_ROW", 2)
    overflowing(lambda iteration: iteration > 0)
    settings = filled(tmp_path, clip)
    with pytest.raises(ConfigError, match=r"2 iterations in a row .* go on from .*resume"):
        train_edges(settings)
    assert EdgeTrainer(settings).iteration == 3
    overflowing(lambda iteration: False)
    train_edges(replace(settings, lr=1e-4))
    assert all(value.isfinite().all() for value in weights(tmp_path).values())


def test_a_run_that_learnt_nothing_leaves_no_state(clip, tmp_path, overflowing):
    overflowing(lambda iteration: True)
    settings = filled(tmp_path, clip, checkpoint_seconds=0.0)
    with pytest.raises(ConfigError, match=r"5 of 5 iterations .* begin anew"):
        train_edges(settings)
    assert not (tmp_path / "resume.safetensors").exists()


def test_weights_that_are_not_finite_replace_no_state(clip, tmp_path):
    settings = filled(tmp_path, clip)
    train_edges(settings)
    trainer = EdgeTrainer(settings)
    with torch.no_grad():
        trainer.network.answer.bias.fill_(float("nan"))
    files = [tmp_path / name for name in ("resume.safetensors", "edges.safetensors")]
    before = [file.read_bytes() for file in files]
    with pytest.raises(
        CheckpointError, match=r"model/answer\.bias .* lower learning rate and go on"
    ):
        trainer.save()
    assert [file.read_bytes() for file in files] == before

"""Settings files, presets, the schedule and the plan of clips."""

import json

import cv2
import numpy as np
import pytest

from ifc_core.errors import ConfigError, FormatError
from ifc_core.models.config import IFCConfig
from ifc_core.training.config import (
    OptimizerConfig,
    preset_names,
    read_config_table,
    read_train_config,
)
from ifc_core.training.finetune_settings import PRESETS, FinetuneSettings
from ifc_core.training.plan import BatchPlan, position_of, requests_of
from ifc_core.training.schedule import lr_factor
from ifc_core.training.sources import open_data
from ifc_core.training.trainer import Trainer

SMALL = """
output = "out"
[data]
kind = "synthetic"
[[stages]]
iterations = 3
num_frames = [1]
batch_size = 4
sizes = [[64, 96]]
[[stages]]
iterations = 2
num_frames = [2, 3]
batch_size = 2
sizes = [[64, 96], [96, 128]]
accumulate = 2
"""


@pytest.fixture
def config_file(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "name", [n for n in preset_names() if "task" not in read_config_table(n)[0]]
)
def test_presets_can_be_read_and_name_a_model(name):
    config = read_train_config(name)
    fields = dict(config.model)
    assert IFCConfig.preset(fields.pop("preset"), **fields)


def test_the_published_recipes():
    code, paper = read_train_config("ytvis2019_r50_code"), read_train_config("ytvis2019_r50_paper")
    assert (code.iterations, code.optimizer.decay_steps) == (6000, (4000,))
    assert (paper.stages[0].epochs, paper.optimizer.decay_epochs) == (8, (5,))
    for config in (code, paper):
        optimizer = config.optimizer
        assert (optimizer.lr, optimizer.backbone_lr) == (1e-4, 1e-5)
        assert (optimizer.weight_decay, optimizer.clip_norm) == (1e-4, 0.01)
        assert config.stages[0].batch_size == 16
        assert config.frozen_stages == 2
        assert config.data.augmentation == ()
        assert (config.loss.classification, config.loss.focal, config.loss.dice) == (1, 3, 3)
        assert config.matching.dice_weight == 3
    assert read_train_config("ytvis2021_r50_code").model["preset"] == "ifc-r50-ytvis2021"
    assert read_train_config("ytvis2019_r101_code").model["preset"] == "ifc-r101"


def test_generated_frames_say_what_their_sides_are_multiples_of(config_file):
    assert read_train_config(config_file(SMALL)).size_multiple == 32
    assert read_train_config("ifc_r18_cells").size_multiple == 32
    mixed = SMALL.replace("[[64, 96]]", "[[64, 96], [48, 96]]")
    assert read_train_config(config_file(mixed)).size_multiple == 16
    # Videos are resized to the short side, whatever that makes of the other one.
    assert read_train_config("ytvis2019_r50_code").size_multiple == 1


@pytest.mark.parametrize("name", PRESETS)
def test_finetuning_presets_can_be_read(name):
    preset = FinetuneSettings("r", preset=name, short_side=100).load_preset()
    assert preset.short_side == 100
    assert preset.minutes > 0


def test_paths_count_from_the_file(config_file, tmp_path):
    config = read_train_config(config_file(SMALL))
    assert config.output == tmp_path / "out"
    assert config.iterations == 5


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("iterations = 3", "iterations = 0", "stages"),
        ("iterations = 3", 'iterations = "3"', "iterations"),
        ("iterations = 3", "iterations = 3\nepochs = 1", "stages"),
        ('kind = "synthetic"', 'kind = "imagenet"', "kind"),
        ('kind = "synthetic"', 'kind = "coco"', "data"),
        ('output = "out"', 'output = "out"\nspeed = 9', "speed"),
        ("accumulate = 2", "accumulate = 3", "accumulate"),
        ("sizes = [[64, 96]]", "sizes = [[64]]", "sizes"),
        ("sizes = [[64, 96]]", "sizes = [[8, 8]]", "sizes"),
        ('output = "out"', 'output = "out"\nseed = true', "seed"),
        ("[data]", "[optimizer]\nema_decay = 1.0\n[data]", "ema_decay"),
        ("[data]", '[matching]\ncost = "point"\n[data]', "cost"),
        (SMALL, 'output = "x"\nstages = []', "stages"),
        ('output = "out"', 'output = "out"\ninit = "out/ema"', "init"),
        ('output = "out"', "output = 3", "output"),
        ('output = "out"', f'output = "out"\ncategories = ["{"c" * 201}"]', "categories"),
        ('output = "out"', 'output = "out"\nseed = -3', "seed"),
        ('output = "out"', f'output = "out"\nseed = {2**63}', "seed"),
        ('output = "out"', 'output = "out"\nlog_every = 0', "log_every"),
        ('output = "out"', 'output = "out"\nguided_queries = -1', "guided_queries"),
        ('output = "out"', 'output = "out"\nfrozen_stages = 6', "frozen_stages"),
        ('output = "out"', 'output = "out"\nfrozen_stages = -1', "frozen_stages"),
        ('output = "out"', 'output = "out"\ncheckpoint_seconds = -1', "checkpoint_seconds"),
        ('output = "out"', 'output = "out"\nexport_seconds = nan', "export_seconds"),
        ('output = "out"', f'output = "out"\nexport_seconds = 1{"0" * 400}', "export_seconds"),
        ('output = "out"', f'output = "out"\nseed = 1{"0" * 5000}', "config"),
        ("[data]", "[optimizer]\nlr = nan\n[data]", "lr"),
        ("[data]", "[optimizer]\nlr = inf\n[data]", "lr"),
        ("[data]", "[optimizer]\nlr = 0\n[data]", "lr"),
        ("[data]", "[optimizer]\nwarmup_iterations = -5\n[data]", "warmup_iterations"),
        ("[data]", "[optimizer]\ndecay_factor = -1.0\n[data]", "decay_factor"),
        ("[data]", "[optimizer]\ndecay_steps = [9, -5]\n[data]", "decay_steps"),
        ("[data]", "[optimizer]\ndecay_epochs = [nan]\n[data]", "decay_epochs"),
        ("[data]", "[matching]\nstride = 0\n[data]", "stride"),
        ("[data]", "[matching]\nstride = -4\n[data]", "stride"),
        ("[data]", "[loss]\nno_object = -0.1\n[data]", "no_object"),
        ("[data]", "[data]\ninterval = -1", "interval"),
        ("iterations = 3", "epochs = inf", "epochs"),
        ("iterations = 3", "epochs = nan", "epochs"),
        ('[data]\nkind = "synthetic"', "data = [1]", "config"),
    ],
)
def test_wrong_settings_are_named(config_file, old, new, name):
    assert old in SMALL
    with pytest.raises(ConfigError) as caught:
        read_train_config(config_file(SMALL.replace(old, new)))
    assert caught.value.name == name


def test_the_largest_seed_trains_and_saving_may_wait_for_ever(config_file):
    text = SMALL.replace("[data]", f"seed = {2**63 - 1}\ncheckpoint_seconds = inf\n[data]")
    changes = {"model": {"preset": "tiny"}, "device": "cpu"}
    trainer = Trainer(read_train_config(config_file(text), **changes))
    assert next(trainer.run()).iteration == 0


def test_weights_of_another_run_may_be_started_from(config_file, tmp_path):
    other = 'output = "out"\ninit = "output/model.safetensors"'
    config = read_train_config(config_file(SMALL.replace('output = "out"', other)))
    assert config.init == tmp_path / "output" / "model.safetensors"


def test_settings_that_are_missing_are_named(config_file):
    with pytest.raises(ConfigError, match=r"^Settings are missing: output, stages\.$"):
        read_train_config(config_file(""))
    with pytest.raises(ConfigError, match=r"^Settings are missing: output\.$"):
        read_train_config(config_file(SMALL.replace('output = "out"', "")))


def test_files_that_are_none_are_named(config_file, tmp_path):
    with pytest.raises(ConfigError, match="TOML"):
        read_train_config(config_file("= ="))
    with pytest.raises(ConfigError, match="presets are"):
        read_train_config(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="presets are"):
        read_train_config("../finetune/quick")


def test_epochs_become_iterations(tmp_path):
    images = [{"id": n, "file_name": f"{n}.png", "height": 48, "width": 80} for n in range(1, 34)]
    content = {"images": images, "categories": [{"id": 1, "name": "box"}], "annotations": []}
    (tmp_path / "c.json").write_text(json.dumps(content))
    for image in images:
        cv2.imwrite(str(tmp_path / image["file_name"]), np.zeros((48, 80, 3), dtype=np.uint8))
    text = """
        output = "out"
        [data]
        kind = "coco"
        annotations = "c.json"
        root = "."
        [optimizer]
        decay_epochs = [2]
        [[stages]]
        epochs = 3
        batch_size = 16
        num_frames = [1]
    """
    path = tmp_path / "run.toml"
    path.write_text(text)
    config, _ = open_data(read_train_config(path))
    assert config.iterations == 7  # 33 images, 3 passes, batches of 16
    assert config.optimizer.decay_steps == (5,)
    assert config.categories == ("box",)
    with pytest.raises(ConfigError, match="classes"):
        open_data(read_train_config(path, categories=["dog"]))
    (tmp_path / "9.png").unlink()
    changes = {"model": {"preset": "tiny"}, "device": "cpu", "output": tmp_path / "out"}
    trainer = Trainer(read_train_config(path, **changes))
    assert trainer.damaged == {"9.png, which is missing"}


@pytest.mark.parametrize("name", ["cutout_dir", "sprite_dir"])
def test_folders_of_the_generator_are_looked_at_before_training(config_file, tmp_path, name):
    (tmp_path / "empty").mkdir()
    text = SMALL.replace(
        'kind = "synthetic"', f'kind = "synthetic"\nsynthetic = {{{name} = "{tmp_path}/empty"}}'
    )
    with pytest.raises(FormatError):
        open_data(read_train_config(config_file(text)))


def test_an_unknown_field_of_the_generator_is_named(config_file):
    text = SMALL.replace('kind = "synthetic"', 'kind = "synthetic"\nsynthetic = {sparkle = 1}')
    with pytest.raises(ConfigError, match="sparkle"):
        open_data(read_train_config(config_file(text)))


def test_step_decay():
    config = OptimizerConfig(schedule="step", decay_steps=(10, 20), decay_factor=0.1)
    factors = [lr_factor(config, i, 30) for i in (0, 9, 10, 19, 20, 29)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_late_cosine_after_a_warm_up():
    config = OptimizerConfig(
        schedule="cosine", cosine_start=0.5, final_factor=0.1, warmup_iterations=4
    )
    factors = [lr_factor(config, i, 100) for i in range(101)]
    assert factors[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert factors[4:51] == pytest.approx([1.0] * 47)
    assert factors[75] == pytest.approx(0.55)
    assert factors[100] == pytest.approx(0.1)
    assert factors[50:] == sorted(factors[50:], reverse=True)


def test_the_plan_is_a_function_of_seed_and_iteration(config_file):
    config = read_train_config(config_file(SMALL), seed=4)
    assert [position_of(config.stages, i).first_sample for i in range(5)] == [0, 4, 8, 12, 14]
    requests = [requests_of(config, i) for i in range(5)]
    assert [r.index for batch in requests for r in batch] == list(range(16))
    assert requests == [requests_of(config, i) for i in range(5)]
    for batch in requests:
        assert len({(r.num_frames, r.height, r.width) for r in batch}) == 1
    with pytest.raises(ValueError, match="past the end"):
        position_of(config.stages, 5)


@pytest.mark.parametrize("start", range(5))
def test_a_plan_begun_later_is_the_rest_of_the_whole(config_file, start):
    config = read_train_config(config_file(SMALL))
    whole, rest = list(BatchPlan(config)), list(BatchPlan(config, start))
    assert whole[len(whole) - len(rest) :] == rest
    assert len(BatchPlan(config, start)) == len(rest)


def test_processes_share_each_batch(config_file):
    text = SMALL.replace("accumulate = 2", "accumulate = 1")
    config = read_train_config(config_file(text))
    parts = [list(BatchPlan(config, rank=rank, world_size=2)) for rank in range(2)]
    joined = [a + b for a, b in zip(*parts, strict=True)]
    assert joined == list(BatchPlan(config))

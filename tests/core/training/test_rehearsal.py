"""What a model knew before fine-tuning is shown to it by the generated world that taught it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ifc_core.data.clip_source import ClipRequest
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.config import TrainConfig
from ifc_core.training.old_task import CLASS_KEY, WORLD_KEY, OldTask, first_world, old_task
from ifc_core.training.rehearsal import DIFFICULTIES, rehearsal_score, rehearsal_source
from ifc_core.training.sources import open_data
from ifc_core.training.trainer import Trainer


def model(*names: str, **provenance: object) -> IFC:
    torch.manual_seed(0)
    config = IFCConfig.preset("tiny", num_classes=len(names))
    made = IFC(config, [Category(i, name) for i, name in enumerate(names, start=1)])
    made.provenance = provenance
    return made


@pytest.mark.parametrize(
    ("names", "told", "task"),
    [
        (["HeLa", "cell"], "HeLa", OldTask("cells", "HeLa")),
        (["HeLa", "cell"], "", None),  # its own class has gone, this one is somebody's
        (["cell"], 7, None),
    ],
)
def test_a_renamed_class_is_still_the_old_one(names, told, task) -> None:
    assert old_task(model(*names, **{WORLD_KEY: "cells", CLASS_KEY: told})) == task


@pytest.mark.parametrize(
    ("names", "world", "task"),
    [
        (["object"], None, OldTask("things", "object")),
        (["fox", "object"], "things", OldTask("things", "object")),
        (["cell"], "cells", OldTask("cells", "cell")),
        (["cell", "object"], "cells", OldTask("cells", "cell")),
        (["cell"], None, None),  # a class of somebody's, not the generated one
        (["cell", "object"], None, OldTask("things", "object")),
        (["fox"], "cells", None),
        (["object"], ["no", "world"], OldTask("things", "object")),
    ],
)
def test_the_old_task_is_what_the_model_says_and_knows(names, world, task) -> None:
    told = {} if world is None else {WORLD_KEY: world}
    assert old_task(model(*names, **told)) == task


def test_clips_of_the_old_world_get_the_number_of_its_class() -> None:
    source = rehearsal_source(3, OldTask("cells", "cell"), ["fox", "cell"])
    clip = source(ClipRequest(0, 2, 64, 64, "medium"))
    assert set(clip.labels.tolist()) == {1}
    things = rehearsal_source(3, OldTask("things", "object"), ["object"])
    other = things(ClipRequest(0, 2, 64, 64, "medium"))
    assert not np.array_equal(clip.frames, other.frames)


def test_crowds_of_cells_are_rehearsed_as_well() -> None:
    source = rehearsal_source(3, OldTask("cells", "cell"), ["cell"])
    counts = [len(source(ClipRequest(i, 1, 96, 96, "hard")).labels) for i in range(8)]
    assert max(counts) > 30
    assert "hard" in DIFFICULTIES["cells"]


def test_each_world_has_figures_of_its_own() -> None:
    torch.manual_seed(1)
    untrained = model("cell")
    torch.nn.init.constant_(untrained.class_head.layers[-1].bias, 0.0)
    untrained.class_head.layers[-1].bias.data[0] = 9.0  # sure of all, so that masks are compared
    scores = [rehearsal_score(untrained, world, 0, num_clips=2) for world in ("things", "cells")]
    assert scores[0] != scores[1]
    assert all(0 <= score <= 1 for score in scores)


def test_a_run_on_cells_needs_no_folders_of_things(toy_config, tmp_path: Path) -> None:
    nowhere = {"cutout_dir": str(tmp_path / "none"), "sprite_dir": str(tmp_path / "none")}
    config = toy_config(
        categories=[], data={"num_workers": 0, "synthetic": {"world": "cells", **nowhere}}
    )
    _, source = open_data(config)
    assert len(source(ClipRequest(0, 1, 64, 64, "medium")).labels)


def test_a_run_on_generated_cells_names_class_and_world(toy_config, tmp_path: Path) -> None:
    config: TrainConfig = toy_config(
        categories=[], data={"num_workers": 0, "synthetic": {"world": "cells"}}
    )
    settled, _ = open_data(config)
    assert settled.categories == ("cell",)
    trainer = Trainer(settled)
    trainer.export()
    info = read_checkpoint_info(trainer.model_path)
    assert info.provenance[WORLD_KEY] == "cells"
    assert [category.name for category in info.categories] == ["cell"]
    with_head = model("cell")
    with_head.provenance = info.provenance
    assert first_world(with_head) == "cells"

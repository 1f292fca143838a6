"""A version's classes follow the project's: renamed, exchanged, deleted."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ifc_core.annotation.edits import (
    RemoveCategory,
    SetCategory,
)
from ifc_core.annotation.snapshot import make_snapshot
from ifc_core.models.checkpoint import (
    CheckpointInfo,
    read_checkpoint,
    read_checkpoint_info,
    write_checkpoint,
)
from ifc_core.models.config import IFCConfig
from ifc_core.models.ifc import IFC
from ifc_core.structures import Category
from ifc_core.training.class_head import last_linear, with_classes
from ifc_core.training.finetune_plan import final_classes, plan_finetune
from ifc_core.training.finetune_settings import FinetuneSettings, HeldOutScore
from ifc_core.training.finetune_version import write_version
from ifc_core.training.old_task import CLASS_KEY, WORLD_KEY, OldTask
from ifc_core.training.project_classes import CATEGORY_IDS, learnt_ids, parent_classes

KNOWN = ("object", "car", "bus")
IDS = {"car": 1, "bus": 2}


def classes(*names, known=KNOWN, ids=IDS):
    found = [Category(number, name) for number, name in enumerate(names, start=1) if name]
    return parent_classes(known, ids, found)


def test_classes_follow_the_ids_of_the_project():
    assert classes("car", "bus").kept == KNOWN
    renamed = classes("racing car", "bus")
    assert renamed.names == renamed.kept == ("object", "racing car", "bus")
    assert renamed.ids == {"racing car": 1, "bus": 2}
    assert classes("bus", "car").names == ("object", "bus", "car")  # exchanged
    merged = classes("object", "bus")
    assert merged.kept == ("object", "bus")
    assert merged.names[0] == "object"  # the parent's own, not what was the car


def test_deleted_classes_go_unless_their_name_is_back():
    gone = classes("", "bus")
    assert gone.kept == ("object", "bus")
    assert len(set(gone.names)) == 3
    assert gone.ids == {"bus": 2}
    assert classes("", "bus", "car").kept == KNOWN  # made again, under another id
    assert classes(known=("object", "dog"), ids={}).kept == ("object", "dog")  # learnt elsewhere


def test_a_class_that_was_learnt_elsewhere_gives_way_to_the_projects_of_its_name():
    found = classes("truck", "bus", known=("car", "truck", "bus"))
    assert found.kept == ("truck", "bus")
    assert found.names == ("truck", "truck (2)", "bus")


@pytest.fixture
def project(approved_project):
    """A car and a bus, approved on six frames of a clip."""
    return approved_project(range(0, 60, 10), [("car", np.s_[:, :24]), ("bus", np.s_[:, 24:])])


def planned(project, model, run="r1"):
    make_snapshot(project, project.folder / "runs" / run)
    chosen = FinetuneSettings(run, model=str(model), short_side=64, device="cpu")
    return plan_finetune(project.folder, chosen)


def written(plan):
    """The version that would come of a plan, with a row of its own for each class."""
    model = with_classes(plan.parent, plan.class_names)
    with torch.no_grad():
        last_linear(model).weight.normal_()
    return write_version(plan, model, HeldOutScore(0, 0, 0), HeldOutScore(0, 0, 0), 1, 1.0)[0]


def test_what_a_renamed_class_learnt_stays_with_it(project, tiny_model_file):
    plan = planned(project, tiny_model_file)
    assert plan.class_names == ("cat", "dog", "fox", "car", "bus")
    path = written(plan)
    assert read_checkpoint_info(path).provenance[CATEGORY_IDS] == {"car": 1, "bus": 2}
    project.apply(SetCategory(Category(1, "racing car")))
    project.apply(RemoveCategory(2, replace_with=1))
    again = planned(project, path, "r2")
    assert again.class_names == ("cat", "dog", "fox", "racing car")
    assert {track.label for video in again.split.training for track in video.tracks} == {3}
    before = last_linear(read_checkpoint(path).build()).weight
    after = last_linear(with_classes(again.parent, again.class_names)).weight
    assert torch.equal(after, before[[0, 1, 2, 3, 5]])
    stored = read_checkpoint_info(written(again)).provenance[CATEGORY_IDS]
    assert stored == {"racing car": 1}


def test_ids_of_another_project_say_nothing(project, tiny_model_file, tmp_path):
    path = written(planned(project, tiny_model_file))
    models = project.folder / "models"
    model = read_checkpoint(path).build()
    assert learnt_ids(model, str(path), models) == {"car": 1, "bus": 2}
    assert learnt_ids(model, path.stem, models) == {"car": 1, "bus": 2}
    assert learnt_ids(model, str(path), tmp_path / "other" / "models") == {}
    elsewhere = read_checkpoint(tiny_model_file).build()
    assert learnt_ids(elsewhere, path.stem, models) == {}
    path.rename(models / "cells-1.2.safetensors")
    assert learnt_ids(model, "cells-1.2", models) == {"car": 1, "bus": 2}


@pytest.fixture
def cells_file(tmp_path):
    """A model that learnt the generated cells."""
    config = IFCConfig.preset("tiny", num_classes=1)
    info = CheckpointInfo(config, (Category(1, "cell"),), provenance={WORLD_KEY: "cells"})
    path = tmp_path / "cells.safetensors"
    write_checkpoint(path, info, IFC(config, info.categories).state_dict())
    return path


def test_a_model_of_cells_rehearses_them_whatever_they_are_called(approved_project, cells_file):
    project = approved_project(range(0, 60, 10), [("cell", np.s_[:, :24])])
    plan = planned(project, cells_file)
    assert plan.rehearsed == OldTask("cells", "cell")
    path = written(plan)
    project.apply(SetCategory(Category(1, "HeLa")))
    again = planned(project, path, "r2")
    assert again.class_names == ("HeLa",)
    assert again.rehearsed == OldTask("cells", "HeLa")
    provenance = read_checkpoint_info(written(again)).provenance
    assert (provenance[WORLD_KEY], provenance[CLASS_KEY]) == ("cells", "HeLa")


def test_the_general_class_is_dropped_unless_people_use_it(approved_project, cells_file):
    project = approved_project(range(0, 60, 10), [("HeLa", np.s_[:, :24])])
    plan = planned(project, cells_file)
    dropping = replace(plan, settings=replace(plan.settings, object_class="drop"))
    assert plan.class_names == final_classes(plan) == ("cell", "HeLa")
    assert final_classes(dropping) == ("HeLa",)
    model = with_classes(plan.parent, ("HeLa",))
    path = write_version(dropping, model, HeldOutScore(0, 0, 0), HeldOutScore(0, 0, 0), 1, 1.0)[0]
    assert read_checkpoint_info(path).provenance[CLASS_KEY] == ""
    project.apply(SetCategory(Category(1, "cell")))
    plan = planned(project, cells_file, "r3")
    assert final_classes(replace(plan, settings=dropping.settings)) == ("cell",)
    other = planned(project, path, "r4")  # its own cells have gone, these are people's
    assert other.rehearsed is None

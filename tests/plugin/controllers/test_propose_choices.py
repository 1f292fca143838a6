"""A project remembers how its last run was made."""

import json

import pytest

from ifc_core.annotation import Project
from ifc_core.inference.settings import ProposeSettings
from ifc_core.models.names import DEFAULT_MODEL, METADATA_KEY
from napari_ifc.controllers.open_runs import scope_of
from napari_ifc.controllers.propose_choices import (
    BUNDLED,
    ModelChoice,
    chosen_before,
    judges_masks,
)


def run(session, settings, kind="propose", **more):
    values = {**settings.to_json(), **more}
    session.project.begin_run(kind, session.entry.id, values, settings.model)


def test_without_a_run_nothing_was_chosen(session):
    assert chosen_before(session.project) is None
    run(session, ProposeSettings(tiles="2x2"), kind="propagate")
    assert chosen_before(session.project) is None


def test_the_latest_run_over_a_whole_video_counts(session):
    run(session, ProposeSettings(tiles="2x2"))
    latest = ProposeSettings(duplicate_iou=0.4, region_xywh=(0, 0, 20, 20))
    run(session, latest)
    run(session, ProposeSettings(clip_length=3), scope=[2, 5])
    chosen = chosen_before(session.project)
    assert chosen == ProposeSettings(duplicate_iou=0.4)


def test_settings_that_this_version_does_not_know_are_left_alone(session):
    run(session, ProposeSettings(), magic=3)
    assert chosen_before(session.project) is None


@pytest.mark.parametrize("limits", [3, "ab", [1], [5, 2], [None, "x"], {"first": 1}])
def test_a_scope_that_makes_no_sense_is_the_whole_video(session, limits):
    run(session, ProposeSettings(tiles="2x2"), scope=limits)
    assert scope_of(session.project.runs()[0]).is_whole
    assert chosen_before(session.project) is None  # "scope" is no setting


class Models:
    """A project's versions, an imported model, and what is chosen among them."""

    def __init__(self, session):
        self.session = session
        self.imported = "/models/published.safetensors"
        self.choice = ModelChoice()
        self.chosen = BUNDLED

    def show(self):
        project = self.session.project
        offered = [BUNDLED, self.imported, *(version.path for version in project.models())]
        self.chosen = self.choice.of(project, offered, self.chosen)
        return self.chosen


@pytest.fixture
def models(session):
    return Models(session)


def test_a_chosen_model_stays_until_another_version_is_in_use(models, session):
    assert models.show() == BUNDLED
    models.chosen = models.imported
    assert models.show() == models.imported
    first = session.project.add_model("v1", session.project.folder / "models" / "v1.safetensors")
    assert models.show() == models.imported  # it came, but is not in use
    session.project.set_active_model("v1")
    assert models.show() == first.path
    models.chosen = BUNDLED
    assert models.show() == BUNDLED
    session.project.roll_back_model()
    models.chosen = first.path
    session.project.set_active_model("v1")
    models.show()
    session.project.roll_back_model()
    assert models.show() == BUNDLED


def test_a_chosen_model_that_is_gone_gives_way_to_the_one_in_use(models, session):
    models.show()
    models.chosen = "/models/removed.safetensors"
    assert models.show() == BUNDLED
    made = session.project.add_model("v1", "/models/v1.safetensors", activate=True)
    models.show()
    models.chosen = "/models/removed.safetensors"
    assert models.show() == made.path


def test_a_project_that_is_opened_remembers_an_imported_model(models, session):
    run(session, ProposeSettings(model=models.imported))
    assert models.show() == models.imported
    models.choice, models.chosen = ModelChoice(), BUNDLED
    made = session.project.add_model("v1", "/models/v1.safetensors", activate=True)
    assert models.show() == made.path  # made after that run
    run(session, ProposeSettings(model=models.imported))
    models.choice, models.chosen = ModelChoice(), BUNDLED
    assert models.show() == models.imported
    models.choice, models.chosen, models.imported = ModelChoice(), BUNDLED, "/models/other"
    assert models.show() == made.path  # no longer on offer


def reopened(models):
    models.choice, models.chosen = ModelChoice(), models.imported
    return models.show()


def test_the_newer_of_the_last_run_and_the_version_in_use_is_chosen(models, session):
    project = session.project
    first = project.add_model("v1", "/models/v1.safetensors", activate=True)
    run(session, ProposeSettings(model=BUNDLED))
    assert reopened(models) == BUNDLED  # chosen by the menu although v1 is in use
    second = project.add_model("v2", "/models/v2.safetensors", activate=True)
    assert reopened(models) == second.path
    run(session, ProposeSettings(model=first.path))
    assert reopened(models) == first.path
    run(session, ProposeSettings(model=second.path))
    project.roll_back_model()
    assert reopened(models) == first.path  # the run with v2 was before
    project.set_active_model("v2")
    run(session, ProposeSettings(model=models.imported))
    project.set_active_model(None)
    assert reopened(models) == models.imported  # what was proposed with last, versions aside
    run(session, ProposeSettings(model=BUNDLED))
    project.set_active_model("v2")
    project.set_active_model(None)
    assert reopened(models) == BUNDLED  # came into use again, whatever another project used


def test_a_choice_goes_on_to_a_project_that_says_nothing_of_its_own(models, tmp_path):
    models.show()
    models.chosen = models.imported
    with Project.create(tmp_path / "next.ifcproj") as project:
        assert models.choice.of(project, [BUNDLED, models.imported], models.chosen) == (
            models.imported
        )
    with Project.create(tmp_path / "taught.ifcproj") as project:
        project.add_model("v1", "/models/v1.safetensors", activate=True)
        offered = [BUNDLED, models.imported, "/models/v1.safetensors"]
        assert models.choice.of(project, offered, models.imported) == "/models/v1.safetensors"


def test_whose_scores_judge_masks(tmp_path):
    assert judges_masks(ProposeSettings())
    assert judges_masks(ProposeSettings(model=DEFAULT_MODEL))
    assert not judges_masks(ProposeSettings(model="ifc-r18-cells"))
    assert not judges_masks(ProposeSettings(model="ifc-r18-cells", edges="best"))
    assert not judges_masks(ProposeSettings(edges="off"))
    assert not judges_masks(ProposeSettings(edges="fast"))
    other = tmp_path / "other.safetensors"
    assert not judges_masks(ProposeSettings(model=str(other)))
    header = json.dumps({"__metadata__": {METADATA_KEY: json.dumps({"preferred_edges": "best"})}})
    other.write_bytes(len(header).to_bytes(8, "little") + header.encode())
    assert judges_masks(ProposeSettings(model=str(other)))
    assert not judges_masks(ProposeSettings(model=str(other), edges="off"))

"""The model that was chosen for Propose stays chosen, and what depends on it hears of another."""

from __future__ import annotations

import shutil

import pytest

from ifc_core.config import data_dir
from ifc_core.jobs import JobContext
from ifc_core.models.bundled import BundledModel
from napari_ifc.controllers import propose_choices
from napari_ifc.controllers.videos import adding, look_through
from napari_ifc.features.finetune import PAGE, TrainerLink

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


@pytest.fixture
def imported(desk):
    """An imported model, which is chosen."""
    file = data_dir() / "models" / "published.safetensors"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    desk.studio.refresh_models()
    choose(desk, "published (imported)")
    assert chosen(desk) == str(file)
    return str(file)


def choose(desk, text):
    """Choose a model as a person does."""
    box = desk.studio.panel.propose._model
    box.setCurrentIndex(box.findText(text))


def chosen(desk):
    """The model that a run would use."""
    return desk.studio.panel.propose.settings().model


def test_another_video_and_another_model_leave_the_choice(desk, imported, clip, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    edit, _ = adding(desk.project, look_through([other], JobContext()))
    desk.editor.apply(edit)
    assert desk.studio.show_video(desk.project.videos()[1].id)
    assert chosen(desk) == imported
    desk.studio.refresh_models()  # one more was imported
    assert chosen(desk) == imported
    assert desk.studio.open_path(clip)
    assert chosen(desk) == imported


def test_the_model_of_the_last_run_is_restored(desk, imported, clip, tmp_path, qtbot):
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    other = tmp_path / "other"
    shutil.copytree(clip, other)
    sorted(other.iterdir())[-1].unlink()
    assert desk.studio.open_path(other)
    choose(desk, "Bundled model")
    assert desk.studio.open_path(clip)
    assert chosen(desk) == imported


def test_a_version_that_comes_into_use_is_chosen_and_told_of(desk, imported):
    told = []
    desk.studio.panel.propose.changed.connect(lambda: told.append(chosen(desk)))
    attention = desk.studio.attention.controller
    attention._found = object()
    desk.studio.refresh_models()
    assert told == []
    assert attention._found is not None
    made = desk.project.add_model("v1", desk.project.folder / "models" / "v1.safetensors")
    desk.project.set_active_model("v1")
    desk.studio.refresh_models()
    assert told == [made.path]
    assert attention._found is None


def test_every_bundled_model_is_offered(desk, monkeypatch, tmp_path):
    bundled = [
        BundledModel("ifc-r18-objects", tmp_path, ""),
        BundledModel("ifc-r18-cells", tmp_path, ""),
        BundledModel("ifc-r18-stars", tmp_path, ""),
    ]
    monkeypatch.setattr(propose_choices, "bundled_models", lambda: bundled)
    desk.studio.refresh_models()
    for text, name in (
        ("Bundled model", "default"),
        ("Bundled model for cells", "ifc-r18-cells"),
        ("ifc-r18-stars", "ifc-r18-stars"),
    ):
        choose(desk, text)
        assert chosen(desk) == name


def test_without_its_versions_a_project_goes_back_to_what_it_was_proposed_with(
    desk, imported, qtbot
):
    page = desk.studio.feature(TrainerLink).page
    with qtbot.waitSignal(desk.studio.run_finished):
        assert desk.studio.propose()
    desk.project.add_model("v1", desk.project.folder / "models" / "v1.safetensors")
    desk.project.set_active_model("v1")
    desk.studio.refresh_models()
    assert "v1" in chosen(desk)
    desk.studio.panel.show_page(PAGE)
    assert page._models.item(1).text() == "○  published (imported)"
    page.use_requested.emit(None)
    assert chosen(desk) == imported
    assert page._models.item(1).text() == "●  published (imported)"


def test_fine_tuning_begins_with_the_chosen_model_and_says_so(desk, imported, monkeypatch):
    studio = desk.studio
    link = studio.feature(TrainerLink)
    begun = []

    def start(preset, *, keep_object, model):
        begun.append(model)

    monkeypatch.setattr(link.controller, "start", start)
    studio.panel.show_page(PAGE)
    assert "Begins with what Propose uses: published (imported)." in link.page._plan.text()
    link.page.start_requested.emit("quick", True)
    choose(desk, "Bundled model")
    assert "Begins with what Propose uses: Bundled model." in link.page._plan.text()
    link.page.start_requested.emit("quick", True)
    desk.project.add_model("v1", desk.project.folder / "models" / "v1.safetensors")
    desk.project.set_active_model("v1")
    studio.refresh_models()
    assert "Begins with what Propose uses: v1." in link.page._plan.text()
    link.page.start_requested.emit("quick", True)
    choose(desk, "published (imported)")
    link.page.start_requested.emit("quick", True)
    # empty is the version that the project has in use, which stays unless its own child is better
    assert begun == [imported, "default", "", imported]

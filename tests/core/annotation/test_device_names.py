"""Names that Windows takes for devices are given to no file and no folder."""

from pathlib import Path

import pytest

from ifc_core.annotation.edits import SetVideo
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project
from ifc_core.annotation.folder_names import ProjectNames, folder_name
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.packed_names import safe_names


@pytest.mark.parametrize("name", ["aux", "CON", "nul.1", "com1", "Lpt9.v2"])
def test_a_device_gets_a_sign_before_it(name):
    assert folder_name(name, set()) == f"_{name}"
    file = Path(f"/p/models/{name}.safetensors")
    assert safe_names([file], Path("/p")) == {file: f"models/_{name}.safetensors"}


@pytest.mark.parametrize("name", ["console", "com", "com10", "my aux", "auxiliary.1", "lpt"])
def test_others_stay(name):
    assert folder_name(name, set()) == name.replace(" ", "_")


def test_an_export_of_such_a_video_comes_back_to_it(project, tmp_path):
    project.apply(SetVideo(1, name="aux"))
    assert [entry.id for entry in ProjectNames(project.videos(), []).entries("_aux")] == [1]
    everything = ExportOptions(ExportScope.EVERYTHING, include_studio_key=False)
    export_project(project, tmp_path / "a.json", options=everything)
    assert '"_aux/00002.jpg"' in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert import_annotations(project, tmp_path / "a.json").videos == 0
    assert len(project.tracks(1)) == 2

"""Without a version in use, fine-tuning begins with what the project was last proposed with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ifc_core.annotation import Project
from ifc_core.config import data_dir
from ifc_core.models.bundled import default_digest
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.training.chosen_model import chosen_digest, chosen_model
from ifc_core.training.entering import parent_is_in_use


@pytest.fixture
def project(approved_project) -> Project:
    return approved_project([3])


def propose(project: Project, model: str, kind: str = "propose") -> None:
    run = project.begin_run(kind, project.videos()[0].id, {}, model)
    project.finish_run(run)


def test_nothing_was_chosen_where_nothing_was_proposed(project: Project) -> None:
    assert (chosen_model(project), chosen_digest(project)) == ("", "")
    propose(project, "default")
    assert chosen_model(project) == ""


def test_the_latest_proposals_count_and_no_other_runs(
    project: Project, tiny_model_file: Path
) -> None:
    file = str(tiny_model_file)
    propose(project, file)
    propose(project, "default", kind="propagate")
    assert chosen_model(project) == file
    assert chosen_digest(project) == read_checkpoint_info(tiny_model_file).sha256
    propose(project, "default")
    assert chosen_model(project) == ""


def test_a_name_means_a_bundled_model_or_an_imported_one(
    project: Project, tiny_model_file: Path
) -> None:
    propose(project, DEFAULT_MODEL)  # said by its name
    assert chosen_digest(project) == default_digest()
    propose(project, "r50")
    assert chosen_model(project) == ""  # it is not there
    folder = data_dir() / "models"
    folder.mkdir(parents=True)
    shutil.copyfile(tiny_model_file, folder / "r50.safetensors")
    assert chosen_model(project) == "r50"
    assert chosen_digest(project) == read_checkpoint_info(tiny_model_file).sha256


def test_a_version_in_use_goes_first(project: Project, tiny_model_file: Path) -> None:
    propose(project, str(tiny_model_file))
    own = project.folder / "models" / "own.safetensors"
    own.parent.mkdir(exist_ok=True)
    own.write_bytes(b"weights")
    project.add_model("own", own, sha256="aa", activate=True)
    assert (chosen_model(project), chosen_digest(project)) == ("", "")


def test_a_better_version_takes_the_place_of_the_chosen_model(
    project: Project, tiny_model_file: Path
) -> None:
    digest = read_checkpoint_info(tiny_model_file).sha256
    result = {"parent": "tiny", "provenance": {"parent_sha256": digest}}
    assert not parent_is_in_use(project, result)
    propose(project, str(tiny_model_file))
    assert parent_is_in_use(project, result)
    assert parent_is_in_use(
        project, {"parent": DEFAULT_MODEL, "provenance": {"parent_sha256": default_digest()}}
    )

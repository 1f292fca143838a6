"""Without a version in use, a project has the model that it was last proposed with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ifc_core.annotation import Project
from ifc_core.config import data_dir
from ifc_core.models.bundled import default_digest
from ifc_core.models.checkpoint import read_checkpoint_info
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.training.base_model import base_digest, base_model, model_path
from ifc_core.training.entering import parent_is_in_use


@pytest.fixture
def project(approved_project) -> Project:
    return approved_project([3])


def propose(project: Project, model: str, kind: str = "propose", **settings: object) -> None:
    run = project.begin_run(kind, project.videos()[0].id, settings, model)
    project.finish_run(run)


def version(project: Project, name: str, digest: str, *, activate: bool = True) -> str:
    file = project.folder / "models" / f"{name}.safetensors"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"weights")
    return project.add_model(name, file, sha256=digest, activate=activate).path


def child(parent: str, digest: str, **settings: object) -> dict[str, object]:
    return {"parent": parent, "provenance": {"parent_sha256": digest, "settings": settings}}


def test_where_nothing_was_proposed_it_is_the_default(project: Project) -> None:
    assert (base_model(project), base_digest(project)) == ("", default_digest())
    propose(project, "default")
    assert (base_model(project), base_digest(project)) == ("", default_digest())


def test_the_latest_proposals_over_a_whole_video_count(
    project: Project, tiny_model_file: Path
) -> None:
    file = str(tiny_model_file)
    propose(project, file)
    propose(project, "default", kind="propagate")
    propose(project, "default", scope=[3, 9])
    assert base_model(project) == file
    assert base_digest(project) == read_checkpoint_info(tiny_model_file).sha256
    propose(project, "default")
    assert base_model(project) == ""


def test_a_name_means_an_imported_model_or_a_bundled_one(
    project: Project, tiny_model_file: Path
) -> None:
    propose(project, DEFAULT_MODEL)  # said by its name
    assert base_digest(project) == default_digest()
    propose(project, "r50")
    assert (base_model(project), model_path("r50"), base_digest(project)) == ("r50", None, "")
    folder = data_dir() / "models"
    folder.mkdir(parents=True)
    shutil.copyfile(tiny_model_file, folder / "r50.safetensors")
    assert base_digest(project) == read_checkpoint_info(tiny_model_file).sha256


def test_versions_come_and_go_and_the_base_stays(project: Project, tiny_model_file: Path) -> None:
    propose(project, str(tiny_model_file))
    own = version(project, "own", "aa")
    propose(project, own)
    assert base_model(project) == str(tiny_model_file)
    project.set_active_model(None)
    assert base_model(project) == str(tiny_model_file)


def test_a_better_version_takes_the_place_of_the_base(
    project: Project, tiny_model_file: Path
) -> None:
    digest = read_checkpoint_info(tiny_model_file).sha256
    objects = child(DEFAULT_MODEL, default_digest())
    assert parent_is_in_use(project, objects)
    assert not parent_is_in_use(project, child("tiny", digest))
    propose(project, str(tiny_model_file))
    assert parent_is_in_use(project, child("tiny", digest))
    assert parent_is_in_use(project, child("tiny", ""))  # by a program that noted no digest
    assert not parent_is_in_use(project, objects)


def test_what_was_put_away_meanwhile_does_not_come_back(project: Project) -> None:
    own = version(project, "own", "aa")
    propose(project, own)
    assert parent_is_in_use(project, child("own", "aa"))
    project.set_active_model(None)
    assert not parent_is_in_use(project, child("own", "aa"))


def test_what_propose_showed_at_the_start_is_replaced_unless_something_came_into_use(
    project: Project, tiny_model_file: Path
) -> None:
    chosen = child("cells", "cc", base="")
    assert parent_is_in_use(project, chosen)
    assert not parent_is_in_use(project, child("cells", "cc", base=None))
    assert not parent_is_in_use(project, child("cells", "cc", base="r50"))
    propose(project, str(tiny_model_file))  # while the run went on
    assert not parent_is_in_use(project, chosen)
    propose(project, "default")
    version(project, "own", "aa")
    assert not parent_is_in_use(project, chosen)

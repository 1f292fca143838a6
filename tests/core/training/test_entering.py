"""A fine-tuned version comes into use in the place of the model that it was compared with."""

import json

import pytest

from ifc_core.annotation import Project
from ifc_core.models.bundled import default_digest
from ifc_core.models.names import DEFAULT_MODEL
from ifc_core.training.entering import clean_up_entered, enter_kept, enter_version
from ifc_core.training.outcome import outcome_sentences
from ifc_core.training.run_files import (
    STATE_NAME,
    TRAINING_FOLDER,
    keep_result,
    unfinished_runs,
    write_settings,
)
from ifc_core.training.stopped_runs import discard_run, stopped_runs

RUN = "finetune-20260101-000000-000"
SCORE = {"num_masks": 9, "mean_j": 0.5, "ap": 0.5}


@pytest.fixture
def project(tmp_path):
    with Project.create(tmp_path / "toy.ifcproj") as project:
        (project.folder / "runs" / RUN).mkdir(parents=True)
        write_settings(project.folder / "runs" / RUN, {"run_id": RUN})
        yield project


def result(project, parent, digest="", **changes):
    path = project.folder / "models" / "new.safetensors"
    path.write_bytes(b"weights")
    return {
        "name": "new", "path": str(path), "sha256": "cd" * 32, "parent": parent,
        "verdict": "better", "promote": True, "provenance": {"parent_sha256": digest},
        "metrics": {}, "before": SCORE, "after": SCORE, "comparisons": [], "seconds": 9,
    } | changes  # fmt: skip


def use(project, name, digest):
    path = project.folder / "models" / f"{name}.safetensors"
    path.write_bytes(b"weights")
    project.add_model(name, path, sha256=digest, activate=True)


@pytest.mark.parametrize(
    ("in_use", "parent", "digest", "is_used"),
    [
        (None, DEFAULT_MODEL, default_digest(), True),
        (None, "default", default_digest(), True),
        (None, "a-copy-of-it", default_digest(), True),
        (None, DEFAULT_MODEL, "aa", False),  # a file of the user's that has its name
        (None, DEFAULT_MODEL, "", True),  # trained by a program that noted no digest
        (None, "r50", "aa", False),
        (("own", "aa"), "own", "aa", True),
        (("own", "aa"), "a-copy-of-it", "aa", True),
        (("own", "aa"), "own", "bb", False),  # another one of that name
        (("own", ""), "own", "aa", True),  # entered by a program that kept no digest
        (("own", "aa"), DEFAULT_MODEL, "bb", False),
    ],
)
def test_what_it_was_compared_with_is_what_it_takes_the_place_of(
    project, in_use, parent, digest, is_used
):
    if in_use is not None:
        use(project, *in_use)
    before = project.active_model()
    entered = enter_version(project, RUN, result(project, parent, digest))
    assert entered["promote"] == is_used
    active = project.active_model()
    assert (active.name if is_used else active) == ("new" if is_used else before)
    last = str(outcome_sentences(entered)[-1])
    other = f"It was compared with {parent}, but the project uses another model"
    assert last.startswith("The project uses it from now on." if is_used else other)


def test_no_version_comes_into_use_that_is_not_better(project):
    worse = result(project, DEFAULT_MODEL, verdict="not better", promote=False)
    assert not enter_version(project, RUN, worse)["promote"]
    assert project.active_model() is None


def test_a_run_is_cleaned_up_again_where_its_state_could_not_be_deleted(project):
    state = project.folder / "runs" / RUN / TRAINING_FOLDER / STATE_NAME
    state.mkdir(parents=True)  # a folder of that name cannot be unlinked
    enter_version(project, RUN, result(project, DEFAULT_MODEL))
    assert len(unfinished_runs(project.folder)) == 1
    state.rmdir()
    state.write_bytes(b"weights and moments")
    assert [version.name for version in clean_up_entered(project)] == ["new"]
    assert not state.exists()
    assert unfinished_runs(project.folder) == []


# ---- a process that is killed while it enters a version --------------------------------------


def written(project, name, run=RUN):
    """A version's file as far as entering looks into it."""
    said = json.dumps({"provenance": {"run": run}})
    header = json.dumps({"__metadata__": {"ifc_studio": said}}).encode()
    path = project.folder / "models" / f"{name}.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + run.encode())
    return path


def files_of(project):
    return sorted(file.name for file in (project.folder / "models").iterdir())


@pytest.fixture
def killed(project, tmp_path, monkeypatch):
    """Killed between renaming the version, whose name was taken meanwhile, and entering it."""

    def kill(*given, **named):
        raise KeyboardInterrupt

    project.add_model("new", tmp_path / "elsewhere.safetensors")
    done = result(project, DEFAULT_MODEL)
    written(project, "new")
    keep_result(project.folder / "runs" / RUN, done)
    with monkeypatch.context() as patch:
        patch.setattr(project, "add_model", kill)
        with pytest.raises(KeyboardInterrupt):
            enter_version(project, RUN, done)
    assert files_of(project) == ["new-2.safetensors"]
    return done


def check_entered_once(project):
    assert [model.name for model in project.models()] == ["new", "new-2"]
    assert project.models()[1].path == str(project.folder / "models" / "new-2.safetensors")
    assert files_of(project) == ["new-2.safetensors"]
    assert enter_kept(project) == []
    assert unfinished_runs(project.folder) == []


def test_a_version_that_was_renamed_and_not_entered_is_entered_later(project, killed):
    assert [entered["name"] for entered in enter_kept(project)] == ["new-2"]
    check_entered_once(project)


def test_a_version_that_was_renamed_is_entered_by_who_has_its_result(project, killed):
    assert enter_version(project, RUN, killed)["name"] == "new-2"
    check_entered_once(project)


def test_a_version_that_is_written_again_replaces_the_renamed_one(project, killed):
    written(project, "new")  # as a run that goes on does where no result was kept
    assert enter_version(project, RUN, killed)["name"] == "new-2"
    check_entered_once(project)


def test_a_version_keeps_off_the_file_of_another_run(project, killed):
    other = written(project, "new", "finetune-20260202-000000-000").read_bytes()
    assert [entered["name"] for entered in enter_kept(project)] == ["new-2"]
    assert (project.folder / "models" / "new.safetensors").read_bytes() == other


def test_a_discarded_run_leaves_no_version_behind(project):
    written(project, "new-2")
    entered = written(project, "old")
    project.add_model("old", entered)
    written(project, "other", "finetune-20260202-000000-000")
    (run,) = stopped_runs(project)
    discard_run(project, run)
    assert files_of(project) == ["old.safetensors", "other.safetensors"]

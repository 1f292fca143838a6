import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ifc_core import cli
from ifc_core.annotation import Project, Scope
from ifc_core.annotation.edits import ApproveFrames, NewTrack, SetCategory, SetMask
from ifc_core.cli import finetune
from ifc_core.cli.finetune import describe
from ifc_core.io.video import open_video
from ifc_core.jobs import JobCancelled
from ifc_core.structures import Category, RLEMask
from ifc_core.training import entering
from ifc_core.training import finetune as training
from ifc_core.training.finetune_plan import FinetunePlan
from ifc_core.training.finetune_settings import (
    FinetuneSettings,
    FinetuneStarted,
)
from ifc_core.training.run_files import SETTINGS_NAME
from ifc_core.training.stopped_runs import StoppedRun, stopped_runs


@pytest.fixture
def project_folder(tmp_path: Path, clip_folder: Path) -> Path:
    """A project with the moving square corrected and approved on six frames."""
    folder = tmp_path / "squares.ifcproj"
    with Project.create(folder, name="squares") as project:
        with open_video(clip_folder) as reader:
            video_id = project.add_video(reader.video)
        project.apply(SetCategory(Category(1, "fox")))
        masks = []
        for t in range(6):
            mask = np.zeros((48, 80), np.bool_)
            mask[12:32, 6 * t : 6 * t + 20] = True
            masks.append(RLEMask.from_array(mask))
        track = project.apply(NewTrack(video_id, 1, 0, masks[0])).tracks_added[0]
        for t in range(1, 6):
            project.apply(SetMask(track, t, masks[t]))
        for t in range(6):
            project.apply(ApproveFrames(video_id, Scope.this_frame(t)))
    return folder


@pytest.fixture
def quick(tiny_model_file: Path) -> list[str]:
    return ["--model", str(tiny_model_file), "--device", "cpu", "--short-side", "64"]


def state_files(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob(f"*/{SETTINGS_NAME}"))


def test_a_project_gets_a_new_model_version(
    project_folder: Path, quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["finetune", str(project_folder), "--iterations", "2", "--name", "second", "--json"]
    assert cli.main([*words, *quick]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["name"] == "second"
    assert result["iterations"] == 2
    assert "frames to learn from" in captured.err
    with Project.open(project_folder) as project:
        (model,) = project.models()
        assert model.name == "second"
        assert (project_folder / model.path).is_file() or Path(model.path).is_file()
        assert (project.active_model() is not None) == result["promote"]
    assert state_files(project_folder) == []


def test_a_run_begins_with_what_the_project_was_proposed_with(
    project_folder: Path, tiny_model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.open(project_folder) as project:
        project.finish_run(project.begin_run("propose", 1, {}, str(tiny_model_file)))
    words = ["finetune", str(project_folder), "--iterations", "1", "--json"]
    assert cli.main([*words, "--device", "cpu", "--short-side", "64"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["parent"] == tiny_model_file.stem
    assert f"it begins with {tiny_model_file.stem}, which proposed." in captured.err


def test_a_model_that_proposed_and_is_gone_is_named(
    project_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[FinetuneSettings] = []

    def train(folder: Path, settings: FinetuneSettings) -> Any:
        begun.append(settings)
        raise JobCancelled

    monkeypatch.setattr(finetune, "_train", train)
    with Project.open(project_folder) as project:
        project.finish_run(project.begin_run("propose", 1, {}, "/gone/r50.safetensors"))
    cli.main(["finetune", str(project_folder)])
    assert begun[0].model == ""
    said = "r50, which proposed, is not there: it begins with ifc-r18-objects."
    assert said in capsys.readouterr().err


def test_a_stopped_run_goes_on(
    project_folder: Path,
    quick: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(event: Any) -> str:
        if isinstance(event, FinetuneStarted):
            os.kill(os.getpid(), signal.SIGINT)
        return describe(event)

    with monkeypatch.context() as patch:
        patch.setattr(finetune, "describe", stop)
        assert cli.main(["finetune", str(project_folder), "--iterations", "3", *quick]) == 130
    assert "frames to learn from" in capsys.readouterr().err
    assert len(state_files(project_folder)) == 1
    with Project.open(project_folder) as project:
        assert project.models() == []
    assert cli.main(["finetune", str(project_folder), "--resume"]) == 0
    assert "squares-1 is ready" in capsys.readouterr().out
    assert state_files(project_folder) == []


def test_the_project_knows_a_version_before_its_training_state_goes(
    project_folder: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[str] = []
    delete = Path.unlink

    def watched(path: Path, missing_ok: bool = False) -> None:
        if path.name == "resume.safetensors":
            with Project.open(project_folder, read_only=True) as project:
                known.extend(model.name for model in project.models())
        delete(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", watched)
    words = ["finetune", str(project_folder), "--iterations", "2", "--name", "second"]
    assert cli.main([*words, *quick]) == 0
    assert known == ["second"]


def test_a_run_killed_after_its_version_was_entered_is_entered_once(
    project_folder: Path,
    quick: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(entering, "_clean_up", lambda folder: None)  # killed before it
        assert cli.main(["finetune", str(project_folder), "--iterations", "2", *quick]) == 0
    assert len(state_files(project_folder)) == 1
    with Project.open(project_folder) as project:
        entered = project.models()
    capsys.readouterr()
    assert cli.main(["finetune", str(project_folder), "--resume", "--json"]) == 0
    told = capsys.readouterr()
    assert "has its version squares-1" in told.err
    assert json.loads(told.out)["name"] == "squares-1"
    assert state_files(project_folder) == []
    assert list((project_folder / "runs").rglob("resume.safetensors")) == []
    with Project.open(project_folder) as project:
        assert project.models() == entered
    assert cli.main(["finetune", str(project_folder), "--resume"]) == 2


def test_a_run_killed_before_its_version_was_entered_keeps_the_name(
    project_folder: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any) -> None:
        raise KeyboardInterrupt

    words = ["finetune", str(project_folder), "--iterations", "2", "--name", "second", *quick]
    with monkeypatch.context() as patch:
        patch.setattr(entering, "enter_version", killed)
        assert cli.main(words) == 130
    assert cli.main(["finetune", str(project_folder), "--resume"]) == 0
    with Project.open(project_folder) as project:
        assert [model.name for model in project.models()] == ["second"]
    assert [file.name for file in (project_folder / "models").iterdir()] == ["second.safetensors"]


@pytest.mark.parametrize("words", [["--model", "nonsense"], ["--device", "tpu"]])
def test_a_run_that_cannot_begin_hides_no_stopped_one(
    project_folder: Path,
    quick: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
) -> None:
    def stop(event: Any) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return describe(event)

    with monkeypatch.context() as patch:
        patch.setattr(finetune, "describe", stop)
        assert cli.main(["finetune", str(project_folder), "--iterations", "3", *quick]) == 130
    stopped = state_files(project_folder)
    assert cli.main(["finetune", str(project_folder), "--iterations", "3", *quick, *words]) == 2
    assert words[-1] in capsys.readouterr().err.splitlines()[-1]
    assert state_files(project_folder) == stopped
    assert len(list((project_folder / "runs").iterdir())) == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["{tmp}/none.ifcproj"], "none.ifcproj"),
        (["{project}", "--preset", "slow"], "quick, balanced, thorough"),
        (["{project}", "--resume"], "no stopped"),
        (["{project}", "--model", "nonsense"], "nonsense"),
        (["{project}", "--minutes", "-1"], "minutes"),
        (["{empty}"], "nothing to learn"),
    ],
)
def test_what_cannot_be_done_gets_one_sentence(
    project_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    part: str,
) -> None:
    empty = tmp_path / "empty.ifcproj"
    Project.create(empty).close()
    filled = [w.format(tmp=tmp_path, project=project_folder, empty=empty) for w in words]
    assert cli.main(["finetune", *filled]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("ifc-studio: ")
    assert part in last


def stop_at_start(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    """Run the command until it has begun, and stop it as Ctrl-C does."""

    def stop(event: Any) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return describe(event)

    with monkeypatch.context() as patch:
        patch.setattr(finetune, "describe", stop)
        assert cli.main(words) == 130


def test_a_stopped_run_goes_on_after_project_video_and_parent_were_moved(
    project_folder: Path,
    clip_folder: Path,
    tiny_model_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = tmp_path / "clips" / "square"
    shutil.copytree(clip_folder, clip)
    parent = project_folder / "models" / "own.safetensors"
    shutil.copy(tiny_model_file, parent)
    with Project.open(project_folder) as project:
        project.relink_video(1, clip)
        project.add_model("own", parent, activate=True)
    words = ["--device", "cpu", "--short-side", "64", "--iterations", "3"]
    stop_at_start(monkeypatch, ["finetune", str(project_folder), *words])
    moved = tmp_path / "deep" / "moved.ifcproj"
    moved.parent.mkdir()
    project_folder.rename(moved)
    clip.rename(moved.parent / "square")
    assert cli.main(["finetune", str(moved), "--resume"]) == 0
    told = capsys.readouterr()
    assert "Stopped; its state is saved, go on with --resume." in told.err
    assert "squares-1 is ready" in told.out
    with Project.open(moved) as project:
        assert [(m.name, m.parent) for m in project.models()] == [("own", ""), ("squares-1", "own")]


def test_a_stopped_run_does_not_go_on_with_another_film(
    project_folder: Path,
    clip_folder: Path,
    tmp_path: Path,
    quick: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clip = tmp_path / "clips" / "square"
    shutil.copytree(clip_folder, clip)
    with Project.open(project_folder) as project:
        project.relink_video(1, clip)
    stop_at_start(monkeypatch, ["finetune", str(project_folder), "--iterations", "3", *quick])
    (clip / "00008.png").write_bytes((clip / "00001.png").read_bytes())
    assert cli.main(["finetune", str(project_folder), "--resume"]) == 2
    assert "is not the file that was annotated; locate" in capsys.readouterr().err
    assert len(state_files(project_folder)) == 1


def test_stopped_runs_are_named_and_discarded_on_request(
    project_folder: Path,
    quick: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["finetune", str(project_folder), "--iterations", "3", *quick]
    day = time.strftime("%Y-%m-%d")
    stop_at_start(monkeypatch, words)
    capsys.readouterr()
    assert cli.main(words) == 0
    told = capsys.readouterr().err
    assert f"The fine-tuning of {day}" in told
    assert "(quick, nothing trained yet) stays stopped beside this one; --discard" in told
    (left,) = state_files(project_folder)
    assert cli.main(["finetune", str(project_folder), "--discard"]) == 0
    assert capsys.readouterr().out.startswith(f"Discarded the fine-tuning of {day}")
    assert not left.parent.exists()
    assert cli.main(["finetune", str(project_folder), "--discard"]) == 2
    assert "no stopped fine-tuning to discard" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--resume", "--preset", "quick"], "leave out --preset."),
        (["--minutes", "3", "--resume", "--device", "cpu"], "leave out --minutes and --device."),
        (["--resume", "--discard"], "leave out --discard."),
        (["--discard", "--drop-object"], "deletes a run; leave out --drop-object."),
    ],
)
def test_options_that_a_run_cannot_take_are_refused(
    project_folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], part: str
) -> None:
    assert cli.main(["finetune", str(project_folder), *words]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert part in told


def test_the_project_is_free_while_the_training_goes_on(
    project_folder: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def look(event: Any) -> str:
        with Project.open(project_folder) as project:
            seen.append(project.read_only)
            assert stopped_runs(project) == []  # it goes on, elsewhere
        assert cli.main(["finetune", str(project_folder), "--resume"]) == 2
        return describe(event)

    monkeypatch.setattr(finetune, "describe", look)
    assert cli.main(["finetune", str(project_folder), "--iterations", "1", *quick]) == 0
    assert seen
    assert not any(seen)


@pytest.fixture
def holders(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Project]:
    """Holds the project once the first event of a run came, as a window that opened it would."""
    held: list[Project] = []

    def hold(event: Any) -> str:
        if not held:
            held.append(Project.open(project_folder))
        return describe(event)

    monkeypatch.setattr(finetune, "describe", hold)
    return held


def test_a_version_waits_where_the_project_is_in_use(
    project_folder: Path,
    quick: list[str],
    holders: list[Project],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["finetune", str(project_folder), "--iterations", "2", "--name", "second", *quick]
    monkeypatch.setattr(finetune, "WAIT_SECONDS", 0.0)
    assert cli.main(words) == 2
    assert "The training is done, but" in capsys.readouterr().err.splitlines()[-1]
    holders[0].close()
    assert cli.main(["finetune", str(project_folder), "--resume", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["name"] == "second"
    with Project.open(project_folder) as project:
        assert [model.name for model in project.models()] == ["second"]
    assert state_files(project_folder) == []
    assert list((project_folder / "runs").rglob("result.json")) == []


def test_a_run_is_taken_for_no_stopped_one_from_its_first_moment(
    project_folder: Path, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[StoppedRun]] = []
    plan = training.plan_finetune

    def look(folder: Path, settings: FinetuneSettings) -> FinetunePlan:
        with Project.open(project_folder) as project:
            seen.append(stopped_runs(project))
        return plan(folder, settings)

    monkeypatch.setattr(training, "plan_finetune", look)
    assert cli.main(["finetune", str(project_folder), "--iterations", "1", *quick]) == 0
    assert seen == [[]]


def test_a_version_that_the_window_enters_meanwhile_ends_well(
    project_folder: Path,
    quick: list[str],
    holders: list[Project],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def enter_kept(seconds: float) -> None:
        entering.enter_kept(holders[0])

    monkeypatch.setattr(finetune.time, "sleep", enter_kept)
    words = ["finetune", str(project_folder), "--iterations", "2", "--name", "second", "--json"]
    assert cli.main([*words, *quick]) == 0
    (version,) = holders[0].models()
    result = json.loads(capsys.readouterr().out)
    assert (result["name"], result["path"]) == (version.name, version.path)
    holders[0].close()


def test_a_project_that_is_open_elsewhere_is_left_alone(
    project_folder: Path, quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import sys; from ifc_core.annotation import Project\n"
        "project = Project.open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(project_folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert cli.main(["finetune", str(project_folder), *quick]) == 2
        holder.communicate("")
    assert capsys.readouterr().err.count("\n") == 1
    assert state_files(project_folder) == []

"""A project's proposals, and results in a file, against its approved frames."""

from __future__ import annotations

import json

import pytest
from judged_project import NUM_FRAMES, SIZE, box, everywhere, propose

from ifc_core import cli
from ifc_core.annotation import Scope, StagedInstance, StagedMask, edits
from ifc_core.errors import InputError
from ifc_core.evaluation.project_quality import project_quality
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis
from ifc_core.structures import Category, Video


@pytest.mark.parametrize(
    ("model", "name", "source"),
    [
        ("default", "", "proposals of the bundled model"),
        ("{folder}/models/first.safetensors", "Cats 2", "proposals of Cats 2"),
        ("/elsewhere/mice.v2.safetensors", "mice.v2", "proposals of mice.v2"),
    ],
)
def test_a_model_is_called_what_people_call_it(project, model, name, source):
    weights = project.folder / "models" / "first.safetensors"
    weights.parent.mkdir(exist_ok=True)
    weights.touch()
    project.add_model("Cats 2", weights)
    propose(project, {("cat", 0.9): everywhere(0)}, model.format(folder=project.folder))
    quality = project_quality(project)
    assert (quality.models, quality.source) == ((name,), source)


def test_perfect_and_half_right_proposals_by_class(project):
    propose(project, {("cat", 0.9): everywhere(0), ("dog", 0.8): everywhere(35)})
    quality = project_quality(project)
    assert quality.source == "proposals of toy"
    assert (quality.num_videos, quality.num_frames, quality.num_masks) == (1, 3, 6)
    cat, dog = quality.per_category
    assert (cat.name, cat.figures.region_j) == ("cat", 1.0)
    assert cat.figures.ap == pytest.approx(1.0)
    assert dog.figures.region_j == pytest.approx(50 / 150)
    assert (dog.figures.ap, dog.figures.num_tracks) == (0.0, 1)
    assert quality.overall.ap == pytest.approx(0.5)
    assert quality.overall.region_j == pytest.approx((1 + 50 / 150) / 2)
    assert quality.classes_compared
    json.dumps(quality.to_json(), allow_nan=False)


def test_only_approved_frames_count_and_the_latest_run(project):
    propose(project, {("cat", 0.9): everywhere(20)})
    wrong_elsewhere = {0: 20, 1: 0, 2: 0, 3: 0, 5: 20}
    run = propose(project, {("cat", 0.9): wrong_elsewhere})
    assert project_quality(project).per_category[0].figures.ap == pytest.approx(1.0)
    project.apply(edits.AcceptRun(run))  # accepted proposals are still what was proposed
    assert project_quality(project).per_category[0].figures.ap == pytest.approx(1.0)
    assert project_quality(project, run_id=run - 1).per_category[0].figures.ap == 0.0


@pytest.mark.parametrize(
    ("settings", "frames"),
    [
        ({"frame_step": 2}, [2]),
        ({"scope": [2, 4]}, [2, 3]),
        ({"scope": [None, 1], "frame_step": 1}, [1]),
        ({"scope": "nonsense", "frame_step": None}, [1, 2, 3]),
    ],
)
def test_a_run_is_judged_on_the_frames_it_was_asked_for(project, settings, frames):
    right = dict.fromkeys(frames, 0)
    propose(project, {("cat", 0.9): right}, settings=settings)
    quality = project_quality(project)
    assert quality.num_frames == len(frames)
    assert quality.per_category[0].figures.region_j == 1.0
    told = "2 approved frames are not in proposals of toy; they are left out."
    if len(frames) == 2:
        told = "1 approved frame is not in proposals of toy; it is left out."
    assert quality.notes == ((told,) if len(frames) < 3 else ())


def stopped(project, last, checkpoint=None, settings=None):
    """A run that was paused after it had found the cat on every frame up to the last."""
    run = project.begin_run("propose", 1, settings or {}, model="toy")
    for frame in range(last + 1):
        project.stage(run, frame, [StagedMask(0, box(0))])
    project.stage_instances(run, [StagedInstance(0, "cat", 0.9)])
    project.save_checkpoint(run, checkpoint or {})
    project.pause_run(run)
    return run


STOPPED = "The run on clip is not complete; it is judged on the frames that it reached."


@pytest.mark.parametrize("accepted", [False, True])
def test_a_run_that_was_stopped_is_judged_as_far_as_it_came(project, accepted):
    run = stopped(project, 2)
    if accepted:
        project.apply(edits.AcceptRun(run))
        project.finish_run(run)
    quality = project_quality(project)
    assert quality.num_frames == 2  # 1 and 2 of the approved 1, 2, 3
    assert quality.per_category[0].figures.region_j == 1.0
    left_out = "1 approved frame is not in proposals of toy; it is left out."
    assert quality.notes == (STOPPED, left_out)


def test_a_run_that_found_nothing_before_it_was_stopped_is_judged_there_too(project):
    at = {"restart_frame": 2, "restart_position": 1, "next_position": 3}
    run = stopped(project, 0, at, {"frame_step": 2})  # frames 0, 2 and 4 were looked at
    quality = project_quality(project)
    assert (quality.num_frames, quality.num_masks) == (1, 2)
    assert quality.per_category[0].figures.region_j == 0.0
    project.save_checkpoint(run, {**at, "next_position": "3"})
    with pytest.raises(InputError, match=r"no proposals .*; propose there first\.$"):
        project_quality(project)


def test_a_complete_run_is_judged_rather_than_a_later_one_that_was_stopped(project):
    propose(project, {("dog", 0.9): everywhere(30)})
    run = stopped(project, 2)
    quality = project_quality(project)
    assert (quality.num_frames, quality.notes) == (3, ())
    assert [entry.figures.region_j for entry in quality.per_category] == [0.0, 1.0]
    assert project_quality(project, run_id=run).notes[0] == STOPPED


def test_a_run_elsewhere_is_no_run_to_judge(project):
    propose(project, {("cat", 0.9): {5: 0}}, settings={"scope": [5, 5]})
    with pytest.raises(InputError, match="no proposals"):
        project_quality(project)


def test_identity_switches_are_counted_for_the_class_they_hit(project):
    parts = {("cat", 0.9): {1: 0}, ("cat", 0.8): {2: 0, 3: 0}, ("dog", 0.7): everywhere(30)}
    propose(project, parts)
    cat, dog = project_quality(project).per_category
    assert (cat.figures.identity_switches, dog.figures.identity_switches) == (1, 0)


def test_a_model_without_the_classes_is_judged_by_shape_alone(project):
    propose(project, {("object", 0.9): everywhere(0), ("object", 0.8): everywhere(30)})
    quality = project_quality(project)
    assert not quality.classes_compared
    assert quality.overall.ap == pytest.approx(1.0)
    assert [entry.figures.region_j for entry in quality.per_category] == [1.0, 1.0]
    assert [entry.figures.ap for entry in quality.per_category] == [None, None]
    assert "classes are not compared" in quality.notes[0]


def test_results_in_a_file_and_the_command(project, tmp_path, capsys):
    result = {
        "video_id": 1,
        "category_id": 2,
        "score": 0.5,
        "segmentations": [box(30).to_coco()] * NUM_FRAMES,
    }
    path = tmp_path / "results.json"
    path.write_text(json.dumps([result]))
    quality = project_quality(project, path)
    assert quality.per_category[1].figures.ap == pytest.approx(1.0)
    assert quality.per_category[0].figures.ap == 0.0
    folder = str(project.folder)
    assert cli.main(["evaluate", "--project", folder, "--pred", str(path), "--json", "-"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["overall"] == quality.to_json()["overall"]
    assert cli.main(["evaluate", "--project", folder, "--pred", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "results.json, on 3 approved frames of 1 video with 6 masks"
    assert lines[4].split() == ["dog", "1.0000", "1.0000", "1.0000", "1.0000", "1.0000", "0", "1"]
    assert cli.main(["evaluate", "--project", folder]) == 2
    assert "no proposals" in capsys.readouterr().err
    assert cli.main(["evaluate"]) == 2
    assert "--project" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["project.sqlite", "project.sqlite-wal", "project.lock", "."])
def test_figures_never_replace_the_project(project, capsys, name):
    propose(project, {("cat", 0.9): everywhere(0)})
    files = [project.folder / "project.sqlite", project.folder / "project.sqlite-wal"]
    before = [file.read_bytes() for file in files]
    assert all(before)
    target = str(project.folder / name)
    assert cli.main(["evaluate", "--project", str(project.folder), "--json", target]) != 0
    assert "would destroy the project" in " ".join(capsys.readouterr().err.split())
    assert [file.read_bytes() for file in files] == before


@pytest.fixture
def second(project, tmp_path):
    """A second video with a cat, all approved, and its name in a file of propose."""
    project.add_video(Video(tmp_path / "other.mp4", NUM_FRAMES, *SIZE, 10.0, "1-b"))
    project.apply(edits.NewTrack(2, 1, 0, box(0)))
    project.apply(edits.ApproveFrames(2, Scope(0, 0)))


def test_frames_that_a_file_did_not_look_at_are_left_out(project, tmp_path):
    names = tuple(f"clip/{n:05d}.jpg" for n in range(0, NUM_FRAMES, 2))
    video = YtvisVideo(1, *SIZE, len(names), names)  # every second frame
    cat = YtvisTrack(1, 1, 1, (box(0),) * len(names), score=0.9)
    write_ytvis(YtvisFile((video,), (Category(1, "cat"),), (cat,)), tmp_path / "found.json")
    quality = project_quality(project, tmp_path / "found.json")
    assert quality.num_frames == 1
    assert quality.per_category[0].figures.region_j == 1.0
    assert quality.notes == ("2 approved frames are not in found.json; they are left out.",)


@pytest.mark.usefixtures("second")
def test_a_video_in_which_a_file_found_nothing_counts(project, tmp_path):
    videos = tuple(
        YtvisVideo(v.id, *SIZE, NUM_FRAMES, tuple(f"{v.name}/{n}.jpg" for n in range(NUM_FRAMES)))
        for v in project.videos()
    )
    cat = YtvisTrack(1, 1, 1, (box(0),) * NUM_FRAMES, score=0.9)
    write_ytvis(YtvisFile(videos, (Category(1, "cat"),), (cat,)), tmp_path / "found.json")
    quality = project_quality(project, tmp_path / "found.json")
    assert (quality.num_videos, quality.notes) == (2, ())
    assert quality.per_category[0].figures.region_j == pytest.approx(0.5)


def test_without_approved_frames_there_is_nothing_to_judge_by(project):
    project.apply(edits.UnapproveFrames(1, Scope()))
    with pytest.raises(InputError, match="No frame"):
        project_quality(project)

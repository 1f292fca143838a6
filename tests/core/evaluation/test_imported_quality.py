"""Proposals that files brought into a project, against its approved frames."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from judged_project import NUM_FRAMES, SIZE, box, everywhere, propose

from ifc_core import cli
from ifc_core.annotation import Scope, edits
from ifc_core.annotation.covered_tracks import Overlaps
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import InputError
from ifc_core.evaluation.project_quality import project_quality
from ifc_core.io.ytvis import YtvisFile, YtvisTrack, YtvisVideo, write_ytvis, write_ytvis_results
from ifc_core.structures import Category, Video


@pytest.fixture
def second(project, tmp_path):
    """A second video with a cat, all approved, and its name in a file of propose."""
    project.add_video(Video(tmp_path / "other.mp4", NUM_FRAMES, *SIZE, 10.0, "1-b"))
    project.apply(edits.NewTrack(2, 1, 0, box(0)))
    project.apply(edits.ApproveFrames(2, Scope(0, 0)))


def found_file(path, frames=range(NUM_FRAMES), lefts=(0,), seen=None, label="cat", others=()):
    """A file that proposes cats, of these frames of the clip; seen on all of them, or on some."""
    names = tuple(f"clip/{n:05d}.jpg" for n in frames)
    cats = tuple(
        YtvisTrack(
            number,
            1,
            1,
            tuple(box(left) if seen is None or frame in seen else None for frame in frames),
            score=0.9,
        )
        for number, left in enumerate(lefts, start=1)
    )
    videos = [YtvisVideo(1, *SIZE, len(names), names)]
    for number, name in enumerate(others, start=2):
        other = tuple(n.replace("clip/", f"{name}/") for n in names)
        videos.append(YtvisVideo(number, *SIZE, len(names), other))
    write_ytvis_results(cats, path)
    header = path.with_name(f"{path.stem}-gt.json")
    write_ytvis(YtvisFile(tuple(videos), (Category(1, label),), ()), header)
    return header


def make_older(project, *keys):
    """The journal as it was before its imports said these things."""
    db = project._db
    for seq, text in db.execute(
        "SELECT seq, command FROM journal WHERE kind = 'ImportTracks'"
    ).fetchall():
        command = {key: value for key, value in json.loads(text).items() if key not in keys}
        db.execute("UPDATE journal SET command = ? WHERE seq = ?", (json.dumps(command), seq))


def test_imported_proposals_count_as_they_came(project, tmp_path, capsys):
    path = tmp_path / "my found.json"
    import_annotations(project, path, annotations=found_file(path, lefts=(0, 45)))
    first, second = (t.id for t in project.tracks(1) if t.score == 0.9)
    before = project_quality(project)
    assert (before.source, before.files, before.models) == (
        *("proposals imported from my found.json", ("my found.json",), ()),
    )
    assert (before.num_frames, before.num_masks, before.notes) == (3, 6, ())
    assert before.per_category[0].figures.ap == pytest.approx(1.0)
    assert before == replace(
        project_quality(project, path), source=before.source, files=before.files
    )
    for frame in range(NUM_FRAMES):  # corrections make them no better and no worse
        project.apply(edits.SetMask(second, frame, box(20)))
    project.apply(edits.DeleteTracks((first, second)))
    assert project_quality(project).overall == before.overall
    assert cli.main(["evaluate", "--project", str(project.folder)]) == 0
    assert capsys.readouterr().out.startswith("proposals imported from my found.json, on 3 appr")
    project.undo()
    for _ in range(NUM_FRAMES + 1):
        project.undo()  # the import at last
    with pytest.raises(InputError, match="propose there first"):
        project_quality(project)


def test_runs_come_first_and_a_later_import_before_an_earlier_one(project, second, tmp_path):
    for name, left in (("old.json", 30), ("new.json", 0)):
        path = tmp_path / name
        import_annotations(project, path, annotations=found_file(path, lefts=(left,)))
    quality = project_quality(project)
    assert (quality.files, quality.per_category[0].figures.ap) == (
        ("new.json",),
        pytest.approx(1.0),
    )
    assert quality.notes == ("Nothing was proposed in other; it is left out.",)
    propose(project, {("dog", 0.9): everywhere(30)})
    quality = project_quality(project)
    assert (quality.source, quality.files) == ("proposals of toy", ())


def test_of_an_import_the_frames_from_its_first_mask_to_its_last_are_judged(project, tmp_path):
    path = tmp_path / "part.json"
    import_annotations(project, path, annotations=found_file(path, frames=(2, 3, 4)))
    make_older(project, "covered")
    quality = project_quality(project)
    assert quality.num_frames == 2
    assert quality.notes == (
        "1 approved frame is not in proposals imported from part.json; it is left out.",
        "Of an import only the frames from its first mask to its last are known to be covered.",
    )
    make_older(project, "left_out")
    assert project_quality(project).notes == (
        quality.notes[0],
        "Whether the import of part.json left out what the project had is not known.",
        quality.notes[1],
    )


@pytest.mark.parametrize(
    ("frames", "seen", "judged", "right"),
    [
        (range(NUM_FRAMES), (2,), 3, 1),  # nothing found at either end
        ((2, 3, 4), (3,), 2, 1),
        (range(0, NUM_FRAMES, 2), (0, 2), 1, 1),
        (range(NUM_FRAMES), (0, 2, 4), 3, 1),  # found on every second one, by chance
    ],
)
def test_an_import_is_judged_on_the_frames_that_its_file_covers(
    project, tmp_path, frames, seen, judged, right
):
    path = tmp_path / "part.json"
    import_annotations(project, path, annotations=found_file(path, frames=frames, seen=seen))
    quality = project_quality(project)
    assert quality.num_frames == judged
    assert quality.per_category[0].figures.region_j == pytest.approx(right / judged)
    one = "1 approved frame is not in proposals imported from part.json; it is left out."
    two = "2 approved frames are not in proposals imported from part.json; they are left out."
    assert quality.notes == {3: (), 2: (one,), 1: (two,)}[judged]


@pytest.mark.usefixtures("second")
def test_a_video_in_which_an_imported_file_found_nothing_counts(project, tmp_path):
    path = tmp_path / "both.json"
    import_annotations(project, path, annotations=found_file(path, others=("other",)))
    quality = project_quality(project)
    assert (quality.num_videos, quality.notes) == (2, ())
    assert quality.per_category[0].figures.region_j == pytest.approx(0.5)


def test_what_took_the_place_of_an_older_import_is_judged(project, tmp_path):
    for name, left, overlaps in (("old", 44, Overlaps.BOTH), ("new", 45, Overlaps.THEIRS)):
        path = tmp_path / f"{name}.json"
        header = found_file(path, lefts=(left, 0) if name == "new" else (left,))
        report = import_annotations(project, path, annotations=header, overlaps=overlaps)
    assert report.covered == 2  # the older import's track and the person's cat
    quality = project_quality(project)
    assert (quality.files, quality.notes) == (("new.json",), ())
    assert quality.overall == project_quality(project, path).overall


@pytest.mark.parametrize("is_mixed", [True, False])
def test_a_later_import_that_is_not_judged_is_named(project, tmp_path, is_mixed):
    path = tmp_path / "old.json"
    import_annotations(project, path, annotations=found_file(path))
    if is_mixed:  # what people made, and a proposal
        file = tmp_path / "mixed.json"
        export_project(project, file, options=ExportOptions(scope=ExportScope.EVERYTHING))
        import_annotations(project, file)
    else:
        file = tmp_path / "less.json"
        header = found_file(file, lefts=(0, 45))
        import_annotations(project, file, annotations=header, overlaps=Overlaps.OURS)
    quality = project_quality(project)
    assert quality.files == ("old.json",)
    assert quality.notes == (
        f"In clip an earlier import is judged, old.json: the later one of {file.name} holds "
        "nothing there, or what people made or reviewed too, or left out what the project had.",
    )


def test_what_people_made_alone_is_no_later_import_of_proposals(project, tmp_path):
    export_project(project, tmp_path / "people.json")
    path = tmp_path / "old.json"
    import_annotations(project, path, annotations=found_file(path))
    import_annotations(project, tmp_path / "people.json")
    assert (project_quality(project).files, project_quality(project).notes) == (("old.json",), ())


def test_proposals_follow_their_class_into_the_one_that_it_was_merged_into(project, tmp_path):
    path = tmp_path / "kitties.json"
    import_annotations(project, path, annotations=found_file(path, label="kitty"))
    kitty = next(c.id for c in project.categories() if c.name == "kitty")
    project.apply(edits.SetCategory(Category(9, "tom")))
    project.apply(edits.RemoveCategory(kitty, 9))
    project.apply(edits.Batch((edits.RemoveCategory(9, 1),)))
    quality = project_quality(project)
    assert (quality.classes_compared, quality.notes) == (True, ())
    assert quality.per_category[0].figures.ap == pytest.approx(1.0)
    project.undo()
    assert not project_quality(project).classes_compared


def test_proposals_of_a_class_that_is_gone_are_named(project, tmp_path):
    path = tmp_path / "kitties.json"
    import_annotations(project, path, annotations=found_file(path, label="kitty"))
    kitty = next(c.id for c in project.categories() if c.name == "kitty")
    project.apply(edits.DeleteTracks(tuple(t.id for t in project.tracks(1) if t.score == 0.9)))
    project.apply(edits.RemoveCategory(kitty))
    assert project_quality(project).notes[0] == (
        "The class of 1 track from kitties.json is gone from the project: where classes are "
        "compared, AP leaves out what has none."
    )


def test_an_import_that_the_history_has_forgotten_is_judged_by_its_file(project, tmp_path):
    path = tmp_path / "found.json"
    import_annotations(project, path, annotations=found_file(path))
    project.compact(0)
    told = f"--project {project.folder} --pred FILE.json"
    with pytest.raises(InputError, match=rf"history still knows\. .*{re.escape(told)}$"):
        project_quality(project)
    project.apply(edits.DeleteTracks(tuple(t.id for t in project.tracks(1) if t.score == 0.9)))
    with pytest.raises(InputError, match="propose there first"):
        project_quality(project)


def test_what_holds_the_work_of_people_or_is_not_whole_is_judged_by_its_file(project, tmp_path):
    path = tmp_path / "mixed.json"
    header = found_file(path, lefts=(0, 45))
    export_project(project, tmp_path / "ours.json")
    import_annotations(project, tmp_path / "ours.json")
    told = f"--project {project.folder} --pred ours.json"
    with pytest.raises(InputError, match=re.escape(told)):
        project_quality(project)
    import_annotations(project, path, annotations=header, overlaps=Overlaps.OURS)
    with pytest.raises(InputError, match=r"--pred mixed\.json$"):
        project_quality(project)
    assert project_quality(project, path).num_frames == 3


def test_the_sentence_names_the_project_as_one_would_type_it(project, tmp_path, monkeypatch):
    export_project(project, tmp_path / "ours.json")
    import_annotations(project, tmp_path / "ours.json")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"--project p\.ifcproj --pred ours\.json$"):
        project_quality(project)
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    with pytest.raises(InputError, match=re.escape(f"--project {project.folder} ")):
        project_quality(project)

"""`ifc-studio project import` and `locate` as they are typed."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.locking import WriterLock
from ifc_core.errors import EditError
from ifc_core.io.video import open_video
from ifc_core.structures import Category, RLEMask, Video


def mask(shift=0):
    picture = np.zeros((48, 80), bool)
    picture[10:30, 20 + shift : 40 + shift] = True
    return RLEMask.from_array(picture)


def annotated(run, place, clip, shift):
    """A project of a clip with a cat on frame 3, which is approved."""
    assert run("new", place, clip)[0] == 0
    with Project.open(place) as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        project.apply(edits.NewTrack(1, 1, 3, mask(shift)))
        project.apply(edits.ApproveFrames(1, Scope.this_frame(3)))
    return place


def sparse(path, stems):
    """Labels of some frames of ``square``, one mask on each."""
    shape = {"height": 48, "width": 80, "length": len(stems)}
    video = {"id": 1, "file_names": [f"square/{stem}.jpg" for stem in stems], **shape}
    masks = [mask(shift).to_coco() for shift in range(len(stems))]
    track = {"id": 1, "video_id": 1, "category_id": 1, "iscrowd": 0, "segmentations": masks}
    classes = [{"id": 1, "name": "cat"}]
    content = {"videos": [video], "categories": classes, "annotations": [{**track, **shape}]}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("choice", "rejected", "states"),
    [
        ([], 0, ["approved", "approved"]),
        (["--overlaps", "ours"], 0, ["approved"]),
        (["--overlaps", "theirs"], 1, ["approved", "approved"]),
        (["--overlaps", "proposals"], 0, ["approved", "proposed"]),
    ],
)
def test_a_second_annotator(run, tmp_path, clip_folder, choice, rejected, states):
    ours = annotated(run, tmp_path / "ours.ifcproj", clip_folder, 0)
    theirs = annotated(run, tmp_path / "theirs.ifcproj", clip_folder, 2)
    assert run("export", theirs, "-o", tmp_path / "t.json")[0] == 0
    code, out, _ = run("import", ours, tmp_path / "t.json", *choice)
    assert code == 0
    assert "1 track covers one of the project with a mean IoU of 0.82" in out
    assert ("--overlaps ours, theirs or proposals" in out) == (choice == [])
    with Project.open(ours) as project:
        records = project.masks_at(1, 3, include_hidden=True)
        kept = [r.state.value for r in records if r.state.value != "rejected"]
        assert len(records) - len(kept) == rejected
        assert kept == states[rejected:]


def test_a_choice_that_is_none_is_refused(run, tmp_path, clip_folder):
    place = annotated(run, tmp_path / "p.ifcproj", clip_folder, 0)
    file = sparse(tmp_path / "l.json", ["00001"])
    code, _, err = run("import", place, file, "--overlaps", "mine")
    assert (code, "use both, ours, theirs, proposals" in err) == (2, True)


def test_labels_of_some_frames_of_a_film(run, tmp_path, clip_file):
    assert run("new", tmp_path / "p.ifcproj", clip_file)[0] == 0
    file = sparse(tmp_path / "l.json", ["f001", "f004"])
    assert run("import", tmp_path / "p.ifcproj", file, "--first-number", "1")[0] == 0
    with Project.open(tmp_path / "p.ifcproj") as project:
        assert project.exhaustive_frames(1) == [0, 3]
    code, out, err = run("import", tmp_path / "p.ifcproj", sparse(file, ["f001", "f700"]))
    assert (code, out) == (2, "")
    assert "The numbers 700 of pictures of square lie beyond the 9 frames" in err


def test_the_report_says_which_video_got_how_many_masks(run, tmp_path, clip_folder, clip_file):
    place = tmp_path / "p.ifcproj"
    other = shutil.copy(clip_file, tmp_path / "film.mp4")
    assert run("new", place, clip_folder, other)[0] == 0
    content = json.loads(sparse(tmp_path / "l.json", [f"{n:05d}" for n in range(9)]).read_text())
    names = [name.replace("square", "film") for name in content["videos"][0]["file_names"]]
    content["videos"].append({**content["videos"][0], "id": 2, "file_names": names})
    (tmp_path / "l.json").write_text(json.dumps(content))
    _, out, _ = run("import", place, tmp_path / "l.json")
    assert "  square: 9 masks\n  film: 0 masks\n" in out
    facts = json.loads(run("import", place, tmp_path / "l.json", "--json")[1])
    assert facts[str(tmp_path / "l.json")]["by_video"] == [
        {"name": "square", "masks": 9},
        {"name": "film", "masks": 0},
    ]


def test_a_project_and_a_folder_of_videos_are_not_annotations(run, tmp_path, clip_file):
    for name in ("a", "b"):
        assert run("new", tmp_path / f"{name}.ifcproj")[0] == 0
    code, _, err = run("import", tmp_path / "a.ifcproj", tmp_path / "b.ifcproj")
    assert (code, err.count("\n")) == (2, 1)
    assert "is a project" in err
    assert "--scope everything" in err
    (tmp_path / "films").mkdir()
    shutil.copy(clip_file, tmp_path / "films" / "a.mp4")
    code, _, err = run("import", tmp_path / "a.ifcproj", tmp_path / "films")
    assert (code, "holds videos and no annotations" in err) == (2, True)


def test_a_folder_of_moved_videos_is_located(run, tmp_path, clip_folder, clip_file):
    place, old, new = tmp_path / "p.ifcproj", tmp_path / "old", tmp_path / "new" / "deep" / "er"
    old.mkdir()
    shutil.copy(clip_file, old / "film.mp4")
    shutil.copytree(clip_folder, old / "frames")
    gone = old / "gone.mp4"
    gone.write_bytes(clip_file.read_bytes() + b"\0")
    assert run("new", place, old / "film.mp4", old / "frames", gone)[0] == 0
    code, out, _ = run("locate", place, old)
    assert (code, out) == (0, "All videos are where they were.\n")
    gone.unlink()
    shutil.copytree(old, new)
    (new / "film.mp4").rename(new / "renamed.mp4")
    shutil.rmtree(old)
    shutil.copy(clip_file.parent / clip_file.name, new / "other.txt")
    code, out, _ = run("locate", place, tmp_path / "new", "--json")
    assert code == 2
    found = json.loads(out)
    assert found["not_found"] == ["gone"]
    assert found["found"]["frames"] == str(new / "frames")
    assert set(found["found"]) == {"film", "frames"}
    with Project.open(place) as project:
        assert len(project.videos()) == 3
        assert project.videos()[1].path == new / "frames"
    code, out, _ = run("locate", place, tmp_path / "new")
    assert (code, out) == (2, "gone: not found\n0 videos found, 1 not found.\n")
    code, _, err = run("locate", place, tmp_path / "nowhere")
    assert (code, "There is no folder" in err) == (2, True)


@pytest.mark.parametrize(
    ("choice", "complete", "asks"),
    [([], [0, 1], True), (["--exhaustive"], [0, 1], False), (["--no-exhaustive"], [], False)],
)
def test_a_file_of_one_class_that_is_taken_for_complete_says_so(
    run, tmp_path, clip_folder, choice, complete, asks
):
    place, file = tmp_path / "a.ifcproj", sparse(tmp_path / "a.json", ["00000", "00001"])
    assert run("new", place, clip_folder)[0] == 0
    with Project.open(place) as project:
        for number, name in enumerate(("dog", "cat", "Fox"), 1):
            project.apply(edits.SetCategory(Category(number, name)))
    code, out, _ = run("import", place, file, *choice)
    assert code == 0
    assert ("does not name the classes dog, Fox, so these frames" in out) == bool(complete)
    assert ("every frame counts as approved" in out) == bool(complete)
    assert ("--no-exhaustive takes no frame for complete" in out) == asks
    with Project.open(place) as project:
        (video,) = {
            track.video_id for entry in project.videos() for track in project.tracks(entry.id)
        }
        assert project.exhaustive_frames(video) == complete


def test_a_project_that_cannot_be_written_is_told_of_before_the_file_is_read(
    run, tmp_path, clip_folder, monkeypatch
):
    place = annotated(run, tmp_path / "p.ifcproj", clip_folder, 0)
    assert run("export", place, "-o", tmp_path / "out.json")[0] == 0

    def closed(lock):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(WriterLock, "acquire", closed)
    code, _, told = run("import", place, tmp_path / "out.json")
    assert code == 2
    assert told == (
        "ifc-studio: p.ifcproj cannot be written here, so it is open read-only; nothing was "
        "imported.\n"
    )


@pytest.mark.parametrize("command", ["locate", "import"])
def test_annotations_that_end_before_their_video_are_put_on_its_beginning(
    run, tmp_path, clip_file, command
):
    place, folder = tmp_path / "p.ifcproj", tmp_path / "far"
    folder.mkdir()
    with open_video(clip_file) as reader:
        height, width = reader.video.size
    rle = RLEMask.from_array(np.ones((height, width), bool)).to_coco()
    text = f"0 1001 1 {height} {width} {rle['counts']}\n"
    text += f"4 1001 1 {height} {width} {rle['counts']}\n"
    (folder / "instances_txt").mkdir()
    (folder / "instances_txt" / f"{clip_file.stem}.txt").write_text(text)
    assert run("new", place)[0] == 0
    assert run("import", place, folder)[0] == 0
    named = tmp_path / "films"
    named.mkdir()
    shutil.copy(clip_file, named)
    what = named if command == "locate" else named / clip_file.name
    code, out, _ = run(command, place, what)
    assert code == 0
    assert "has 9 frames and the annotations of" in out
    with Project.open(place) as project:
        (entry,) = project.videos()
        assert (entry.num_frames, bool(entry.fingerprint)) == (9, True)
        assert [bool(project.masks_at(1, frame)) for frame in range(5)] == [
            True,
            *[False] * 3,
            True,
        ]


def test_a_folder_of_pictures_with_shapes_beside_them_brings_both(run, tmp_path, clip_folder):
    folder = shutil.copytree(clip_folder, tmp_path / "dogs")
    name = min(path.stem for path in folder.iterdir())
    corners = [[10, 10], [30, 10], [30, 20]]
    shape = {"label": "dog", "shape_type": "polygon", "points": corners}
    size = {"imageHeight": 48, "imageWidth": 80}
    text = json.dumps({"shapes": [shape], "imagePath": f"{name}.png", **size})
    (folder / f"{name}.json").write_text(text)
    assert run("new", tmp_path / "p.ifcproj")[0] == 0
    code, out, _ = run("import", tmp_path / "p.ifcproj", folder)
    assert code == 0
    assert "1 track, 1 mask, 1 new video" in out
    with Project.open(tmp_path / "p.ifcproj") as project:
        assert project.video(1).fingerprint
        assert len(project.masks_at(1, 0)) == 1


def test_a_video_that_was_coded_anew_is_taken_where_a_person_says_so(run, tmp_path, clip_file):
    place, films = tmp_path / "p.ifcproj", tmp_path / "films"
    films.mkdir()
    film = films / "film.mp4"
    shutil.copy(clip_file, film)
    annotated(run, place, film, 0)
    film.write_bytes(clip_file.read_bytes() + b"\0")
    code, out, _ = run("locate", place, films)
    assert code == 2
    assert "film: not found" in out
    assert "another content: --recoded takes it" in out
    code, out, _ = run("locate", place, films, "--recoded")
    assert code == 0
    assert "look whether the masks lie on their frames" in out
    with Project.open(place) as project:
        with open_video(film) as reader:
            assert project.video(1).video == reader.video
        assert len(project.masks_at(1, 3)) == 1
        assert project.undo_label == "Locate video film"
        project.undo()
        assert project.find_video_file(1) is None


def test_of_two_files_coded_anew_and_of_another_length_none_is_taken(run, tmp_path, clip_file):
    place, films = tmp_path / "p.ifcproj", tmp_path / "films"
    (films / "b").mkdir(parents=True)
    film = films / "film.mp4"
    shutil.copy(clip_file, film)
    annotated(run, place, film, 0)
    film.write_bytes(clip_file.read_bytes() + b"\0")
    (films / "b" / "film.mp4").write_bytes(clip_file.read_bytes() + b"\0\0")
    assert run("locate", place, films, "--recoded")[0] == 2
    (films / "b" / "film.mp4").unlink()
    with Project.open(place) as project:
        entry = project.video(1)
        shorter = Video(film, entry.num_frames - 1, *entry.size, 10.0, "1-a")
        with pytest.raises(EditError, match="is not the video film"):
            project.apply(edits.SetVideo(1, found=shorter, is_coded_anew=True))
        smaller = Video(film, entry.num_frames, 5, 5, 10.0, "1-a")
        with pytest.raises(EditError, match="is not the video film"):
            project.apply(edits.SetVideo(1, found=smaller, is_coded_anew=True))

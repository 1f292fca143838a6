"""`ifc-studio project` from end to end, in this process."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from ifc_core.annotation import Project, ProjectReader, Scope, edits
from ifc_core.errors import OlderProjectError
from ifc_core.io.label_images import write_label_tiff
from ifc_core.structures import Category, RLEMask


@pytest.fixture
def folder(tmp_path, clip_folder, run):
    """A project with one clip, a class, and an approved track on frame 3."""
    place = tmp_path / "p.ifcproj"
    assert run("new", place, clip_folder, "--name", "demo")[0] == 0
    with Project.open(place) as project:
        project.apply(edits.SetCategory(Category(1, "cat")))
        picture = np.zeros(project.video(1).size, dtype=bool)
        picture[10:25, 20:40] = True
        mask = RLEMask.from_array(picture)
        project.apply(edits.NewTrack(1, 1, 3, mask))
        project.apply(edits.ApproveFrames(1, Scope(3, 4)))
    return place


def test_new_and_info(folder, run):
    code, out, _ = run("info", folder)
    assert code == 0
    assert out.startswith("demo (")
    assert "square: 9 frames 80x48, 1 track, 2 frames approved, 0 masks to review" in out
    assert "to review, 0 tracks approved as a whole" in out
    facts = json.loads(run("info", folder, "--json")[1])
    assert facts["categories"] == [{"id": 1, "name": "cat"}]
    assert facts["videos"][0]["review"]["approved"] == 1
    assert facts["edits"] == 4
    code, _, err = run("new", folder)
    assert (code, err.count("\n")) == (2, 1)
    assert "not an empty folder" in err


@pytest.mark.parametrize("is_beside", [False, True])
def test_a_video_that_comes_after_a_part_of_its_annotations_is_whole(
    folder, tmp_path, clip_folder, run, is_beside
):
    export = tmp_path / "far" / "part.json"
    export.parent.mkdir()
    assert run("export", folder, "-o", export, "--frame-range", "3:4")[0] == 0
    other = tmp_path / "far" / "b.ifcproj"
    run("new", other)
    assert "was not found and is listed without pictures" in run("import", other, export)[1]
    video = shutil.copytree(clip_folder, tmp_path / ("far" if is_beside else "vids") / "square")
    code, out, _ = run("import", other, video)
    assert (code, "It is the video square" in out) == (0, True)
    (entry,) = json.loads(run("info", other, "--json")[1])["videos"]
    assert (entry["num_frames"], entry["path"]) == (9, str(video))


def test_videos_may_be_annotated_every_few_frames(tmp_path, clip_folder, run):
    place = tmp_path / "stepped.ifcproj"
    assert run("new", place, clip_folder, "--annotation-step", 5)[0] == 0
    assert json.loads(run("info", place, "--json")[1])["videos"][0]["annotation_step"] == 5
    assert run("new", tmp_path / "no.ifcproj", clip_folder, "--annotation-step", 0)[0] == 2


def test_export_and_import(folder, tmp_path, run):
    target = tmp_path / "out.json"
    code, out, _ = run("export", folder, "-o", target, "--frames")
    assert code == 0
    assert out.startswith(f"{target}: 1 mask of 1 track on 2 frames of 1 video.")
    frames = tmp_path / "JPEGImages" / "square"
    assert sorted(p.name for p in frames.iterdir()) == ["00003.jpg", "00004.jpg"]
    report = json.loads(run("export", folder, "-o", target, "--json", "--category", "cat")[1])
    assert (report["masks"], report["tracks_left_out"]) == (1, 0)
    code, out, _ = run("import", folder, target)
    said, note = out.splitlines()
    assert (code, said) == (
        0,
        f"{target}: 1 track, 1 mask, 0 new videos, 0 new categories.",
    )
    assert "there already" in note
    with Project.open(folder) as project:
        assert project.undo().kind == "ImportTracks"
        assert len(project.tracks(1)) == 1


def test_a_video_whose_name_is_not_utf8_leaves_no_project(tmp_path, clip_file, run):
    film = shutil.copy(clip_file, tmp_path / os.fsdecode(b"caf\xe9.mp4"))
    code, _, err = run("new", tmp_path / "n.ifcproj", film)
    assert (code, err.count("\n")) == (2, 1)
    assert "caf?.mp4 or of its folder is not UTF-8" in err
    assert not (tmp_path / "n.ifcproj").exists()


def test_import_adds_videos_too(folder, clip_file, run):
    code, out, _ = run("import", folder, clip_file)
    assert (code, out.count("\n")) == (0, 1)
    assert "1 new video," in out
    names = [v["name"] for v in json.loads(run("info", folder, "--json")[1])["videos"]]
    assert names == ["square", "square_2"]


def test_a_folder_of_masks_of_cells_is_imported_and_no_video(folder, tmp_path, run):
    results = tmp_path / "square_RES"
    results.mkdir()
    for number in range(9):
        labels = np.zeros((48, 80), np.uint16)
        labels[5:20, 5:20] = 7
        write_label_tiff(labels, results / f"mask{number:03d}.tif")
    code, out, _ = run("import", folder, results)
    assert code == 0
    assert out.startswith(f"{results}: 1 track, 9 masks, 0 new videos, 1 new category.")


@pytest.mark.parametrize("form", ["ytvis", "coco"])
def test_a_video_that_only_annotations_told_of_is_found(folder, clip_folder, tmp_path, run, form):
    target, place = tmp_path / "apart" / "out.json", tmp_path / "apart" / "q.ifcproj"
    target.parent.mkdir()
    assert run("export", folder, "-o", target, "--format", form, "--scope", "everything")[0] == 0
    assert run("new", place)[0] == 0
    assert "--video-root" in run("import", place, target)[1]
    assert run("export", place, "-o", tmp_path / "x.json", "--frames")[0] == 2
    code, out, _ = run("import", place, clip_folder)
    assert code == 0
    assert "the video square, which was not found yet" in out
    assert run("export", place, "-o", tmp_path / "x.json", "--frames")[0] == 0
    assert len(json.loads(run("info", place, "--json")[1])["videos"]) == 1


def test_a_video_of_a_project_that_was_moved_gets_its_place_again(
    folder, clip_folder, tmp_path, run
):
    moved = tmp_path / "deep" / "er" / "p.ifcproj"
    moved.parent.mkdir(parents=True)
    folder.rename(moved)
    code, out, err = run("import", moved, clip_folder)
    assert code == 0, err
    assert "0 new videos" in out
    assert "the video square, which is not where it was" in out
    with Project.open(moved) as project:
        assert [video.path for video in project.videos()] == [clip_folder]
    code, _, err = run("import", moved, clip_folder)
    assert (code, err.count("\n")) == (2, 1)
    assert "in the project already" in err


def test_an_export_without_a_frame_says_how_to_get_proposals(tmp_path, clip_folder, run):
    place = tmp_path / "q.ifcproj"
    run("new", place, clip_folder)
    assert "--scope everything" in run("export", place, "-o", tmp_path / "x.json")[1]


def test_an_export_of_nothing_ends_with_a_status_and_a_warning(folder, tmp_path, run):
    target = tmp_path / "x.json"
    for words in (
        ("--frame-range", "6:7"),
        ("--approved-tracks", "--frame-range", "3:3", "--json"),
    ):
        code, out, err = run("export", folder, "-o", target, *words)
        assert code == 2
        assert "x.json is empty: nothing in the project is to be exported so" in err
        assert str(target) in out
    code, out, err = run("export", folder, "-o", target, "--frame-range", "3:4")
    assert code == 0
    assert "empty" not in err


def test_what_an_export_waits_for_is_named_with_a_way_out(folder, tmp_path, run):
    with Project.open(folder) as project:
        mask = project.mask(1, 3).rle
        project.apply(edits.SetMask(1, 5, mask))
        other = project.apply(edits.NewTrack(1, 1, 6, mask)).tracks_added[0]
    _, out, _ = run("export", folder, "-o", tmp_path / "x.json")
    assert "2 of them wait for exported tracks that are not reviewed there: " in out
    assert f"track 1 on 1, track {other} on 1." in out
    assert "--approved-tracks exports" in out
    facts = json.loads(run("export", folder, "-o", tmp_path / "x.json", "--json")[1])
    assert facts["frames_waiting"] == 2
    assert facts["waiting_for"][0] == {"video": "square", "track_id": 1, "name": "", "frames": 1}
    with Project.open(folder) as project:
        project.apply(edits.ApproveTracks((1, other)))
    assert run("info", folder)[1].splitlines()[2].endswith("2 tracks approved as a whole")
    _, out, _ = run("export", folder, "-o", tmp_path / "x.json")
    assert "3 masks of 2 tracks on 4 frames" in out
    assert "left out" not in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["info", "nowhere.ifcproj"], "not an IFC Studio project"),
        (["export", "{p}", "-o", "x.json", "--format", "voc"], "There is no format voc"),
        (["export", "{p}", "-o", "x.json", "--scope", "all"], "There is no scope all"),
        (["export", "{p}", "-o", "x.json", "--category", "dog"], "there is: cat"),
        (["export", "{p}", "-o", "no/where/x.json"], "x.json"),
        (["export", "{p}", "-o", "x.mp4", "--color-by-class", "--color-by-lineage"], "choose one"),
        (["export", "{p}", "-o", "x.json", "--frame-range", "1:05"], "may be a time; write 1:5"),
        (["export", "{p}", "-o", "x.json", "--frame-range", "7"], "no range of frames"),
        (["export", "{p}", "-o", "x.json", "--frame-range", "9:"], "last frame is 8"),
        (["export", "{p}", "-o", "x.json", "--frame-range", "0:01-0:02"], "Nobody knows the times"),
        (["export", "{p}", "-o", "x.mp4", "--labels", "size"], "one of name, number, class"),
        (["import", "{p}", "nothing.json"], "nothing.json"),
        (["import", "{p}", "{p}/../p.ifcproj", "nothing.json"], "nothing was imported"),
        (["import", "{p}", "{clip}", "--video-root", "nosuch"], "There is no folder nosuch"),
        (["import", "{p}", "{clip}", "--annotations", "nosuch"], "There is no file nosuch"),
        (["new", "q.ifcproj", "{clip}", "typo.mp4"], "typo.mp4"),
        (["new", "q.ifcproj", "{clip}", "{clip}"], "the same video"),
        (["new", "q.ifcproj", "--from", "nothing.ifcpack"], "nothing.ifcpack"),
        (["new", "q.ifcproj", "--from", "nothing.ifcpack", "--name", "q"], "leave out --name"),
    ],
)
def test_bad_input_gets_one_sentence(
    folder, clip_folder, tmp_path, run, monkeypatch, words, sentence
):
    monkeypatch.chdir(tmp_path)
    places = {"p": folder, "clip": clip_folder}
    code, out, err = run(*(word.format(**places) for word in words))
    assert (code, out) == (2, "")
    assert sentence in err.splitlines()[-1]
    assert err.count("ifc-studio:") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.ifcproj"]


def test_what_cannot_be_read_of_a_video_is_said(tmp_path, clip_folder, folder, run):
    for size, name in enumerate("abc"):
        place = shutil.copytree(clip_folder, tmp_path / name)
        (place / "00004.png").write_bytes(bytes(size))  # else one would be the other
    sentence = "1 of 9 pictures in {0} cannot be read; the first is 00004.png."
    code, out, err = run("new", tmp_path / "q.ifcproj", tmp_path / "a", "--json")
    assert code == 0
    assert err.endswith(f"ifc-studio: note: a: {sentence.format('a')}\n")
    assert json.loads(out)["notes"] == [f"a: {sentence.format('a')}"]
    code, out, err = run("import", folder, tmp_path / "b", "--json")
    assert code == 0
    assert err.endswith(f"ifc-studio: note: b: {sentence.format('b')}\n")
    assert json.loads(out)[str(tmp_path / "b")]["notes"] == [f"b: {sentence.format('b')}"]
    code, out, err = run("import", folder, tmp_path / "c")
    assert (code, out.count("cannot be read"), err.count("cannot be read")) == (0, 0, 1)
    assert json.loads(run("new", tmp_path / "r.ifcproj", clip_folder, "--json")[1])["notes"] == []


@pytest.mark.parametrize("content", ["", "null", '"text"'])
def test_a_json_file_is_never_called_a_bad_video(folder, tmp_path, run, content):
    file = tmp_path / "a.json"
    file.write_text(content)
    code, out, err = run("import", folder, file)
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].endswith("a.json is in no format that can be imported.")


def test_import_while_a_window_has_the_project_open(folder, tmp_path, run):
    target = tmp_path / "out.json"
    run("export", folder, "-o", target)
    with Project.open(folder):
        code, _, err = run("import", folder, target)
        assert code == 2
        assert "open in another window" in err
        assert run("info", folder)[0] == 0
        assert run("export", folder, "-o", target)[0] == 0


def test_videos_that_are_not_found_are_named(tmp_path, clip_folder, run):
    place, clip = tmp_path / "q.ifcproj", tmp_path / "clip"
    shutil.copytree(clip_folder, clip)
    assert run("new", place, clip)[0] == 0
    assert [v["found"] for v in json.loads(run("info", place, "--json")[1])["videos"]] == [True]
    assert "(not found)" not in run("info", place)[1]
    assert json.loads(run("check", place, "--json")[1])["not_found"] == []
    shutil.rmtree(clip)
    assert "(not found)" in run("info", place)[1]
    assert [v["found"] for v in json.loads(run("info", place, "--json")[1])["videos"]] == [False]
    code, out, _ = run("check", place)
    assert code == 0
    assert out.startswith("The video clip is not found; it was ")
    assert out.endswith("q.ifcproj: no faults.\n")
    assert json.loads(run("check", place, "--json")[1])["not_found"] == ["clip"]
    with Project.open(place) as project:  # a fault that has nothing to do with it
        project._db.execute("INSERT INTO exhaustive VALUES (9, 0)")
    code, out, _ = run("check", place)
    assert code == 2
    assert "an approved frame is in no video" in out
    assert "The video clip is not found" in out


def test_check_and_compact(folder, run):
    code, out, _ = run("check", folder)
    assert (code, out) == (0, "p.ifcproj: no faults.\n")
    assert (
        json.loads(run("check", folder, "--compact", "--keep-edits", 0, "--json")[1])["faults"]
        == []
    )
    assert json.loads(run("info", folder, "--json")[1])["edits"] == 0
    with Project.open(folder) as project:
        project._db.execute("DELETE FROM categories")
    code, out, _ = run("check", folder)
    assert code == 2
    assert "a track has no category (1)" in out


@pytest.mark.parametrize("words", [["info"], ["export", "-o", "x.json"]])
def test_a_damaged_page_is_one_sentence(folder, tmp_path, run, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    file = folder / "project.sqlite"
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode = DELETE")
    (size,) = db.execute("PRAGMA page_size").fetchone()
    (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'tracks'").fetchone()
    db.close()
    with file.open("rb+") as out:
        out.seek((page - 1) * size)
        out.write(b"\xff" * size)
    code, out, err = run(words[0], folder, *words[1:])
    assert (code, out) == (2, "")
    assert "is damaged; run `ifc-studio project check`" in err
    assert run("check", folder)[0] == 2


def test_pack_and_new_from_it(folder, tmp_path, run):
    pack = tmp_path / "p.ifcpack"
    assert run("pack", folder, "-o", pack, "--videos")[0] == 0
    code, out, _ = run("new", tmp_path / "q.ifcproj", "--from", pack, "--json")
    assert code == 0
    assert json.loads(out)["videos"][0]["stored_path"] == "videos/1/square"
    assert run("export", tmp_path / "q.ifcproj", "-o", tmp_path / "o.json", "--frames")[0] == 0


def test_a_project_of_an_earlier_version_is_brought_up_to_date_by_whoever_reads_it(folder, run):
    with closing(sqlite3.connect(folder / "project.sqlite")) as db:
        for column in ("videos.given_fps", "videos.um_per_px", "tracks.parent_id"):
            table, _, name = column.partition(".")
            db.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        db.execute("PRAGMA user_version = 2")
    with pytest.raises(OlderProjectError, match="brings it up to date"):
        ProjectReader.open(folder)
    assert run("info", folder)[0] == 0
    assert (folder / "project.before-v4.sqlite").is_file()


def test_a_table_of_measurements_is_meant_by_its_suffix(folder, tmp_path, run):
    code, out, _ = run("export", folder, "-o", tmp_path / "out.csv")
    assert code == 0
    assert out.startswith(f"{tmp_path / 'out.csv'}: 1 mask of 1 track")
    names, line = (tmp_path / "out.csv").read_text("utf-8").splitlines()
    assert names.startswith("video,frame,time_s,um_per_px,track,parent,class")
    assert line.startswith("square,")
    assert (
        "holds no annotations" in run("import", folder, tmp_path / "out.csv", "--format", "csv")[2]
    )


def test_a_table_of_tracks_has_a_name_of_its_own(folder, tmp_path, run):
    target = tmp_path / "tracks.csv"
    code, out, _ = run("export", folder, "-o", target, "--format", "csv-tracks")
    assert (code, out.splitlines()[0].split(": ")[1]) == (
        0,
        "1 mask of 1 track on 2 frames of 1 video.",
    )
    names, line = target.read_text("utf-8").splitlines()
    assert names.startswith("video,um_per_px,track,parent,daughters,class,name,score,state,masks")
    assert line.startswith("square,,1,,,cat,")
    assert "holds no annotations" in run("import", folder, target, "--format", "csv-tracks")[2]


def test_an_export_is_parted_by_video(folder, clip_file, tmp_path, run):
    assert run("import", folder, clip_file)[0] == 0
    with Project.open(folder) as project:
        picture = np.zeros(project.video(2).size, dtype=bool)
        picture[10:25, 20:40] = True
        project.apply(edits.NewTrack(2, 1, 0, RLEMask.from_array(picture)))
    code, out, _ = run("export", folder, "-o", tmp_path / "out", "--val", "square")
    assert (code, out.splitlines()[1:3]) == (
        0,
        [
            "  train.json: 1 mask of 1 track on 1 frame of 1 video (square_2).",
            "  valid.json: 1 mask of 1 track on 2 frames of 1 video (square).",
        ],
    )
    for seed in (0, 1):
        target = tmp_path / f"seed-{seed}"
        words = ("--split", "0.5", "--split-seed", seed, "--json")
        parts = json.loads(run("export", folder, "-o", target, *words)[1])["parts"]
        assert sorted(name for part in parts for name in part["videos"]) == ["square", "square_2"]
        assert (target / "train.json").is_file()
    for words, reason in (
        (("--split", "1"), "lies between 0 and 1, such as 0.2, not 1"),
        (("--split", "0.2", "--video", "square"), "square alone has"),
        (("--val", "nobody"), "There is no video called nobody"),
        (("--split-seed", "1"), "--split-seed parts videos otherwise, and so needs --split."),
        (("--val", "b", "--video", "square"), "--val names b, which --video leaves out."),
        (("--split", "0.2", "--format", "csv"), "csv is not parted"),
    ):
        code, _, err = run("export", folder, "-o", tmp_path / "no", *words)
        assert (code, err.count("\n"), reason in err) == (2, 1, True), err
    assert not (tmp_path / "no").exists()
    code, _, err = run("export", folder, "-o", tmp_path / "train.json", "--val", "square")
    assert (code, "train.json is the name of a file" in err) == (2, True)

"""``ifc-studio propose --ids-from``: output that can be judged against a file of true masks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ifc_core import cli


@pytest.fixture
def clips(tmp_path: Path, clip_folder: Path) -> list[Path]:
    """Two videos with pictures of the same names; the second one is shorter."""
    folders = [tmp_path / "frames" / name for name in ("first", "second")]
    for folder in folders:
        shutil.copytree(clip_folder, folder)
    for picture in sorted(folders[1].iterdir())[6:]:
        picture.unlink()
    return folders


@pytest.fixture
def truth(tmp_path: Path, clips: list[Path]) -> Path:
    """A file without annotations, as of a benchmark's validation videos."""
    videos = [
        {
            "id": number,
            "height": 48,
            "width": 80,
            "length": len(list(folder.iterdir())),
            "file_names": [f"{folder.name}/{file.name}" for file in sorted(folder.iterdir())],
        }
        for number, folder in zip((31, 7), clips, strict=True)
    ]
    names = {40: "dog", 3: "cat", 9: "cow"}
    categories = [{"id": number, "name": name} for number, name in names.items()]
    path = tmp_path / "valid.json"
    path.write_text(json.dumps({"videos": videos, "categories": categories}))
    return path


def test_results_have_the_ids_of_the_file(
    propose: Any, clips: list[Path], truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results.json"
    words = ["--format", "ytvis-results", "-o", output]
    assert propose(*reversed(clips), "--ids-from", truth, *words) == 0
    assert "valid.json lacks 1 classes of the model (fox); left out" in capsys.readouterr().err
    results = json.loads(output.read_text())
    lengths = {(row["video_id"], len(row["segmentations"])) for row in results}
    assert lengths == {(7, 6), (31, 9)}
    assert {row["category_id"] for row in results} == {3, 40}
    assert cli.main(["validate", str(output), "--gt", str(truth)]) == 0
    plain = tmp_path / "plain.json"
    assert propose(*reversed(clips), "--format", "ytvis-results", "-o", plain) == 0
    of_cats = [
        [(row["score"], row["segmentations"]) for row in rows if row["category_id"] == category]
        for rows, category in ((results, 3), (json.loads(plain.read_text()), 1))
    ]
    assert of_cats[0] == of_cats[1]
    assert of_cats[0]


def test_annotations_list_the_videos_and_classes_as_the_file_does(
    propose: Any, clips: list[Path], truth: Path, tmp_path: Path
) -> None:
    output = tmp_path / "proposals.json"
    assert propose(clips[1], "--ids-from", truth, "-o", output) == 0
    found = json.loads(output.read_text())
    assert [video["id"] for video in found["videos"]] == [7]
    assert {category["id"]: category["name"] for category in found["categories"]} == {
        3: "cat",
        40: "dog",
    }
    assert found["annotations"]
    assert {row["video_id"] for row in found["annotations"]} == {7}
    assert {row["category_id"] for row in found["annotations"]} <= {3, 40}
    assert cli.main(["validate", str(output)]) == 0


def test_what_the_file_does_not_list_is_refused_before_the_work(
    propose: Any, clips: list[Path], truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "results.json"

    def refused(*words: str | Path) -> str:
        assert propose(*words, "--ids-from", truth, "-o", output) == 2
        assert not output.exists()
        return capsys.readouterr().err

    assert "has 5 frames to look at, but" in refused(clips[0], "--frame-step", "2")
    picture = clips[1] / "00003.png"
    picture.rename(clips[1] / "00030.png")
    assert "has the picture 00004 where" in refused(clips[1])
    other = clips[0].rename(clips[0].with_name("third"))
    assert "lists no video called third" in refused(other)
    told = json.loads(truth.read_text())
    told["videos"][0]["width"] = 90
    told["videos"][0]["file_names"] = [f"third/{n:05d}.png" for n in range(9)]
    truth.write_text(json.dumps(told))
    assert "is 80 x 48 pixels, but" in refused(other)
    told["videos"][0]["width"] = 80
    told["categories"] = [{"id": 1, "name": "owl"}]
    truth.write_text(json.dumps(told))
    assert "none of the classes that the model knows (cat, dog, fox)" in refused(other)
    live = ["propose", "-", "--size", "80x48", "--ids-from", str(truth), "-o", str(output)]
    assert cli.main(live) == 2
    assert "--ids-from is for video files" in capsys.readouterr().err
    assert cli.main(["propose", str(other), "--estimate", "--ids-from", str(truth)]) == 2
    assert "--ids-from is not for it" in capsys.readouterr().err

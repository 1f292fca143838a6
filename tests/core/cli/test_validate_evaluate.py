"""``ifc-studio validate`` and ``ifc-studio evaluate``."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ifc_core.cli import main
from ifc_core.evaluation.ytvis_ap import METRICS

CASE = Path(__file__).parents[2] / "parity" / "data" / "ytvis" / "02_noisy_masks"
GT, PRED = str(CASE / "gt.json"), str(CASE / "pred.json")


def test_a_sound_file_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", GT]) == 0
    assert "no problems" in capsys.readouterr().out
    assert main(["validate", PRED, "--gt", GT]) == 0


def test_problems_are_listed_and_end_with_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads((CASE / "gt.json").read_text())
    data["annotations"][3]["areas"][0] = 1
    data["annotations"][5]["category_id"] = 77
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(data))
    assert main(["validate", str(broken)]) == 2
    out = capsys.readouterr().out
    assert "annotations[3].areas[0]" in out
    assert "annotations[5].category_id" in out
    assert "2 problems" in out
    assert main(["validate", str(broken), "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)) == 2


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (
            '{"videos": [{"id": 1,]}',
            "videos[0]: the text is not valid JSON, or is cut off, in line 1.",
        ),
        ('{"videos": [], "videos": []}', "the key 'videos' occurs twice."),
        ("null", "expected { but found 'n'."),
    ],
)
def test_a_problem_names_file_and_place_once(
    content: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.json"
    file.write_text(content)
    assert main(["validate", str(file)]) == 2
    assert capsys.readouterr().out.splitlines() == [line, "broken.json: 1 problem."]


def test_figures_are_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ap.json"
    assert main(["evaluate", "--gt", GT, "--pred", PRED, "--json", str(out)]) == 0
    assert "AP50" in capsys.readouterr().out
    written = json.loads(out.read_text())
    assert written["AP"] == pytest.approx(0.29377189642041135, abs=1e-9)
    assert set(METRICS) | {"per_category"} == set(written)
    assert [row["name"] for row in written["per_category"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["validate", "none.json"], "no file"),
        (["evaluate", "--gt", GT, "--pred", "none.json"], "no file"),
        (["evaluate", "--gt", GT, "--pred", GT], "must be a list"),
        (["evaluate", "--gt", GT, "--pred", GT], "propose --format ytvis-results --ids-from"),
        (["evaluate", "--gt", PRED, "--pred", PRED], "annotation file"),
        (["evaluate", "--gt", GT, "--pred", PRED, "--tracks", "--min-score", "nan"], "not nan"),
        (["evaluate", "--gt", GT, "--pred", PRED, "--tracks", "--min-score", "inf"], "not inf"),
    ],
)
def test_bad_input_is_one_line_and_two(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    err = [line for line in capsys.readouterr().err.splitlines() if "Evaluating" not in line]
    assert len(err) == 1
    assert words in err[0]


@pytest.mark.parametrize("content", ["{}", " { } \n", '{"annotations": []}'])
def test_an_object_is_no_result_file(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pred = tmp_path / "pred.json"
    pred.write_text(content)
    assert main(["evaluate", "--gt", GT, "--pred", str(pred)]) == 2
    assert "pred.json: a result file must be a list" in capsys.readouterr().err
    assert main(["evaluate", "--gt", GT, "--pred", str(pred), "--tracks"]) == 2
    assert main(["validate", str(pred), "--gt", GT]) == 2
    assert capsys.readouterr().out == (
        "a result file must be a list of results.\npred.json: 1 problem.\n"
    )
    project = str(tmp_path / "p.ifcproj")
    assert main(["project", "new", project]) == 0
    capsys.readouterr()
    words = ["project", "import", project, str(pred), "--format", "ytvis-results"]
    assert main(words) == 2
    assert "a result file must be a list" in capsys.readouterr().err
    pred.write_text("[]")
    assert main(["validate", str(pred), "--gt", GT]) == 0
    assert main(["evaluate", "--gt", GT, "--pred", str(pred)]) == 0
    assert main(words) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "--gt", "{tmp}", "--pred", PRED],
        ["evaluate", "--gt", GT, "--pred", "{tmp}"],
        ["validate", "{tmp}"],
    ],
)
def test_a_folder_is_told_as_one(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([word.format(tmp=tmp_path) for word in words]) == 2
    assert f"{tmp_path} is a folder; name the JSON file in it." in capsys.readouterr().err


def test_figures_never_replace_what_is_judged(tmp_path: Path) -> None:
    gt = Path(shutil.copy(GT, tmp_path / "gt.json"))
    assert main(["evaluate", "--gt", str(gt), "--pred", PRED, "--json", str(gt)]) == 2
    assert gt.read_bytes() == Path(GT).read_bytes()


@pytest.mark.parametrize("words", [["--gt", GT, "--pred", PRED], ["--project", "{tmp}/p.ifcproj"]])
def test_where_figures_go_is_looked_at_before_the_work(
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert main(["project", "new", str(tmp_path / "p.ifcproj")]) == 0

    def work(*given: object, **named: object) -> None:
        raise AssertionError("nothing was to be evaluated")

    monkeypatch.setattr("ifc_core.evaluation.ytvis_ap.evaluate_files", work)
    monkeypatch.setattr("ifc_core.evaluation.project_quality.project_quality", work)
    filled = [word.format(tmp=tmp_path) for word in words]
    target = tmp_path / "none" / "ap.json"
    assert main(["evaluate", *filled, "--json", str(target)]) == 2
    assert "none does not exist" in capsys.readouterr().err


def test_broken_predictions_leave_no_output(tmp_path: Path) -> None:
    data = json.loads((CASE / "pred.json").read_text())
    data[4]["segmentations"][1]["counts"] = "~~~"
    pred = tmp_path / "pred.json"
    pred.write_text(json.dumps(data))
    shutil.copy(GT, tmp_path / "gt.json")
    out = tmp_path / "ap.json"
    assert main(["evaluate", "--gt", GT, "--pred", str(pred), "--json", str(out)]) == 2
    assert not out.exists()

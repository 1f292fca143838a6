import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ifc_core import cli
from ifc_core.cli import bench as bench_command
from ifc_core.cli.bench import BENCHES, read_options
from ifc_core.errors import ConfigError


@dataclass(frozen=True)
class Options:
    frames: int = 3
    share: float = 0.5
    name: str = "x"
    fast: bool = True
    data: Path | None = None
    kinds: tuple[str, ...] = ("a",)


def test_options_are_read_by_their_types() -> None:
    words = ["frames=7", "share=2", "name=a=b", "fast=no", "data=/d", "kinds=a,b"]
    assert read_options(Options, words) == Options(7, 2.0, "a=b", False, Path("/d"), ("a", "b"))
    assert read_options(Options, ["data=none"]) == Options()
    assert read_options(None, ["a=1"]) == {"a": "1"}


@pytest.mark.parametrize("word", ["frames", "frames=many", "nothing=1", "fast=perhaps"])
def test_options_that_do_not_fit_are_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        read_options(Options, [word])


@pytest.mark.parametrize(
    ("name", "word", "least"),
    [
        ("tracker", "num_frames=-3", "more than 0"),
        ("tracker", "clip_length=0", "more than 0"),
        ("tracker", "long_frames=-1", "0 or more"),
        ("live", "fps=10,0", "more than 0"),
        ("live", "seconds=nan", "more than 0"),
        ("effort", "goal=-inf", "0 or more"),
    ],
)
def test_an_impossible_value_is_one_sentence(
    name: str, word: str, least: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["bench", name, "--set", word]) == 2
    said = capsys.readouterr().err
    assert word.partition("=")[0] in said
    assert least in said
    assert said.count("\n") == 1


def test_no_bench_has_an_impossible_default() -> None:
    for name in BENCHES:
        for field, value in dataclasses.asdict(bench_command._find(name)[1]()).items():
            bench_command._check_range(field, value)


def test_without_a_name_the_benches_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in BENCHES)


def test_options_are_listed_as_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "live", "--options"]) == 0
    listed = capsys.readouterr().out.split()
    assert "fps=1.0,10.0,30.0" in listed
    assert "data=" in listed
    given = [word for word in listed if not word.endswith("=")]
    kind = bench_command._find("live")[1]
    assert read_options(kind, given) == kind()


def test_an_unknown_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "infre"]) == 2
    assert "did you mean infer" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(BENCHES))
def test_every_bench_of_the_table_is_there_with_defaults(name: str) -> None:
    run, options = bench_command._find(name)
    assert callable(run)
    assert options is not None
    options()


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--data", "none"], "no folder none"), (["-o", "none/figures.json"], "does not exist")],
)
def test_what_would_be_in_vain_is_told_before_the_work(
    words: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(options: object) -> dict[str, Any]:
        pytest.fail("it was measured all the same")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(bench_command, "_find", lambda name: (work, Options))
    assert cli.main(["bench", "effort", *words]) == 2
    assert said in capsys.readouterr().err


def test_figures_are_printed_and_written_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"num_videos": 4, "num_results": 3, "num_frames": 2, "baseline_videos": 2}
    words = [f"--set={name}={value}" for name, value in small.items()]
    output = tmp_path / "figures.json"
    assert cli.main(["bench", "evaluate", *words, "--set=height=24", "-o", str(output)]) == 0
    figures: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert figures == json.loads(output.read_text())
    assert figures["bench"] == "evaluate"
    assert figures["ratio"] > 0
    assert figures["baseline"]


def test_the_model_bench_on_generated_clips(
    tiny_model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [f"--set=model={tiny_model_file}", "--set=clips=1", "--set=device=cpu"]
    words += ["--set=duplicate_iou=0.7", "--set=continuation_score=0.3"]
    words += ["--set=lookahead=2", "--set=world=cells"]
    assert cli.main(["bench", "model", *words]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["synthetic"]["world"] == "cells"
    assert figures["settings"]["clip_length"] == 5
    assert figures["settings"]["duplicate_iou"] == 0.7
    assert figures["settings"]["continuation_score"] == 0.3
    assert figures["settings"]["lookahead"] == 2


def test_a_world_that_does_not_exist_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["bench", "model", "--set=world=stars"]) == 2
    assert capsys.readouterr().err == "ifc-studio: The world must be one of things, cells.\n"


def test_benches_of_the_window_come_through_entry_points(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Point:
        name = "bench-scrub"
        value = "window.bench:scrub"

        @staticmethod
        def load() -> Any:
            return lambda options: {"got": options}

    monkeypatch.setattr(bench_command.metadata, "entry_points", lambda **which: [Point])
    assert cli.main(["bench", "scrub", "--set", "frames=9"]) == 0
    assert json.loads(capsys.readouterr().out) == {"bench": "scrub", "got": {"frames": "9"}}
    assert cli.main(["bench"]) == 0
    assert "scrub" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["uncertainty", "effort", "model"])
def test_a_folder_without_labelled_clips_is_refused(
    name: str, tmp_path: Path, tiny_model_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", name, "--data", str(tmp_path), "-s", f"model={tiny_model_file}"]
    kinds = {"uncertainty": "swap_clips=0", "effort": "synthetic=1", "model": "clips=0"}
    assert cli.main([*words, "-s", kinds[name]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"no labelled clips in {tmp_path}" in captured.err

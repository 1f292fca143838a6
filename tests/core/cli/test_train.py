"""``ifc-studio train`` in pieces, with folders of pictures."""

import json

import cv2
import numpy as np
import pytest

from ifc_core import cli
from ifc_core.training.config import preset_names

_CONFIG = """
output = "run"
device = "cpu"
[model]
preset = "tiny"
num_classes = 1
[data]
num_workers = 0
[[stages]]
iterations = {iterations}
num_frames = [2]
batch_size = 2
sizes = [[48, 64]]
"""


@pytest.fixture
def config(tmp_path):
    def write(iterations):
        path = tmp_path / "config.toml"
        path.write_text(_CONFIG.format(iterations=iterations))
        return str(path)

    return write


def iterations_in(folder):
    return json.loads((folder / "ema" / "index.json").read_text())["iteration"]


def test_a_run_in_pieces_goes_on_with_the_same_command(config, tmp_path, capsys):
    words = ["train", config(3), "--minutes", "0.0101"]
    folder, reached = tmp_path / "run", []
    while not reached or reached[-1] < 3:
        assert cli.main(words) == 0
        reached.append(iterations_in(folder))
    assert reached == sorted(set(reached))  # each piece goes on where the last one ended
    assert str(folder / "ema") in capsys.readouterr().out


def test_folders_of_pictures_are_taken_and_a_wrong_one_is_named(config, tmp_path, capsys):
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert cli.main(["train", config(1), "--sprites", str(folder)]) == 2
    assert "transparency" in capsys.readouterr().err
    picture = np.zeros((40, 40, 4), np.uint8)
    cv2.circle(picture, (20, 20), 15, (0, 0, 255, 255), -1)
    cv2.imwrite(str(folder / "ball.png"), picture)
    assert cli.main(["train", config(1), "--sprites", str(folder), "-o", str(tmp_path / "b")]) == 0
    assert iterations_in(tmp_path / "b") == 1


def test_pictures_for_other_data_than_generated_are_refused(tmp_path, capsys):
    words = ["train", "coco_r50", "--sprites", str(tmp_path), "-o", str(tmp_path / "run")]
    assert cli.main(words) == 2
    assert "generated clips" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["nan", "inf", "-inf", "1e400", "0", "-1"])
def test_a_time_that_is_none_is_refused_before_the_run(config, tmp_path, capsys, minutes):
    assert cli.main(["train", config(1), "--minutes", minutes]) == 2
    assert "minutes must be a finite number of at least 0.01 (got" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_a_configuration_the_presets_are_listed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["train"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(preset_names())
    assert all(line.endswith(".") for line in lines)
    assert cli.main(["train", "-o", "runs/x"]) == 2
    assert "Name what to train" in capsys.readouterr().err


def test_a_run_that_is_complete_says_that_nothing_is_trained(config, tmp_path, capsys):
    assert cli.main(["train", config(1)]) == 0
    assert "note" not in capsys.readouterr().err
    assert cli.main(["train", config(1)]) == 0
    assert "complete with 1 of 1 iterations, so nothing is trained" in capsys.readouterr().err
    other = tmp_path / "other"
    words = ["train", config(1), "-o", str(other), "--init", str(tmp_path / "run")]
    assert cli.main(words) == 0
    (tmp_path / "run").rename(tmp_path / "moved")  # what it began from need not be there any more
    (tmp_path / "run").mkdir()
    words[1] = config(2)
    capsys.readouterr()
    assert cli.main(words) == 0
    assert f"Going on with the run in {other}, at iteration 1 of 2" in capsys.readouterr().err
    words[1], words[-1] = config(3), str(tmp_path / "moved")
    assert cli.main(words) == 0
    said = capsys.readouterr().err
    assert f"It began from {tmp_path / 'run'}; {tmp_path / 'moved'} is not looked at" in said
    assert cli.main(words) == 0
    assert f"It began from {tmp_path / 'run'}" in capsys.readouterr().err  # and not what was named


@pytest.mark.parametrize(("rank", "talks"), [("0", True), ("1", False)])
def test_of_several_processes_the_first_alone_talks(config, capsys, monkeypatch, rank, talks):
    from ifc_core.training import trainer

    def train(settings, context, seconds, tell):
        context.advance(1, 1, "training")
        return settings.output

    monkeypatch.setattr(trainer, "train", train)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", rank)
    assert cli.main(["train", config(1)]) == 0
    assert [bool(text) for text in capsys.readouterr()] == [talks, talks]

"""Settings of one kind of training data are not left aside in silence by another."""

from pathlib import Path

import pytest

from ifc_core.errors import ConfigError
from ifc_core.training.config import read_train_config

FILES = 'annotations = "a.json"\nroot = "frames"\n'


def written(folder: Path, kind: str, data: str = "", stage: str = "") -> Path:
    named = f'kind = "{kind}"\n' if kind else ""
    path = folder / "run.toml"
    path.write_text(f'output = "out"\n[data]\n{named}{data}\n[[stages]]\niterations = 3\n{stage}\n')
    return path


@pytest.mark.parametrize(
    ("kind", "data", "stage", "name", "wanted"),
    [
        ("ytvis", FILES, 'difficulties = ["hard"]', "difficulties", "synthetic"),
        ("coco", FILES, 'difficulties = ["easy", "medium"]', "difficulties", "synthetic"),
        ("ytvis", FILES + "[data.synthetic]\nmax_objects = 3", "", "synthetic", "synthetic"),
        ("coco", FILES + "interval = 5", "", "interval", "ytvis"),
        ("synthetic", "interval = 5", "", "interval", "ytvis"),
        ("synthetic", 'augmentation = ["colour"]', "", "augmentation", "coco or ytvis"),
        ("", FILES, "", "annotations", "coco or ytvis"),
        ("", 'root = "frames"', "", "root", "coco or ytvis"),
    ],
)
def test_what_is_for_other_data_is_refused(
    tmp_path: Path, kind: str, data: str, stage: str, name: str, wanted: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read_train_config(written(tmp_path, kind, data, stage))
    assert caught.value.name == name
    assert str(caught.value).startswith(f"{name} is for data of the kind {wanted}, and these are ")


@pytest.mark.parametrize(
    ("kind", "data", "stage"),
    [
        ("ytvis", FILES + 'interval = 5\naugmentation = ["colour"]', ""),
        ("coco", FILES + 'augmentation = ["colour"]', ""),
        ("synthetic", "[data.synthetic]\nmax_objects = 3", 'difficulties = ["hard"]'),
        ("ytvis", FILES + "interval = 20\n[data.synthetic]", 'difficulties = ["medium"]'),
    ],
)
def test_what_is_for_these_data_or_as_usual_is_taken(
    tmp_path: Path, kind: str, data: str, stage: str
) -> None:
    assert read_train_config(written(tmp_path, kind, data, stage)).data.kind == kind

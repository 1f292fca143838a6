"""Training on generated clips needs few packages, so that it runs where little is installed."""

import subprocess
import sys

_RUN = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"av", "pycocotools", "platformdirs", "PySide6", "napari", "qtpy"}:
            raise ModuleNotFoundError(f"{name} is not here")

sys.meta_path.insert(0, Missing())
from ifc_core.training.config import TrainConfig, build_config
from ifc_core.training.trainer import Trainer

stage = {"iterations": 1, "num_frames": [2], "batch_size": 2, "sizes": [[48, 64]]}
table = {
    "output": sys.argv[1], "model": {"preset": "tiny", "num_classes": 1}, "stages": [stage],
    "data": {"num_workers": 0}, "device": "cpu",
}
print(sum(1 for _ in Trainer(build_config(TrainConfig, table)).run()))
"""


def test_generated_clips_train_without_video_coco_and_window_packages(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.strip() == "1", done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()

"""Names of the files of a training run, known without loading what trains."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

STATE_NAME = "resume.safetensors"
"""The checkpoint that a run goes on from."""

TRAINING_FOLDER = "train"
"""Of a fine-tuning, in the folder of its run."""


SETTINGS_NAME = "window.json"
"""Settings of a fine-tuning that has not ended, in the folder of its run."""


def forget_training_state(run_folder: Path) -> None:
    """Delete what a fine-tuning could go on from, once the project knows its version.

    Weights and moments are several times as large as the version that came of them.

    Args:
        run_folder: The run's folder in the project.
    """
    with suppress(OSError):
        (run_folder / TRAINING_FOLDER / STATE_NAME).unlink(missing_ok=True)

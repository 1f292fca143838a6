"""A training process that answers when told to, and the controller in front of it."""

from pathlib import Path
from typing import Any

from ifc_core.annotation import Project
from ifc_core.engine.protocol import JobEnd, JobEvent, JobStatus
from ifc_core.errors import EngineError
from napari_ifc.controllers.finetune import FinetuneController
from napari_ifc.finetune_state import FinetuneView

STARTED = {"num_training_frames": 4, "num_held_out_frames": 1, "device": "cpu", "notice": ""}


class Trainer:
    """Keeps the request until it is answered."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.on_event: Any = None
        self.cancelled = 0
        self.broken = False

    def request(self, kind: str, params: Any = None, on_event: Any = None) -> "Trainer":
        assert kind == "finetune"
        if self.broken:
            raise EngineError("The training process cannot be started.")
        self.params, self.on_event = params, on_event
        return self

    def cancel(self) -> None:
        self.cancelled += 1

    def tell(self, name: str, **data: Any) -> None:
        self.on_event(JobEvent(1, name, data))

    def end(self, status: JobStatus, result: Any = None, error: Any = None) -> None:
        self.on_event(JobEnd(1, status, result or {}, error))


class Bench:
    def __init__(self, project: Project) -> None:
        self.project = project
        self.trainer = Trainer()
        self.views: list[FinetuneView] = []
        self.ends: list[tuple[str, str]] = []
        self.released = 0
        self.controller = self.make()

    def make(self) -> FinetuneController:
        return FinetuneController(
            self.project,
            self.trainer,
            self._release,
            lambda callback: callback,
            self.views.append,
            lambda outcome, sentence: self.ends.append((outcome, sentence)),
            lambda: None,
        )

    def _release(self) -> None:
        self.released += 1

    @property
    def run_folder(self) -> Path:
        return self.project.folder / "runs" / self.trainer.params["settings"]["run_id"]

    def add_version(self, name: str) -> None:
        """A version that no run made."""
        weights = self.project.folder / "models" / "other.safetensors"
        weights.write_bytes(b"weights")
        self.project.add_model(name, weights)

    def start(self) -> None:
        self.controller.refresh()
        self.controller.start("quick")


def result(bench: Bench, **changes: Any) -> dict[str, Any]:
    path = bench.project.folder / "models" / "clip-1.safetensors"
    path.write_bytes(b"weights")
    values: dict[str, Any] = {
        "name": "clip-1",
        "path": str(path),
        "sha256": "ab" * 32,
        "parent": "ifc-r18-objects",
        "verdict": "better",
        "promote": True,
        "before": {"num_masks": 9, "mean_j": 0.4, "ap": 0.1},
        "after": {"num_masks": 9, "mean_j": 0.8, "ap": 0.6},
        "rehearsal_before": 0.5,
        "rehearsal_after": 0.45,
        "comparisons": [],
        "seconds": 90.0,
        "provenance": {"trained_on": {"clip": [0]}},
        "metrics": {"after": {"mean_j": 0.8}},
    }
    return values | changes

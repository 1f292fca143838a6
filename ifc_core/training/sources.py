"""The clips that a run's settings ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ifc_core.data.clip_source import ClipRequest, ClipSource, sample_seed
from ifc_core.data.sample import ClipSample
from ifc_core.training.config import TrainConfig


@dataclass(frozen=True, slots=True)
class SyntheticSource:
    """Clips of the generated world.

    Attributes:
        seed: Of the run.
        fields: Further fields of ``ClipSpec``.
    """

    seed: int
    fields: tuple[tuple[str, Any], ...] = ()

    def __call__(self, request: ClipRequest) -> ClipSample:
        """Render the clip of a request."""
        from ifc_core.data.synthetic import ClipSpec, render_clip

        fields = {"difficulty": request.difficulty, **dict(self.fields)}
        spec = ClipSpec(
            num_frames=request.num_frames, height=request.height, width=request.width, **fields
        )
        return render_clip(sample_seed(self.seed, request.index), spec)


def make_source(config: TrainConfig) -> ClipSource:
    """Open what ``config.data`` names.

    Raises:
        ConfigError: A setting of the data is wrong.
    """
    return SyntheticSource(config.seed, tuple(config.data.synthetic.items()))

"""The parts that hang into a studio, by their class and by their hooks."""

from __future__ import annotations

from typing import Any, TypeVar

from napari_ifc.feature import Feature
from napari_ifc.features.attention import AttentionExplorer
from napari_ifc.features.finetune import TrainerLink
from napari_ifc.features.model_import import ModelImport
from napari_ifc.features.propose import ProposeLink
from napari_ifc.studio_signals import StudioSignals

F = TypeVar("F", bound=Feature)


class StudioFeatures(StudioSignals):
    """What a studio is made of; :class:`napari_ifc.studio.Studio` fills it."""

    def __init__(self) -> None:
        super().__init__()
        self._features: tuple[Feature, ...] = ()

    def _tell(self, hook: str, *args: Any, **options: Any) -> None:
        for feature in self._features:
            getattr(feature, hook)(*args, **options)

    def feature(self, kind: type[F]) -> F:
        """The studio's feature of a class in ``napari_ifc.features.FEATURES``."""
        return next(part for part in self._features if isinstance(part, kind))

    @property
    def attention(self) -> AttentionExplorer:
        """The attention explorer."""
        return self.feature(AttentionExplorer)

    @property
    def proposing(self) -> ProposeLink:
        """Proposing."""
        return self.feature(ProposeLink)

    @property
    def trainer(self) -> TrainerLink:
        """Fine-tuning."""
        return self.feature(TrainerLink)

    @property
    def model_import(self) -> ModelImport:
        """Importing published checkpoints."""
        return self.feature(ModelImport)

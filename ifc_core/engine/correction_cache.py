"""What the engine keeps between corrections, so that a second one is quick."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ifc_core.config import Settings, cache_dir, read_settings
from ifc_core.engine.model_cache import ModelCache
from ifc_core.errors import CheckpointError, ConfigError
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.deep_pictures import PIXELS_VERSION
from ifc_core.io.readable_frames import StandInReader
from ifc_core.io.video import VideoReader

if TYPE_CHECKING:
    from ifc_core.inference.clip_features import ClipFeatureCache
    from ifc_core.inference.feature_folder import FeatureFolder
    from ifc_core.inference.flow_store import FlowStore

_VIDEOS = 2


class CorrectionCache:
    """Clip features and flow of the last few videos, each within its own bound of memory.

    Args:
        models: Where models are kept.
    """

    def __init__(self, models: ModelCache) -> None:
        self._models = models
        self._features: OrderedDict[tuple[object, ...], ClipFeatureCache] = OrderedDict()
        self._flows: OrderedDict[tuple[object, ...], FlowStore] = OrderedDict()

    def flow(self, reader: VideoReader, short_side: int) -> FlowStore:
        """Pictures and flow of a video.

        Args:
            reader: The video, open for as long as the flow is used.
            short_side: Working size.
        """
        from ifc_core.inference.flow_store import FlowStore

        video = reader.video
        key = (video.path, video.fingerprint, video.size, short_side)
        if key not in self._flows:
            while len(self._flows) >= _VIDEOS:
                self._flows.popitem(last=False)
            self._flows[key] = FlowStore(reader, short_side)
        self._flows.move_to_end(key)
        kept = self._flows[key]
        _tell_broken(reader, kept.reader)
        kept.reader = reader
        return kept

    def features(
        self, reader: VideoReader, params: dict[str, Any], search: Sequence[Path] = ()
    ) -> tuple[ClipFeatureCache | None, list[str]]:
        """The network's features of a video, if a request asks for them and there is a model.

        Args:
            reader: The video, open for as long as the features are used.
            params: With ``settings`` (``ProposeSettings.to_json``) where the network is wanted.
            search: Folders of models.

        Returns:
            The features, or ``None``, and a sentence where a wanted model cannot be used.
        """
        if params.get("settings") is None:
            return None, []
        settings = ProposeSettings.from_json(params["settings"])
        try:
            model = self._models.get(settings.model, settings.device, search)
        except CheckpointError as error:
            return None, [f"Colour and motion alone were used: {error}"]
        video = reader.video
        key = (video.path, video.fingerprint, id(model), repr(settings))
        if key not in self._features:
            from ifc_core.inference.clip_features import ClipFeatureCache

            while len(self._features) >= _VIDEOS:
                self._features.popitem(last=False)
            chosen = _user_settings()
            names = (PIXELS_VERSION, video.fingerprint, model.sha256, settings)
            identity = " ".join(map(repr, names)) if model.sha256 else ""
            self._features[key] = ClipFeatureCache(
                model,
                reader,
                settings,
                max_bytes=round(chosen.feature_memory_gib * (1 << 30)),
                folder=_feature_folder(identity, chosen.feature_disk_gib),
            )
        self._features.move_to_end(key)
        kept = self._features[key]
        _tell_broken(reader, kept.reader)
        kept.reader = reader
        return kept, []

    def clear(self) -> None:
        """Let go of everything."""
        self._features.clear()
        self._flows.clear()


def _tell_broken(reader: VideoReader, earlier: VideoReader) -> None:
    """Pass on which frames are broken: what was kept of them is not read once more."""
    if isinstance(reader, StandInReader) and isinstance(earlier, StandInReader):
        reader.stands |= earlier.stands


def _user_settings() -> Settings:
    """The person's settings as they are now; the usual ones where they cannot be read."""
    try:
        return read_settings()
    except ConfigError:
        return Settings()


def _feature_folder(identity: str, gibibytes: float) -> FeatureFolder | None:
    if gibibytes <= 0 or not identity:
        return None
    from ifc_core.inference.feature_folder import FeatureFolder

    return FeatureFolder(cache_dir() / "features", identity, round(gibibytes * (1 << 30)))

"""The small validated types that every part shares. numpy and pycocotools only."""

from ifc_core.structures.category import Category
from ifc_core.structures.mask import RLEMask
from ifc_core.structures.prediction import ClipPrediction
from ifc_core.structures.track import (
    FrameState,
    MaskRecord,
    MaskSource,
    Track,
    TrackKind,
    TrackState,
)
from ifc_core.structures.video import FrameBatch, Video

__all__ = [
    "Category",
    "ClipPrediction",
    "FrameBatch",
    "FrameState",
    "MaskRecord",
    "MaskSource",
    "RLEMask",
    "Track",
    "TrackKind",
    "TrackState",
    "Video",
]

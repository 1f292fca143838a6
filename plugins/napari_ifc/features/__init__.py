"""The parts of a studio, one module each. A new one is written beside these and listed here."""

from napari_ifc.feature import Feature
from napari_ifc.features.attention import AttentionExplorer
from napari_ifc.features.bulk import BulkEdits
from napari_ifc.features.classes import Classes
from napari_ifc.features.correction import Correction
from napari_ifc.features.editing import Editing
from napari_ifc.features.files import Files
from napari_ifc.features.finetune import TrainerLink
from napari_ifc.features.imports import Imports
from napari_ifc.features.labels_layer import LabelsLayer
from napari_ifc.features.lineage import Lineage
from napari_ifc.features.model_import import ModelImport
from napari_ifc.features.napari_layer import NapariLayer
from napari_ifc.features.navigation import Navigation
from napari_ifc.features.opening import Opening
from napari_ifc.features.picking import Picking
from napari_ifc.features.polygon import Polygon
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.features.propose import ProposeLink
from napari_ifc.features.quality import Quality
from napari_ifc.features.regions import IgnoredRegions
from napari_ifc.features.review import Review
from napari_ifc.features.scale import VideoScale
from napari_ifc.features.system import System
from napari_ifc.features.taking_over import TakingOver
from napari_ifc.features.timeline import TimelineLink
from napari_ifc.features.track_edits import TrackEdits
from napari_ifc.features.track_list import TrackList
from napari_ifc.features.track_names import TrackNames
from napari_ifc.features.videos import Videos
from napari_ifc.features.view import View
from napari_ifc.features.visibility import Visibility

FEATURES: tuple[type[Feature], ...] = (
    Opening,
    Files,
    Imports,
    TakingOver,
    NapariLayer,
    LabelsLayer,
    Videos,
    VideoScale,
    ProposeLink,
    Editing,
    Classes,
    Correction,
    Picking,
    Polygon,
    View,
    Visibility,
    TrackEdits,
    TrackNames,
    IgnoredRegions,
    Lineage,
    TrackList,
    Navigation,
    TimelineLink,
    Review,
    BulkEdits,
    AttentionExplorer,
    ModelImport,
    TrainerLink,
    Quality,
    PreferencesFeature,
    System,
)
"""In the order in which they are made: pages, menus and the palette keep it."""

"""The annotation project: tracks and masks in SQLite, every change an edit with an inverse."""

from ifc_core.annotation import edits
from ifc_core.annotation.frame_columns import FrameColumns
from ifc_core.annotation.reader_views import ReaderView
from ifc_core.annotation.reading import ProjectReader, view_project
from ifc_core.annotation.records import (
    EditResult,
    HistoryEntry,
    ModelVersion,
    RunInfo,
    RunState,
    Scope,
    StagedInstance,
    StagedMask,
    TrackFrame,
    VideoEntry,
)
from ifc_core.annotation.review import (
    FrameReview,
    ProjectProgress,
    TrackFilter,
    VideoProgress,
)
from ifc_core.annotation.store import Project

__all__ = [
    "EditResult",
    "FrameColumns",
    "FrameReview",
    "HistoryEntry",
    "ModelVersion",
    "Project",
    "ProjectProgress",
    "ProjectReader",
    "ReaderView",
    "RunInfo",
    "RunState",
    "Scope",
    "StagedInstance",
    "StagedMask",
    "TrackFilter",
    "TrackFrame",
    "VideoEntry",
    "VideoProgress",
    "edits",
    "view_project",
]

"""Every change of a project: frozen commands for ``Project.apply``."""

from ifc_core.annotation.edits.accept import AcceptPropagation, AcceptRun, TakePropagated
from ifc_core.annotation.edits.base import Edit, OverlapRule
from ifc_core.annotation.edits.batch import Batch
from ifc_core.annotation.edits.catalog import (
    AddVideo,
    RemoveCategory,
    RemoveVideo,
    SetCategory,
    SetVideo,
)
from ifc_core.annotation.edits.imported import ImportedTrack, ImportTracks
from ifc_core.annotation.edits.lineage import LinkDivision, UnlinkTracks
from ifc_core.annotation.edits.masks import (
    ClearMasks,
    CopyMask,
    ExtendTrack,
    InterpolateMasks,
    MarkAbsent,
    PatchMask,
    SetMask,
    TrimTrack,
)
from ifc_core.annotation.edits.pieces import SeparatePieces
from ifc_core.annotation.edits.refusals import RefuseDivision
from ifc_core.annotation.edits.review import (
    ApproveFrames,
    ApproveTracks,
    RejectMasks,
    RejectTracks,
    RestoreMasks,
    RestoreTracks,
    UnapproveFrames,
)
from ifc_core.annotation.edits.tracks import (
    DeleteTracks,
    MergeTracks,
    NewTrack,
    RelabelTracks,
    SetTrack,
    SetZOrder,
    SplitTrack,
    SwapIdentities,
)

__all__ = [
    "AcceptPropagation",
    "AcceptRun",
    "AddVideo",
    "ApproveFrames",
    "ApproveTracks",
    "Batch",
    "ClearMasks",
    "CopyMask",
    "DeleteTracks",
    "Edit",
    "ExtendTrack",
    "ImportTracks",
    "ImportedTrack",
    "InterpolateMasks",
    "LinkDivision",
    "MarkAbsent",
    "MergeTracks",
    "NewTrack",
    "OverlapRule",
    "PatchMask",
    "RefuseDivision",
    "RejectMasks",
    "RejectTracks",
    "RelabelTracks",
    "RemoveCategory",
    "RemoveVideo",
    "RestoreMasks",
    "RestoreTracks",
    "SeparatePieces",
    "SetCategory",
    "SetMask",
    "SetTrack",
    "SetVideo",
    "SetZOrder",
    "SplitTrack",
    "SwapIdentities",
    "TakePropagated",
    "TrimTrack",
    "UnapproveFrames",
    "UnlinkTracks",
]

"""Reading a project, from the writer's connection or from a second, read-only one."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from ifc_core.annotation.records import (
    HistoryEntry,
    ModelVersion,
    RecordInfo,
    RunInfo,
    StagedInstance,
    StagedMask,
    TrackFrame,
    VideoEntry,
)
from ifc_core.annotation.review import FrameReview, TrackFilter
from ifc_core.structures import Category, MaskRecord, Track


class ProjectReader:
    """A read-only view of a project, used from the thread that opened it.

    ``with ProjectReader.open(folder) as reader`` gives a worker its own connection and one
    consistent snapshot for as long as it is open, whatever the window writes meanwhile.
    """

    folder: Path

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Open a second connection that only reads, on one snapshot."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # Videos, categories, tracks

    @property
    def name(self) -> str:
        """Name of the project."""
        raise NotImplementedError

    def videos(self) -> list[VideoEntry]:
        """All videos in the order they were added. Opens no file."""
        raise NotImplementedError

    def video(self, video_id: int) -> VideoEntry:
        """One video; ``EditError`` where there is none."""
        raise NotImplementedError

    def categories(self) -> list[Category]:
        """All categories by id."""
        raise NotImplementedError

    def tracks(self, video_id: int, include_rejected: bool = True) -> list[Track]:
        """Tracks of a video, lowest z first."""
        raise NotImplementedError

    def track(self, track_id: int) -> Track:
        """One track; ``EditError`` where there is none."""
        raise NotImplementedError

    # Masks

    def masks_at(
        self, video_id: int, frame_index: int, *, include_hidden: bool = False
    ) -> list[MaskRecord]:
        """Masks of one frame, lowest z first: one indexed look-up.

        Args:
            video_id: The video.
            frame_index: 0-based frame.
            include_hidden: Also rejected tracks and masks, and absent records (``rle`` None).
        """
        raise NotImplementedError

    def mask(self, track_id: int, frame_index: int) -> MaskRecord | None:
        """The current record, or ``None`` where the frame is not annotated for the track."""
        raise NotImplementedError

    def track_frames(self, track_id: int) -> list[TrackFrame]:
        """State, source and area of every annotated frame of a track, without masks."""
        raise NotImplementedError

    def timeline(self, video_id: int) -> dict[int, list[TrackFrame]]:
        """``track_frames`` of all tracks of a video, in one query."""
        raise NotImplementedError

    def record_info(self, mask_id: int) -> RecordInfo:
        """Who made a record, when, and how long it took."""
        raise NotImplementedError

    # Review

    def frame_is_exhaustive(self, video_id: int, frame_index: int) -> bool:
        """Whether the frame was approved: every object of the classes is annotated."""
        raise NotImplementedError

    def exhaustive_frames(self, video_id: int) -> list[int]:
        """All approved frames, sorted."""
        raise NotImplementedError

    def find_tracks(self, video_id: int, where: TrackFilter) -> list[int]:
        """Tracks that meet every condition, for bulk edits."""
        raise NotImplementedError

    def review(self, video_id: int) -> FrameReview:
        """Counts of what is proposed, corrected, approved, absent."""
        raise NotImplementedError

    # Runs, models, history

    def runs(self, video_id: int | None = None) -> list[RunInfo]:
        """Runs, newest first."""
        raise NotImplementedError

    def open_runs(self) -> list[RunInfo]:
        """Runs with staged results that nobody accepted or discarded.

        On opening, those in state *running* were cut off by a crash.
        """
        raise NotImplementedError

    def staged_masks_at(self, run_id: int, frame_index: int) -> list[StagedMask]:
        """Provisional masks of one frame."""
        raise NotImplementedError

    def staged_instances(self, run_id: int) -> list[StagedInstance]:
        """Provisional instances known so far."""
        raise NotImplementedError

    def models(self) -> list[ModelVersion]:
        """Model versions of the project, oldest first."""
        raise NotImplementedError

    def active_model(self) -> ModelVersion | None:
        """The model Propose uses, or ``None`` for the bundled one."""
        raise NotImplementedError

    def history(self, limit: int = 200) -> list[HistoryEntry]:
        """The latest journal entries, newest first (undone ones included)."""
        raise NotImplementedError

    def check(self) -> list[str]:
        """Every fault found: damage of the file, dangling ids, unsound masks. Empty is good."""
        raise NotImplementedError

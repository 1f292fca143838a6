"""What a fine-tuning works from: the snapshot, the parent model, classes and the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ifc_core.annotation.snapshot import Snapshot, SnapshotVideo, read_snapshot
from ifc_core.data.labelled_video import LabelledTrack, LabelledVideo
from ifc_core.errors import CheckpointError, ProjectError
from ifc_core.io.atomic import ready_folder
from ifc_core.io.video import open_video
from ifc_core.models.checkpoint import check_class_names
from ifc_core.models.ifc import IFC
from ifc_core.models.input_size import input_size
from ifc_core.models.names import DEFAULT_MODEL, DEFAULT_WORDS, model_name
from ifc_core.models.registry import load_model
from ifc_core.training.ancestry import Ancestry, read_ancestry
from ifc_core.training.class_head import OBJECT
from ifc_core.training.finetune_settings import FinetunePreset, FinetuneSettings
from ifc_core.training.held_out_split import Seen, Split, split_held_out
from ifc_core.training.old_task import OldTask, old_task
from ifc_core.training.project_classes import (
    ParentClasses,
    learnt_ids,
    parent_classes,
    rename_classes,
)


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """All that a fine-tuning works from.

    Attributes:
        project_folder: Of the project.
        settings: What the person chose.
        preset: With what was overridden.
        snapshot: The frozen annotation.
        parent: The model to start from, on the device; its classes are called as the project
            calls them now.
        parent_name: Shown to people.
        class_names: Of the model in training.
        split: Labelled frames to learn from and to judge by.
        nearest: New class to the known one that its row starts from, for parents without
            "object".
        ancestry: What the parent and the models before it have seen.
        category_ids: Ids in the project of the classes that were learnt from it, by name.
        old_task: What the parent knew before any project, its class called as in ``class_names``;
            ``None`` where the new model will not know it.
    """

    project_folder: Path
    settings: FinetuneSettings
    preset: FinetunePreset
    snapshot: Snapshot
    parent: IFC
    parent_name: str
    class_names: tuple[str, ...]
    split: Split
    nearest: Mapping[str, str] = field(default_factory=dict)
    ancestry: Ancestry = field(default_factory=Ancestry)
    category_ids: Mapping[str, int] = field(default_factory=dict)
    old_task: OldTask | None = None

    @property
    def run_folder(self) -> Path:
        """Folder of the run."""
        return self.project_folder / "runs" / self.settings.run_id

    @property
    def wanted_side(self) -> int:
        """Short side in pixels that was meant; the preset's is what memory allows."""
        return self.settings.load_preset(self.parent.preferences.short_side).short_side

    def frame_size(self, video: LabelledVideo) -> tuple[int, int]:
        """(height, width) in pixels at which a video is learnt."""
        multiple = self.parent.preferences.size_multiple
        return input_size((video.height, video.width), self.preset.short_side, multiple=multiple)

    @property
    def rehearsed(self) -> OldTask | None:
        """What is rehearsed with generated clips; ``None`` where none are mixed in."""
        return self.old_task if self.preset.rehearsal_share > 0 else None


def plan_finetune(project_folder: Path, settings: FinetuneSettings) -> FinetunePlan:
    """Read the snapshot and the parent model, and split the labelled frames.

    What would keep the version from being written after hours is found out now.

    Raises:
        OutputError: The project's folder of models cannot be written.
        ConfigError: A class has a name that no model can keep.
        FormatError: The snapshot cannot be used.
        ProjectError: A video of the project is not there, or is not what was annotated.
        VideoError: A video cannot be read.
        CheckpointError: The parent model cannot be used.
    """
    folder = Path(project_folder)
    ready_folder(folder / "models")
    snapshot = read_snapshot(folder / "runs" / settings.run_id)
    fingerprints = [_checked_fingerprint(video) for video in snapshot.videos]
    wanted = settings.model or snapshot.parent_path or "default"
    parent = load_model(wanted, settings.device, "fp32", search=[folder / "models"])
    if not parent.categories:
        raise CheckpointError(f"The model {wanted} does not name its classes.", path=wanted)
    used = {t.category_id for v in snapshot.videos for t in v.tracks if any(t.masks.values())}
    classes = parent_classes(
        [category.name for category in parent.categories],
        learnt_ids(parent, wanted, folder / "models"),
        snapshot.categories,
    )
    known = _renamed(old_task(parent), parent, classes)
    rename_classes(parent, classes.names)
    new = [c.name for c in snapshot.categories if c.id in used and c.name not in classes.kept]
    names = (*classes.kept, *new)
    check_class_names(names)
    labels = {c.id: names.index(c.name) for c in snapshot.categories if c.name in names}
    videos = tuple(labelled_video(video, labels) for video in snapshot.videos)
    ancestry = read_ancestry(parent.provenance, folder / "models", snapshot, fingerprints)
    seen = [ancestry.seen.get(video.path, Seen()) for video in videos]
    return FinetunePlan(
        folder,
        settings,
        settings.load_preset(parent.preferences.short_side),
        snapshot,
        parent,
        _parent_name(wanted, settings, snapshot),
        names,
        split_held_out(videos, settings.held_out_share, settings.seed, seen),
        ancestry=ancestry,
        category_ids={
            **classes.ids,
            **{c.name: c.id for c in snapshot.categories if c.id in used},
        },
        old_task=known,
    )


def _renamed(task: OldTask | None, parent: IFC, classes: ParentClasses) -> OldTask | None:
    """An old task by the name that its class has in the project."""
    if task is None:
        return None
    before = [category.name for category in parent.categories]
    name = classes.names[before.index(task.class_name)]
    return OldTask(task.world, name) if name in classes.kept else None


def _parent_name(wanted: str, settings: FinetuneSettings, snapshot: Snapshot) -> str:
    if wanted in DEFAULT_WORDS:
        return DEFAULT_MODEL
    return model_name(wanted) if settings.model else (snapshot.parent or model_name(wanted))


def _checked_fingerprint(video: SnapshotVideo) -> str:
    """Refuse another file than the one that was annotated; it may have been replaced since."""
    video.check_file()
    with open_video(video.path) as reader:
        found, fingerprint = reader.video.num_frames, reader.video.fingerprint
    if video.fingerprint is not None and found != video.num_frames:
        raise ProjectError(
            f"{video.path} has {found} frames, but {video.num_frames} were annotated; show the "
            f"video {video.name} in the project, or locate the file that was annotated.",
            path=video.path,
        )
    return fingerprint


def labelled_video(video: SnapshotVideo, labels: dict[int, int]) -> LabelledVideo:
    """A video of a snapshot in the form that the clip sampler reads.

    Args:
        video: Of the snapshot.
        labels: Category id to class number; tracks of other categories have no mask.
    """
    tracks = (
        LabelledTrack(labels[track.category_id], track.masks)
        for track in video.tracks
        if track.category_id in labels
    )
    return LabelledVideo(
        video.name,
        video.path,
        video.num_frames,
        video.height,
        video.width,
        tuple(tracks),
        frozenset(video.exhaustive),
    )


def final_classes(plan: FinetunePlan) -> tuple[str, ...]:
    """Classes of the new version: without the general one where the person wants it dropped.

    That is the parent's "object", or its "cell" unless the project's people use that class.
    """
    if plan.settings.object_class == "keep":
        return plan.class_names
    general = OBJECT if plan.old_task is None else plan.old_task.class_name
    if general != OBJECT and general in plan.category_ids:
        return plan.class_names
    return tuple(name for name in plan.class_names if name != general) or plan.class_names

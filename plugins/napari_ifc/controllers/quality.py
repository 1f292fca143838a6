"""The figures of a project's proposals as lines of a table."""

from __future__ import annotations

from ifc_core.evaluation.project_quality import ProjectQuality, QualityFigures
from napari_ifc.journal_text import quality_note_text
from napari_ifc.language import tr


def quality_rows(quality: ProjectQuality) -> list[tuple[str, ...]]:
    """One line for all classes together, then one a class."""
    rows = [_row(tr("All"), quality.overall)]
    if len(quality.per_category) > 1:
        rows += [_row(item.name, item.figures) for item in quality.per_category]
    return rows


def quality_facts(quality: ProjectQuality) -> str:
    """What was judged and by what, in one sentence."""
    one = quality.num_frames == 1
    frames = tr("1 approved frame") if one else tr("{count:,} approved frames")
    masks = tr("1 mask") if quality.num_masks == 1 else tr("{count:,} masks")
    videos = tr("1 video") if quality.num_videos == 1 else tr("{count:,} videos")
    source, files = quality.source, ", ".join(quality.files)
    if quality.models:
        names = ", ".join(name or tr("the bundled model") for name in quality.models)
        words = tr("Proposals of {models}")
        if files:
            words = tr("Proposals of {models}, and imported from {files}")
        source = words.format(models=names, files=files)
    elif files:
        source = tr("Proposals imported from {files}").format(files=files)
    return tr("{source}, judged by {frames} with {masks} in {videos}.").format(
        source=source,
        frames=frames.format(count=quality.num_frames),
        masks=masks.format(count=quality.num_masks),
        videos=videos.format(count=quality.num_videos),
    )


def quality_notes(quality: ProjectQuality) -> list[str]:
    """What is to be known of the figures."""
    return [quality_note_text(note) for note in quality.notes]


def _row(name: str, figures: QualityFigures) -> tuple[str, ...]:
    shares = (figures.ap, figures.ap50, figures.ap75, figures.region_j, figures.boundary_f)
    texts = ("–" if value is None else f"{value:.2f}" for value in shares)
    return (name, str(figures.num_tracks), *texts, str(figures.identity_switches))

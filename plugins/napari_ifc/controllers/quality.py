"""The figures of a project's proposals as lines of a table."""

from __future__ import annotations

from ifc_core.evaluation.project_quality import ProjectQuality, QualityFigures


def quality_rows(quality: ProjectQuality) -> list[tuple[str, ...]]:
    """One line for all classes together, then one a class."""
    rows = [_row("All", quality.overall)]
    if len(quality.per_category) > 1:
        rows += [_row(item.name, item.figures) for item in quality.per_category]
    return rows


def quality_facts(quality: ProjectQuality) -> str:
    """What was judged and by what, in one sentence."""
    frames = _counted(quality.num_frames, "approved frame")
    masks, videos = _counted(quality.num_masks, "mask"), _counted(quality.num_videos, "video")
    source = quality.source[:1].upper() + quality.source[1:]
    return f"{source}, judged by {frames} with {masks} in {videos}."


def _row(name: str, figures: QualityFigures) -> tuple[str, ...]:
    shares = (figures.ap, figures.ap50, figures.ap75, figures.region_j, figures.boundary_f)
    texts = ("–" if value is None else f"{value:.2f}" for value in shares)
    return (name, str(figures.num_tracks), *texts, str(figures.identity_switches))


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"

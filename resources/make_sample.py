"""Renew the proposals that the sample clip opens with: ``make sample``.

Run it after the bundled weights changed. Proposes on the clip with them and packs the project.
"""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import ifc_resources
from ifc_core.annotation import Project, StagedInstance, StagedMask, edits
from ifc_core.annotation.packing import pack_project
from ifc_core.inference.predictor import predict_video
from ifc_core.inference.settings import ProposeSettings
from ifc_core.io.video import open_video
from ifc_core.jobs import JobContext
from ifc_core.models.registry import load_model

CLIP = "sample/bedroom.mp4"


def main() -> None:
    """Propose, accept, pack."""
    clip = ifc_resources.path(CLIP)
    target = clip.with_suffix(".ifcpack")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / f"{clip.stem}.ifcproj"
        with Project.create(folder, clip.stem, annotator="IFC Studio") as project:
            with open_video(clip) as reader:
                video_id = project.add_video(reader.video, clip.stem)
                _propose(project, video_id, reader)
            print(f"{len(project.tracks(video_id))} tracks")  # noqa: T201 - a script
        _forget_places(folder, clip.name)
        with Project.open(folder, read_only=True) as project:
            size = pack_project(project, target)
    print(f"{target}: {size / 1024:.0f} KiB")  # noqa: T201 - a script


def _propose(project: Project, video_id: int, reader) -> None:
    settings = ProposeSettings(device="cpu")
    model = load_model(settings.model, "cpu")
    run = project.begin_run("propose", video_id, settings.to_json(), settings.model)
    context = JobContext(lambda p: print(f"\r{p.done} of {p.total}", end="", flush=True))  # noqa: T201
    found = predict_video(
        model,
        reader.iter_frames(),
        settings,
        context,
        num_frames=reader.video.num_frames,
    )
    for frame in found:
        masks = [
            StagedMask(m.instance_id, m.rle, m.score, m.uncertainty, m.link_score)
            for m in frame.masks
        ]
        project.stage(run, frame.frame_index, masks)
    names = [category.name for category in model.categories]
    kept = [StagedInstance(i.instance_id, names[i.label], i.score) for i in found.instances]
    project.stage_instances(run, kept)
    project.finish_run(run)
    project.apply(edits.AcceptRun(run, tuple(i.instance_id for i in kept)))


def _forget_places(folder: Path, name: str) -> None:
    """Where the clip lies on this machine is nobody's business; it is found by its content."""
    db = sqlite3.connect(folder / "project.sqlite")
    with db:
        db.execute("UPDATE videos SET stored_path = ?, absolute_hint = ''", (name,))
    db.close()


if __name__ == "__main__":
    main()

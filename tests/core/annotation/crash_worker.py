"""A process that works on a project until it is killed; the test reads what it acknowledged.

Each line of the log is written after the fact: what was done, and a digest of the state then.
"""

import hashlib
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from annotation.random_edits import random_mask, try_edit

from ifc_core.annotation import Project, ProjectReader, StagedMask
from ifc_core.annotation.exporting import ExportOptions, ExportScope, export_project


def digest(project: Project) -> str:
    """A digest of everything that edits may change."""
    content = hashlib.sha256()
    for table in ("videos", "categories", "tracks", "exhaustive", "current"):
        for row in project._db.execute(f"SELECT * FROM {table} ORDER BY 1, 2"):  # noqa: S608
            content.update(repr(row).encode())
    masks = "SELECT id, counts FROM masks WHERE id IN (SELECT mask_id FROM current) ORDER BY id"
    for row in project._db.execute(masks):
        content.update(repr(row).encode())
    return content.hexdigest()


def work(folder: Path, log: Path, seed: int) -> None:
    """Edit, undo, redo, stage and export at random, for ever."""
    rng = random.Random(seed)
    project = Project.open(folder)
    with log.open("w", encoding="ascii") as out:

        def acknowledge(what: str) -> None:
            out.write(f"{what} {digest(project)}\n")
            out.flush()

        acknowledge("open")
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        number = 0
        while True:
            number += 1
            choice = rng.random()
            if choice < 0.6 and try_edit(rng, project):
                acknowledge("do")
            elif choice < 0.72 and len(project.history()) > 6 and project.undo():
                acknowledge("undo")
            elif choice < 0.8 and project.redo():
                acknowledge("redo")
            elif choice < 0.92:
                run_id = project.begin_run("propose", project.videos()[0].id, {})
                for frame in range(5):
                    mask = random_mask(rng, project.videos()[0].size)
                    project.stage(run_id, frame, [StagedMask(1, mask)])
                if rng.random() < 0.5:
                    project.discard_run(run_id)
            else:
                with ProjectReader.open(folder) as reader:
                    options = ExportOptions(scope=ExportScope.EVERYTHING)
                    target = folder / "exports" / f"{seed}-{number % 3}.json"
                    export_project(reader, target, options=options)


if __name__ == "__main__":
    work(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))

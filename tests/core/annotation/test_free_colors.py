"""Colours and places that new tracks get: counted up within an edit, always as if read anew."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from ifc_core.annotation import Project, edits
from ifc_core.annotation.importing import import_annotations
from ifc_core.annotation.rows import PALETTE
from ifc_core.annotation.transaction import EditTransaction
from ifc_core.structures import Category

from .conftest import video


class Asked:
    """An edit's transaction whose answers are compared with what the tables hold."""

    def __init__(self, project):
        self.db = project._db
        self.tx = EditTransaction(self.db, project.folder, 1, 0.0)

    def add(self, video_id, **given):
        color, top = self.expected(video_id)
        track = self.tx.new_track(video_id, 1, **given)
        assert track.color_rgb == given.get("color_rgb", color)
        assert track.z_order == given.get("z_order", top + 1)
        return track

    def expected(self, video_id):
        query = "SELECT color, z_order FROM tracks WHERE video_id = ?"
        found = self.db.execute(query, (video_id,)).fetchall()
        used = Counter((c >> 16, c >> 8 & 255, c & 255) for c, _ in found)
        return min(PALETTE, key=lambda c: used[c]), max((z for _, z in found), default=-1)


@pytest.fixture
def asked(tmp_path):
    with Project.create(tmp_path / "p.ifcproj") as project:
        for name in "ab":
            project.add_video(video(f"{name}.mp4", f"1-{name}"))
        project.apply(edits.SetCategory(Category(1, "cat")))
        project._db.execute("INSERT OR IGNORE INTO annotators (id, name) VALUES (1, 'ann')")
        yield Asked(project)


def test_new_tracks_go_on_top_in_the_colour_least_used(asked):
    for number in range(40):
        asked.add(1 + number % 2)
    asked.add(1, color_rgb=PALETTE[9])
    asked.add(1, z_order=100)
    asked.add(1)


def test_what_tracks_removed_or_changed_in_the_same_edit_leave_is_free_again(asked):
    rng = np.random.default_rng(3)
    tracks = []
    for _ in range(200):
        draw = rng.random()
        if draw < 0.7 or not tracks:
            tracks.append(asked.add(int(rng.integers(1, 3))))
        elif draw < 0.85:
            asked.tx.drop_tracks([tracks.pop(int(rng.integers(len(tracks))))])
        else:
            place = int(rng.integers(len(tracks)))
            color = PALETTE[int(rng.integers(len(PALETTE)))]
            z_order = int(rng.integers(-5, 50))
            tracks[place] = replace(tracks[place], color_rgb=color, z_order=z_order)
            asked.tx.put_track(tracks[place])
    asked.tx.drop_tracks(tracks)
    assert asked.tx.top(1) == -1
    asked.add(1)


def test_an_import_reads_a_video_of_many_pictures_once(tmp_path):
    """Pictures of one folder are frames of one video, whose tracks and flags may be many."""
    count = 30
    content = {
        "images": [
            {"id": i, "file_name": f"{i:05d}.jpg", "height": 48, "width": 64} for i in range(count)
        ],
        "annotations": [
            {
                "id": i + 1,
                "image_id": i,
                "category_id": 1,
                "iscrowd": 0,
                "area": 50,
                "bbox": [0, 0, 10, 10],
                "segmentation": [[0, 0, 10, 0, 10, 10]],
            }
            for i in range(count)
        ],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    statements = Counter()
    with Project.create(tmp_path / "p.ifcproj") as project:
        project._db.set_trace_callback(lambda text: statements.update([text.split(" WHERE ")[0]]))
        import_annotations(project, tmp_path / "a.json")
        project._db.set_trace_callback(None)
        assert len(project.videos()) == 1
        tracks = project.tracks(1)
        assert [track.z_order for track in tracks] == list(range(count))
        used = Counter(track.color_rgb for track in tracks)
        assert max(used.values()) - min(used.values()) == 1
    whole = [
        n for text, n in statements.items() if "max(z_order)" in text or "color, count" in text
    ]
    assert whole == [1]
    assert [n for text, n in statements.items() if text.endswith("FROM exhaustive")] == [1]

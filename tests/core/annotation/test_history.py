"""The journal as people see it: list, undo across restarts, cut branches, compaction."""

import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ifc_core.annotation import Project, ProjectReader, Scope
from ifc_core.annotation import delta as delta_module
from ifc_core.annotation.delta import Delta, Pointer, change_table
from ifc_core.annotation.edits import MarkAbsent, NewTrack, SetMask
from ifc_core.annotation.pointer_tables import merged, pack_table, unpack_table
from ifc_core.errors import ProjectError

from .conftest import box, state_of


def test_history_list_and_labels(project):
    first = project.history()[0]
    assert (first.kind, first.label) == ("SetMask", "Paint track 1, frame 6")
    assert (first.annotator, first.num_masks, first.undone) == ("ann", 1, False)
    assert project.undo_label == "Paint track 1, frame 6"
    assert project.redo_label is None
    project.undo()
    assert project.history()[0].undone
    assert project.undo_label == "New track 1, frame 2"
    assert project.redo_label == "Paint track 1, frame 6"
    assert len(project.history(limit=2)) == 2


def test_undo_survives_a_restart(project, tmp_path):
    before = state_of(project)
    project.apply(MarkAbsent(1, Scope.from_here(3)))
    project.undo()
    project.undo()
    folder = project.folder
    project.close()
    with Project.open(folder) as again:
        again.redo()
        assert state_of(again) == before
        result = again.redo()
        assert result.label == "Mark track 1 absent, from frame 3 on"
        assert again.redo() is None


def test_a_new_edit_cuts_the_redo_branch(project):
    project.undo()
    project.apply(NewTrack(1, 2))
    assert project.redo() is None
    assert project.redo_label is None
    assert not any(entry.undone for entry in project.history())


def test_undo_of_everything_leads_back_to_the_empty_project(project):
    steps = 0
    while project.undo() is not None:
        steps += 1
    assert steps == 6
    assert project.videos() == []
    assert project.categories() == []
    for _ in range(steps):
        project.redo()
    assert project.mask(1, 6).rle == box(11, 20)


def test_ids_are_never_given_out_again(project):
    project.undo()
    project.undo()
    assert project.apply(NewTrack(1, 1)).tracks_added == (2,)


def test_subscribers_hear_of_edits_undos_and_redos(project):
    heard = []
    stop = project.subscribe(heard.append)
    result = project.apply(SetMask(1, 3, box(0, 0)))
    project.undo()
    project.redo()
    assert [r.direction for r in heard] == ["do", "undo", "redo"]
    assert heard[0] is result
    assert all(r.changed_frames == {1: (3,)} and r.video_ids == (1,) for r in heard)
    stop()
    project.undo()
    assert len(heard) == 3


def test_compaction_frees_what_only_old_edits_need(project):
    for shift in range(30):
        project.apply(SetMask(1, 4, box(shift % 12, 3)))
    before = state_of(project)
    records = "SELECT count(*) FROM masks"
    assert project._db.execute(records).fetchone()[0] == 32
    project.compact(keep_edits=5)
    # frames 2, 6, the one on frame 4, and five older ones that undo may need
    assert project._db.execute(records).fetchone()[0] == 8
    assert state_of(project) == before
    assert len(project.history()) == 5
    assert [project.undo() is not None for _ in range(6)] == [True] * 5 + [False]
    assert project.check() == []


def test_delta_survives_its_encoding():
    delta = Delta()
    first = {(1, 2, 4): Pointer(6, 0, 3, 0, 2**40), (1, 0, 3): Pointer(5, 0, 1, 0, 9)}
    new = [((1, 2, 3), Pointer(7, 1, 1, 1, 20)), ((1, 2, 4), None), ((1, 0, 3), None)]
    delta.add(change_table(new, first))
    delta.add(change_table([((1, 0, 3), first[1, 0, 3])], {}))  # came to nothing in the end
    delta.rows["tracks"][3] = (None, (3, 1, 1, 0.25, "proposed", 77, 0, "naïve", "object", None))
    delta.frames[1, 5] = (False, True)
    delta.runs[2] = ("finished", "accepted")
    delta.drop_unchanged()
    assert Delta.decode(delta.encode()) == delta
    assert delta.inverse().inverse() == delta
    assert delta.mask_ids() == {6, 7}
    (table,) = delta.tables()
    assert table.tolist() == [
        [1, 2, 3, *[0] * 5, 7, 1, 1, 1, 20],
        [1, 2, 4, *first[1, 2, 4], *[0] * 5],
    ]
    (back,) = delta.inverse().tables()
    assert back[:, 3:8].tolist() == table[:, 8:].tolist()
    assert Delta.decode(Delta().encode()).is_empty


def test_a_journal_entry_of_the_first_layout_is_read():
    numbers = np.array(
        [[1, 2, 3, 0, 0, 0, 0, 0, 7, 1, 1, 1, 20], [1, 4, 3, 9, 0, 1, 0, 5, 8, 1, 2, 1, 6]]
    )
    text = zlib.compress(b'{"rows":{},"frames":[],"runs":[]}')
    body = zlib.compress(np.ascontiguousarray(numbers.T.astype("<i8")).tobytes())
    delta = Delta.decode(struct.pack("<II", len(text), 2) + text + body)
    (table,) = delta.tables()
    assert table.tolist() == numbers.tolist()


@given(
    st.lists(
        st.lists(
            st.tuples(*[st.integers(0, 3)] * 3, *[st.integers(0, 1 << 50)] * 10),
            max_size=9,
            unique_by=lambda row: row[:3],
        ),
        max_size=4,
    )
)
def test_change_tables_survive_packing_and_merging(parts):
    tables = [np.array(part, dtype=np.int64).reshape(-1, 13) for part in parts]
    for table in tables:
        assert unpack_table(pack_table(table)).tolist() == table.tolist()
    pairs = {}
    for row in (row for part in parts for row in part):
        pairs[row[:3]] = (pairs.get(row[:3], (row[3:8],))[0], row[8:])
    expected = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
    found = {tuple(r[:3]): (tuple(r[3:8]), tuple(r[8:])) for r in merged(tables).tolist()}
    assert found == expected


def test_a_damaged_history_entry_is_found(project):
    assert project.check() == []
    project._db.execute("UPDATE journal SET delta = x'00' WHERE seq = 3")
    assert any("History entry 3 cannot be read" in fault for fault in project.check())
    with pytest.raises(ProjectError, match="history is damaged"):
        project.compact()
    project.compact(keep_edits=0)  # forgets it unread
    assert project.check() == []


def hostile_delta(text=None, tables=()):
    """An entry of the journal with content of its own."""
    content = {"rows": {}, "frames": [], "runs": []} | (text or {})
    packed = zlib.compress(json.dumps(content).encode())
    blocks = b"".join(struct.pack("<I", len(table)) + table for table in tables)
    return struct.pack("<II", len(packed), 0xFFFFFFFF) + packed + blocks


ROW = [1, 1, 1, 1.0, "proposed", 0, 0, "", "object", None]
DEEP = zlib.compress(b"[" * 300_000)
LATIN = zlib.compress(b'{"rows": {"tr\xe4cks": {}}}')
HOSTILE = {
    "another table": hostile_delta({"rows": {"meta": [[1, [None, ["cursor", "0"]]]]}}),
    "code for a table": hostile_delta(
        {"rows": {"tracks; DROP TABLE masks; --": [[1, [ROW, None]]]}}
    ),
    "a row too wide": hostile_delta({"rows": {"tracks": [[1, [[*ROW, 3], None]]]}}),
    "lists in a row": hostile_delta({"rows": {"tracks": [[1, [[*ROW[:-1], []], None]]]}}),
    "no rows": hostile_delta({"rows": 3}),
    "frames of other length": hostile_delta({"frames": [[1, 2]]}),
    "a table of billions of rows": hostile_delta(tables=[struct.pack("<I", 4_000_000_000) + b"x"]),
    "a table that grows": hostile_delta(
        tables=[struct.pack("<I", 1) + zlib.compress(bytes(1 << 24))]
    ),
    "a table of unknown numbers": hostile_delta(
        tables=[struct.pack("<I", 2) + zlib.compress(struct.pack("<bq", 9, 0) * 13)]
    ),
    "a table cut off": hostile_delta(tables=[b"abc"]),
    "not packed": struct.pack("<II", 4, 0) + b"text",
    "not UTF-8": struct.pack("<II", len(LATIN), 0) + LATIN,
    "nested without end": struct.pack("<II", len(DEEP), 0) + DEEP,
}


@pytest.mark.parametrize("delta", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_history_entry_changes_nothing(project, delta):
    project._db.execute("UPDATE journal SET delta = ? WHERE seq = 6", (delta,))
    assert project._db.execute("SELECT max(seq) FROM journal").fetchone()[0] == 6
    before = state_of(project)
    with pytest.raises(ProjectError, match="history is damaged"):
        project.undo()
    assert state_of(project) == before
    assert any("History entry 6 cannot be read" in fault for fault in project.check())


def test_a_text_that_grows_is_not_unpacked_further(monkeypatch):
    monkeypatch.setattr(delta_module, "_MOST_TEXT_BYTES", 100)
    assert Delta.decode(hostile_delta()).is_empty
    with pytest.raises(ValueError, match="longer than 100 bytes"):
        Delta.decode(hostile_delta({"more": "x" * 100}))


@pytest.mark.parametrize("value", ["", "last", "-1", "1e3", "9" * 5000, b"\xff"])
def test_a_project_that_does_not_say_which_edits_are_in_force_is_one_sentence(project, value):
    folder = project.folder
    put = "UPDATE meta SET value = CAST(? AS TEXT) WHERE key = 'cursor'"
    project._db.execute(put, (value,))
    said = r"p\.ifcproj is damaged: it does not say which of its edits are in force"
    asked = (
        project.undo,
        project.redo,
        project.history,
        project.num_edits,
        lambda: project.undo_label,
        lambda: project.apply(NewTrack(1, 1, 2, box(1, 2))),
    )
    for ask in asked:
        with pytest.raises(ProjectError, match=said) as caught:
            ask()
        assert caught.value.path == folder
    assert project.check() == ["The cursor of the project cannot be read."]
    project.close()
    for read_only in (False, True):
        with pytest.raises(ProjectError, match=said):
            Project.open(folder, read_only=read_only)
    with ProjectReader.open(folder) as reader:  # what is to be exported can be read
        assert len(reader.tracks(1)) == 1

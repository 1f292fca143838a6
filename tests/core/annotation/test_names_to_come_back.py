"""Names that readers of annotation files refuse: no edit gives them, and no export writes them."""

import pytest

from ifc_core.annotation import Project, Scope, edits
from ifc_core.annotation.exporting import ExportFormat, ExportOptions, export_project
from ifc_core.annotation.importing import import_annotations
from ifc_core.errors import EditError
from ifc_core.structures import Category

from .conftest import box, fill, state_of, video

BAD = ["a\tb", "two\nlines", "\u202babc\u202c", "x" * 1001]
PLAIN = ExportOptions(include_studio_key=False)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize(
    "edit",
    [
        lambda name: edits.SetTrack(1, name=name),
        lambda name: edits.NewTrack(1, 1, 2, box(1, 2), name=name),
        lambda name: edits.SetCategory(Category(1, name)),
        lambda name: edits.SetCategory(Category(7, name)),
        lambda name: edits.SetCategory(Category(1, "cat", name)),
        lambda name: edits.SetVideo(1, name=name),
    ],
)
def test_no_edit_gives_one(project, edit, name):
    before = state_of(project)
    with pytest.raises(EditError, match=r"The name .* (holds control|has 1,001 letters)") as told:
        project.apply(edit(name))
    assert str(told.value).isprintable()
    assert state_of(project) == before


def test_a_name_of_a_thousand_letters_with_joiners_is_one(project):
    name = "\u0645\u200c" * 500
    project.apply(edits.SetTrack(1, name=name))
    assert project.track(1).name == name


def test_a_file_with_such_a_name_is_added_under_a_clean_one(empty):
    added = empty.add_video(video("a\tb.mp4", "1-cc"))
    assert empty.video(added).name == "a?b"
    assert empty.video(added).path.name == "a\tb.mp4"


@pytest.fixture
def older(project):
    """Names as they could be given once."""
    project.apply(edits.ApproveFrames(1, Scope(2, 6)))
    db = project._db
    db.execute("UPDATE tracks SET name = ?", ("y" * 1200,))
    db.execute("UPDATE categories SET name = ?, supercategory = ? WHERE id = 1", ("c\tx", "\x1b"))
    return project


@pytest.mark.parametrize("options", [ExportOptions(), PLAIN])
@pytest.mark.parametrize(
    "form", [ExportFormat.YTVIS, ExportFormat.COCO, ExportFormat.DAVIS, ExportFormat.MOTS]
)
def test_what_an_older_project_holds_comes_back_clean(older, tmp_path, form, options):
    report = export_project(older, tmp_path / "out", form, options)
    assert "3 names were written without their control characters, or cut." in report.notes
    with Project.create(tmp_path / "q.ifcproj") as other:
        fill(other)
        import_annotations(other, tmp_path / "out", form)
        (track,) = other.tracks(1)
        classes = {c.id: c.name for c in other.categories()}
    assert classes[track.category_id] == "c?x"
    assert track.name in ("", "y" * 1000)


def test_sound_names_are_written_as_they_are(project, tmp_path):
    project.apply(edits.SetTrack(1, name="Rex"))
    report = export_project(project, tmp_path / "out.json")
    assert not [note for note in report.notes if "names were" in note or "name was" in note]


def test_a_class_of_an_older_project_can_be_given_another_colour(older):
    (cat,) = (c for c in older.categories() if c.id == 1)
    older.apply(edits.SetCategory(Category(1, cat.name, cat.supercategory, (9, 8, 7))))
    (cat,) = (c for c in older.categories() if c.id == 1)
    assert cat.color_rgb == (9, 8, 7)

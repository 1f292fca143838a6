"""Videos that are kept for validation: drawn, named, or both."""

from __future__ import annotations

import pytest

from napari_ifc.views.dialogs import ExportDialog
from napari_ifc.views.export_choices import ExportOffer
from napari_ifc.views.validation_row import ValidationRow

VIDEOS = ((4, "north"), (7, "R&D"), (9, "south" * 9))


@pytest.fixture
def dialog(qtbot, tmp_path):
    made = ExportDialog(tmp_path / "out.json", offer=ExportOffer(120, None, (), 3, VIDEOS))
    qtbot.addWidget(made)
    made.show()
    return made


def name(dialog, *places):
    for place in places:
        dialog.choices.validation.named.menu().actions()[place].trigger()


def test_videos_are_named_besides_the_share(dialog):
    choices, row = dialog.choices, dialog.choices.validation
    assert row.named.isVisible()
    assert not row.named.isEnabled()
    choices.split.setChecked(True)
    assert row.named.isEnabled()
    assert row.named.text() == "and none by name ▾"
    assert choices.chosen().valid_ids == ()
    name(dialog, 1)
    assert row.named.text() == "and R&D ▾"
    name(dialog, 2)
    assert row.named.text() == "and 2 by name ▾"
    assert (choices.chosen().valid_share, choices.chosen().valid_ids) == (0.2, (7, 9))
    name(dialog, 1)
    assert row.named.text() == "and 1 by name ▾"  # a name that long would widen the form
    choices.split.setChecked(False)
    assert choices.chosen().valid_ids == ()


def test_the_named_ones_may_be_all_there_are_but_not_none(dialog):
    choices = dialog.choices
    choices.split.setChecked(True)
    choices.share.setValue(0)
    assert dialog.report.text() == "Choose a share of the videos for validation, or name some."
    assert dialog.report.isVisible()
    name(dialog, 0)
    assert not dialog.report.isVisible()
    assert (choices.chosen().valid_share, choices.chosen().valid_ids) == (0.0, (4,))
    name(dialog, 0)
    assert dialog.report.isVisible()
    choices.split.setChecked(False)
    assert not dialog.report.isVisible()


def test_where_none_can_be_named_a_share_is_drawn(qtbot):
    row = ValidationRow(())
    qtbot.addWidget(row)
    row.show()
    assert not row.named.isVisible()
    assert row.share.minimum() == 1


@pytest.mark.window
def test_what_is_chosen_reaches_the_export(desk):
    from ifc_core.annotation.splitting import Split
    from napari_ifc.features.files import Files
    from napari_ifc.views.export_choices import ExportChoice

    choice = ExportChoice(valid_share=0.0, valid_ids=(desk.video_id,))
    options = desk.studio.feature(Files)._options("reviewed", 1, choice)
    assert options.split == Split(0.0, valid_ids=(desk.video_id,))
    assert desk.studio.run_action("file.export")
    (form,) = desk.studio.panel.findChildren(ExportDialog)
    assert [a.data() for a in form.choices.validation.named.menu().actions()] == [desk.video_id]
    form.close()

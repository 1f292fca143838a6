"""The form behind Propose."""

import pytest
from qtpy.QtCore import Qt

from ifc_core.errors import ConfigError
from ifc_core.inference.settings import PRECISIONS, ProposeSettings
from ifc_core.models.config import LEAST_DUPLICATE_IOU
from napari_ifc.views.propose_choices import CUSTOM, OFFLINE
from napari_ifc.views.propose_panel import ProposePanel

ORANGE = (230, 159, 0)


class TestProposePanel:
    @pytest.fixture
    def form(self, qtbot):
        made = ProposePanel()
        qtbot.addWidget(made)
        return made

    def choose(self, form, mode):
        form._mode.setCurrentIndex(form._mode.findData(mode))

    def test_modes_give_their_settings(self, form):
        assert (form.settings().clip_length, form.settings().clip_stride) == (5, 1)
        self.choose(form, OFFLINE)
        assert form.settings().offline
        self.choose(form, CUSTOM)
        form._length.setValue(9)
        form._stride.setValue(4)
        form._step.setValue(5)
        chosen = form.settings()
        assert (chosen.clip_length, chosen.clip_stride, chosen.frame_step) == (9, 4, 5)
        assert not chosen.offline

    def test_settings_come_back_as_they_were_shown(self, form):
        self.choose(form, CUSTOM)
        form._length.setValue(7)
        form._stride.setValue(2)
        wanted = form.settings()
        other = ProposePanel()
        other.show_settings(wanted)
        assert other.settings() == wanted
        other.deleteLater()

    def test_every_precision_can_be_chosen(self, form):
        assert form.precision == "auto"
        for precision in PRECISIONS:
            form.show_hardware("cpu", precision)
            assert form.settings().precision == precision

    def test_the_least_score_is_the_models_own_until_one_is_chosen(self, form):
        assert form.settings().score_threshold is None
        assert form._threshold.text() == "Model's own"
        form._threshold.stepUp()
        assert form.settings().score_threshold == 0.0
        form.show_settings(ProposeSettings(score_threshold=0.35))
        assert form.settings().score_threshold == 0.35
        form.show_settings(ProposeSettings())
        assert form.settings().score_threshold is None

    def test_the_overlap_of_duplicates_is_the_models_own_until_one_is_chosen(self, form):
        assert form.settings().duplicate_iou is None
        assert form._duplicates.text() == "Model's own"
        form._duplicates.stepUp()
        assert form.settings().duplicate_iou == LEAST_DUPLICATE_IOU
        form.show_settings(ProposeSettings(duplicate_iou=1.0))
        assert form.settings().duplicate_iou == 1.0
        form.show_settings(ProposeSettings())
        assert form.settings().duplicate_iou is None

    def test_the_look_ahead_is_the_models_own_until_one_is_chosen(self, form):
        assert form.settings().lookahead is None
        assert form._lookahead.text() == "Model's own"
        form._lookahead.stepUp()
        assert form.settings().lookahead == 0
        form.show_settings(ProposeSettings(lookahead=24))
        assert form.settings().lookahead == 24
        form.show_settings(ProposeSettings())
        assert form.settings().lookahead is None

    def test_what_is_folded_away_and_unusual_is_counted(self, form):
        assert form.more.text() == "More settings"
        form._duplicates.setValue(0.5)
        form._reidentify.setChecked(True)
        form._shot_cuts.setChecked(False)
        assert form.more.text() == "More settings (3 changed)"
        form.show_settings(ProposeSettings(tiles="2x2"))
        assert form.more.text() == "More settings (1 changed)"
        form.show_settings(ProposeSettings())
        assert form.more.text() == "More settings"

    def test_what_is_folded_away_is_chosen_all_the_same(self, form):
        assert form._more_rows.isHidden()
        form.more.click()
        assert not form._more_rows.isHidden()
        assert form._custom_rows.isHidden()
        assert form.settings().shot_cuts
        unusual = {"tiles": "4x2", "edges": "fast", "reidentify": True, "shot_cuts": False}
        form.show_settings(ProposeSettings(**unusual))
        chosen = form.settings()
        assert {name: getattr(chosen, name) for name in unusual} == unusual
        assert form._tiles.currentText() == "4 × 2 tiles"
        form.show_settings(ProposeSettings(tiles="33px"))
        assert form._tiles.currentText() == "For objects from 33 pixels"

    def test_the_stride_never_exceeds_the_length(self, form):
        self.choose(form, CUSTOM)
        form._length.setValue(3)
        form._stride.setValue(9)
        assert form.settings().clip_stride == 3
        assert form.fault() == ""

    def test_a_disabled_button_says_why(self, form, qtbot):
        form.show_state(reason="Open a video first.", button_text="Propose", estimate="")
        assert not form.button.isEnabled()
        assert form.button.toolTip() == "Open a video first."
        with qtbot.assertNotEmitted(form.propose_requested):
            qtbot.mouseClick(form.button, Qt.MouseButton.LeftButton)

    def test_a_fault_is_a_sentence(self, form, monkeypatch):
        def refuse():
            raise ConfigError("That does not fit.", name="x", value=1)

        monkeypatch.setattr(form, "settings", refuse)
        assert form.fault() == "That does not fit."

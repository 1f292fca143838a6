"""What the fine-tune page says of runs that were stopped, and discarding one."""

from types import SimpleNamespace

import pytest

from napari_ifc.features import finetune as feature
from napari_ifc.features.finetune import TrainerLink
from napari_ifc.finetune_state import FinetuneView
from napari_ifc.views.finetune_page import FinetunePage, stopped_text


def test_stopped_runs_are_named_beside_resume(qtbot):
    page = FinetunePage()
    qtbot.addWidget(page)
    assert page._discard.isHidden()
    page.show_view(FinetuneView(resumable=True, stopped=("the newer one", "the older one")), "")
    assert not page._resume.isHidden()
    assert not page._discard.isHidden()
    assert page._stopped.text() == (
        "Stopped: the newer one. A new one leaves it as it is. Before it: the older one."
    )
    with qtbot.waitSignal(page.discard_requested):
        page._discard.click()
    page.show_view(FinetuneView(running=True), "busy")
    assert page._stopped.isHidden()
    assert stopped_text(()) == ""


@pytest.mark.parametrize("answer", [True, False])
def test_a_run_is_discarded_once_the_person_said_so(monkeypatch, answer):
    asked, discarded = [], []
    monkeypatch.setattr(feature, "ask_to_discard", lambda run, parent: asked.append(run) or answer)
    controller = SimpleNamespace(
        view=FinetuneView(stopped=("the newer one",)), discard=lambda: discarded.append(1)
    )
    link = SimpleNamespace(controller=controller, studio=SimpleNamespace(panel=None))
    link._call = lambda change: change(controller)
    TrainerLink._discard(link)
    assert asked == ["the newer one"]
    assert bool(discarded) is answer

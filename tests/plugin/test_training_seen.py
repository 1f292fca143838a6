"""A fine-tuning is seen on every page while it runs, and its end until somebody has looked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_engine import SIZE, disc
from fake_trainer import Bench, result
from qtpy.QtGui import QRegion
from qtpy.QtWidgets import QApplication, QFrame

from ifc_core.engine.protocol import JobStatus
from ifc_core.training.run_files import write_settings
from napari_ifc.features.finetune import PAGE, TrainerLink
from napari_ifc.features.review import Review
from napari_ifc.finetune_state import FinetuneView, Outcome

pytestmark = pytest.mark.window


@pytest.fixture
def desk(tidied_desk):
    return tidied_desk


RUNNING = FinetuneView(
    running=True, text="Training", detail="3 of 40 iterations · 6 min left", fraction=0.1
)


@pytest.fixture
def trainer(desk):
    desk.studio.panel.show_page("tracks")
    return desk.studio.feature(TrainerLink)


def hint(desk) -> str:
    return desk.studio.panel.header._hint.text()


def test_a_training_is_shown_at_the_foot_of_every_other_page(desk, trainer):
    panel = desk.studio.panel
    before = hint(desk)
    assert panel.training.isHidden()
    trainer.controller._show(FinetuneView(running=True, text="Starting the training process"))
    assert not panel.training.isHidden()
    assert panel.training._detail.text() == "Starting the training process"
    assert hint(desk) == "The model is being fine-tuned; meanwhile you can go on working."
    trainer.controller._show(RUNNING)
    assert panel.training._detail.text() == RUNNING.detail
    assert panel.training.cancel.text() == "Stop"  # it can go on later
    desk.studio.presenter.head()
    assert hint(desk) == (
        "Fine-tuning, 3 of 40 iterations · 6 min left; meanwhile you can go on working."
    )
    panel.show_page(PAGE)  # which shows it all
    assert panel.training.isHidden()
    panel.show_page("tracks")
    assert not panel.training.isHidden()
    trainer.controller._show(FinetuneView())
    assert panel.training.isHidden()
    assert hint(desk) == before


def test_the_head_and_the_foot_take_one_line_of_a_training_and_the_page_its_notes(desk, trainer):
    panel, controller = desk.studio.panel, trainer.controller
    controller._show(FinetuneView(running=True))
    told = {"num_training_frames": 12, "num_held_out_frames": 3, "device": "cpu"}
    controller._take_started(told | {"num_seen": 3, "unseen": (2, 144, 9)})
    desk.studio.presenter.head()
    line = "12 frames to learn from, 3 kept to judge by, on cpu"
    assert hint(desk) == f"Fine-tuning, {line}; meanwhile you can go on working."
    assert panel.training._detail.text() == line
    panel.training.show_low(low=True)  # the strip of a low window has the line in its tip
    assert panel.training._text.toolTip() == f"{panel.training._shown.text} · {line}"
    panel.training.show_low(low=False)
    seen, unseen = controller.view.notes
    assert trainer.page._notes.text() == f"{seen}\n{unseen}"
    controller._take_step({"iteration": 0, "iterations": 40, "loss": 1.0})
    assert trainer.page._detail.text() == "1 of 40 iterations"
    assert trainer.page._notes.text() == f"{seen}\n{unseen}"
    assert not trainer.page._notes.isHidden()
    controller._show(FinetuneView())
    assert trainer.page._notes.isHidden()


def test_on_a_low_panel_a_training_leaves_the_decisions_in_sight(desk, trainer, qtbot):
    studio, holder = desk.studio, QFrame()  # gives the panel no more than a low window has
    qtbot.addWidget(holder)
    panel, dock = studio.panel, studio.panel.parentWidget()
    holder.resize(362, 576)
    panel.setParent(holder)
    panel.setGeometry(0, 0, 362, 576)
    panel.show()
    holder.show()
    desk.corrected()  # with the line of classes
    panel.show_page("review")
    qtbot.waitUntil(lambda: studio.feature(Review).page.model.rowCount() > 0)
    studio.run_action("review.next")
    trainer.controller._show(RUNNING)
    QApplication.processEvents()
    assert panel.training.isVisible()
    shown = [panel.training.cancel, *studio.feature(Review).page._buttons.values()]
    hidden = [part.text() for part in shown if part.visibleRegion() != QRegion(part.rect())]
    panel.setParent(dock)
    assert not hidden


def test_many_iterations_show_the_head_anew_once(desk, trainer, monkeypatch):
    trainer.controller._show(RUNNING)
    shown = []
    monkeypatch.setattr(desk.studio.presenter, "head", lambda: shown.append(1))
    for _ in range(50):
        trainer.controller._show(RUNNING)
    assert not shown
    assert trainer._head_timer.isActive()
    trainer.controller._show(FinetuneView())
    assert shown == [1]


def test_stop_at_the_foot_stops_the_training(desk, trainer, monkeypatch):
    asked = []
    monkeypatch.setattr(trainer.controller, "stop", lambda: asked.append(1))
    trainer.controller._show(RUNNING)
    desk.studio.panel.training.cancel.click()
    assert asked == [1]


def test_the_end_stays_until_it_is_looked_at(desk, trainer):
    studio, banner = desk.studio, desk.studio.panel.banner
    trainer._on_end("succeeded", "clip-1 is better.")
    assert banner.text == "clip-1 is better."
    assert banner.property("kind") == "done"
    assert not banner._timer.isActive()
    desk.editor.commit_rle(disc(SIZE, (20, 30), 8), "Paint")  # work goes on
    assert banner.text == "clip-1 is better."
    assert not banner._button.isHidden()
    assert banner._button.text() == "Look"
    banner._button.click()
    assert studio.panel.current_page == PAGE
    assert not banner.is_shown


def test_the_end_comes_back_after_small_messages_until_it_is_looked_at(desk, trainer, qtbot):
    studio, banner = desk.studio, desk.studio.panel.banner
    trainer._on_end("succeeded", "clip-1 is better.")
    studio.inform("Approved 3 masks.")
    banner.outdate()
    qtbot.waitUntil(lambda: banner.text == "clip-1 is better.")
    studio.inform("Approved 3 masks.")
    studio.panel.show_page(PAGE)  # by its tab, while something else is told
    banner.outdate()
    qtbot.wait(10)
    assert not banner.is_shown


def test_the_end_goes_with_its_project(desk, trainer, qtbot):
    banner = desk.studio.panel.banner
    trainer._on_end("succeeded", "clip-1 is better.")
    trainer.put_down()
    qtbot.wait(10)
    assert not banner.is_shown


def test_the_end_is_told_in_short_and_in_full_in_the_tip(desk, trainer):
    banner = desk.studio.panel.banner
    outcome = Outcome("clip-1", "base", "better", 0.6, 0.75, 32, None, (), 90.0, in_use=True)
    trainer.controller._show(FinetuneView(outcome=outcome))
    trainer._on_end("succeeded", "All of what came out, in many words.")
    assert banner.text == "clip-1 is ready: better than the model before, and in use now."
    assert banner._text.toolTip() == "All of what came out, in many words."


def test_a_better_version_beside_another_model_in_use_is_not_told_as_in_use(desk, trainer):
    panel = desk.studio.panel
    outcome = Outcome("clip-1", "base", "better", 0.6, 0.75, 32, None, (), 90.0, used="mice-2")
    trainer.controller._show(FinetuneView(outcome=outcome))
    trainer._on_end("succeeded", "All of what came out, in many words.")
    assert panel.banner.text == (
        "clip-1 is ready: better than base; mice-2 is in use and stays so."
    )
    assert trainer.page.card._title.text() == (
        "clip-1: Better than base, the model it began with; Propose uses mice-2 and keeps it "
        "until you choose below."
    )
    trainer.controller._show(FinetuneView(outcome=replace(outcome, in_use=True)))
    title = "clip-1: Better than the old model: Propose uses it now."
    assert trainer.page.card._title.text() == title


def test_a_version_that_is_not_better_says_which_model_stays(desk, trainer):
    banner, title = desk.studio.panel.banner, trainer.page.card._title
    outcome = Outcome(
        *("clip-1", "base", "not better", 0.6, 0.5, 32, None, (), 90.0),
        used="base",
        parent_in_use=True,
    )
    trainer.controller._show(FinetuneView(outcome=outcome))
    trainer._on_end("succeeded", "In many words.")
    assert banner.text == "clip-1 is ready, but not better; the model before stays in use."
    assert title.text() == "clip-1: Not better than the old model: Propose keeps the old one."
    beside = replace(outcome, used="mice-2", parent_in_use=False)
    trainer.controller._show(FinetuneView(outcome=beside))
    trainer._on_end("succeeded", "In many words.")
    assert banner.text == "clip-1 is ready, but not better than base; mice-2 stays in use."
    assert title.text() == (
        "clip-1: Not better than base, the model it began with; Propose keeps mice-2."
    )


@pytest.mark.parametrize("verdict", ["better", "not better", "mixed", "not enough to judge"])
def test_the_card_follows_the_choice_of_another_version(desk, trainer, verdict):
    desk.corrected()
    bench, page = Bench(desk.project), trainer.page
    bench.start()
    promote = verdict == "better"
    bench.trainer.end(JobStatus.SUCCEEDED, result(bench, verdict=verdict, promote=promote))
    looks = []
    page._look_at_card = lambda: looks.append(1)

    def title():
        page.show_view(bench.views[-1], "")
        QApplication.processEvents()
        return page.card._title.text()

    title()
    assert looks == [1]
    bench.controller.use("clip-1")
    assert title().endswith(": Propose uses it now.")
    page.card._slider.setRange(0, 5)
    page.card._slider.setValue(3)
    bench.controller.use(None)
    left = {
        "better": "Better than the old model, which Propose uses until you choose below.",
        "not better": "Not better than the old model: Propose keeps the old one.",
        "mixed": "Better in one way, worse in another: choose yourself below.",
        "not enough to judge": "Not enough held-out masks to judge: choose yourself below.",
    }
    assert title() == f"clip-1: {left[verdict]}"
    bench.controller.roll_back()
    assert title().endswith(": Propose uses it now.")
    assert page.card._slider.value() == 3  # the same run: what was looked at stays
    assert looks == [1]
    bench.controller.start("quick")
    page.show_view(bench.views[-1], "")
    assert page.card.isHidden()
    bench.controller.refresh()
    assert bench.views[-1].outcome is None


def test_an_end_on_its_own_page_and_a_stop_are_news(desk, trainer):
    banner = desk.studio.panel.banner
    trainer._on_end("cancelled", "It was stopped.")
    assert banner.property("kind") == "info"
    assert banner._timer.isActive()
    desk.studio.panel.show_page(PAGE)
    assert banner.text == "It was stopped."  # not what waits to be looked at
    trainer._on_end("succeeded", "clip-2 is better.")
    assert banner._button.isHidden()
    trainer._on_end("failed", "It failed.")
    assert banner.property("kind") == "error"


def test_a_training_that_was_cut_off_is_told_of_when_its_project_is_opened(desk, trainer, qtbot):
    studio, banner = desk.studio, desk.studio.panel.banner
    run = desk.project.folder / "runs" / "finetune-20261201-115738-069"
    run.mkdir(parents=True)
    write_settings(run, {"run_id": run.name, "preset": "quick"})
    folder = desk.project.folder
    studio.close_project()
    assert studio.open_path(folder)
    studio.inform("Something else.")  # is read first
    qtbot.wait(10)
    assert banner.text == "Something else."
    banner.outdate()
    told = (
        "Not finished: the fine-tuning of 2026-12-01 11:57 (quick, nothing trained yet). "
        "It can go on."
    )
    qtbot.waitUntil(lambda: banner.text == told)
    banner._button.click()
    assert studio.panel.current_page == PAGE
    assert not banner.is_shown
    studio.close_project()
    assert studio.open_path(folder)  # on its page, which says it
    qtbot.wait(10)
    assert not banner.is_shown
    studio.panel.show_page("tracks")

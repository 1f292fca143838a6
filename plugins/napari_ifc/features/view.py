"""What is shown, and finding what can be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu

from napari_ifc.actions import Action
from napari_ifc.feature import Feature
from napari_ifc.features.preferences import PreferencesFeature
from napari_ifc.language import tr
from napari_ifc.views.action_menus import fill_menu, show_state
from napari_ifc.views.command_palette import CommandPalette

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


class View(Feature):
    """The command palette, track numbers, napari's own panels."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        studio.panel.header.step_requested.connect(self._go_to_step)
        studio.layers.on_turned = self._on_turned

    def started(self) -> None:
        """Fill the panel's menu: in an ordinary napari it is the way to every action."""
        menu = QMenu(self.studio.panel)
        for name, sections in self.studio.actions.by_group():
            for each in fill_menu(menu.addMenu(name), sections, self.studio.run_action):
                each.aboutToShow.connect(lambda each=each: show_state(each, self.studio.actions))
        self.studio.panel.menu_button.setMenu(menu)
        self.studio.panel.order_focus()

    def _go_to_step(self, step: str) -> None:
        """Open the page on which a step of the checklist is done."""
        pages = {"propose": "propose", "improve": "finetune"}
        self.studio.panel.show_page(pages.get(step, "tracks"))

    def actions(self) -> Iterable[Action]:
        """They change nothing in the project."""
        studio = self.studio
        yield Action(
            "edit.palette",
            tr("Find an action…"),
            self._show_palette,
            shortcut="Ctrl+K",
            group=tr("Edit"),
            tip=tr("Type what you want to do."),
        )
        for place, (name, title) in enumerate(studio.panel.page_titles().items(), start=1):
            yield Action(
                f"page.{name}",
                tr("Page {title}").format(title=title),
                lambda name=name: self._show_page(name),
                shortcut=f"Ctrl+{place}",
                group=tr("View"),
                tip=tr("Bring the page to the front and the keyboard into it."),
            )
        yield Action(
            "view.fit",
            tr("Fit the picture into the window"),
            studio.layers.fit,
            shortcut="0",
            group=tr("View"),
            why_not=studio.why_not_open,
            tip=tr("Show the whole frame; it then stays fitted when the window changes."),
        )
        yield Action(
            "view.flat",
            tr("Back to 2-D"),
            studio.layers.flat.flatten,
            group=tr("View"),
            why_not=self._why_not_flatten,
            tip=tr("Show frames as they are, after 3-D or another order of the axes."),
        )
        yield Action(
            "view.ids",
            tr("Show or hide track numbers"),
            self._toggle_ids,
            shortcut="I",
            group=tr("View"),
            why_not=studio.why_not_open,
        )
        yield Action(
            "view.by_class",
            tr("Colour tracks by class"),
            lambda: self._toggle_colors("class"),
            group=tr("View"),
            why_not=studio.why_not_open,
            tip=tr("As the classes under the tools have them; else each track has its own colour."),
            checked=lambda: studio.layers.style.color_by == "class",
        )
        yield Action(
            "view.by_lineage",
            tr("Colour tracks by lineage"),
            lambda: self._toggle_colors("lineage"),
            group=tr("View"),
            why_not=self._why_no_lineages,
            tip=tr(
                "All that came of one cell in shades of one hue, and grey what has neither mother "
                "nor daughter."
            ),
            checked=lambda: studio.layers.style.color_by == "lineage",
            words=tr("lineage division mitosis mother daughter parent cell"),
        )
        yield Action(
            "view.napari",
            tr("Show or hide napari's layer panels"),
            lambda: studio.show_napari_panels(not studio.window.napari_panels_shown),
            group=tr("View"),
            tip=tr("The layer list and the layer controls of napari."),
        )
        yield Action(
            "view.timeline",
            tr("Show or hide the timeline"),
            lambda: studio.window.show_dock("timeline", not studio.window.is_shown("timeline")),
            group=tr("View"),
            tip=tr("The lanes of the tracks under the picture."),
            checked=lambda: studio.window.is_shown("timeline"),
        )

    def _why_not_flatten(self) -> str:
        layers = self.studio.layers
        if layers.is_shown and not layers.flat.is_flat:  # also of a video that is still coming
            return ""
        return self.studio.why_not_open() or tr("Frames are shown as they are.")

    def _on_turned(self, flat: bool) -> None:
        """Offer the way back, for as long as there is one."""
        banner = self.studio.panel.banner
        words = tr("The video and drawing rest in 3-D and along other axes.")
        if not flat:
            banner.show_message(words, "info", tr("Back to 2-D"), "view.flat", stands=True)
        else:
            banner.withdraw(words)

    def _show_page(self, name: str) -> None:
        self.studio.panel.show_page(name)
        self.studio.panel.focus_page()

    def _toggle_ids(self) -> None:
        layers = self.studio.layers
        shown = not layers.style.show_ids
        layers.set_style(replace(layers.style, show_ids=shown))
        self.studio.presenter.canvas()
        self.studio.feature(PreferencesFeature).controller.change(show_ids=shown)

    def _why_no_lineages(self) -> str:
        workspace = self.studio.workspace
        if workspace is None or self.studio.layers.style.color_by == "lineage":
            return self.studio.why_not_open()
        if any(map(workspace.index.kinship.is_linked, workspace.index.track_ids())):
            return ""
        return tr("No track has a mother or daughters: link a division first.")

    def _toggle_colors(self, color_by: str) -> None:
        """Take these colours, or where they are taken those of the tracks."""
        layers = self.studio.layers
        if layers.style.color_by == color_by:
            color_by = "track"
        layers.set_style(replace(layers.style, color_by=color_by))
        self.studio.presenter.canvas()
        self.studio.feature(PreferencesFeature).controller.change(color_by=color_by)

    def _show_palette(self) -> None:
        palette = CommandPalette(self.studio.actions, self.studio.panel)
        palette.action_requested.connect(self.studio.run_action)
        palette.open()

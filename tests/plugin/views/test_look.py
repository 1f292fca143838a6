"""Colours and icons in both themes."""

from itertools import product

import pytest
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QCheckBox, QFrame, QPushButton, QVBoxLayout

from napari_ifc.views.icons import icon, icon_names
from napari_ifc.views.theme import (
    chosen_ground,
    palette_for,
    placeholder,
    second_rank,
    style_sheet,
    theme_mix,
)
from napari_ifc.views.track_table import TrackTable

ORANGE = (230, 159, 0)


def contrast(first, second):
    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_text_can_be_read(theme):
    p = palette_for(theme)
    for text in (p.text, p.muted, p.error, p.warning, p.good):
        for ground in (p.background, p.surface):
            assert contrast(text, ground) >= 4.0, (text, ground)
    hover = theme_mix(p.accent, "#000000", 0.15)
    for ground in (p.accent, hover):
        assert contrast(p.on_accent, ground) >= 4.5
    for ground in (p.background, p.surface):
        assert contrast(p.link, ground) >= 4.5
    assert contrast(placeholder(p), p.raised) >= 4.5
    assert contrast(second_rank(p, chosen=True), chosen_ground(p)) >= 4.5
    assert contrast(second_rank(p, chosen=False), p.surface) >= 4.5


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_an_empty_box_and_a_link_without_effect_are_seen_as_what_they_are(theme, qapp):
    p = palette_for(theme)
    card = QFrame()
    card.setProperty("role", "card")
    card.setStyleSheet(style_sheet(p))
    column = QVBoxLayout(card)
    box, link = QCheckBox(), QPushButton("Clear")
    link.setProperty("role", "link")
    for part in (box, link):
        column.addWidget(part)

    def colors(widget):
        picture = card.grab(widget.geometry()).toImage()
        points = product(range(picture.width()), range(picture.height()))
        return {picture.pixelColor(x, y).name() for x, y in points}

    assert max(contrast(c, p.surface) for c in colors(box)) >= 3.0
    alive = colors(link)
    link.setEnabled(False)
    faint = max(contrast(c, p.surface) for c in colors(link))
    assert faint < 0.75 * max(contrast(c, p.surface) for c in alive)
    box.setText("Marked range")
    card.adjustSize()
    alive = max(contrast(c, p.surface) for c in colors(box))
    box.setEnabled(False)
    assert max(contrast(c, p.surface) for c in colors(box)) < 0.75 * alive


def test_icons_have_a_faint_form_for_disabled_buttons(qapp):
    for name in icon_names():
        made = icon(name, "#ffffff")
        strong = made.pixmap(20, made.Mode.Normal).toImage()
        faint = made.pixmap(20, made.Mode.Disabled).toImage()
        alphas = [
            max(i.pixelColor(x, y).alpha() for x in range(i.width()) for y in range(i.height()))
            for i in (strong, faint)
        ]
        assert alphas[0] > 2 * alphas[1] > 0, name


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_open_filter_shows_its_icon_on_the_accent(theme, qtbot):
    p = palette_for(theme)
    table = TrackTable()
    qtbot.addWidget(table)
    table.setStyleSheet(style_sheet(p))
    table.apply_palette(p)
    table.show_filters(True)
    button = table._filter_button
    shown = button.icon().pixmap(18, QIcon.Mode.Normal, QIcon.State.On).toImage()
    points = product(range(shown.width()), range(shown.height()))
    ink = max((shown.pixelColor(x, y) for x, y in points), key=lambda color: color.alpha())
    assert ink.alpha() > 128
    assert contrast(ink.name(), p.accent) >= 4.0

"""Colours and the style sheet of our panels, taken from napari's theme."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.theme import get_theme

_RING = 2  # pixels around what has the focus; kept free where it has none


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours as ``#rrggbb``.

    Attributes:
        dark: Whether the theme is a dark one.
        background: Behind everything.
        surface: Cards, tables and fields.
        raised: Buttons and headers.
        border: Hairlines.
        text: Text.
        muted: Second-rank text.
        accent: The one primary action, selection and progress.
        on_accent: Text on the accent.
        link: The accent as text, on the background and on cards.
        warning: Attention.
        error: Failure.
        good: Approved work.
    """

    dark: bool
    background: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    on_accent: str
    link: str
    warning: str
    error: str
    good: str


def palette_for(theme_id: str) -> Palette:
    """Our palette for a napari theme."""
    theme = get_theme(theme_id)
    dark = theme.type != "light"
    return Palette(
        dark=dark,
        background=theme.background.as_hex(format="long"),
        surface=theme.foreground.as_hex(format="long"),
        raised=theme.primary.as_hex(format="long"),
        border=theme.primary.as_hex(format="long"),
        text=theme.text.as_hex(format="long"),
        muted="#a3a9b4" if dark else "#5c5d63",
        accent="#426ee0" if dark else "#2857c4",
        on_accent="#ffffff",
        link="#86a5f5" if dark else "#2857c4",
        warning="#f0b429" if dark else "#7a5600",
        error="#f2737c" if dark else "#b3121d",
        good="#3fb68b" if dark else "#0e6b4f",
    )


def style_sheet(p: Palette) -> str:
    """Style sheet for a panel of ours; children inherit it."""
    return f"""
    QWidget#ifcPanel, QWidget#ifcPage {{ background: {p.background}; }}
    QWidget#ifcClear {{ background: transparent; }}
    QScrollArea#ifcPage {{ border: 0; padding: 0; }}
    QLabel {{ color: {p.text}; font-size: 9pt; background: transparent; qproperty-indent: 0; }}
    QLabel[role="title"] {{ font-size: 12pt; font-weight: 600; }}
    QLabel[role="heading"] {{ font-size: 10pt; font-weight: 600; }}
    QLabel[role="warning"] {{ color: {p.warning}; }}
    QLabel[role="muted"] {{ color: {p.muted}; }}
    QFrame[role="card"] {{ background: {p.surface}; border-radius: 6px; }}
    QFrame[role="banner"] {{ border-radius: 6px; background: {p.surface}; }}
    QFrame[role="banner"][kind="error"] {{ border-left: 4px solid {p.error}; }}
    QFrame[role="banner"][kind="done"] {{ border-left: 4px solid {p.good}; }}
    QFrame[role="banner"][kind="info"] {{ border-left: 4px solid {p.accent}; }}
    QFrame[role="banner"][kind="warning"] {{ border-left: 4px solid {p.warning}; }}
    QPushButton {{ background: {p.raised}; color: {p.text}; border: {_RING}px solid transparent;
        border-radius: 5px; padding: 3px 8px; font-size: 9pt; min-height: 18px; }}
    QPushButton:hover {{ background: {theme_mix(p.raised, p.text, 0.15)}; }}
    QPushButton:pressed, QPushButton:checked {{ background: {p.accent}; color: {p.on_accent}; }}
    QPushButton:disabled {{ color: {theme_mix(p.raised, p.text, 0.4)};
        background: {theme_mix(p.background, p.raised, 0.6)}; }}
    QPushButton[role="primary"] {{ background: {p.accent}; color: {p.on_accent};
        font-weight: 600; padding: 5px 12px; }}
    QPushButton[role="primary"]:hover {{ background: {theme_mix(p.accent, "#000000", 0.15)}; }}
    QPushButton[role="primary"]:disabled {{ background: {p.raised};
        color: {theme_mix(p.raised, p.text, 0.45)}; }}
    QPushButton[role="chip"] {{ background: transparent; color: {p.muted};
        border: 1px solid {p.border}; border-radius: 8px; padding: 1px 7px; font-size: 8pt;
        min-height: 14px; }}
    QPushButton[role="chip"]:hover {{ color: {p.text}; border-color: {p.text}; }}
    QPushButton[role="chip"][done="true"] {{ color: {p.good}; border-color: {p.good}; }}
    QPushButton[role="status"] {{ background: transparent; color: {p.muted}; font-size: 8pt;
        text-align: left; padding: 0 0 4px 0; }}
    QPushButton[role="status"]:hover {{ color: {p.text}; }}
    QPushButton[role="narrow"] {{ padding: 3px 0; }}
    QPushButton[role="link"] {{ background: transparent; color: {p.link}; padding: 0 2px; }}
    QPushButton[role="link"]:disabled {{ background: transparent;
        color: {theme_mix(p.background, p.text, 0.4)}; }}
    QToolButton {{ background: transparent; border: {_RING}px solid transparent;
        border-radius: 5px; padding: 3px; color: {p.text}; }}
    QToolButton:hover {{ background: {p.raised}; }}
    QToolButton:checked {{ background: {p.accent}; color: {p.on_accent}; }}
    QToolButton[role="small"] {{ background: {p.raised}; padding: 1px 7px; font-size: 8pt; }}
    QToolButton[role="small"]:hover {{ background: {theme_mix(p.raised, p.text, 0.15)}; }}
    QToolButton[role="small"]:disabled {{ color: {theme_mix(p.raised, p.text, 0.4)}; }}
    QToolButton[role="fold"] {{ color: {p.muted}; font-size: 9pt; padding: 1px 3px; }}
    QToolButton[role="fold"]:checked {{ background: transparent; color: {p.text}; }}
    QToolButton::menu-indicator {{ image: none; }}
    QTabWidget::pane {{ border: 0; border-top: 1px solid {p.border}; }}
    QTabBar {{ border: 0; background: transparent; }}
    QTabBar::tab {{ background: transparent; color: {p.muted}; border: 0; margin: 0;
        border-bottom: 2px solid transparent; border-radius: 0; padding: 6px 5px;
        font-size: 9pt; }}
    QTabBar::tab:hover {{ color: {p.text}; }}
    QTabBar::tab:selected {{ background: transparent; color: {p.text};
        border-bottom: 2px solid {p.accent}; }}
    QTableView {{ background: {p.surface}; color: {p.text};
        border: {_RING}px solid transparent; border-radius: 6px;
        gridline-color: transparent; selection-background-color: {p.accent};
        selection-color: {p.on_accent}; font-size: 9pt; }}
    QTableView::item {{ padding: 0 6px; border: 0; }}
    QTableView::item:selected {{ background: {theme_mix(p.surface, p.accent, 0.45)};
        color: {p.text}; }}
    QHeaderView {{ background: {p.surface}; border-radius: 6px; }}
    QHeaderView::section {{ background: {p.surface}; color: {p.muted}; border: 0;
        border-bottom: 1px solid {p.border}; padding: 5px 6px; font-size: 8pt; }}
    QListView {{ background: {p.surface}; color: {p.text};
        border: {_RING}px solid transparent; border-radius: 6px; padding: 2px; font-size: 9pt; }}
    QListView::item {{ padding: 4px 6px; border-radius: 4px; }}
    QListView::item:disabled {{ color: {p.muted}; }}
    QListView::item:selected {{ background: {theme_mix(p.surface, p.accent, 0.45)}; }}
    QProgressBar {{ background: {p.raised}; border: 0; border-radius: 3px; max-height: 6px;
        min-height: 6px; text-align: center; color: transparent; }}
    QProgressBar::chunk {{ background: {p.accent}; border-radius: 3px; margin: 0; }}
    QProgressBar[role="approved"]::chunk {{ background: {p.good}; }}
    QComboBox, QSpinBox, QDoubleSpinBox, QLineEdit {{ background: {p.raised}; color: {p.text};
        border: {_RING}px solid transparent; border-radius: 5px; padding: 2px 6px;
        font-size: 9pt; min-height: 20px; }}
    QLineEdit {{ placeholder-text-color: {placeholder(p)}; }}
    QComboBox::drop-down {{ width: 18px; border: 0; background: transparent; }}
    QComboBox::down-arrow {{ width: 10px; height: 10px; }}
    QDialog#ifcPanel {{ background: {p.background}; }}
    QTableWidget, QPlainTextEdit {{ background: {p.surface}; color: {p.text};
        border: {_RING}px solid transparent; border-radius: 6px;
        selection-background-color: {p.accent}; font-size: 9pt; }}
    QCheckBox {{ color: {p.text}; font-size: 9pt; border: {_RING}px solid transparent;
        border-radius: 5px; }}
    QCheckBox:disabled {{ color: {theme_mix(p.raised, p.text, 0.4)}; }}
    QCheckBox::indicator {{ border: 1px solid {p.muted}; border-radius: 3px; padding: 0; }}
    QCheckBox::indicator:disabled {{ border-color: {theme_mix(p.surface, p.muted, 0.5)}; }}
    QPushButton:focus, QToolButton:focus, QPushButton[role]:focus, QToolButton[role]:focus,
    QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus, QLineEdit:focus, QCheckBox:focus,
    QTableView:focus, QTableWidget:focus, QListView:focus, QPlainTextEdit:focus {{
        outline: 0; border: {_RING}px solid {p.text}; }}
    QTabBar::tab:selected:focus {{ border-bottom: 2px solid {p.text}; }}
    QSlider:focus {{ border: {_RING}px solid {p.text}; border-radius: 5px; }}
    QToolTip {{ background: {p.surface}; color: {p.text}; border: 1px solid {p.border}; }}
    """


def placeholder(p: Palette) -> str:
    """What stands in an empty field."""
    return theme_mix(p.raised, p.text, 0.7)


def chosen_ground(p: Palette) -> str:
    """The ground of a row that is chosen."""
    return theme_mix(p.surface, p.accent, 0.4)


def second_rank(p: Palette, *, chosen: bool) -> str:
    """Second-rank text of a row: on the ground of a chosen one muted text is hard to read."""
    return p.text if chosen else p.muted


def theme_mix(first: str, second: str, share: float) -> str:
    """Colour between two, ``share`` of the way to the second, as ``#rrggbb``."""
    a = [int(first[i : i + 2], 16) for i in (1, 3, 5)]
    b = [int(second[i : i + 2], 16) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(x + (y - x) * share):02x}" for x, y in zip(a, b, strict=True))

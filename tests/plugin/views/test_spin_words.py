"""Fields for numbers that show a word."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from napari_ifc.views.spin_words import show_word


@pytest.mark.parametrize("kind", [QSpinBox, QDoubleSpinBox])
@pytest.mark.parametrize("clicks", [0, 1])
def test_a_number_that_is_typed_replaces_the_word(qtbot, kind, clicks):
    spin = kind()
    qtbot.addWidget(spin)
    spin.setRange(-1, 100)
    show_word(spin, "from")
    spin.setValue(-1)
    spin.show()
    for _ in range(clicks):
        QTest.mouseClick(spin.lineEdit(), Qt.MouseButton.LeftButton, pos=QPoint(12, 8))
    QTest.keyClicks(spin, "57")
    spin.interpretText()
    assert spin.value() == 57
    spin.lineEdit().setCursorPosition(0)
    QTest.keyClicks(spin, "x")
    assert spin.value() == 57
    assert not spin.lineEdit().hasSelectedText()  # digits are changed one by one

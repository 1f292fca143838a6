"""Fields for numbers that show a word."""

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox

from napari_ifc.views.spin_words import show_word


@pytest.mark.parametrize("kind", [QSpinBox, QDoubleSpinBox])
def test_a_number_that_is_typed_after_a_click_replaces_the_word(qtbot, kind):
    spin = kind()
    qtbot.addWidget(spin)
    spin.setRange(-1, 100)
    show_word(spin, "from")
    spin.setValue(-1)
    spin.show()
    for _ in range(2):  # a click into what has the keys already is another one to Qt
        QTest.mouseClick(spin.lineEdit(), Qt.MouseButton.LeftButton, pos=QPoint(12, 8))
    QTest.keyClicks(spin.lineEdit(), "5")
    spin.interpretText()
    assert spin.value() == 5
    QTest.mouseClick(spin.lineEdit(), Qt.MouseButton.LeftButton, pos=QPoint(2, 8))
    assert not spin.lineEdit().hasSelectedText()  # digits are changed one by one

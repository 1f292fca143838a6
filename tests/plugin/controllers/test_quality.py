"""Figures of a project as lines of a table."""

from dataclasses import replace

from ifc_core.evaluation.project_quality import ClassQuality, ProjectQuality, QualityFigures
from napari_ifc.controllers.quality import quality_facts, quality_rows

GOOD = QualityFigures(0.5, 0.75, 0.25, 0.9, 0.8, 1, 4)
NONE = QualityFigures(None, None, None, None, None, 0, 0)


def quality(*classes):
    return ProjectQuality("The latest run", 1, 12, 30, GOOD, classes, True)


def test_each_class_has_a_line_below_the_whole():
    rows = quality_rows(quality(ClassQuality(1, "cat", GOOD), ClassQuality(2, "dog", NONE)))
    assert rows[0] == ("All", "4", "0.50", "0.75", "0.25", "0.90", "0.80", "1")
    assert rows[2] == ("dog", "0", "–", "–", "–", "–", "–", "0")


def test_a_single_class_is_the_whole():
    assert len(quality_rows(quality(ClassQuality(1, "cat", GOOD)))) == 1


def test_it_says_what_was_judged_by_what():
    told = quality_facts(quality())
    assert told == "The latest run, judged by 12 approved frames with 30 masks in 1 video."


def test_models_have_the_names_that_the_window_knows_them_by():
    told = quality_facts(replace(quality(), models=("", "bedroom-2")))
    assert told.startswith("Proposals of the bundled model, bedroom-2, judged by 12 approved")


def test_files_that_were_imported_are_named():
    told = quality_facts(replace(quality(), files=("a.json", "b.json")))
    assert told.startswith("Proposals imported from a.json, b.json, judged by 12 approved")
    told = quality_facts(replace(quality(), models=("mice",), files=("a.json",)))
    assert told.startswith("Proposals of mice, and imported from a.json, judged by")

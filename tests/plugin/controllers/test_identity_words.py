"""What the window says after tracks were merged or swapped."""

from ifc_core.annotation import Scope
from napari_ifc.controllers.identity_words import merged_text, separated_text, swapped_text


def test_a_merge_says_which_class_it_took():
    assert merged_text(3, [1], "ball", ["ball"]) == "Merged track 1 into track 3."
    assert merged_text(3, [1, 2], "ball", ["ball"] * 2) == "Merged 2 tracks into track 3."
    assert merged_text(3, [1, 2, 4], "ball", ["horse", "ball", "horse"]) == (
        "Merged 3 tracks into track 3; all of it is ball now, and no longer horse."
    )
    assert merged_text(3, [1], "ball", ["horse", "cow"]).endswith(", and no longer horse or cow.")
    lost = ["horse", "cow", "cat", "cow"]
    assert merged_text(3, [1], "ball", lost).endswith(" no longer horse, cow or cat.")


def test_separating_names_the_tracks_of_the_other_pieces():
    assert separated_text(1, [4]).endswith("the other one is track 4 now.")
    assert separated_text(1, [5, 4]).endswith("the others are tracks 4, 5 now.")


def test_a_swap_says_where():
    told = [swapped_text(1, 2, s) for s in (Scope.this_frame(4), Scope.from_here(4), Scope())]
    ends = ("on frame 4.", "from frame 4 on.", "on all frames.")
    assert told == [f"Tracks 1 and 2 have changed places {end}" for end in ends]

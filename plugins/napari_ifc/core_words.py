"""Words of the core that the window shows, so that ``make strings`` puts them into the template.

They are shown through ``tr(word)``: the core itself knows no language.
"""

from __future__ import annotations

WORDS = (
    # What is counted.
    "files",
    "frames",
    "iterations",
    "packets",
    "tensors",
    "tracks",
    "videos",
    # What is being done.
    "Comparing tracks",
    "Counting frames",
    "Looking for what needs attention",
    "Matching",
    "Reading masks",
    "Reading the video's index",
    "Reading tracks",
    "Writing frames",
    "Writing tracks",
    "finding instances",
    "finding instances in tiles",
    "judging the new model",
    "judging the present model",
    "looking for swapped identities",
    "reading the checkpoint",
    "spreading the correction",
    "timing this machine",
    "training",
    # How a mask is tidied; the words also stand in the journal.
    "Fill holes",
    "Grow",
    "Shrink",
    "Smooth",
    # States of tracks.
    "approved",
    "corrected",
    "proposed",
    "rejected",
)

"""Words of the core that the window shows, so that ``make strings`` puts them into the template.

They are shown through ``tr(word)``: the core itself knows no language.
"""

from __future__ import annotations

WORDS = (
    # What is counted.
    "files",
    "frames",
    "iterations",
    "kilobytes",
    "lines",
    "packets",
    "tensors",
    "tracks",
    "videos",
    # What is being done.
    "Comparing tracks",
    "Counting frames",
    "Looking for what needs attention",
    "Matching",
    "Measuring masks",
    "Reading masks",
    "Reading shapes",
    "Reading the video's index",
    "Reading tracks",
    "Writing frames",
    "Writing tracks",
    "finding instances",
    "finding instances in tiles",
    "judging the model so far",
    "judging the new model",
    "judging the present model",
    "looking for swaps and divisions",
    "reading the checkpoint",
    "spreading the correction",
    "timing this machine",
    "training",
    # A fine-tuning that was stopped.
    "the fine-tuning of {begun} ({preset}, {done} of {total} iterations)",
    "the fine-tuning of {begun} ({preset}, nothing trained yet)",
    # How a fine-tuning ended.
    "{name} is better on {count} held-out masks.",
    "{name} is not better on {count} held-out masks.",
    "{name} outlines {count} held-out masks better, but finds or names objects worse.",
    "{name} finds or names objects better, but outlines {count} held-out masks worse.",
    "{name} is ready; {count} held-out masks are not enough to judge it.",
    "{name} is ready; nothing was held out to judge it by.",
    "Gained: mean J {j_before} before, {j_after} after; AP {ap_before} before, {ap_after} after.",
    "Forgotten: mean J on generated clips {before} before, {after} after.",
    "Nothing forgotten: mean J on generated clips {before} before, {after} after.",
    "Memory ran out, so it trains with a batch of {clips} and a short side of {side} pixels.",
    "{count} of the held-out frames were seen by the model it began with, since no others are "
    "labelled; correct some more for a fair comparison.",
    "1 of the held-out frames was seen by the model it began with, since no others are labelled; "
    "correct some more for a fair comparison.",
    "{count} masks are too small to be seen with a short side of {side} pixels and are learnt "
    "close up; propose in tiles for objects of {size} pixels to find such things.",
    "1 mask is too small to be seen with a short side of {side} pixels and is learnt close up; "
    "propose in tiles for objects of {size} pixels to find such things.",
    "{count} iterations were skipped, since their gradients were not finite.",
    "{count} pictures that cannot be decoded were left out.",
    "The project uses it from now on.",
    "The project keeps its model.",
    "It was compared with {parent}, but the project uses another model and keeps it until you "
    "choose.",
    "The project keeps its model until you choose.",
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

TOOLS = (
    "Box",
    "Erase",
    "Fill",
    "Fill holes",
    "Grow",
    "Keep largest",
    "Paint",
    "Polygon",
    "Scribble",
    "Shrink",
    "Smart erase",
    "Smooth",
)
"""How a mask was drawn, as the journal says it."""

PARTS = (
    "the whole track",
    "the whole video",
    "from frame {frame} on",
    "frames {first} to {last}",
    "frame {frame}",
    "1 frame",
    "{count} frames",
    "1 track",
    "{count} tracks",
    "tracks {numbers} and {last}",
    "track {number} ({text})",
    "track {number}",
)
"""What a step of the journal concerns."""

STEPS = (
    "Accept a candidate as a new track",
    "Accept proposals, 1 new track",
    "Accept proposals, {count} new tracks",
    "Add category {text}",
    "Add {count} videos",
    "Add video {text}",
    "Approve {part}, {scope}",
    "Approve {part}",
    "Bud {part} off {other}",
    "Change category {text}",
    "Change colour of {part}",
    "Change video {text}",
    "Clear {part}, {scope}",
    "Copy {part} from frame {frame} to {scope}",
    "Delete {part}",
    "Divide {part} into {other}",
    "Edit classes",
    "Extend {part} to frame {frame}",
    "Extend {part}, {scope}",
    "Forget the mother of {part}",
    "Import {part} from {text}",
    "Interpolate {part}, {scope}",
    "Locate video {text}",
    "Locate {count} videos",
    "Make {part} a crowd",
    "Make {part} a region to ignore",
    "Make {part} an object again",
    "Make {part} a region of kind crowd",
    "Make {part} a region of kind ignore",
    "Make {part} a region of kind object",
    "Mark {part} absent, {scope}",
    "Merge {part} into {other}",
    "New track",
    "New {part}, {scope}",
    "New {part}",
    "No division of {part}, {scope}",
    "Propagate {part}, 1 mask",
    "Propagate {part}, {count} masks",
    "Propagate, 1 mask",
    "Propagate, {count} masks",
    "Recolour tracks",
    "Reject masks of {part}, {scope}",
    "Reject {part}",
    "Relabel {part} to {text}, {scope}",
    "Relabel {part} to {text}",
    "Relabel to {text}",
    "Remove category {text}",
    "Remove video {text}",
    "Rename track {number} to {text}",
    "Rename video {old} to {text}",
    "Reorder {count} tracks",
    "Restore masks of {part}, {scope}",
    "Restore {part}",
    "Separate {part} into {count} tracks, {scope}",
    "Set the frames per second of {count} videos",
    "Set the frames per second of {text}",
    "Set the scale and the frames per second of {count} videos",
    "Set the scale and the frames per second of {text}",
    "Set the scale of {count} videos",
    "Set the scale of {text}",
    "Split {part} at frame {frame}, new track {number}",
    "Swap {part} and {other}, {scope}",
    "Take back the approval of {part}",
    "Take the name of track {number} away",
    "Trim {part}: keep {scope}",
    "Trim {part} to {scope}",  # as projects of earlier versions have it
)
"""Steps of the journal, which is stored in English; the first that fits holds."""

NOTES = (
    "Approved as complete no longer: {part}.",
    "From frame {frame} on the pieces cannot be told apart, so the mask stays whole.",
    "Links to a mother that fit no more were taken away: {count}.",
    "Links to a mother that the file has not in that video, or that does not begin before, were "
    "left out: {count}.",
    "Nothing is left of {part}, which was removed.",
    "Instances that lie mostly in regions to ignore were left out: {count}.",
    "Masks were joined on {part}.",
    "On {part} both tracks had a mask, of which that of {other} was kept.",
    "On {part} both tracks had a mask: that of {other} was kept on {number}, of {scope} on {last}.",
    "Proposals were kept where the new masks hardly overlap them and are less sure: {part}.",
    "Proposals were kept where the object was not found: {part}.",
    "{count} instances cover rejected tracks and were left out.",
    "{count} masks that a person made or approved were kept.",
    "{count} reviewed frames were kept.",
    "{count} reviewed masks were kept.",
)
"""What an edit says of what it left alone or did besides."""

REPORTS = (
    "Links to a mother that the file has not in that video, or that does not begin before, were "
    "left out: {count}.",
    "1 track shows only masks of one that was there already; undo what was not meant.",
    "1 approved frame does not count as complete in the export, since not all of its objects are "
    "in it.",
    "1 approved frame lacks some of its objects, which this format cannot say; import it with "
    "--no-exhaustive.",
    "1 approved frame lacks some of its objects; a model learns from it that nothing is there.",
    "1 name was written without its control characters, or cut.",
    "1 daughter was linked to its mother.",
    "1 mother goes on beside her daughter and was cut into several labels there.",
    "1 pixel lies under another mask and is not in the export.",
    "1 video carries no review states, so every frame counts as approved and null as absent.",
    "1 video has nothing to export in this scope: {names}.",
    "The picture of 1 frame cannot be read, so its masks have no intensities.",
    "The pictures of {count} frames cannot be read, so their masks have no intensities.",
    "The file does not name the class {name}, so these frames are taken to show none of it; undo "
    "where that is wrong.",
    "The file does not name the classes {names}, so these frames are taken to show none of them; "
    "undo where that is wrong.",
    "The folder of {names} was not found, so its frames are named by their number from 0; where "
    "its pictures are counted otherwise, these names mean other pictures.",
    "The folders of {count} videos were not found ({names}), so their frames are named by their "
    "number from 0; where their pictures are counted otherwise, these names mean other pictures.",
    "The masks of {text} were put on {name}, whose pictures have the names that the file gives; "
    "undo if they belong elsewhere.",
    "The masks of {text} were put on {name}, the only video of {size} pixels and at least {part}; "
    "undo if they belong elsewhere.",
    "The masks of {text} were put on {name}, the only video of {size} pixels and {part}; undo if "
    "they belong elsewhere.",
    "The pictures of {names} have other names than in the file, so the numbers in the names "
    "alone say which frames are meant; look whether the masks lie on theirs.",
    "These are true masks: all frames of {names} count as approved, and tracks as absent where "
    "they have no mask.",
    "These are true masks: tracks of {names} count as approved, and as absent where they have no "
    "mask; no frame counts as complete, since some objects may have none.",
    "The numbers that the file gives the frames of {names} are counted from 0; look whether the "
    "masks lie on theirs, and undo if they were counted from 1.",
    "The numbers that the file gives the frames of {names} are counted from 1; look whether the "
    "masks lie on theirs, and undo if they were counted from 0.",
    "The project's {name} has {size} pixels and {count} frames, {text} of the file has {shape} and "
    "{number}, so it is another video.",
    "The results name videos and classes by ids, which were taken for those of this project: "
    "{names}. Undo if they are those of another file.",
    "1 box without a mask is kept as a region to ignore; a box (X) outlines an object.",
    "{count} boxes without a mask are kept as regions to ignore; a box (X) outlines an object.",
    "Shapes without an inside were left out ({text}), so no frame of their videos counts as "
    "complete.",
    "1 gap between the shapes of tracks, where the file does not say outside, counts as absence: "
    "it seems to hold key frames alone.",
    "{count} gaps between the shapes of tracks, where the file does not say outside, count as "
    "absence: it seems to hold key frames alone.",
    "CVAT takes in the annotations of one task at a time, and here are {count} videos: export each "
    "by itself to upload it.",
    "YOLO looks for pictures in the folder images: write the frames as pictures too, or put them "
    "there.",
    "The same frames are named for training and for validation; keep videos apart to judge by "
    "others.",
    "The labels of {name} are numbered anew on each frame, so masks that overlap from frame to "
    "frame were made one track each.",
    "The text of tracks of {name} does not agree with its masks, which are what counts: {text}. "
    "Divisions may be missing.",
    "1 track covers one of the project with a mean IoU of {iou}: both are there now.",
    "1 track covers one of the project with a mean IoU of {iou}: where both show an object, what "
    "was there stayed and theirs was left out.",
    "1 track covers one of the project with a mean IoU of {iou}: where both show an object, what "
    "was there is rejected, unless people made it and theirs is a proposal.",
    "1 track covers one of the project with a mean IoU of {iou}: the new ones are proposals, "
    "beside what was there.",
    "On 1 frame such masks have an IoU of less than 0.5: both are there.",
    "On {count} frames such masks have an IoU of less than 0.5: both are there.",
    "{count} tracks cover ones of the project with a mean IoU of {iou}: both are there now.",
    "{count} tracks cover ones of the project with a mean IoU of {iou}: where both show an object, "
    "what was there stayed and theirs was left out.",
    "{count} tracks cover ones of the project with a mean IoU of {iou}: where both show an object, "
    "what was there is rejected, unless people made it and theirs is a proposal.",
    "{count} tracks cover ones of the project with a mean IoU of {iou}: the new ones are "
    "proposals, beside what was there.",
    "Of {count} videos {number} were drawn for validation, where the share means {first}; on the "
    "command line --split-seed {last} draws as many.",
    "No video was drawn for the part {text}, so {name} was put there; this may change as videos "
    "are added.",
    "The file was never seen of {names}: the part was drawn by name and may be another one once "
    "the file is found.",
    "Named for validation, with nothing to export: {names}.",
    "Without times and intensities, since the video cannot be read: {names}.",
    "{count} approved frames do not count as complete in the export, since not all of their "
    "objects are in it.",
    "{count} approved frames lack some of their objects, which this format cannot say; import it "
    "with --no-exhaustive.",
    "{count} approved frames lack some of their objects; a model learns from them that nothing is "
    "there.",
    "{count} names were written without their control characters, or cut.",
    "{count} daughters were linked to 1 mother.",
    "{count} daughters were linked to {number} mothers.",
    "{count} mothers go on beside their daughters and were cut into several labels there.",
    "{count} pixels lie under other masks and are not in the export.",
    "{count} tracks show only masks of one that was there already; undo what was not meant.",
    "{count} videos carry no review states, so every frame counts as approved and null as absent.",
    "{count} videos have nothing to export in this scope: {names}.",
    "{names} were not found and are listed without pictures.",
    "{names} were not found and are listed without pictures; "
    "their 1 mask is kept until you locate them.",
    "{names} were not found and are listed without pictures; "
    "their {count} masks are kept until you locate them.",
    "{names} was not found and is listed without pictures.",
    "{names} was not found and is listed without pictures; its 1 mask is kept until you locate it.",
    "{names} was not found and is listed without pictures; "
    "its {count} masks are kept until you locate it.",
    "{text} has frames that cannot be decoded ({names}); the picture of a neighbour stands in for "
    "each.",
)
"""What an import or an export says besides; its numbers of left-out frames are said anew."""

QUALITY = (
    "Nothing was proposed in {name}; it is left out.",
    "The run on {name} is not complete; it is judged on the frames that it reached.",
    "1 approved frame is not in proposals of {names}, and imported from {text}; it is left out.",
    "1 approved frame is not in proposals of {names}; it is left out.",
    "1 approved frame is not in proposals imported from {text}; it is left out.",
    "1 approved frame is not in {text}; it is left out.",
    "{count} approved frames are not in proposals of {names}, and imported from {text}; they are "
    "left out.",
    "{count} approved frames are not in proposals of {names}; they are left out.",
    "{count} approved frames are not in proposals imported from {text}; they are left out.",
    "{count} approved frames are not in {text}; they are left out.",
    "In {name} an earlier import is judged, {text}: the later one of {names} holds nothing there, "
    "or what people made or reviewed too, or left out what the project had.",
    "Whether the import of {text} left out what the project had is not known.",
    "Of an import only the frames from its first mask to its last are known to be covered.",
    "The class of 1 track from {text} is gone from the project: where classes are compared, AP "
    "leaves out what has none.",
    "The class of {count} tracks from {text} is gone from the project: where classes are "
    "compared, AP leaves out what has none.",
    "The model knows none of the project's classes, so classes are not compared.",
)
"""What is to be known of figures on proposals."""

LISTS = ("{names} and more", "the bundled model")
"""Names in such a sentence, where there are too many for it, or where they are words."""

"""What the names of files end in that are a video each."""

VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm"),
    *(".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".flv"),
)
"""Of video files, in lower case, the usual ones first."""

STACK_SUFFIXES = (".tif", ".tiff")
"""Of TIFF files, which hold one picture or a film of many."""

FILE_SUFFIXES = (*VIDEO_SUFFIXES, *STACK_SUFFIXES)
"""Of all files that can be opened by themselves."""

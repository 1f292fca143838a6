"""What the names of video files end in."""

VIDEO_SUFFIXES = (
    *(".mp4", ".mov", ".mkv", ".avi", ".webm"),
    *(".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".flv"),
)
"""In lower case, the usual ones first."""

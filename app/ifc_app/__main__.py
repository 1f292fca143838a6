"""``python -m ifc_app [PATH]``: what ``make run`` starts; opens the sample without a path."""

import argparse
import sys

from ifc_app.launcher import launch
from ifc_core.errors import IFCError


def main() -> int:
    """Launch, and turn an error of ours into one line."""
    words = argparse.ArgumentParser(prog="python -m ifc_app", description="Open IFC Studio.")
    words.add_argument("path", nargs="?", help="video, image, folder or project; else the sample")
    path: str | None = words.parse_args().path
    try:
        return launch(path, sample=True)
    except IFCError as error:
        print(f"ifc-studio: {error}", file=sys.stderr)  # noqa: T201 - the command's own output
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())

"""Renew the template for translations: ``make strings``.

Writes ``napari_ifc/languages/ifc-studio.pot`` with every literal that goes through ``tr`` in the
plugin and the desktop program, and the words of the core that the window shows.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = (HERE / "napari_ifc", HERE.parent / "app" / "ifc_app")
TEMPLATE = HERE / "napari_ifc" / "languages" / "ifc-studio.pot"
_HEAD = r"""# Sentences of IFC Studio's window.
msgid ""
msgstr ""
"Project-Id-Version: ifc-studio\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=UTF-8\n"
"Content-Transfer-Encoding: 8bit\n"
"""


def literals(file: Path) -> Iterator[tuple[str, int]]:
    """The literals of one module that are translated, with their lines.

    Raises:
        ValueError: ``tr`` is given something that is made first, which no translation can know.
    """
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "tr":
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value, node.lineno
            elif isinstance(argument, ast.JoinedStr | ast.BinOp):
                raise ValueError(f"{file}:{node.lineno}: tr() needs a literal.")
        elif isinstance(node, ast.Assign) and file.name == "core_words.py":
            for word in ast.walk(node.value):
                if isinstance(word, ast.Constant) and isinstance(word.value, str):
                    yield word.value, word.lineno


def template() -> str:
    """The whole template as text."""
    places: dict[str, list[str]] = {}
    for source in SOURCES:
        for file in sorted(source.rglob("*.py")):
            for text, _ in literals(file):
                where = places.setdefault(text, [])
                name = file.relative_to(source.parent).as_posix()
                if name not in where:
                    where.append(name)
    return _HEAD + "".join(_entry(text, names) for text, names in places.items())


def _entry(text: str, names: list[str]) -> str:
    lines = [f"#: {name}" for name in names]
    if "{" in text:
        lines.append("#, python-brace-format")
    quoted = json.dumps(text, ensure_ascii=False)
    return "\n" + "\n".join([*lines, f"msgid {quoted}", 'msgstr ""']) + "\n"


def main() -> None:
    """Write the template."""
    TEMPLATE.parent.mkdir(exist_ok=True)
    text = template()
    TEMPLATE.write_text(text, encoding="utf-8")
    print(f"{TEMPLATE}: {text.count('msgid') - 1} sentences")  # noqa: T201 - a script


if __name__ == "__main__":
    main()

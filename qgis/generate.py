"""Write what is made from other files: ``python qgis/generate.py`` (``make qgis``).

- ``road_extract_qgis/option_table.py`` from the options of the package, which QGIS must not import;
- ``road_extract_script.py``, the plugin's *Extract roads* in one file, from the plugin's modules.

The tests compare both with what this makes.
"""

from __future__ import annotations

import ast
import pprint
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from road_extract.base.options import DiffOptions, LineOptions, PredictOptions, VectorizeOptions

FOLDER = Path(__file__).parent
PLUGIN = FOLDER / "road_extract_qgis"
TABLE = PLUGIN / "option_table.py"
SCRIPT = FOLDER / "road_extract_script.py"

#: Options that become parameters.
CLASSES = (PredictOptions, VectorizeOptions, LineOptions, DiffOptions)

#: Modules of the script, each after those it needs.
MODULES = (
    "option_table",
    "interpreter",
    "monitor",
    "child",
    "styles",
    "layers",
    "parameters",
    "running",
    "road_vectors",
    "extract_roads",
)

TABLE_HEAD = '''"""The options of road_extract. Written by qgis/generate.py from the package: do not edit."""

from __future__ import annotations

from typing import Any

'''

SCRIPT_HEAD = '''"""Extract roads: one file for Processing > Toolbox > Scripts > Add Script to Toolbox.

It is the plugin's algorithm, put together by qgis/generate.py from qgis/road_extract_qgis: do not edit.
It needs a Python that has road_extract; docs/qgis.md tells how to get one.
"""

'''


def to_table() -> str:
    """The text of option_table.py."""
    options = {cls.__name__: _to_rows(cls) for cls in CLASSES}
    literal = pprint.pformat(options, sort_dicts=False)
    version = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return _tidy(
        f"{TABLE_HEAD}#: Of the package that this was made from; older ones may lack something.\n"
        f'PACKAGE_VERSION = "{version}"\n\n'
        f"OPTIONS: dict[str, list[dict[str, Any]]] = {literal}\n"
    )


def _tidy(text: str) -> str:
    """As `make format` would leave it."""
    for args in (["check", "--quiet", "--fix", "--select=I"], ["format"]):
        command = [sys.executable, "-m", "ruff", *args, f"--stdin-filename={SCRIPT}", "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    return text


def _to_rows(cls: type[Any]) -> list[dict[str, Any]]:
    hints = get_type_hints(cls)
    return [
        {
            "name": f.name,
            "flag": "--" + (f.metadata["short"] or f.name).replace("_", "-"),
            "kind": "choice" if f.metadata["choices"] else _to_kind(str(hints[f.name])),
            "default": f.default,
            **{key: f.metadata[key] for key in ("help", "unit", "low", "high", "choices")},
        }
        for f in fields(cls)
    ]


def _to_kind(hint: str) -> str:
    kinds = {"tuple[int": "integers", "tuple[float": "numbers", "bool": "flag", "float": "number", "int": "integer"}
    return next((kind for part, kind in kinds.items() if part in hint), "text")


def to_script() -> str:
    """The text of road_extract_script.py."""
    imports: set[str] = set()
    names: set[str] = set()
    bodies = []
    for name in MODULES:
        text = (PLUGIN / f"{name}.py").read_text(encoding="utf-8") if name != "option_table" else to_table()
        _check_names(text, names)
        bodies.append(_take_apart(text, imports))
    head = "from __future__ import annotations\n\n"
    return _tidy(SCRIPT_HEAD + head + "\n".join(sorted(imports)) + "\n\n" + "\n\n".join(bodies))


def _check_names(text: str, names: set[str]) -> None:
    """In one file, the later of two of the same name would silently win.

    Raises:
        ValueError: If two modules define the same name.
    """
    for node in ast.parse(text).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for name in {getattr(target, "name", getattr(target, "id", None)) for target in targets} - {None}:
            if name in names:
                raise ValueError(f"{name} is defined in two modules of the plugin; give one another name")
            names.add(str(name))


def _take_apart(text: str, imports: set[str]) -> str:
    """The module without docstring and imports; these go to ``imports``, but for those of the plugin's own modules."""
    lines = text.splitlines()
    tree = ast.parse(text)
    for node in tree.body:
        is_docstring = node is tree.body[0] and isinstance(node, ast.Expr)
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.update(_to_lines(node, lines))
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return re.sub(r"\n{4,}", "\n\n\n", "\n".join(lines).strip() + "\n")


def _to_lines(node: ast.Import | ast.ImportFrom, lines: list[str]) -> list[str]:
    if isinstance(node, ast.ImportFrom):
        outside = not node.level and node.module != "__future__"
        return [f"from {node.module} import {alias.name}" for alias in node.names] if outside else []
    mark = "  # nosec B404" if "nosec" in lines[node.lineno - 1] else ""
    return [f"import {alias.name}{mark}" for alias in node.names]


if __name__ == "__main__":
    TABLE.write_text(to_table(), encoding="utf-8")
    SCRIPT.write_text(to_script(), encoding="utf-8")

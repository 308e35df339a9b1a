"""`road-extract diff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from road_extract.base.files import check_outputs
from road_extract.base.options import DiffOptions, JoinOptions
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import collect, json_option, options_of, overwrite_option, progress_option

PATH = click.Path(path_type=Path)


@click.command("diff")
@click.argument("roads", type=PATH)
@click.argument("existing", type=PATH)
@click.argument("out", type=PATH)
@json_option
@options_of(DiffOptions)
@options_of(JoinOptions)
@overwrite_option
@progress_option
def command(
    roads: Path, existing: Path, out: Path, json_file: Path | None, overwrite: bool, progress: str, **values: Any
) -> None:
    """Compare the lines of ROADS with EXISTING, a map in any format and CRS.

    OUT (.geojson, .gpkg, .fgb or .parquet) receives all of ROADS, split where matching starts and ends, with status
    new or matched, and the parts of EXISTING that are not in ROADS, with status missing. Only the extent of ROADS is
    compared, or the area given by --bounds or --within. If EXISTING is OpenStreetMap data, new roads along railways,
    runways, shores and paths get the status doubtful.

    OUT.osm and OUT.osc receive only the new roads, as changes to EXISTING that join it: for review in JOSM.
    """
    console = Console(progress)
    options, joining = collect(DiffOptions, values), collect(JoinOptions, values)
    check_outputs([out, *json_outputs(json_file)], [roads, existing], overwrite)
    from road_extract.evaluation.diff import diff_roads

    found = diff_roads(roads, existing, out, options=options, joining=joining, overwrite=overwrite)
    show_values(console, json_file, found.to_text(), found.to_values())

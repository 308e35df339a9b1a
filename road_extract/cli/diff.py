"""`road-extract diff`."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from road_extract.base.files import check_outputs
from road_extract.base.options import DiffOptions, JoinOptions, ReportOptions
from road_extract.cli.console import Console, json_outputs, show_values
from road_extract.cli.parameters import (
    collect,
    json_option,
    options_of,
    overwrite_option,
    progress_option,
    report_option,
    style_option,
)

log = logging.getLogger("road_extract")

PATH = click.Path(path_type=Path)


@click.command("diff")
@click.argument("roads", type=PATH)
@click.argument("existing", type=PATH)
@click.argument("out", type=PATH)
@json_option
@report_option
@click.option("--scene", help="Scene to show on the page of --report (default: no image).")
@click.option("--table", type=PATH, help="Also save the table of all pieces here, if OUT is .osm or .osc.")
@style_option
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

    If OUT ends in .osm or .osc, it receives only the new roads, as changes that join them to EXISTING, for review in
    JOSM. --table also saves the table.
    """
    console = Console(progress)
    options, joining = collect(DiffOptions, values), collect(JoinOptions, values)
    page, scene, table = values.pop("report_page"), values.pop("scene"), values.pop("table")
    if scene is not None and page is None:
        raise click.UsageError("--scene is shown on the page of --report; specify both")
    further = [path for path in (page, table) if path is not None]
    check_outputs([out, *json_outputs(json_file), *further], [roads, existing], overwrite)
    from road_extract.evaluation.diff import DiffOutputs, diff_roads
    from road_extract.io.vector import CHANGE_SUFFIXES
    from road_extract.review import check_source, describe_options, write_report

    with ExitStack() as stack:
        if page is not None and table is None and out.suffix.lower() in CHANGE_SUFFIXES:
            # changes have no permanent ids, and contain neither matched nor missing roads; a table does
            table = Path(stack.enter_context(TemporaryDirectory())) / f"{out.stem}.gpkg"
            log.info("the page shows the table of all pieces; add --table to keep it if you want to apply decisions")
        if page is not None:
            check_source(page, table or out)
        files = DiffOutputs(out, table)
        found = diff_roads(roads, existing, files, options=options, joining=joining, overwrite=overwrite, **values)
        if page is not None:
            view = ReportOptions(assume_crs=options.assume_crs)
            made = {"Compared": f"{roads.name} with {existing.name}", **describe_options(options, joining)}
            write_report(scene, table or out, page, options=view, made=made, overwrite=True)
    show_values(console, json_file, found.to_text(), found.to_values())

"""Formats an evaluation as a table or as JSON values. Every number is labelled with the full name of its metric."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from road_extract.base.options import EvaluateOptions
from road_extract.base.version import __version__
from road_extract.evaluation.results import Evaluation, SceneCounts, line_metrics, raster_metrics

_WIDTH = 44


def to_text(found: Evaluation) -> str:
    """Format an evaluation as a table."""
    count = len(found.scenes)
    lines = [
        _row("scenes", f"{count:,}"),
        _row("area compared, excluding nodata", f"{found.total.area_m2 / 1e6:,.3f} km2"),
    ]
    if found.unpaired:
        lines.append(_row("truths skipped, without prediction", f"{len(found.unpaired):,}"))
    lines += ["", *_raster_lines(found), "", *_line_lines(found)]
    return "\n".join(lines + (["", *_scene_lines(found)] if count > 1 else []))


def to_values(found: Evaluation) -> dict[str, Any]:
    """The evaluation as values for JSON; a metric without a value is null."""
    return {
        "road_extract_version": __version__,
        "options": asdict(found.options),
        "threshold": found.threshold if found.graded else None,
        "unpaired_truths": list(found.unpaired),
        **_values(found.total, found),
        "scenes": {name: _values(counts, found) for name, counts in found.scenes.items()},
    }


def _values(counts: SceneCounts, found: Evaluation) -> dict[str, Any]:
    raster, lines = raster_metrics(counts, found.level, found.graded), line_metrics(counts)
    return {
        "area_m2": round(counts.area_m2, 1),
        "raster": None if raster is None else asdict(raster),
        "lines": None if lines is None else asdict(lines),
    }


def _raster_lines(found: Evaluation) -> list[str]:
    raster, rho = found.raster, f"(within {found.options.rho_px} px)"
    if raster is None:
        return ["raster metrics: not requested"]
    rows = [
        f"raster metrics at threshold {found.threshold:.3f}" if found.graded else "raster metrics",
        _value("exact precision", raster.exact_precision),
        _value("exact recall", raster.exact_recall),
        _value("exact F1", raster.exact_f1),
        _value("exact IoU", raster.exact_iou),
        _value(f"relaxed precision {rho}", raster.relaxed_precision),
        _value(f"relaxed recall {rho}", raster.relaxed_recall),
    ]
    if not found.graded:
        return rows
    return [
        *rows,
        "raster metrics at other thresholds",
        _value(f"relaxed break-even point {rho}", raster.relaxed_break_even),
        _value("best exact F1", raster.best_exact_f1),
        _value("best exact IoU", raster.best_exact_iou),
        _value("threshold of the best exact F1 and IoU", raster.best_threshold),
    ]


def _line_lines(found: Evaluation) -> list[str]:
    lines, counts, options = found.lines, found.total.lines, found.options
    if lines is None or counts is None:
        return ["line metrics: not requested"]
    lengths = counts.lengths
    return [
        "line metrics",
        _row("  length of true lines", f"{lengths.reference_m / 1000:,.2f} km"),
        _row("  length of predicted lines", f"{lengths.extracted_m / 1000:,.2f} km"),
        _value(f"Wiedemann completeness (buffer {options.buffer_m:g} m)", lines.wiedemann_completeness),
        _value(f"Wiedemann correctness (buffer {options.buffer_m:g} m)", lines.wiedemann_correctness),
        _value(f"Wiedemann quality (buffer {options.buffer_m:g} m)", lines.wiedemann_quality),
        _value("APLS", lines.apls),
        _value("APLS, truth onto prediction", lines.apls_truth_onto_prediction),
        _value("APLS, prediction onto truth", lines.apls_prediction_onto_truth),
        _value("TOPO precision", lines.topo_precision),
        _value("TOPO recall", lines.topo_recall),
        _value("TOPO F1", lines.topo_f1),
        *_settings(options, counts.paths.sampled),
        f"  TOPO: {counts.marbles.lost_seeds} of {counts.marbles.seeds} seeds had no predicted line near them",
    ]


def _settings(options: EvaluateOptions, sampled: bool) -> list[str]:
    drawn = f", paths from {options.apls_sources} random control points per scene" if sampled else ""
    return [
        f"  APLS: control points every {options.apls_spacing_m:g} m, snapped within {options.apls_snap_m:g} m{drawn}",
        f"  TOPO: radius {options.topo_radius_m:g} m, a marble every {options.topo_interval_m:g} m, matched within "
        f"{options.topo_match_m:g} m, {options.topo_seeds} seeds per scene",
    ]


def _scene_lines(found: Evaluation) -> list[str]:
    width = max(map(len, found.scenes))
    rows = []
    for name, counts in found.scenes.items():
        raster, lines = raster_metrics(counts, found.level, found.graded), line_metrics(counts)
        parts: list[tuple[str, float | None]] = [] if raster is None else [("exact IoU", raster.exact_iou)]
        parts += [("relaxed break-even", raster.relaxed_break_even)] if raster is not None and found.graded else []
        parts += [] if lines is None else [("APLS", lines.apls), ("TOPO F1", lines.topo_f1)]
        rows.append(f"  {name:<{width}}  " + "  ".join(f"{title} {_number(value)}" for title, value in parts))
    return ["individual scenes", *rows]


def _value(title: str, value: float | None) -> str:
    return _row(f"  {title}", _number(value))


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"


def _row(title: str, value: str) -> str:
    return f"{title:<{_WIDTH}} {value}"

"""Creates parameters from the package's options, and command lines from parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessing,
    QgsProcessingParameterBand,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterCrs,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .option_table import MODELS, OPTIONS
from .translating import tr, tr_key

Option = Mapping[str, Any]

#: Always shown; all others are under *Advanced parameters*.
BASIC = frozenset(["MODEL", "EXTENT", "AOI", "BUFFER", "GEOMETRY", "THRESHOLD", "MIN_AREA", "SIMPLIFY"])

#: Names that are familiar to QGIS users, if they differ from the command line.
NAMES = {"bounds": "EXTENT", "within": "AOI"}

LABELS = {
    "MODEL": "Model",
    "TTA": "Test-time augmentation",
    "FAINT": "Faint lines: share of the threshold to trace from",
    "LAYER": "Layer of the existing map",
    "MIN_CONFIDENCE": "Minimum confidence of a bridged gap",
    "MIN_FACE": "Smallest face of the network",
    "MIN_WORTH": "Minimum probability that a line is a road",
    "NODATA": "Nodata value",
    "SUBDATASET": "Subdataset",
    "WHERE": "Condition for features of the existing map",
    "BANDS": "Bands, in the model's order",
    "OVERLAP": "Overlap of neighbouring windows",
    "BATCH_SIZE": "Windows per batch",
    "NATIVE_GSD": "Process at the scene's own resolution",
    "EXTENT": "Extent to process",
    "AOI": "Area of interest (polygons)",
    "ASSUME_CRS": "CRS to assume if the raster has none",
    "BUFFER": "Maximum distance between matching lines",
    "ANGLE": "Maximum angle between matching lines",
    "SORT": "Order",
    "MAX_GAP": "Longest gap to bridge",
    "MIN_LENGTH": "Minimum length of isolated roads",
    "MIN_SPUR": "Minimum dead-end length, in road widths",
    "MIN_AREA": "Minimum road area",
    "MIN_HOLE": "Minimum hole area",
    "SIMPLIFY": "Simplification tolerance",
}

#: Replacements for help texts that refer to the command line.
HELPS = {
    "MODEL": "Shipped model that finds the roads",
    "EXTENT": "Process only this rectangle, in any CRS",
    "AOI": "Process only the area inside these polygons, in any CRS",
    "BANDS": "Bands to use: one (greyscale) or as many as the model has, in its order (default: chosen by colour)",
    "ASSUME_CRS": "CRS to assume if the raster has none (default: that of the layer in QGIS)",
}


def options_of(*groups: str) -> list[Option]:
    """Return the options of some groups of the table; ``Group.name`` selects a single one."""
    found: list[Option] = []
    for group in groups:
        name, _, only = group.partition(".")
        found += [option for option in OPTIONS[name] if not only or option["name"] == only]
    return found


def name_of(option: Option) -> str:
    """Return the parameter name, such as `MIN_AREA` for `--min-area`."""
    return NAMES.get(option["name"]) or str(option["flag"]).strip("-").replace("-", "_").upper()


def help_of(option: Option) -> str:
    """Return the help text, one sentence."""
    return tr_key(f"help:{option['id']}", HELPS.get(name_of(option), str(option["help"]))) + "."


def label_of(option: Option) -> str:
    """Return the label: a few words and the unit."""
    name = name_of(option)
    label = tr_key(f"label:{name}", LABELS.get(name, name.replace("_", " ").capitalize()))
    unit = option["unit"].replace("m2", "m\u00b2")
    return f"{label} [{unit}]" if unit else label


def to_parameter(option: Option) -> QgsProcessingParameterDefinition:
    """Create the parameter for an option."""
    name, label = name_of(option), label_of(option)
    build = _SPECIAL.get(option["name"]) or _BY_KIND[option["kind"]]
    parameter = build(name, label, option)
    parameter.setHelp(help_of(option))
    return parameter if name in BASIC else advanced(parameter)


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """Move a parameter to *Advanced parameters*."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def _number(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    whole = option["kind"] == "integer"
    kind = QgsProcessingParameterNumber.Type.Integer if whole else QgsProcessingParameterNumber.Type.Double
    limits = {side: option[key] for side, key in (("minValue", "low"), ("maxValue", "high")) if option[key] is not None}
    return QgsProcessingParameterNumber(name, label, kind, option["default"], option["default"] is None, **limits)


def _choice(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterEnum(name, label, list(option["choices"]), False, option["default"], False, True)


def _text(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterString(name, label, option["default"], False, option["default"] is None)


def _flag(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterBoolean(name, label, option["default"])


def _model(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterEnum(name, label, list(MODELS), False, MODELS[0], False, True)


def model_folder_parameter() -> QgsProcessingParameterDefinition:
    """A model of the user's own; it wins over the drop-down."""
    folder = QgsProcessingParameterFile.Behavior.Folder
    label = tr("Model folder of your own (instead of the model above)")
    parameter = QgsProcessingParameterFile("MODEL_FOLDER", label, folder, optional=True)
    parameter.setHelp(tr("Folder with weights.npz and spec.json, as road-extract train writes it."))
    return advanced(parameter)


def _bands(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterBand(name, label, None, "INPUT", True, True)


def _extent(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterExtent(name, label, None, True)


def _polygons(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterFeatureSource(name, label, [QgsProcessing.SourceType.TypeVectorPolygon], None, True)


def _crs(name: str, label: str, option: Option) -> QgsProcessingParameterDefinition:
    return QgsProcessingParameterCrs(name, label, None, True)


_Builder = Callable[[str, str, Option], QgsProcessingParameterDefinition]
_BY_KIND: dict[str, _Builder] = {
    "number": _number, "integer": _number, "text": _text, "flag": _flag, "choice": _choice
}  # fmt: skip
_SPECIAL: dict[str, _Builder] = {
    "model": _model, "bands": _bands, "bounds": _extent, "aoi": _polygons, "within": _polygons,
    "assume_crs": _crs,
}  # fmt: skip

_READERS = {
    "number": "parameterAsDouble", "integer": "parameterAsInt", "text": "parameterAsString",
    "choice": "parameterAsEnumString",
}  # fmt: skip


class Arguments:
    """Reads parameters as the command line wants them.

    Args:
        algorithm: Whose parameters.
        given: Parameters, context and feedback, as QGIS gave them.
        crs: Of the input layer.
    """

    def __init__(
        self, algorithm: Any, given: tuple[dict[str, Any], Any, Any], crs: QgsCoordinateReferenceSystem
    ) -> None:
        self._algorithm, self._crs = algorithm, crs
        self._parameters, self._context, self._feedback = given
        self._special = {
            "model": self._model, "bands": self._bands, "bounds": self._bounds, "aoi": self._aoi, "within": self._aoi,
            "assume_crs": self._assume_crs,
        }  # fmt: skip

    def of(self, option: Option) -> list[str]:
        """``["--min-area", "100.0"]``, or nothing where nothing is said."""
        if option["name"] in self._special:
            values = self._special[option["name"]](name_of(option))
        elif option["kind"] == "flag":
            return [option["flag"]] * self._algorithm.parameterAsBool(self._parameters, name_of(option), self._context)
        else:
            values = self._plain(option)
        return [option["flag"], *values] if values else []

    def _plain(self, option: Option) -> list[str]:
        name = name_of(option)
        if option["default"] is None and self._parameters.get(name) in (None, ""):
            return []
        value = getattr(self._algorithm, _READERS[option["kind"]])(self._parameters, name, self._context)
        return [str(value)] if value != "" else []

    def _model(self, name: str) -> list[str]:
        folder = self._algorithm.parameterAsString(self._parameters, "MODEL_FOLDER", self._context)
        chosen = folder or self._algorithm.parameterAsEnumString(self._parameters, name, self._context)
        return [] if chosen == MODELS[0] else [chosen]

    def _bands(self, name: str) -> list[str]:
        bands = self._algorithm.parameterAsInts(self._parameters, name, self._context)
        return [",".join(map(str, bands))] if self._parameters.get(name) and bands else []

    def _bounds(self, name: str) -> list[str]:
        box = self._algorithm.parameterAsExtent(self._parameters, name, self._context, self._crs)
        return (
            [] if box.isEmpty() else [repr(v) for v in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum())]
        )

    def _aoi(self, name: str) -> list[str]:
        if self._parameters.get(name) in (None, ""):
            return []
        return [exported(self._algorithm, name, (self._parameters, self._context, self._feedback))]

    def _assume_crs(self, name: str) -> list[str]:
        named = self._algorithm.parameterAsCrs(self._parameters, name, self._context)
        crs = named if named.isValid() else self._crs
        known = crs.authid() and not crs.authid().startswith("USER:")  # those are known to this QGIS only
        return [crs.authid() if known else crs.toWkt()] if crs.isValid() else []


def exported(algorithm: Any, name: str, given: tuple[dict[str, Any], Any, Any]) -> str:
    """A vector layer as a file; always exported again, so that subsets, selections, memory layers and databases work.

    Args:
        algorithm: Whose parameter.
        name: Of the parameter.
        given: Parameters, context and feedback, as QGIS gave them.
    """
    parameters, context, feedback = given
    path: str = algorithm.parameterAsCompatibleSourceLayerPath(parameters, name, context, [], "gpkg", feedback)
    return path

"""Describes a model as a STAC Item with the Machine Learning Model extension 1.6 (github.com/stac-extensions/mlm)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from road_extract.base.version import __version__
from road_extract.models.spec import ModelSpec
from road_extract.models.storage import INT8_FILE, SPEC_FILE, WEIGHTS_FILE, model_hash, read_spec, read_weights

_EXTENSIONS = ("mlm/v1.6.0", "file/v2.1.0", "classification/v2.0.0")
_TASK = "semantic-segmentation"
#: STAC requires a time, but a model has none: it may be used for imagery of any date.
_ANY_TIME = {"datetime": None, "start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "9999-12-31T23:59:59Z"}


def model_item(folder: Path) -> dict[str, Any]:
    """Describe a model folder. The Item belongs in that folder, beside the files that it lists with their hashes.

    Raises:
        InputError: If the folder is not a model folder.
    """
    spec, weights = read_spec(folder), read_weights(folder)
    properties = {
        **_ANY_TIME,
        "description": f"Finds roads in aerial and satellite imagery with a GSD of about {spec.gsd_m:g} m.",
        "mlm:name": spec.name,
        "mlm:architecture": "ResUNet",
        "mlm:tasks": [_TASK],
        "mlm:framework": "road_extract",
        "mlm:framework_version": __version__,
        "mlm:total_parameters": sum(values.size for values in weights.values()),
        "mlm:pretrained": True,
        "mlm:accelerator_constrained": False,
        "mlm:hyperparameters": {"threshold": spec.threshold, "gsd_m": spec.gsd_m, "filters": list(spec.filters)},
        "mlm:input": [_input(spec)],
        "mlm:output": [_output(spec)],
        "road_extract:model": model_hash(folder),
    }
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [f"https://stac-extensions.github.io/{part}/schema.json" for part in _EXTENSIONS],
        "id": spec.name,
        "geometry": None,
        "properties": properties,
        "links": [],
        "assets": _assets(folder),
    }


def _input(spec: ModelSpec) -> dict[str, Any]:
    """Pixels between 0 and 1, normalized as the model asks for, then (pixel - mean) / std per band."""
    size = spec.tile_size_px
    scaling = [{"type": "z-score", "mean": mean, "stddev": std} for mean, std in zip(spec.mean, spec.std, strict=True)]
    return {
        "name": "pixels",
        "bands": list(spec.bands),
        "input": {"shape": [-1, size, size, len(spec.bands)], "dim_order": ["batch", "height", "width", "bands"],
                  "data_type": "float32"},
        "value_scaling": scaling,
        "resize_type": None,
        "pre_processing_function": {
            "format": "python", "expression": f"road_extract.prediction.preprocess:fit_scaling('{spec.normalization}')",
        },
    }  # fmt: skip


def _output(spec: ModelSpec) -> dict[str, Any]:
    size = spec.tile_size_px
    return {
        "name": "road probability",
        "tasks": [_TASK],
        "result": {"shape": [-1, size, size], "dim_order": ["batch", "height", "width"], "data_type": "float32"},
        "classification:classes": [
            {"value": 0, "name": "background", "description": "Not a road"},
            {"value": 1, "name": "road", "description": "A road"},
        ],
        "post_processing_function": None,
    }


def _assets(folder: Path) -> dict[str, Any]:
    about: dict[str, tuple[str, str, dict[str, Any]]] = {
        WEIGHTS_FILE: ("weights", "application/octet-stream; application=numpy",
                       {"roles": ["mlm:model", "mlm:weights"], "mlm:artifact_type": "numpy.savez"}),
        SPEC_FILE: ("spec", "application/json", {"roles": ["metadata"]}),
        INT8_FILE: ("int8", "application/json", {"roles": ["metadata"]}),
    }  # fmt: skip
    assets = {}
    for name, (key, kind, more) in about.items():
        if (folder / name).is_file():
            data = (folder / name).read_bytes()
            # 12 20: SHA-256 of 32 bytes, as a multihash (multiformats.io)
            checksum = "1220" + hashlib.sha256(data).hexdigest()
            assets[key] = {"href": f"./{name}", "type": kind, "file:size": len(data), "file:checksum": checksum, **more}
    return assets

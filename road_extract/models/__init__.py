"""The ResUNet, model folders on disk, and the backends that run a model.

Keras is imported inside the functions that need it. Code that reads rasters or vector files, or blends windows, does
not belong here.
"""

from road_extract.models.checking import check_model
from road_extract.models.inference_form import Operations, build_inference_form
from road_extract.models.mlm import model_item
from road_extract.models.quantization import Int8Ranges, read_int8_ranges, write_int8_ranges
from road_extract.models.resunet import (
    STRIDE,
    batchnorm_relu,
    build_resunet,
    decoder_block,
    logits_model,
    residual_block,
)
from road_extract.models.storage import (
    INT8_FILE,
    SHIPPED_MODELS,
    SPEC_FILE,
    WEIGHTS_FILE,
    find_model,
    installed_models,
    load_model,
    load_weights,
    model_hash,
    models_folder,
    read_spec,
    read_weights,
    save_model,
    shipped_model,
)

__all__ = [
    "INT8_FILE",
    "SHIPPED_MODELS",
    "SPEC_FILE",
    "STRIDE",
    "WEIGHTS_FILE",
    "Int8Ranges",
    "Operations",
    "batchnorm_relu",
    "build_inference_form",
    "build_resunet",
    "check_model",
    "decoder_block",
    "find_model",
    "installed_models",
    "load_model",
    "load_weights",
    "logits_model",
    "model_hash",
    "model_item",
    "models_folder",
    "read_int8_ranges",
    "read_spec",
    "read_weights",
    "residual_block",
    "save_model",
    "shipped_model",
    "write_int8_ranges",
]

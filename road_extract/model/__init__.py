"""The ResUNet, and model folders on disk. Keras is imported inside the functions, when a model is needed."""

from road_extract.model.inference_form import Operations, build_inference_form
from road_extract.model.resunet import (
    STRIDE,
    batchnorm_relu,
    build_resunet,
    decoder_block,
    logits_model,
    residual_block,
)
from road_extract.model.storage import (
    load_model,
    load_weights,
    model_hash,
    read_spec,
    read_weights,
    save_model,
    shipped_model,
)

__all__ = [
    "STRIDE",
    "Operations",
    "batchnorm_relu",
    "build_inference_form",
    "build_resunet",
    "decoder_block",
    "load_model",
    "load_weights",
    "logits_model",
    "model_hash",
    "read_spec",
    "read_weights",
    "residual_block",
    "save_model",
    "shipped_model",
]

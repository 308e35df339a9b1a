"""The ResUNet of Zhang, Liu & Wang (2018), using only the Keras 3 API.

"Road Extraction by Deep Residual U-Net", IEEE GRSL 15(5), arXiv:1711.10684, table I. The code uses no backend-specific
operations, so the same network trains and runs on the TensorFlow, JAX and PyTorch backends of Keras.

Arrays are channels-last: (batch, rows, cols, channels).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from road_extract.models.spec import STANDARD_FILTERS

if TYPE_CHECKING:
    import keras

#: The input rows and columns must be divisible by this, because three stages halve them.
STRIDE = 8


def batchnorm_relu(x: Any, name: str) -> Any:
    """Apply batch normalization and a ReLU.

    Args:
        x: Feature map, (batch, rows, cols, channels).
        name: Prefix of the layer names.

    Returns:
        A feature map of the same shape.
    """
    from keras import layers

    x = layers.BatchNormalization(name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def residual_block(x: Any, filters: int, stride: int, name: str) -> Any:
    """Apply a pre-activation residual unit: BN-ReLU-conv3(stride)-BN-ReLU-conv3, plus conv1(stride) of the input.

    He et al. (2016), "Identity Mappings in Deep Residual Networks", with a projection shortcut.

    Args:
        x: Feature map, (batch, rows, cols, channels).
        filters: Number of output channels.
        stride: Stride of the first convolution and of the shortcut, in pixels.
        name: Prefix of the layer names.

    Returns:
        A feature map, (batch, rows / stride, cols / stride, filters).
    """
    from keras import layers

    y = batchnorm_relu(x, f"{name}_1")
    y = _conv(y, filters, 3, stride, f"{name}_1_conv")
    y = batchnorm_relu(y, f"{name}_2")
    y = _conv(y, filters, 3, 1, f"{name}_2_conv")
    shortcut = _conv(x, filters, 1, stride, f"{name}_shortcut")
    return layers.Add(name=f"{name}_add")([y, shortcut])


def decoder_block(x: Any, skip: Any, filters: int, name: str) -> Any:
    """Upsample by 2 (nearest neighbour), concatenate with the encoder's map, and apply a residual block.

    Args:
        x: Feature map of the stage below, (batch, rows, cols, channels).
        skip: Feature map of the encoder, twice the size: (batch, 2 rows, 2 cols, channels).
        filters: Number of output channels.
        name: Prefix of the layer names.

    Returns:
        A feature map, (batch, 2 rows, 2 cols, filters).
    """
    from keras import layers

    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_upsample")(x)
    x = layers.Concatenate(name=f"{name}_concat")([x, skip])
    return residual_block(x, filters, 1, name)


def build_resunet(
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    filters: tuple[int, ...] = STANDARD_FILTERS,
) -> keras.Model:
    """Build the untrained network.

    Args:
        input_shape: (rows, cols, bands). Rows and columns are divisible by 8, or None for any such size.
        filters: Filters of encoder 1, 2, 3 and of the bridge; the decoders mirror the encoders. The default is the
            published network with 8,227,393 parameters.

    Returns:
        A model named ``RESUNET``: (batch, rows, cols, bands) -> (batch, rows, cols, 1), float32 probabilities. Its
        last layer, ``head_sigmoid``, is the only activation of the head. Losses use the float32 output of
        ``head_logits`` instead; see `logits_model`.

    Raises:
        ValueError: If rows or columns are not divisible by 8, or there are no bands.
    """
    import keras
    from keras import layers

    rows, cols, bands = input_shape
    if any(size is not None and (size <= 0 or size % STRIDE) for size in (rows, cols)) or bands < 1:
        raise ValueError(f"input_shape {input_shape}: rows and cols must be multiples of {STRIDE}, bands at least 1")
    inputs = layers.Input(input_shape, name="input")

    y = _conv(inputs, filters[0], 3, 1, "encoder1_1_conv")
    y = batchnorm_relu(y, "encoder1_2")
    y = _conv(y, filters[0], 3, 1, "encoder1_2_conv")
    shortcut = _conv(inputs, filters[0], 1, 1, "encoder1_shortcut")
    encoder1 = layers.Add(name="encoder1_add")([y, shortcut])
    encoder2 = residual_block(encoder1, filters[1], 2, "encoder2")
    encoder3 = residual_block(encoder2, filters[2], 2, "encoder3")
    bridge = residual_block(encoder3, filters[3], 2, "bridge")
    x = decoder_block(bridge, encoder3, filters[2], "decoder1")
    x = decoder_block(x, encoder2, filters[1], "decoder2")
    x = decoder_block(x, encoder1, filters[0], "decoder3")
    # an untrained network should predict "hardly any road"; otherwise the first steps only unlearn noise
    prior = keras.initializers.Constant(-2.5)
    small = keras.initializers.RandomNormal(stddev=0.01)
    logits = layers.Conv2D(1, 1, padding="same", kernel_initializer=small, bias_initializer=prior, name="head_conv")(x)
    logits = layers.Activation("linear", dtype="float32", name="head_logits")(logits)
    probability = layers.Activation("sigmoid", dtype="float32", name="head_sigmoid")(logits)
    return keras.Model(inputs, probability, name="RESUNET")


def logits_model(model: keras.Model) -> keras.Model:
    """Return the same network with shared weights, ending before the sigmoid, for computing losses."""
    import keras

    return keras.Model(model.input, model.get_layer("head_logits").output, name="RESUNET_LOGITS")


def _conv(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    from keras import layers

    return layers.Conv2D(filters, kernel, strides=stride, padding="same", kernel_initializer="he_normal", name=name)(x)

"""The network: a small residual net of plain 3x3 convolutions, because those run fastest in int8 on a CPU.

    RGB in 0..1 (SIZE_PX, SIZE_PX, 3)
      minus its own mean colour        the light of the scene, taken away inside the graph
      3x3/2 -> 20                      half size
      3x3/2 -> 40, residual            quarter
      3x3/2 -> 64, residual            eighth
      3x3/2 -> 96, residual            sixteenth
      mean and maximum over the area -> 3 logits; in training also the width ratio

About 220,000 weights. The second output exists in training only: to say how wide a rendered bead is, the features must
measure it, and the class limits are limits of width.
"""

from typing import Any

import tensorflow as tf  # in the training environment only

from quality_control.dataset import CLASSES, SIZE_PX

STEM_CHANNELS = 20
STAGE_CHANNELS = (40, 64, 96)


def build(dropout: float) -> Any:
    """Return a Keras model: (n, SIZE_PX, SIZE_PX, 3) in 0..1 to [logits (n, 3), width ratio (n, 1)]."""
    keras = tf.keras
    picture = keras.Input((SIZE_PX, SIZE_PX, 3))
    flow = picture - keras.layers.AveragePooling2D(SIZE_PX)(picture)
    flow = _convolved(flow, STEM_CHANNELS, 2)
    for channels in STAGE_CHANNELS:
        flow = _convolved(flow, channels, 2)
        inner = _convolved(flow, channels, 1)
        flow = keras.layers.Add()([flow, inner])
    side = flow.shape[1]
    mean = keras.layers.Flatten()(keras.layers.AveragePooling2D(side)(flow))
    most = keras.layers.Flatten()(keras.layers.MaxPooling2D(side)(flow))
    features = keras.layers.Concatenate()([mean, most])
    features = keras.layers.Dropout(dropout)(features)
    logits = keras.layers.Dense(len(CLASSES))(features)
    width = keras.layers.Dense(1, bias_initializer="ones")(mean)
    return keras.Model(picture, [logits, width])


def _convolved(flow: Any, channels: int, stride: int) -> Any:
    layers = tf.keras.layers
    flow = layers.Conv2D(channels, 3, stride, "same", use_bias=False, kernel_initializer="he_normal")(flow)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(flow))


def to_int8(model: Any, samples: Any) -> bytes:
    """Return the classifier as a full-int8 TFLite file: softmax out, pictures in at scale 1/255 and zero point -128.

    Args:
        model: as `build` returns it.
        samples: pictures in 0..1, shape (n, SIZE_PX, SIZE_PX, 3); one black and one white picture are added, so that
            the calibrated input range is exactly 0..1.
    """
    shape = (1, SIZE_PX, SIZE_PX, 3)
    picture = tf.keras.Input(batch_shape=shape)
    classifier = tf.keras.Model(picture, tf.keras.layers.Softmax()(model(picture)[0]))
    converter = tf.lite.TFLiteConverter.from_keras_model(classifier)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: (
        [sample] for sample in (tf.zeros(shape), tf.ones(shape), *(tf.constant(one[None]) for one in samples))
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())

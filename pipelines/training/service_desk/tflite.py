"""A trained net as a full-int8 TFLite file, with the schema that LiteRT ships.

    features int8 [1, buckets] -> FULLY_CONNECTED + ReLU -> int8 [1, hidden] -> FULLY_CONNECTED -> int8 [1, labels]
                               -> SOFTMAX -> int8 [1, labels] at 1/256, -128

Weights are symmetric per tensor (scale = largest / 127), biases int32 at input scale x weight scale, activations take
the range that the calibration saw: the rules of the TFLite 8-bit quantization specification. ReLU lets a neuron be made
larger and its outgoing weights smaller by the same factor, so all neurons are first brought to one largest weight
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019): with one scale for
all of them, none is left with few levels.
"""

from dataclasses import dataclass
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # comes with LiteRT, ships no types
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from service_desk.network import Net

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
INPUT_TOP = 0.4  # the highest feature that the input tensor holds: of 10,003 questions none has one above 0.36


@dataclass(frozen=True)
class Scaled:
    """int8 levels, or int32 of a bias, with what they stand for."""

    levels: NDArray[Any]
    scale: float
    zero_point: int = 0


def equalised(net: Net) -> Net:
    """Return the same function with neurons whose largest incoming weights are equal."""
    largest = np.abs(net.inward).max(axis=0)
    factor = np.where(largest > 0, largest.max() / np.maximum(largest, 1e-12), 1.0).astype(np.float32)
    factor = np.minimum(factor, 4.0)  # a neuron that hardly weighs need not be drawn large
    return Net(net.inward * factor, net.inward_bias * factor, net.outward / factor[:, None], net.outward_bias)


def to_int8(net: Net, calibration: NDArray[np.float32], sharpness: float, description: str) -> bytes:
    """Return the file. The same net and calibration give the same bytes.

    Args:
        calibration: features, shape (n, buckets), whose activations give the ranges.
        sharpness: what logits are multiplied by in the softmax; 1 divided by the temperature.
    """
    net = equalised(net)
    features = Scaled(np.zeros(0), INPUT_TOP / 255, -128)
    hidden_values = net.hidden(calibration)
    hidden = _range_of(0.0, float(np.quantile(hidden_values.max(axis=0), 0.999)))
    logits = _range_of(*map(float, np.quantile(net.logits(calibration), (0.00001, 0.99999))))
    scores = Scaled(np.zeros(0), 1 / 256, -128)
    inward, outward = _weights(net.inward.T), _weights(net.outward.T)
    buckets, labels = net.inward.shape[0], net.outward.shape[1]
    tensors = [
        ("features", features, (1, buckets)),
        ("inward", inward, inward.levels.shape),
        ("inward_bias", _bias(net.inward_bias, features.scale * inward.scale), net.inward_bias.shape),
        ("hidden", hidden, (1, net.inward.shape[1])),
        ("outward", outward, outward.levels.shape),
        ("outward_bias", _bias(net.outward_bias, hidden.scale * outward.scale), net.outward_bias.shape),
        ("logits", logits, (1, labels)),
        ("scores", scores, (1, labels)),
    ]
    return _written(tensors, sharpness, description)


def _range_of(low: float, high: float) -> Scaled:
    scale = (high - low) / 255
    return Scaled(np.zeros(0), scale, int(np.clip(round(-128 - low / scale), -128, 127)))


def _weights(real: NDArray[np.float32]) -> Scaled:
    scale = float(np.abs(real).max()) / 127
    return Scaled(np.clip(np.rint(real / scale), -127, 127).astype(np.int8), scale)


def _bias(real: NDArray[np.float32], scale: float) -> Scaled:
    return Scaled(np.rint(real.astype(np.float64) / scale).astype(np.int32), scale)


def _written(tensors: list[tuple[str, Scaled, tuple[int, ...]]], sharpness: float, description: str) -> bytes:
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, description
    model.buffers, graph.tensors = [schema.BufferT()], []
    for name, scaled, shape in tensors:
        tensor, quantised = schema.TensorT(), schema.QuantizationParametersT()
        quantised.scale, quantised.zeroPoint = [scaled.scale], [scaled.zero_point]
        tensor.name, tensor.shape, tensor.quantization = name, list(shape), quantised
        tensor.type = schema.TensorType.INT32 if scaled.levels.dtype == np.int32 else schema.TensorType.INT8
        tensor.buffer = 0
        if scaled.levels.size:
            tensor.buffer = len(model.buffers)
            model.buffers.append(_Aligned(scaled.levels.tobytes()))
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0], [7]
    softmax = schema.SoftmaxOptionsT()
    softmax.beta = sharpness
    graph.operators = [
        _operator(
            0, [0, 1, 2], 3, schema.BuiltinOptions.FullyConnectedOptions, _dense(schema.ActivationFunctionType.RELU)
        ),
        _operator(
            0, [3, 4, 5], 6, schema.BuiltinOptions.FullyConnectedOptions, _dense(schema.ActivationFunctionType.NONE)
        ),
        _operator(1, [6], 7, schema.BuiltinOptions.SoftmaxOptions, softmax),
    ]
    model.subgraphs = [graph]
    model.operatorCodes = [
        _code(schema.BuiltinOperator.FULLY_CONNECTED, 4),  # versions: those since which they take int8
        _code(schema.BuiltinOperator.SOFTMAX, 2),
    ]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


class _Aligned:
    """Data of a tensor at a multiple of 16 bytes, as the schema asks (force_align); its own writer does not."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def Pack(self, builder: Any) -> int:
        """Write it and return where it lies; named as in the schema's own classes."""
        builder.StartVector(1, len(self._data), ALIGNMENT)
        builder.head = builder.head - len(self._data)
        builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
        place = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, place)
        return int(schema.BufferEnd(builder))


def _operator(code: int, inputs: list[int], output: int, kind: int, options: Any) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, inputs, [output]
    operator.builtinOptionsType, operator.builtinOptions = kind, options
    return operator


def _dense(activation: int) -> Any:
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    return options


def _code(operator: int, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = version
    return code

"""The operators of ONNX by how they look at an axis, and how their attributes are read (the ONNX operator specification)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

#: Element j of the output is made of element j of every input.
ELEMENTWISE = frozenset(
    (
        "Abs", "Acos", "Add", "And", "Asin", "Atan", "BitShift", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Dropout",
        "Div", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
        "Identity", "IsInf", "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul",
        "Neg", "Not", "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus",
        "Softsign", "Sqrt", "Sub", "Sum", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
    )
)  # fmt: skip
#: The second axis is for channels: mixed, or each with numbers of its own.
CHANNELWISE = frozenset(
    ("BatchNormalization", "Conv", "ConvTranspose", "DepthToSpace", "DequantizeLinear", "GroupNormalization",
     "InstanceNormalization", "LRN", "QuantizeLinear", "SpaceToDepth")
)  # fmt: skip
#: Operations that may be told a size, a place or a shape; where it is not known beforehand, they say so themselves.
SIZED = frozenset(("Resize", "Upsample", "Reshape", "Slice", "Pad", "Expand", "Squeeze", "Unsqueeze", "Tile"))
#: A window of the input for every element.
WINDOWS = frozenset(("Conv", "MaxPool", "AveragePool", "LpPool"))
#: The whole of one axis.
ALONG_ONE_AXIS = frozenset(("Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "CumSum", "ArgMax", "ArgMin", "TopK"))
#: All axes but batch and channel, whole.
OVER_SPACE = frozenset(
    ("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "InstanceNormalization", "GroupNormalization",
     "MeanVarianceNormalization")
)  # fmt: skip


def fraction(value: float) -> Fraction:
    """Give the simple fraction that a scale, which ONNX stores in 32 bits, was meant to be."""
    return Fraction(float(value)).limit_denominator(1024)


def text(value: Any) -> str:
    """Give a text attribute, which ONNX stores as bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)

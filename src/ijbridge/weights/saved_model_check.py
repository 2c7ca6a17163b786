"""Whether a SavedModel of TensorFlow is a network and nothing else.

A SavedModel is a program: its operations can read and write files, and some run when it is loaded. TensorFlow gets to see one
only if all that would run, while it is loaded and as the network, are operations on numbers that are named here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ijbridge.errors import CannotRunError
from ijbridge.formats.saved_model import SIGNATURE, parse

#: Operations that touch nothing but numbers and the model's own variables.
_HARMLESS = """
AssignVariableOp Assign Const DisableCopyOnRead Enter Exit Identity IdentityN If IsVariableInitialized LoopCond Merge
NextIteration NoOp PartitionedCall Placeholder PlaceholderV2 PlaceholderWithDefault PreventGradient ReadVariableOp
StatefulPartitionedCall StatelessIf StatelessWhile StopGradient Switch VarHandleOp VarIsInitializedOp Variable VariableV2
While

BatchToSpaceND BroadcastTo Cast Concat ConcatV2 DepthToSpace ExpandDims Fill Gather GatherNd GatherV2 MirrorPad OnesLike
Pack Pad PadV2 Range Rank Reshape ReverseV2 Shape ShapeN Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze
StridedSlice Tile Transpose Unpack Where ZerosLike

Abs Add AddN AddV2 All Any ArgMax ArgMin BatchMatMul BatchMatMulV2 BatchMatMulV3 Ceil ClipByValue Cumsum Div DivNoNan Einsum
Equal Erf Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Inv Less LessEqual Log Log1p LogicalAnd LogicalNot
LogicalOr MatMul Max Maximum Mean Min Minimum Mod Mul Neg NotEqual Pow Prod RealDiv Reciprocal Round Rsqrt Select SelectV2
Sign Sqrt Square SquaredDifference Sub Sum TruncateDiv

AvgPool AvgPool3D BiasAdd BiasAddV1 Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 DepthwiseConv2dNative Elu
FusedBatchNorm FusedBatchNormV2 FusedBatchNormV3 LeakyRelu LogSoftmax LRN MaxPool MaxPool3D MaxPoolV2 Relu Relu6 ResizeArea
ResizeBicubic ResizeBilinear ResizeNearestNeighbor Selu Sigmoid Softmax Softplus Softsign Tanh

RandomStandardNormal RandomUniform RandomUniformInt StatelessRandomGetKeyCounter StatelessRandomNormalV2
StatelessRandomUniformV2 StatelessTruncatedNormalV2 TruncatedNormal
"""
HARMLESS = frozenset(_HARMLESS.split())

#: What reads the variables, where they are restored and nowhere else.
_RESTORING = HARMLESS | {"RestoreV2"}

#: Collections of operations that TensorFlow runs when it loads a model.
_RUN_AT_ONCE = ("saved_model_main_op", "legacy_init_op", "table_initializer")

_INIT_SIGNATURE = "__saved_model_init_op"


def check_harmless(graph: Any, name: str, signature: str = SIGNATURE) -> None:
    """Refuse a graph (MetaGraphDef) that does anything but compute.

    Raises
    ------
    CannotRunError
        With the operation that is in the way.
    """
    if graph.asset_file_def or any(
        one.HasField("asset") or one.HasField("resource") or one.saveable_objects for one in graph.object_graph_def.nodes
    ):
        raise _refusal(name, "has files or tables beside its variables")
    _follow(graph, name, _roots(graph, signature), HARMLESS)
    _follow(graph, name, [graph.saver_def.restore_op_name.partition(":")[0]], _RESTORING)


def _follow(graph: Any, name: str, roots: Iterable[str], allowed: frozenset[str]) -> None:
    """Follow all that runs where these nodes are run."""
    nodes = {node.name: node for node in graph.graph_def.node}
    functions = {one.signature.name: one.node_def for one in graph.graph_def.library.function}
    waiting = list(roots)
    seen: set[str] = set()
    called: set[str] = set()
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.name in seen:
            continue
        seen.add(node.name)
        waiting += [one.removeprefix("^").partition(":")[0] for one in node.input]
        reached = [node]
        while reached:
            one = reached.pop()
            names = {one.op, *_functions(one)} & functions.keys()
            if one.op not in allowed and one.op not in names:
                raise _refusal(name, f"has the operation {one.op!r}, which ijbridge does not know to be one of a network's")
            for function in names - called:
                called.add(function)
                reached += functions[function]


def _roots(graph: Any, signature: str) -> Iterator[str]:
    """Give the nodes that are run, as the network and when it is loaded, but for those that restore its variables."""
    for entry in graph.signature_def:
        if entry.key in (signature, _INIT_SIGNATURE):
            yield from (one.value.name.partition(":")[0] for one in entry.value.outputs)
    for entry in graph.collection_def:
        if entry.key in _RUN_AT_ONCE:
            yield from (one.partition(":")[0] for one in entry.value.node_list.value)
        if entry.key == "local_variables":
            yield from (parse("Variable", one).initializer_name for one in entry.value.bytes_list.value)


def _functions(node: Any) -> Iterator[str]:
    """Give the names of the functions that a node may call."""
    for entry in node.attr:
        yield entry.value.func.name
        yield from (one.name for one in entry.value.list.func)


def _refusal(name: str, what: str) -> CannotRunError:
    return CannotRunError(
        f"The SavedModel {name} {what}; as a SavedModel can do anything on the machine, it is not loaded: ask for ONNX weights."
    )

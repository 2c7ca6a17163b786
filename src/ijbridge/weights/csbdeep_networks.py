"""The networks of CSBDeep and StarDist as layers, in the order in which csbdeep and stardist make them.

Layers that those name have their names; the others are numbered by Keras in this order, by which their weights are found.
"""

from __future__ import annotations

from ijbridge.architectures import Architecture, CareNetwork, ResNet, StarDistNetwork, UNet
from ijbridge.weights.keras_layers import LayerGraph, Layers

#: What CARE adds to a predicted scale, so that none is 0.
_SMALLEST_SCALE = 1e-3


def layers_of(network: Architecture) -> LayerGraph:
    """Give the layers of a network; its outputs have the names that `ijbridge.architectures` says."""
    return _care(network) if isinstance(network, CareNetwork) else _stardist(network)


def _care(network: CareNetwork) -> LayerGraph:
    layers = Layers(len(network.body.kernel_size))
    one = (1,) * layers.ndim
    image = _input(layers, network.n_channel_in)
    features = _unet(layers, image, network.body)
    mean = layers.conv(features, network.n_channel_out, one)
    if network.residual:
        mean = layers.add("Add", mean, image)
    mean = layers.add("Activation", mean, activation=network.last_activation)
    outputs = [mean]
    if network.probabilistic:
        scale = layers.conv(features, network.n_channel_out, one, "softplus")
        outputs.append(layers.add("Shift", scale, value=_SMALLEST_SCALE))
    return LayerGraph(tuple(layers.layers), dict(zip(network.outputs, outputs, strict=True)))


def _stardist(network: StarDistNetwork) -> LayerGraph:
    body = network.body
    layers = Layers(len(body.kernel_size))
    one = (1,) * layers.ndim
    x = _input(layers, network.n_channel_in)
    if isinstance(body, UNet):
        for pool in _steps(network.grid):
            for _ in range(body.n_conv_per_depth):
                x = layers.conv(x, body.n_filter_base, body.kernel_size, body.activation)
            x = layers.add("MaxPooling", x, pool_size=pool)
        x = _unet(layers, x, body)
    else:
        x = _resnet(layers, x, body, network.grid)

    def features(name: str) -> str:
        if not network.n_features:
            return x
        return layers.conv(x, network.n_features, body.kernel_size, body.activation, name=name)

    shared = features("features")
    outputs = [
        layers.conv(shared, 1, one, "sigmoid", name="prob"),
        layers.conv(shared, network.n_rays, one, name="dist"),
    ]
    if network.n_classes is not None:
        outputs.append(layers.conv(features("features_class"), network.n_classes + 1, one, "softmax", name="prob_class"))
    return LayerGraph(tuple(layers.layers), dict(zip(network.outputs, outputs, strict=True)))


def _input(layers: Layers, channels: int) -> str:
    return layers.add("InputLayer", name="input", shape=(*(None,) * layers.ndim, channels))


def _steps(grid: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Give the poolings that lead to a grid: by two along every axis that is not there yet."""
    pooled, steps = [1] * len(grid), []
    while tuple(pooled) != grid:
        steps.append(tuple(2 if wanted > now else 1 for wanted, now in zip(grid, pooled, strict=True)))
        pooled = [now * step for now, step in zip(pooled, steps[-1], strict=True)]
    return steps


def _unet(layers: Layers, x: str, net: UNet) -> str:
    """Add a U-Net (``csbdeep.internals.blocks.unet_block``)."""

    def block(x: str, level: int, name: str, activation: str = net.activation) -> str:
        filters = int(net.n_filter_base * net.expansion**level)
        if not net.batch_norm:
            return layers.conv(x, filters, net.kernel_size, activation, name=net.prefix + name)
        x = layers.conv(x, filters, net.kernel_size, name=net.prefix + name)
        return layers.add("Activation", layers.add("BatchNormalization", x), activation=activation)

    skipped = []
    for level in range(net.n_depth):
        for number in range(net.n_conv_per_depth):
            x = block(x, level, f"down_level_{level}_no_{number}")
        skipped.append(x)
        x = layers.add("MaxPooling", x, pool_size=net.pool)
    for number in range(net.n_conv_per_depth - 1):
        x = block(x, net.n_depth, f"middle_{number}")
    x = block(x, max(0, net.n_depth - 1), f"middle_{net.n_conv_per_depth}")
    for level in reversed(range(net.n_depth)):
        x = layers.add("Concatenate", layers.add("UpSampling", x, size=net.pool), skipped[level])
        for number in range(net.n_conv_per_depth - 1):
            x = block(x, level, f"up_level_{level}_no_{number}")
        last = net.activation if level or net.last_activation is None else net.last_activation
        x = block(x, max(0, level - 1), f"up_level_{level}_no_{net.n_conv_per_depth}", last)
    return x


def _resnet(layers: Layers, x: str, net: ResNet, grid: tuple[int, ...]) -> str:
    """Add residual blocks (``csbdeep.internals.blocks.resnet_block``), the first of which go down to the grid."""
    filters, channels, none = net.n_filter_base, net.n_filter_base, (1,) * layers.ndim
    x = layers.conv(x, filters, (7,) * layers.ndim)
    x = layers.conv(x, filters, (3,) * layers.ndim)
    steps = _steps(grid)
    for number in range(net.n_blocks):
        pool = steps[number] if number < len(steps) else none
        if pool != none:
            filters *= 2
        before = x
        for place in range(net.n_conv_per_block):
            x = layers.conv(x, filters, net.kernel_size, strides=none if place else pool, use_bias=not net.batch_norm)
            if net.batch_norm:
                x = layers.add("BatchNormalization", x)
            if place < net.n_conv_per_block - 1:
                x = layers.add("Activation", x, activation=net.activation)
        if pool != none or filters != channels:
            before = layers.conv(before, filters, none, strides=pool, use_bias=not net.batch_norm)
        x = layers.add("Activation", layers.add("Add", before, x), activation=net.activation)
        channels = filters
    return x

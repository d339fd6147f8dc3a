"""Joint projections of an OpenVINO network, cut apart.

Models that take queries, keys and values, or a gate and what it lets through, from one product
split its result at once. In int8 the parts have ranges of their own, and splitting takes longer
than a product more: so each part gets its own rows of the weights.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

SPLITS = ("Split", "VariadicSplit")


def cut_projections(network: Any) -> int:
    """Cut apart what can be, in place; how many products were.

    Those without bias alone: x · Wᵀ, or its reshaping to [windows, pieces, parts, heads, size].
    """
    cut = 0
    for split in network.get_ordered_ops():
        if split.get_type_name() not in SPLITS:
            continue
        before = split.input_value(0).get_node()
        if before.get_type_name() == "Reshape":
            cut += _cut_heads(split, before)
        elif _weights(before) is not None:
            cut += _cut_rows(split, before)
    if cut:
        network.validate_nodes_and_infer_types()
    return cut


def _weights(product: Any) -> Any:
    """[outputs, inputs], or None where it is no product with constant weights."""
    if product.get_type_name() != "MatMul":
        return None
    constant, shape = product.input_value(1).get_node(), product.get_attributes()
    if constant.get_type_name() != "Constant" or shape["transpose_a"] or not shape["transpose_b"]:
        return None
    return constant.data


def _cut_rows(split: Any, product: Any) -> bool:
    """Where the last axis is split: a product for each part."""
    shape = product.get_output_partial_shape(0)
    axis = _constant(split.input_value(1).get_node())
    last = [output.get_partial_shape()[len(shape) - 1] for output in split.outputs()]
    if axis not in (-1, len(shape) - 1) or any(size.is_dynamic for size in last):
        return False
    parts = _products(product, [size.get_length() for size in last])
    for output, part in zip(split.outputs(), parts, strict=True):
        _replace(output, part)
    return True


def _cut_heads(split: Any, reshape: Any) -> bool:
    """Where parts and heads are axes: each part's product, reshaped to its heads."""
    from openvino import opset13

    product = reshape.input_value(0).get_node()
    weights, shape = _weights(product), reshape.get_output_partial_shape(0)
    axis = _constant(split.input_value(1).get_node())
    if weights is None or len(shape) != 5 or any(size.is_dynamic for size in list(shape)[2:]):
        return False
    parts, heads, size = (one.get_length() for one in list(shape)[2:])
    followers = [[taker.get_node() for taker in one.get_target_inputs()] for one in split.outputs()]
    if (
        axis not in (2, -3)
        or split.get_output_size() != parts
        or any([one.get_type_name() for one in takers] != ["Squeeze"] for takers in followers)
    ):
        return False
    products = _products(product, [heads * size] * parts)
    for (squeeze,), part in zip(followers, products, strict=True):
        # A zero keeps the axis as it is.
        kept = opset13.reshape(part, opset13.constant(np.array([0, 0, heads, size])), True)
        _replace(squeeze.output(0), kept)
    return True


def _products(product: Any, sizes: list[int]) -> Iterator[Any]:
    """The product with so many rows of the weights each, in their order."""
    from openvino import opset13

    weights, start = _weights(product), 0
    for size in sizes:
        rows = opset13.constant(np.ascontiguousarray(weights[start : start + size]))
        yield opset13.matmul(product.input_value(0), rows, False, True)
        start += size


def _constant(node: Any) -> int | None:
    return int(node.data) if node.get_type_name() == "Constant" else None


def _replace(output: Any, node: Any) -> None:
    for taker in output.get_target_inputs():
        taker.replace_source_output(node.output(0))

"""The engine for GPUs: bfloat16, and windows one behind the other in place of padding.

All layers but attention see a row of pieces, whatever window they are from. Attention is PyTorch's
own for sequences of unlike lengths (FlashAttention inside), put into transformers' models through
their interface for attention functions.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn.attention import varlen
from transformers import AttentionInterface

from inference.decoding import FloatArray
from inference.pieces import IntArray

ATTENTION = "rasd_packed"
PACKED_MODELS = ("bert", "electra", "modernbert", "roberta", "xlm-roberta", "camembert")
"""Model types whose attention goes through the interface, and whose positions can be given."""
COUNT_FROM_PADDING = ("roberta", "xlm-roberta", "camembert")
"""Their positions begin behind the padding index."""
OLDEST_CAPABILITY = (8, 0)
"""FlashAttention needs an Ampere GPU or a later one."""


def can_be_packed(model: Any) -> bool:
    """Whether PackedEngine can run this model on the device where it lies."""
    config = model.config
    head = config.hidden_size // config.num_attention_heads
    return (
        config.model_type in PACKED_MODELS
        and head % 8 == 0
        and head <= 256
        and model.device.type == "cuda"
        and torch.cuda.get_device_capability(model.device) >= OLDEST_CAPABILITY
    )


class PackedEngine:
    """A transformers model in bfloat16, without padding."""

    precision = "fast"

    def __init__(self, model: Any, dtype: torch.dtype = torch.bfloat16) -> None:
        AttentionInterface.register(ATTENTION, _packed_attention)
        self._model = model.to(dtype).eval()
        self._model.set_attn_implementation(ATTENTION)
        config = model.config
        self._first = config.pad_token_id + 1 if config.model_type in COUNT_FROM_PADDING else 0

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        """See Engine. May be called from several threads: one prepares while another waits."""
        lengths = np.array([len(window) for window in windows])
        places = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        positions = np.arange(places[-1]) - np.repeat(places[:-1], lengths) + self._first
        longest = int(lengths.max())
        bounds = self._moved(places.astype(np.int32))
        with torch.inference_mode():
            logits = self._model(
                input_ids=self._moved(np.concatenate(windows)[None]),
                position_ids=self._moved(positions[None]),
                cu_seq_lens_q=bounds,
                cu_seq_lens_k=bounds,
                max_length_q=longest,
                max_length_k=longest,
            ).logits
            # The only wait for the device is here.
            array = logits[0].float().cpu().numpy()
        return np.split(array, places[1:-1])

    def _moved(self, array: Any) -> torch.Tensor:
        """On the model's device, without a wait where it is a GPU."""
        tensor = torch.from_numpy(array)
        device = self._model.device
        if device.type == "cuda":
            tensor = tensor.pin_memory()
        return tensor.to(device, non_blocking=True)


def _packed_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    cu_seq_lens_q: torch.Tensor,
    max_length_q: int,
    scaling: float | None = None,
    sliding_window: int | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """See transformers' AttentionInterface; query, key and value are [1, heads, pieces, size].

    `sliding_window` counts the piece itself, as FlashAttention's callers there do.
    """
    reach = -1 if sliding_window is None else sliding_window - 1
    found: Any = varlen.varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        cu_seq_lens_q,
        cu_seq_lens_q,
        max_length_q,
        max_length_q,
        scale=scaling,
        window_size=(reach, reach),
    )
    return found[None], None

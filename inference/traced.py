"""A model as it is handed to a converter: two inputs, one output, and no row without a number."""

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "rasd_traced"


class TracedModel(torch.nn.Module):
    """A token classifier of transformers: [windows, pieces] ids and mask, logits.

    Changes the model that it is given: where attention reaches a few pieces only (ModernBERT's
    does), padding far behind a text sees no piece at all. PyTorch gives zeros there, other runtimes
    numbers that are none, which spread; so every piece is let see itself. No text sees padding.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        if getattr(model.config, "sliding_window", None) is not None:
            AttentionInterface.register(ATTENTION, sdpa_attention_forward)
            AttentionMaskInterface.register(ATTENTION, _mask_with_itself)
            model.set_attn_implementation(ATTENTION)
        self.eval()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits [windows, pieces, tags]."""
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


def _mask_with_itself(
    *arguments: Any, q_length: int, kv_length: int, **named: Any
) -> torch.Tensor | None:
    """See transformers' sdpa_mask: [windows, 1, pieces, pieces], whether one sees the other."""
    mask = sdpa_mask(*arguments, q_length=q_length, kv_length=kv_length, **named)
    if mask is None:
        return None
    ones, others = torch.arange(q_length), torch.arange(kv_length)
    seen: torch.Tensor = mask | (ones[:, None] == others[None, :])
    return seen

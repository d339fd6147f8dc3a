"""What the machine can do."""

import torch


def bf16_is_fast() -> bool:
    """Whether the hardware multiplies bfloat16 itself, GPU or CPU."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))

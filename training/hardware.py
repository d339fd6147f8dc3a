"""What the machine can do, and which process of several this is."""

import torch
from accelerate import PartialState


def this_process() -> PartialState:
    """This process among those that a launcher started; the only one without a launcher.

    accelerate sees a launcher's processes on a CPU only when told that the CPU is meant.
    """
    return PartialState(cpu=not torch.accelerator.is_available())


def bf16_is_fast() -> bool:
    """Whether the hardware multiplies bfloat16 itself, GPU or CPU."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))

"""The machine that is measured, and the way round MKL's check of who made its processor."""

import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import torch

from annotation.problems import UserError
from inference.model_folder import choose_device

INTEL = "GenuineIntel"
# MKL asks this of itself before it chooses its kernels: on other processors it takes slow ones.
_VENDOR_CHECK = "int mkl_serv_intel_cpu_true(void) { return 1; }\n"


def describe_machine(device: str) -> dict[str, Any]:
    """What figures depend on."""
    chosen = choose_device(device)
    gpu = torch.cuda.get_device_name(chosen) if chosen.type == "cuda" else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _cpu_info("model name") or platform.processor() or platform.machine(),
        "vendor": _cpu_info("vendor_id"),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "gpu": gpu,
        "system": platform.platform(),
    }


def why_one_mkl_path(device: str) -> str | None:
    """Why MKL's fast path is no way of its own here; None where it is one."""
    if choose_device(device).type != "cpu":
        return "does not apply: measured on a GPU"
    if not torch.backends.mkl.is_available():  # type: ignore[no-untyped-call]
        return "does not apply: this PyTorch has no MKL"
    vendor = _cpu_info("vendor_id")
    if vendor in (INTEL, None):
        return "does not apply: the processor is Intel's" if vendor else "the vendor is not known"
    if _compiler() is None:
        return "not measured: needs a C compiler"
    return None


def build_vendor_answer(folder: Path) -> Path:
    """A library that, preloaded, has MKL take any processor for Intel's. Raises UserError."""
    source, library = folder / "vendor.c", folder / "vendor.so"
    source.write_text(_VENDOR_CHECK, "utf-8")
    command = [_compiler() or "cc", "-shared", "-fPIC", "-o", str(library), str(source)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"not measured: {' '.join(command)} failed: {error}") from None
    return library


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def _cpu_info(key: str) -> str | None:
    """A line of Linux's account of the processor; None elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None

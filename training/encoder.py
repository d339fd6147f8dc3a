"""Where a model to fit comes from: a hub, a folder, an earlier model, or nothing but its shape."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForTokenClassification

from annotation.problems import UserError
from inference.model_folder import load_model, load_tokenizer, window_size
from training.config import ModelSection
from training.vocabulary import train_tokenizer

log = logging.getLogger(__name__)

# What transformers' own code says where a hub cannot be reached, in the errors it raises.
_UNREACHABLE = ("connect", "resolve", "offline", "couldn't", "can't load", "does not appear")


def start_model(
    section: ModelSection,
    tags: Sequence[str],
    training_texts: Sequence[str],
    init: Path | None = None,
) -> tuple[Any, Any]:
    """The (model, tokenizer) that a fit starts from, with an output for each of `tags`.

    Random weights come from torch's global generator: seed it first.
    """
    id2label = dict(enumerate(tags))
    label2id = {tag: number for number, tag in id2label.items()}
    naming = {"id2label": id2label, "label2id": label2id}
    if init is not None:
        model, tokenizer = _from_earlier(init, section, tags, naming)
    elif section.encoder is not None:
        model, tokenizer = _from_encoder(section.encoder, section, naming)
    else:
        model, tokenizer = _from_shape(section, naming, training_texts)
    tokenizer.model_max_length = section.window
    limit = window_size(tokenizer, model.config)
    if section.window > limit:
        raise UserError(
            f"model.window = {section.window}: the encoder holds at most {limit} pieces; "
            f"expected a window of {limit} or fewer"
        )
    return model, tokenizer


def _from_shape(
    section: ModelSection, naming: dict[str, Any], training_texts: Sequence[str]
) -> tuple[Any, Any]:
    tokenizer = train_tokenizer(training_texts, section.vocabulary)
    shape = dict(section.config)
    config = AutoConfig.for_model(
        shape.pop("model_type"),
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        cls_token_id=tokenizer.cls_token_id,
        sep_token_id=tokenizer.sep_token_id,
        **shape,
        **naming,
    )
    return AutoModelForTokenClassification.from_config(config, dtype=torch.float32), tokenizer


def _from_encoder(name: str, section: ModelSection, naming: dict[str, Any]) -> tuple[Any, Any]:
    try:
        tokenizer = load_tokenizer(name)
        model = AutoModelForTokenClassification.from_pretrained(
            name,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            # An encoder that was fitted to other labels before brings a classifier of another size.
            ignore_mismatched_sizes=True,
            **section.config,
            **naming,
        )
    except (OSError, ValueError) as error:
        raise UserError(_explain_load(name, error)) from None
    return model, tokenizer


def _from_earlier(
    init: Path, section: ModelSection, tags: Sequence[str], naming: dict[str, Any]
) -> tuple[Any, Any]:
    """An earlier model's encoder, and its classifier for the tags that it knew already."""
    earlier = load_model(init, "cpu")
    model, tokenizer = _from_encoder(str(init), section, naming)
    known = {tag: number for number, tag in enumerate(earlier.tags)}
    with torch.no_grad():
        for number, tag in enumerate(tags):
            if tag in known:
                model.classifier.weight[number] = earlier.model.classifier.weight[known[tag]]
                if model.classifier.bias is not None:
                    model.classifier.bias[number] = earlier.model.classifier.bias[known[tag]]
    added = [tag for tag in tags if tag not in known]
    dropped = [tag for tag in known if tag not in tags]
    for what, which in (("new outputs", added), ("outputs left behind", dropped)):
        if which:
            log.info("%s: %s: %s", init, what, ", ".join(which))
    return model, tokenizer


def _explain_load(name: str, error: Exception) -> str:
    if Path(name).exists():
        first = str(error).strip().splitlines()[0]
        return f"{name}: not an encoder that can be loaded: {first}"
    return (
        f"{name}: no such folder, and the hub that would have it is out of reach or does not know "
        "it. Use --config configs/embedded.toml, which needs no download, or save the encoder on a "
        "machine with access and name its folder: --set model.encoder=FOLDER"
    )

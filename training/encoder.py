"""Where a model to fit comes from: a hub, a folder, an earlier model, or nothing but its shape."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForTokenClassification

from annotation.problems import UserError
from inference.arabert import with_arabert_treatment
from inference.model_folder import load_model, load_tokenizer, window_size
from training.config import ModelSection, unknown_fields
from training.hub import find_encoder
from training.vocabulary import train_tokenizer

log = logging.getLogger(__name__)

LOADING_ERRORS = (OSError, ValueError, TypeError, KeyError, SafetensorError, StrictDataclassError)
"""What transformers raises for folders and configurations that are not what they must be."""


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
    config = encoder_config(section.config, tokenizer, naming)
    try:
        model = AutoModelForTokenClassification.from_config(config, dtype=torch.float32)
    except LOADING_ERRORS as error:
        raise UserError(f"model.config: {' '.join(str(error).split())[:300]}") from None
    return model, tokenizer


def encoder_config(
    shape: Mapping[str, Any], tokenizer: Any, naming: Mapping[str, Any] | None = None
) -> Any:
    """The configuration of an encoder made anew: `shape` by its own names, `model_type` first."""
    try:
        return AutoConfig.for_model(
            **shape,
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.cls_token_id,
            eos_token_id=tokenizer.sep_token_id,
            cls_token_id=tokenizer.cls_token_id,
            sep_token_id=tokenizer.sep_token_id,
            **(naming or {}),
        )
    except LOADING_ERRORS as error:
        raise UserError(f"model.config: {' '.join(str(error).split())}") from None


def _from_encoder(name: str, section: ModelSection, naming: dict[str, Any]) -> tuple[Any, Any]:
    found = find_encoder(name)
    # With a model_type it is the shape of a new encoder, and says nothing about this one.
    changes = {} if "model_type" in section.config else section.config
    try:
        tokenizer = with_arabert_treatment(load_tokenizer(found), name)
        config = AutoConfig.from_pretrained(found, trust_remote_code=False)
        problems = unknown_fields(config, changes)
        if problems:
            raise UserError("\n".join(f"model.config.{problem}" for problem in problems))
        model, loading = AutoModelForTokenClassification.from_pretrained(
            found,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=torch.float32,
            # An encoder that was fitted to other labels before brings a classifier of another size.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            **changes,
            **naming,
        )
    except LOADING_ERRORS as error:
        raise UserError(not_loadable(name, error)) from None
    _check_loading(name, model, tokenizer, loading)
    return model, tokenizer


def _check_loading(name: str, model: Any, tokenizer: Any, loading: Mapping[str, Any]) -> None:
    """Raise UserError where the encoder's own weights, or its vocabulary, were not there.

    transformers goes on with random weights and an empty vocabulary, with a warning at most.
    """
    absent = [*loading["missing_keys"], *(key for key, *_ in loading["mismatched_keys"])]
    encoder = f"{model.base_model_prefix}."
    unfit = sorted(key for key in absent if key.startswith(encoder) and ".pooler." not in key)
    if unfit:
        raise UserError(
            f"{name}: {len(unfit)} of its weights are missing or of another shape than its "
            f"config.json and model.config say, the first is {unfit[0]}; expected all of them"
        )
    pieces, rows = len(tokenizer), model.get_input_embeddings().num_embeddings
    if pieces <= len(tokenizer.all_special_ids):
        raise UserError(
            f"{name}: no vocabulary in it; expected the tokenizer's files beside the weights "
            "(tokenizer.json, or what the encoder's authors give)"
        )
    if pieces > rows:
        raise UserError(
            f"{name}: its tokenizer has {pieces} pieces, but the model only {rows}; "
            "expected the tokenizer that it was trained with"
        )


def _from_earlier(
    init: Path, section: ModelSection, tags: Sequence[str], naming: dict[str, Any]
) -> tuple[Any, Any]:
    """An earlier model's encoder, and its classifier for the tags that it knew already."""
    earlier = load_model(init, "cpu")
    model, tokenizer = _from_encoder(str(init), section, naming)
    known = {tag: number for number, tag in enumerate(earlier.tags)}
    with torch.no_grad():
        for number, tag in enumerate(tags):
            for name, learned in earlier.model.classifier.named_parameters():
                started = model.classifier.get_parameter(name)[number]
                if tag in known:
                    started.copy_(learned[known[tag]])
                elif learned.dim() == 1:
                    started.zero_()
                else:
                    started.normal_(std=getattr(model.config, "initializer_range", 0.02))
    added = [tag for tag in tags if tag not in known]
    dropped = [tag for tag in known if tag not in tags]
    for what, which in (("new outputs", added), ("outputs left behind", dropped)):
        if which:
            log.info("%s: %s: %s", init, what, ", ".join(which))
    return model, tokenizer


def not_loadable(name: str, error: Exception) -> str:
    """The line for an encoder that was found, and is not what it must be."""
    return f"{name}: not an encoder that can be loaded: {' '.join(str(error).split())[:300]}"

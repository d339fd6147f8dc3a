import re

import pytest
from transformers import AutoModelForTokenClassification, BertConfig, ModernBertConfig

from training.rates import rate_groups

SHAPE = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2}


@pytest.mark.parametrize(
    "config",
    [
        BertConfig(intermediate_size=16, **SHAPE),
        ModernBertConfig(intermediate_size=16, pad_token_id=0, **SHAPE),
    ],
)
def test_every_layer_learns_slower_than_the_one_above(config: object) -> None:
    model = AutoModelForTokenClassification.from_config(config)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = rate_groups(model, {"classifier.weight"}, 1.0, 0.01, 0.5)
    rates = {names[id(p)]: group["lr"] for group in groups for p in group["params"]}
    assert rates.keys() == set(names.values()), "every parameter once"
    assert sum(len(group["params"]) for group in groups) == len(names)
    for name, rate in rates.items():
        if "embed" in name:
            assert rate == 0.5**4
        elif found := re.search(r"layers?\.(\d)\.", name):
            assert rate == 0.5 ** (3 - int(found.group(1)))
        else:
            assert rate == 1, name
    decayed = [names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]]
    assert decayed == ["classifier.weight"]

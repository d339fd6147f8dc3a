"""The three precisions in which a model can be run; `inference/tiers.py` has the engines."""

PRECISIONS = ("exact", "fast", "fastest")
PRECISION_HELP = (
    "exact: float32; fast: bfloat16; fastest: int8, once inference prepare has made it "
    "(default: %(default)s)"
)
"""Of the option that every command has that runs a model."""

"""The trackers that records can be sent to, for command lines that must not load them."""

TRACKERS = ("tensorboard", "mlflow", "wandb")
EXTRA = ("mlflow", "wandb")
"""Those of them that come with the extra `tracking`."""

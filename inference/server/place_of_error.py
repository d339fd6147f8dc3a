"""Names an error for the log without its message, which may quote a user's text."""

import traceback


def place_of_error(error: BaseException) -> str:
    """`ValueError at predictor.py:93`: its kind, and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rsplit('/', 1)[-1]}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + where

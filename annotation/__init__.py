"""Reports and spans: their types, the word rule, tags, formats, scoring, duplicates and splits.

This room knows nothing of models: it imports neither torch nor transformers, nor the two other
packages.
"""

from annotation.problems import Rejection, Repair, UserError
from annotation.report import InvalidReport, Report, Span

__all__ = ["InvalidReport", "Rejection", "Repair", "Report", "Span", "UserError"]

"""What number stands behind a COUNT span, how sure the text is of it, and what it counts."""

from inference.numbers.count import Bound, Count, What
from inference.numbers.reader import read_count

__all__ = ["Bound", "Count", "What", "read_count"]

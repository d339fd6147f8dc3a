"""Files in, reports out, and back. Formats convert here, at the edge; nobody else knows them."""

from annotation.formats.options import ReadOptions
from annotation.formats.reading import read_records
from annotation.formats.writing import write_reports

__all__ = ["ReadOptions", "read_records", "write_reports"]

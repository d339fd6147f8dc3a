"""Names as they would be written alone: proclitics taken off, no letter of the name with them."""

from inference.names.bare_name import BareName, Evidence
from inference.names.reader import NAMED, NameReader

__all__ = ["NAMED", "BareName", "Evidence", "NameReader"]

"""Numbers written in digits: which separators group, which mark a fraction, what is no count."""

import re
from fractions import Fraction

SEPARATORS = ".,،٫٬'’"
_BLANKS = " \u00a0\u2009\u202f"
PATTERN = rf"\d{{1,3}}(?:[{_BLANKS}]\d{{3}})+(?![\d{SEPARATORS}])|\d+(?:[{SEPARATORS}]\d+)*"
"""A number as it stands in a text; a blank groups only where every group after it has three."""
LARGEST = 2**63 - 1
_SPLIT = re.compile(rf"[{SEPARATORS}{_BLANKS}]")
_DATE = re.compile(r"\d{1,2}\D\d{1,2}\D(?:\d{2}|\d{4})|\d{4}\D\d{1,2}\D\d{1,2}")
_TELEPHONE = 10
"""A run of this many digits without a separator is a telephone or serial number, no count."""


class Unreadable(ValueError):
    """Why something has no value; the message goes into a count's `reason`."""


def read_digits(written: str, before_magnitude: bool = False) -> Fraction | int:
    """The number that `written` stands for, a fraction only before a magnitude (2,5 مليون).

    Digits may be of any script. Raises Unreadable where no or more than one reading fits.
    """
    if written.isdecimal():
        return _plain(written)
    groups = _SPLIT.split(written)
    separators = [" " if sign in _BLANKS else sign for sign in written if not sign.isdecimal()]
    if len(groups) == 3 and len(set(separators)) == 1 and _DATE.fullmatch(written):
        raise Unreadable("looks like a date")
    if len(set(separators)) == 1 and _are_grouped(groups):
        # 1,250 ألف could be a thousand and a quarter thousand, or 1,250 thousands.
        if before_magnitude and len(groups) == 2 and separators[0] not in "٬'’" + _BLANKS:
            raise Unreadable("a separator before three digits and a magnitude can be read two ways")
        return _plain("".join(groups))
    *whole, decimals = groups
    if separators[-1] in separators[:-1] or separators[-1] in "٬'’" + _BLANKS:
        raise Unreadable("separators that do not part groups of three digits")
    if len(whole) > 1 and not (len(set(separators[:-1])) == 1 and _are_grouped(whole)):
        raise Unreadable("separators that do not part groups of three digits")
    scale = 10 ** len(decimals)
    number = Fraction(int("".join(whole)) * scale + int(decimals), scale)
    if number.denominator == 1:
        return int(number)
    if not before_magnitude:
        raise Unreadable("a fraction without a magnitude")
    return number


def _are_grouped(groups: list[str]) -> bool:
    lead, *others = groups
    return 1 <= len(lead) <= 3 and int(lead[0]) > 0 and all(len(group) == 3 for group in others)


def _plain(digits: str) -> int:
    if len(digits) > 19:
        raise Unreadable("a number beyond 64 bits")
    number = int(digits)
    if number > LARGEST:
        raise Unreadable("a number beyond 64 bits")
    if len(digits) > 1 and int(digits[0]) == 0:
        raise Unreadable("looks like a telephone or serial number")
    return number


def check_is_count(digits: str) -> None:
    """Raise Unreadable where a plain run of digits is too long to count anything."""
    if digits.isdecimal() and len(digits) >= _TELEPHONE:
        raise Unreadable("looks like a telephone or serial number")

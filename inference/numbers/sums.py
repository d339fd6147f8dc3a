"""Adds up number words and digits, and reads vague quantities (عشرات الآلاف)."""

from fractions import Fraction

from inference.numbers.digits import LARGEST, Unreadable, read_digits
from inference.numbers.number_words import Numeral, Rank, find_numeral, may_be_dead, may_be_two
from inference.numbers.phrase import Phrase
from inference.numbers.spelling import fold, words_of

_FEW = (3, 9)
_ONE_OF = words_of("احد احدي احدا واحدي الاحد")


def read_number(words: list[str], at: int) -> tuple[Phrase, int]:
    """The number that begins at `at`, and where it ends."""
    first = None if words[at][0].isdecimal() else find_numeral(words[at], True)
    if first is not None:
        if first.rank in (Rank.DOZENS, Rank.MAGNITUDES, Rank.FEW):
            return _vague(words, at)
        if first.may_be_weekday and at + 1 == len(words):
            raise Unreadable("may be a weekday")
        if len(words) == 1 and may_be_dead(words[0]):
            raise Unreadable("may be 200 or the dead")
        if first.rank == Rank.MORE:
            raise Unreadable("نيف without a number that it adds to")
    return _Adder(words).read(at)


def _vague(words: list[str], at: int) -> tuple[Phrase, int]:
    """عشرات, مئات الآلاف, بضعة آلاف, بضعة عشر."""
    low, high, start = 1, 0, at
    while at < len(words):
        numeral = find_numeral(words[at], at == start)
        if numeral is None or (at > start and numeral.waw):
            break
        if numeral.rank == Rank.FEW and at == start:
            low, high = _FEW
        elif numeral.rank in (Rank.DOZENS, Rank.MAGNITUDES) or (
            numeral.rank == Rank.MAGNITUDE and at > start
        ):
            if high == 0:
                low, high = numeral.value, 10 * numeral.value - 1
            else:
                low, high = low * numeral.value, (high + 1) * numeral.value - 1
        elif numeral.rank == Rank.TEN and at == start + 1 and (low, high) == _FEW:
            low, high = 13, 19
        else:
            break
        at += 1
    if (low, high) == _FEW and fold(words[start]).endswith("عده"):
        raise Unreadable("عدة alone names no number")
    if at < len(words):
        numeral = find_numeral(words[at])
        if numeral is not None and (low, high) == _FEW and numeral.rank == Rank.TENS:
            return Phrase(numeral.value + 3, numeral.value + 9, vague=True), at + 1
        if numeral is not None and numeral.rank not in (Rank.FRACTION, Rank.FEW):
            raise Unreadable("broken number words")
    return Phrase(low, high, vague=True), at


class _Adder:
    """Adds number words up, and refuses those that do not stand in the order of a number."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.total = 0
        self.hundreds = 0
        self.tens = 0
        self.units = 0
        self.digits: Fraction | int | None = None
        self.magnitude = LARGEST
        """The last one said; the next must be smaller."""
        self.more = False

    @property
    def group(self) -> Fraction | int:
        """What is said since the last magnitude."""
        if self.digits is not None:
            return self.digits
        return self.hundreds + self.tens + self.units

    def read(self, at: int) -> tuple[Phrase, int]:
        start, plain = at, ""
        while at < len(self.words):
            word = self.words[at]
            if word[0].isdecimal():
                at = self._add_digits(at, at == start)
                plain = word
                continue
            # A و that stands alone before digits: 3 آلاف و118.
            if word == "و" and at + 1 < len(self.words) and at > start:
                following = self.words[at + 1]
                if not following[0].isdecimal() or self.digits is not None:
                    break
                at = self._add_digits(at + 1, False)
                continue
            numeral = find_numeral(word, at == start)
            if numeral is None:
                break
            if at > start and not numeral.waw and self._is_and_one(at):
                numeral = numeral._replace(waw=True)
            if numeral.rank == Rank.FRACTION and not self._fraction_fits(at, start, numeral):
                if at == start:
                    raise Unreadable("a fraction without a magnitude")
                break
            if at > start and not numeral.waw and self._is_full(numeral):
                raise Unreadable("broken number words")
            at = self._add(numeral, at, at == start)
        number = self.total + self.group
        if number != int(number):
            raise Unreadable("a fraction of something counted whole")
        if number > LARGEST:
            raise Unreadable("a number beyond 64 bits")
        magnitude = 1 if self.magnitude == LARGEST or self.group else self.magnitude
        return (
            Phrase(
                int(number),
                int(number),
                more=self.more,
                coefficient=Fraction(number) / magnitude if magnitude > 1 else int(number),
                magnitude=magnitude,
                digits=plain if at == start + 1 else "",
            ),
            at,
        )

    def _add_digits(self, at: int, first: bool) -> int:
        if self.group or self.digits is not None:
            raise Unreadable("broken number words")
        following = find_numeral(self.words[at + 1]) if at + 1 < len(self.words) else None
        before_magnitude = (
            following is not None
            and not following.waw
            and following.rank in (Rank.MAGNITUDE, Rank.MAGNITUDES)
        )
        number = read_digits(self.words[at], before_magnitude)
        if not first and number >= self.magnitude:
            raise Unreadable("broken number words")
        self.digits = number
        return at + 1

    def _is_and_one(self, at: int) -> bool:
        """مئة وأحد عشر, which looks like واحد where it is written without its hamza."""
        if fold(self.words[at]) != "واحد":
            return False
        following = find_numeral(self.words[at + 1]) if at + 1 < len(self.words) else None
        return following is not None and (
            following.rank == Rank.TEN or self._tens_follow(following)
        )

    def _is_full(self, numeral: Numeral) -> bool:
        """Whether a word without و cannot follow what was said."""
        if numeral.rank in (Rank.MAGNITUDE, Rank.MAGNITUDES):
            return not self.group
        return numeral.rank != Rank.FRACTION

    def _fraction_fits(self, at: int, start: int, numeral: Numeral) -> bool:
        """نصف مليون, مليون ونصف المليون, ثلاثة ملايين ونصف."""
        if at == start:
            following = find_numeral(self.words[at + 1]) if at + 1 < len(self.words) else None
            return following is not None and following.rank == Rank.MAGNITUDE
        return numeral.waw and not self.group and 1000 <= self.magnitude < LARGEST

    def _add(self, numeral: Numeral, at: int, first: bool) -> int:
        """Add the numeral at `at` and whatever belongs to it; where to go on."""
        rank, value = numeral.rank, numeral.value
        following = find_numeral(self.words[at + 1]) if at + 1 < len(self.words) else None
        joined = following is not None and not following.waw
        if self.digits is not None and rank not in (Rank.MAGNITUDE, Rank.MAGNITUDES):
            raise Unreadable("broken number words")
        if rank == Rank.UNIT:
            if self.units or self.tens:
                raise Unreadable("broken number words")
            if joined and following is not None:
                if following.rank == Rank.TEN:
                    self.tens, self.units = 10, value
                    return at + 2
                if following.rank == Rank.HUNDRED and value > 2 and not self.hundreds:
                    self.hundreds = 100 * value
                    return at + 2
            self.units = value
            if fold(self.words[at]) in _ONE_OF and not self._tens_follow(following):
                raise Unreadable("أحد alone is one of them or Sunday, no number")
        elif rank in (Rank.TEN, Rank.TEENS):
            if self.units or self.tens:
                raise Unreadable("broken number words")
            self.tens = value
        elif rank == Rank.TENS:
            if self.tens:
                raise Unreadable("broken number words")
            self.tens = value
        elif rank in (Rank.HUNDRED, Rank.HUNDREDS):
            if self.group:
                raise Unreadable("broken number words")
            self.hundreds = value
        elif rank == Rank.FRACTION:
            return self._add_fraction(value, at, first)
        elif rank == Rank.MORE:
            if not numeral.waw:
                raise Unreadable("broken number words")
            self.more = True
        else:
            self._add_magnitude(rank, value, at)
        return at + 1

    @staticmethod
    def _tens_follow(following: Numeral | None) -> bool:
        return following is not None and following.waw and following.rank == Rank.TENS

    def _add_fraction(self, hundredths: int, at: int, first: bool) -> int:
        if first:
            following = find_numeral(self.words[at + 1])
            assert following is not None
            self.magnitude = following.value
            self.total = hundredths * following.value // 100
            return at + 2
        self.total += hundredths * self.magnitude // 100
        named = find_numeral(self.words[at + 1]) if at + 1 < len(self.words) else None
        return at + 2 if named is not None and named.value == self.magnitude else at + 1

    def _add_magnitude(self, rank: Rank, value: int, at: int) -> None:
        if value >= self.magnitude:
            raise Unreadable("broken number words")
        group = self.group
        if rank == Rank.TWO_MAGNITUDES or (
            rank == Rank.MAGNITUDE and not group and self._is_two(at)
        ):
            if group:
                raise Unreadable("broken number words")
            group = 2
        elif not group:
            if rank == Rank.MAGNITUDES or self.digits is not None:
                raise Unreadable("broken number words")
            group = 1
        self.total += group * value  # type: ignore[assignment]
        self.magnitude = value
        self.hundreds = self.tens = self.units = 0
        self.digits = None

    def _is_two(self, at: int) -> bool:
        """ألفا عائلة without marks: the dual, since a noun after one thousand leaves ألف."""
        if not may_be_two(self.words[at]) or at + 1 >= len(self.words):
            return False
        following = self.words[at + 1]
        return not following[0].isdecimal() and find_numeral(following) is None

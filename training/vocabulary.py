"""The tokenizer of an encoder that starts from nothing: WordPiece over the training text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
ALPHABET = 400
_ARABIC_INDIC = "٠١٢٣٤٥٦٧٨٩"
_PERSIAN = "۰۱۲۳۴۵۶۷۸۹"
# Not ى: علي is a name, and على the most frequent preposition before names.
_FOLDED = [("ة", "ه"), ("ی", "ي"), ("ک", "ك")]


def normaliser() -> Any:
    """What the model does not need to tell apart; the offsets still point at the raw text.

    Compatibility forms, tashkeel, tatweel, joiners and bidi marks, the script of digits, letters of
    Persian keyboards, and what hasty writers leave out: the hamza of an alef, the dots of ة.
    """
    digits = [
        normalizers.Replace(digit, str(value))
        for row in (_ARABIC_INDIC, _PERSIAN)
        for value, digit in enumerate(row)
    ]
    return normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(Regex("[\u064b-\u065f\u0670\u06d6-\u06ed\u0640]"), ""),
            normalizers.Replace(Regex("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"), ""),
            normalizers.Lowercase(),
            normalizers.Replace(Regex("[أإآٱ]"), "ا"),
            *(normalizers.Replace(*pair) for pair in _FOLDED),
            *digits,
        ]
    )


def train_tokenizer(texts: Sequence[str], size: int) -> Any:
    """A WordPiece tokenizer of at most `size` pieces, the same for the same texts."""
    trained = Tokenizer(models.WordPiece(unk_token=SPECIAL["unk_token"]))
    trained.normalizer = normaliser()
    # Digits apart from letters, as in 15شخصا, so that a number is one word for the model.
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=False)]
    )
    alphabet = _alphabet(trained, texts)
    # The trainer numbers word-inner letters as it meets them, in an order that changes from run to
    # run, and breaks ties by these numbers. Naming them all beforehand makes it repeatable.
    inner = [f"##{letter}" for letter in alphabet]
    trained.train_from_iterator(
        texts,
        trainers.WordPieceTrainer(
            vocab_size=size,
            special_tokens=[*SPECIAL.values(), *inner],
            initial_alphabet=alphabet,
            limit_alphabet=len(alphabet),
            show_progress=False,
        ),
    )
    # A tokenizer made anew, in which these letters are pieces like others and not special ones.
    backend = Tokenizer(models.WordPiece(trained.get_vocab(), unk_token=SPECIAL["unk_token"]))
    backend.normalizer = trained.normalizer
    backend.pre_tokenizer = trained.pre_tokenizer
    cls, sep = SPECIAL["cls_token"], SPECIAL["sep_token"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(token, backend.token_to_id(token)) for token in (cls, sep)],
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, **SPECIAL)


def _alphabet(tokenizer: Any, texts: Sequence[str]) -> list[str]:
    """The most frequent ALPHABET characters of the normalised texts; others become unknown."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(tokenizer.normalizer.normalize_str(text))
    known = [character for character in counts if not character.isspace()]
    return sorted(sorted(known, key=lambda c: (-counts[c], c))[:ALPHABET])

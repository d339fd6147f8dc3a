import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import invent_reports
from transformers import AutoTokenizer

from annotation.bundled import HOME
from training.vocabulary import SPECIAL, normaliser, train_tokenizer

TEXTS = [report.text for report in invent_reports(60)]


def test_the_vocabulary_has_at_most_the_size_asked_for() -> None:
    sizes = {size: len(train_tokenizer(TEXTS, size)) for size in (200, 300, 100_000)}
    assert sizes[200] == 200
    assert sizes[300] == 300
    assert 300 < sizes[100_000] < 2_000, "these texts hold no more pieces"


def test_the_same_texts_give_the_same_tokenizer_in_every_process() -> None:
    """Hash seeds differ from process to process, and with them the order of sets and hash maps."""
    program = (
        "import hashlib, sys; sys.path.insert(0, 'tests')\n"
        "from tiny import invent_reports\n"
        "from training.vocabulary import train_tokenizer\n"
        "texts = [report.text for report in invent_reports(60)]\n"
        "text = train_tokenizer(texts, 400).backend_tokenizer.to_str()\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HOME,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    here = train_tokenizer(TEXTS, 400).backend_tokenizer.to_str()
    assert made.strip() == hashlib.sha256(here.encode()).hexdigest()
    assert train_tokenizer(TEXTS, 400).backend_tokenizer.to_str() == here


def test_special_pieces_come_first_and_frame_a_text() -> None:
    tokenizer = train_tokenizer(TEXTS, 300)
    for name, piece in SPECIAL.items():
        assert getattr(tokenizer, name) == piece
    assert tokenizer.pad_token_id == 0
    framed = tokenizer("تل")["input_ids"]
    assert (framed[0], framed[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
    special = sorted(tokenizer.all_special_ids)
    assert special == [0, 1, 2, 3, 4], "letters that were named beforehand are no special pieces"


def test_words_are_cut_into_known_pieces_and_unknown_letters_are_told() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    text = " ".join(TEXTS[:20])
    assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(tokenizer("漢")["input_ids"])[1:-1] == ["[UNK]"]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("مُقَاوَمَةٌ", "مقاومه"),
        ("مقــاومة", "مقاومه"),
        ("٠١٢٣٤٥٦٧٨٩", "0123456789"),
        ("۰۱۲۳۴۵۶۷۸۹", "0123456789"),
        ("\u200fمن\u200b \u202bهنا\u202c\ufeff", "من هنا"),
        ("ﻻ", "لا"),
        ("NATO", "nato"),
        ("إلى أن آل سارة ساره", "الى ان ال ساره ساره"),
        ("کردی", "كردي"),
        # These tell words apart: a preposition and a name, a plural and another.
        ("على علي شؤون شئون", "على علي شؤون شئون"),
    ],
)
def test_what_the_model_need_not_tell_apart_is_made_alike(raw: str, seen: str) -> None:
    assert normaliser().normalize_str(raw) == seen


def test_digits_stand_apart_from_letters() -> None:
    tokenizer = train_tokenizer([*TEXTS, "15 25 قتيلا"] * 9, 400)
    apart = tokenizer.tokenize("15قتيلا و25")
    assert apart == [*tokenizer.tokenize("15"), *tokenizer.tokenize("قتيلا و 25")]
    text = "١٥قتيلا"
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    assert all(end <= 2 or start >= 2 for start, end in encoding.offsets)


def test_offsets_point_into_the_raw_text() -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    text = "قال ٤٥ مدنــيًّا"
    encoding = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
    covered = sorted({at for start, end in encoding.offsets for at in range(start, end)})
    assert text[min(covered)] == "ق"
    assert max(covered) >= text.index("ي")
    at = text.index("٤")
    assert any(start <= at < end for start, end in encoding.offsets)


def test_a_saved_tokenizer_reads_the_same(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(TEXTS, 400)
    tokenizer.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "قالت وزارة الصحّة إن ٤٥ عائلة نزحـت من Tell Rose 🚨."
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()

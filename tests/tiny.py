"""A corpus of invented reports and a model small enough to be made, and fitted, inside a test run.

The corpus is templates with names in them, so a model of two layers learns it within seconds and
then finds real spans: with random weights alone a test could not tell a right answer from a wrong
one.
"""

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertForTokenClassification

from annotation.report import Report, Span
from annotation.tags import tag_names
from training.examples import build_examples
from training.vocabulary import train_tokenizer

LABELS = ("ACTOR", "LOCATION", "COUNT")
TAGS = tag_names(LABELS)
WINDOW = 64
"""Pieces a window of the tiny model, special ones included."""
POSITIONS = 512
"""The tiny model learned all of these, so one window can hold a text that needs many of WINDOW."""

ACTORS = (
    "وزارة الصحة",
    "قوات السد الأخضر",
    "لواء النخيل",
    "حركة فجر الجبل",
    "مجلس الأعيان",
    "منصة راصد",
    "كتيبة الميناء",
    "الهلال الأزرق",
    "جيش الساحل",
    "بلدية المرفأ الشرقي",
)
LOCATIONS = (
    "تل الورد",
    "وادي السرو",
    "حي الزيتون",
    "قرية أم الغيوم",
    "مدينة النهرين",
    "جسر الحجر",
    "سهل الرمان",
    "معبر الصفصاف",
)
COUNTS = ("ثلاثة", "12", "٤٥", "سبعة عشر", "مئتي", "ستة", "٣٠٠", "1,250")
SENTENCES = (
    "أعلنت [A] مقتل [C] مدنيين في [L].",
    "قصفت [A] أطراف [L] بالمدفعية، ما أدى إلى جرح [C] أشخاص.",
    "قالت [A] إن [C] عائلات نزحت من [L] إلى [L].",
    "دخلت دورية من [A] إلى [L] صباح اليوم 🚨.",
    "اندلعت اشتباكات بين [A] و[A] قرب [L].",
    "لم تُسجَّل أي حوادث خلال اليوم الماضي.",
    "وثّق ناشطون [C] خروقات للهدنة في [L]،\nوفق بيان صدر مساء أمس.",
    "استعاد السكان المياه والكهرباء بعد انقطاع طــويل.",
)
_NAMES = {"A": ACTORS, "L": LOCATIONS, "C": COUNTS}
_LABEL = {"A": "ACTOR", "L": "LOCATION", "C": "COUNT"}


def invent_reports(count: int = 80, seed: float = 7, sentences: int = 3) -> list[Report]:
    """Reports of so many sentences, with gold spans and the fields `source` and `date`."""
    draw = random.Random(seed)
    return [_invent_report(draw, number, sentences) for number in range(count)]


def _invent_report(draw: random.Random, number: int, sentences: int) -> Report:
    text, spans = "", []
    for sentence in draw.sample(SENTENCES, sentences):
        text += " " if text else ""
        for part in re.split(r"(\[\w\])", sentence):
            if not part.startswith("["):
                text += part
                continue
            name = draw.choice(_NAMES[part[1]])
            # A clitic stays on its word: the span begins at the word's start.
            start = len(text) - (1 if text.endswith(" و") else 0)
            text += name
            spans.append(Span(start, len(text), _LABEL[part[1]]))
    fields = {"source": f"s{number % 4}", "date": f"2031-01-{number % 28 + 1:02}"}
    return Report(f"tiny-{number:03}", text, tuple(spans), fields)


def join_reports(reports: Sequence[Report], id: str = "joined", between: str = " ") -> Report:
    """One long report of many, with all their spans where they now stand."""
    text, spans = "", []
    for report in reports:
        text += between if text else ""
        spans += [Span(len(text) + s.start, len(text) + s.end, s.label) for s in report.spans or ()]
        text += report.text
    return Report(id, text, tuple(spans))


def make_tokenizer(texts: Sequence[str], window: int = WINDOW) -> Any:
    """The project's own kind of tokenizer, over a few hundred pieces."""
    tokenizer = train_tokenizer(texts, 600)
    tokenizer.model_max_length = window
    return tokenizer


def make_model(tokenizer: Any, tags: Sequence[str] = TAGS) -> Any:
    """A BERT of 2 layers × 64 with random weights, always the same ones."""
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=128,
        max_position_embeddings=POSITIONS,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(tags)),
        label2id={tag: number for number, tag in enumerate(tags)},
    )
    model = BertForTokenClassification(config).eval()
    # Waves, as in "Attention is all you need": what is learned of one place then holds at others.
    place = torch.arange(POSITIONS)[:, None] / 10_000 ** (torch.arange(0, 64, 2) / 64)
    with torch.no_grad():
        waves = torch.cat([place.sin(), place.cos()], 1)
        model.bert.embeddings.position_embeddings.weight.copy_(0.1 * waves)
    return model


def fit_model(model: Any, tokenizer: Any, epochs: int = 20) -> None:
    """Fit in a plain loop, each epoch on reports that are invented anew and joined.

    Whole and in windows, so that the model learns every position, and windows that begin anywhere.
    """
    draw = random.Random(7)
    torch.manual_seed(7)
    optimiser = torch.optim.AdamW(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.02, epochs)
    model.train()
    for _ in range(epochs):
        reports = invent_reports(seed=draw.random())
        joined = [join_reports(reports[i : i + 8]) for i in range(0, len(reports), 8)]
        for window, size in ((POSITIONS, 5), (WINDOW, 32)):
            rows = build_examples(joined, tokenizer, TAGS, window)
            for start in range(0, len(rows), size):
                _step(model, tokenizer, rows[start : start + size], optimiser)
        schedule.step()
    model.eval()


def _step(model: Any, tokenizer: Any, rows: dict[str, Any], optimiser: Any) -> None:
    def padded(column: str, filler: int) -> torch.Tensor:
        tensors = [torch.tensor(row) for row in rows[column]]
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=filler)

    ids = padded("input_ids", tokenizer.pad_token_id)
    mask = (ids != tokenizer.pad_token_id).long()
    model(input_ids=ids, attention_mask=mask, labels=padded("labels", -100)).loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad()


def write_model(folder: Path, model: Any, tokenizer: Any) -> Path:
    """A model folder as `training fit` leaves it, without the record and the card."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

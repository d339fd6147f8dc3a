import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import POSITIONS, TAGS, invent_reports, join_reports

from annotation.problems import Rejection
from annotation.report import Report, Span
from inference import predictor as predictor_module
from inference.decoding import FloatArray
from inference.model_folder import load_model
from inference.pieces import IntArray, read_pieces
from inference.predictor import BatchPredictor

NAMES = ["O", "B-X", "I-X"]
FAR = 7
"""How far the neighbour engine looks, both ways."""


class StubEngine:
    """Runs a function of each window's ids instead of a model, and notes the batches."""

    precision = "exact"

    def __init__(self, logits: Callable[[IntArray], FloatArray]) -> None:
        self._logits = logits
        self.batches: list[list[int]] = []

    def run(self, windows: Sequence[IntArray]) -> list[FloatArray]:
        self.batches.append([len(window) for window in windows])
        return [self._logits(window) for window in windows]


def flat(ids: IntArray) -> FloatArray:
    return np.zeros((len(ids), len(NAMES)), np.float32)


_TABLE = np.random.default_rng(9).integers(0, 9, (1_000, 2 * FAR + 1, len(NAMES)))


def neighbourly(ids: IntArray) -> FloatArray:
    """Logits that depend on a piece and the FAR ones on either side; whole numbers, so exact."""
    padded = np.concatenate([np.zeros(FAR, np.int64), ids, np.zeros(FAR, np.int64)])
    logits = sum(_TABLE[padded[k : k + len(ids)], k] for k in range(2 * FAR + 1))
    return np.asarray(logits, np.float32)


def stub_predictor(
    tokenizer: Any, logits: Callable[[IntArray], FloatArray] = flat, **settings: Any
) -> BatchPredictor:
    return BatchPredictor(StubEngine(logits), tokenizer, NAMES, **{"window_size": 64, **settings})


def by_piece(tokenizer: Any, wanted: dict[str, list[float]]) -> Callable[[IntArray], FloatArray]:
    """An engine's function that gives the logits wanted for each piece, zeros for others."""
    table = {tokenizer.convert_tokens_to_ids(piece): row for piece, row in wanted.items()}

    def logits(ids: IntArray) -> FloatArray:
        return np.array([table.get(int(number), [0, 0, 0]) for number in ids], np.float32)

    return logits


def only(predictor: BatchPredictor, text: str) -> Report:
    (found,) = predictor.predict([Report("r", text)])
    return found


def spans_of(predictor: BatchPredictor, reports: Sequence[Report]) -> dict[str, list[Span]]:
    return {found.id: list(found.spans or ()) for found in predictor.predict(reports)}


# What a prediction says


def test_score_and_uncertainty_are_those_worked_out_by_hand(tiny_tokenizer: Any) -> None:
    # Probabilities of O, B, I at each of the four words.
    probabilities = {
        "قوات": [0.1, 0.8, 0.1],
        "السد": [0.2, 0.1, 0.7],
        "الاخضر": [0.05, 0.05, 0.9],
        "قرب": [0.6, 0.2, 0.2],
    }
    logits = {piece: list(np.log(row) + 3) for piece, row in probabilities.items()}
    text = "«قوات  السد\nالأخضر» قرب"
    assert len(read_pieces(tiny_tokenizer, ["قوات السد الأخضر قرب"])[0].ids) == 4
    found = only(stub_predictor(tiny_tokenizer, by_piece(tiny_tokenizer, logits)), text)
    assert found.spans == (Span(1, 18, "X"),)
    assert text[1:18] == "قوات  السد\nالأخضر"
    assert found.spans[0].score == pytest.approx(0.7, abs=1e-6)
    entropies = [-sum(p * np.log(p) for p in row) for row in probabilities.values()]
    assert found.fields["uncertainty"] == pytest.approx(np.mean(entropies), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("قوات السد قوات السد", [(0, 9), (10, 19)]),
        ("قوات\nالسد", [(0, 4)]),
        ("قوات \r\n السد", [(0, 4)]),
        ("قوات.\n\n«السد», قوات - السد", [(0, 4), (15, 26)]),
    ],
)
def test_no_span_goes_over_the_end_of_a_line_where_none_did_in_training(
    tiny_tokenizer: Any, text: str, spans: list[tuple[int, int]]
) -> None:
    logits = by_piece(tiny_tokenizer, {"قوات": [0, 9, 0], "السد": [5, 0, 9]})
    whole = only(stub_predictor(tiny_tokenizer, logits), text)
    found = only(stub_predictor(tiny_tokenizer, logits, crosses_lines=False), text)
    assert [(span.start, span.end) for span in found.spans or ()] == spans
    assert (found.spans != whole.spans) is ("\n" in text)
    assert all(span.score > 0.9 for span in found.spans or ())


def test_each_of_two_spans_has_the_score_of_its_own_words(tiny_tokenizer: Any) -> None:
    probabilities = {"قوات": [0.1, 0.8, 0.1], "السد": [0.2, 0.1, 0.7], "قرب": [0.3, 0.6, 0.1]}
    logits = {piece: list(np.log(row)) for piece, row in probabilities.items()}
    predictor = stub_predictor(tiny_tokenizer, by_piece(tiny_tokenizer, logits))
    found = only(predictor, "قرب قوات السد قوات")
    assert found.spans == (Span(0, 3, "X"), Span(4, 13, "X"), Span(14, 18, "X"))
    scores = [span.score for span in found.spans]
    assert scores == pytest.approx([0.6, 0.7, 0.8], abs=1e-6)


def test_a_word_is_read_on_its_first_piece_alone(tiny_tokenizer: Any) -> None:
    pieces = tiny_tokenizer.convert_ids_to_tokens(
        read_pieces(tiny_tokenizer, ["قتل"])[0].ids.tolist()
    )
    assert len(pieces) > 1
    wanted = {pieces[0]: [0.0, 9, 0], **{piece: [9.0, 0, 0] for piece in pieces[1:]}}
    found = only(stub_predictor(tiny_tokenizer, by_piece(tiny_tokenizer, wanted)), "قُتِلَ")
    assert found.spans == (Span(0, 6, "X"),)


@pytest.mark.parametrize("text", ["", " \n\t", "🚨🚨", "ـ", "\u200f", "...", "\r\n"])
def test_a_text_without_words_predicts_nothing_with_certainty(
    tiny_tokenizer: Any, text: str
) -> None:
    always = by_piece(tiny_tokenizer, {"🚨": [0, 9, 0], ".": [0, 9, 0]})
    found = only(stub_predictor(tiny_tokenizer, always), text)
    assert found == Report("r", text, (), {"uncertainty": 0.0})


def test_spans_of_the_input_are_neither_used_nor_copied_and_fields_stay(
    tiny_tokenizer: Any,
) -> None:
    predictor = stub_predictor(tiny_tokenizer, by_piece(tiny_tokenizer, {"قوات": [0, 9, 0]}))
    fields = {"source": "s", "date": "2031-01-01", "deep": {"a": [1]}, "uncertainty": "old"}
    marked = Report("r", "قوات السد", (Span(5, 9, "Y"),), fields)
    bare = Report("r", "قوات السد", None, fields)
    (one,) = predictor.predict([marked])
    (other,) = predictor.predict([bare])
    assert one == other
    assert one.spans == (Span(0, 4, "X"),)
    assert {**one.fields, "uncertainty": "old"} == fields
    assert isinstance(one.fields["uncertainty"], float)
    assert marked.spans == (Span(5, 9, "Y"),)


# Order, streaming, batches


def test_every_report_comes_out_once_in_its_place(tiny_tokenizer: Any) -> None:
    draw = random.Random(1)
    texts = [" ".join(["قوات"] * draw.choice([0, 1, 5, 70, 300])) for _ in range(200)]
    reports = [Report(str(number), text) for number, text in enumerate(texts)]
    # A word says its neighbours' number: a report that got another's windows would show it.
    predictor = stub_predictor(tiny_tokenizer, neighbourly, batch_tokens=500)
    found = list(predictor.predict(reports))
    assert [(f.id, f.text) for f in found] == [(r.id, r.text) for r in reports]
    alone = {text: only(predictor, text).spans for text in set(texts)}
    assert [f.spans for f in found] == [alone[text] for text in texts]


def test_windows_go_in_batches_of_like_length_within_the_budget(tiny_tokenizer: Any) -> None:
    draw = random.Random(2)
    reports = [Report(str(n), "قوات " * draw.randint(0, 150)) for n in range(60)]
    predictor = stub_predictor(tiny_tokenizer, batch_tokens=300)
    list(predictor.predict(reports))
    batches = predictor.engine.batches  # type: ignore[attr-defined]
    assert all(max(batch) * len(batch) <= 300 for batch in batches)
    lengths = [length for batch in batches for length in batch]
    assert lengths == sorted(lengths, reverse=True)
    assert max(lengths) == 64
    # None that had room for the next window.
    assert all(max(batch) * (len(batch) + 1) > 300 for batch in batches[:-1])


def test_a_window_larger_than_the_budget_is_a_batch_of_its_own(tiny_tokenizer: Any) -> None:
    predictor = stub_predictor(tiny_tokenizer, batch_tokens=1)
    assert len(list(predictor.predict([Report("a", "قوات " * 100), Report("b", "قوات")]))) == 2
    batches = predictor.engine.batches  # type: ignore[attr-defined]
    assert batches == [[60], [60], [3]]


def test_the_first_prediction_comes_before_all_reports_are_read(tiny_tokenizer: Any) -> None:
    pulled = 0

    def endless() -> Iterator[Report]:
        nonlocal pulled
        for pulled in range(1, 20_001):
            yield Report(str(pulled), "قوات" if pulled % 2 else "")

    predictions = stub_predictor(tiny_tokenizer).predict(endless())
    assert pulled == 0
    assert next(predictions).id == "1"
    # The chunk it is in, and the one that is read while that is computed.
    assert 0 < pulled <= 1 + 2 * predictor_module.CHUNK_CHARACTERS // 100
    assert pulled < 10_000
    assert [int(found.id) for found in predictions] == list(range(2, 20_001))


def test_a_long_report_waits_for_no_more_than_the_next_chunk(
    tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "CHUNK_CHARACTERS", 1_000)
    pulled = []

    def reports() -> Iterator[Report]:
        for number in range(10):
            pulled.append(number)
            yield Report(str(number), "قوات " * 500)

    predictions = stub_predictor(tiny_tokenizer).predict(reports())
    assert next(predictions).id == "0"
    assert pulled == [0, 1, 2]


def test_memory_does_not_grow_with_the_number_of_reports(
    tiny_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictor_module, "CHUNK_CHARACTERS", 20_000)
    predictor = stub_predictor(tiny_tokenizer)
    list(predictor.predict([Report("warm", "قوات")]))

    def peak(count: int) -> int:
        # A text is a new string each time, so that what is kept of it would add up.
        reports = (Report(str(n), f"قوات {n} " + "السد " * 20) for n in range(count))
        predictor.engine.batches.clear()  # type: ignore[attr-defined]
        tracemalloc.start()
        assert sum(1 for _ in predictor.predict(reports)) == count
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    few, many = peak(300), peak(2_400)
    assert many < 1.3 * few


@pytest.mark.parametrize("batch_tokens", [64, 300, 8192])
def test_who_is_in_the_batch_changes_no_span(
    tiny_model: Path, tiny_reports: list[Report], batch_tokens: int
) -> None:
    reports = [*tiny_reports[:30], join_reports(tiny_reports[30:50])]
    alone = BatchPredictor.from_pretrained(tiny_model, device="cpu", batch_tokens=1)
    expected = spans_of(alone, reports)
    assert sum(map(len, expected.values())) > 250
    shuffled = random.Random(batch_tokens).sample(reports, len(reports))
    batched = BatchPredictor.from_pretrained(tiny_model, device="cpu", batch_tokens=batch_tokens)
    found = spans_of(batched, shuffled)
    assert list(found) == [report.id for report in shuffled]
    assert found == expected
    for id, spans in found.items():
        scores = [span.score for span in spans]
        assert scores == pytest.approx([span.score for span in expected[id]], abs=1e-4)


def test_padding_changes_no_logit(random_model: Path) -> None:
    engine = BatchPredictor.from_pretrained(random_model, device="cpu").engine
    random = np.random.default_rng(3)
    windows = [random.integers(5, 300, length) for length in (3, 64, 17)]
    together = engine.run(windows)
    assert [logits.shape for logits in together] == [(3, 7), (64, 7), (17, 7)]
    for window, logits in zip(windows, together, strict=True):
        assert logits == pytest.approx(engine.run([window])[0], abs=1e-5)


# Windows


def test_windows_merge_to_what_one_window_that_holds_all_says(tiny_tokenizer: Any) -> None:
    vocabulary = ["قوات", "السد", "الأخضر", "قرب", "أعلنت", "وزارة", "الصحة", "12", "٤٥", "🚨"]
    vocabulary += ["مقتل،", "ﷺ", "مدنيين"]

    @given(st.lists(st.sampled_from(vocabulary), max_size=250), st.sampled_from([62, 75, 90]))
    def check(words: list[str], window_size: int) -> None:
        text = " ".join(words)
        # The least context of a merged word is (a quarter - 1) / 2 pieces: 7 for 60 + 2.
        assert ((window_size - 2) // 4 - 1) // 2 >= FAR
        windowed = stub_predictor(tiny_tokenizer, neighbourly, window_size=window_size)
        whole = stub_predictor(tiny_tokenizer, neighbourly, window_size=5_000)
        one, other = only(windowed, text), only(whole, text)
        assert one == other
        assert [s.score for s in one.spans or ()] == [s.score for s in other.spans or ()]

    check()


def test_the_merged_text_has_spans_over_many_windows(tiny_tokenizer: Any) -> None:
    predictor = stub_predictor(tiny_tokenizer, neighbourly)
    words = ["قوات", "السد", "قرب", "12", "مقتل"]
    text = " ".join(random.Random(4).choices(words, k=700))
    found = only(predictor, text)
    windows = sum(map(len, predictor.engine.batches))  # type: ignore[attr-defined]
    assert windows == 15
    assert len(found.spans or ()) > 100
    assert any(" " in text[span.start : span.end] for span in found.spans or ())


def test_joined_reports_give_nearly_the_spans_of_a_window_that_holds_all(
    tiny_model: Path,
) -> None:
    loaded = load_model(tiny_model, "cpu")
    windowed = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    whole = BatchPredictor(windowed.engine, loaded.tokenizer, TAGS, window_size=POSITIONS)
    texts = [
        join_reports(invent_reports(9, seed=seed), f"joined-{seed}") for seed in range(100, 112)
    ]
    for report in texts:
        pieces = len(read_pieces(loaded.tokenizer, [report.text])[0].ids)
        assert 5 * 64 < pieces + 2 <= POSITIONS
    many, one = spans_of(windowed, texts), spans_of(whole, texts)
    same = sum(len(set(many[id]) & set(one[id])) for id in one)
    either = sum(len(set(many[id]) | set(one[id])) for id in one)
    assert either > 600
    # Nearly: a model sees more around a word in the large window, and may think otherwise.
    assert same / either >= 0.97
    gold = sum(len(report.spans or ()) for report in texts)
    right = sum(len(set(many[report.id]) & set(report.spans or ())) for report in texts)
    assert right / gold >= 0.97


# Failures


def _failing_at(tokenizer: Any, piece: str, message: str) -> Callable[[IntArray], FloatArray]:
    broken = tokenizer.convert_tokens_to_ids(piece)

    def logits(ids: IntArray) -> FloatArray:
        if broken in ids:
            raise RuntimeError(message)
        return by_piece(tokenizer, {"قوات": [0, 9, 0]})(ids)

    return logits


def test_a_window_that_the_model_fails_on_costs_only_its_report(tiny_tokenizer: Any) -> None:
    # The long one fails in the middle of its windows, in a batch that others are in too.
    long = "قوات " * 100 + "🚨 " + "قوات " * 100
    reports = [
        Report("a", "قوات السد"),
        Report("b", "قوات 🚨"),
        Report("c", long),
        Report("d", "قوات " * 100),
        Report("e", ""),
    ]
    predictor = stub_predictor(
        tiny_tokenizer,
        _failing_at(tiny_tokenizer, "🚨", "out of memory\nTraceback: more"),
        batch_tokens=8192,
    )
    rejected: list[Rejection] = []
    found = list(predictor.predict(reports, rejected.append))
    assert [(f.id, len(f.spans or ())) for f in found] == [("a", 1), ("d", 100), ("e", 0)]
    assert [(r.id, r.reason) for r in rejected] == [("b", "model_error"), ("c", "model_error")]
    assert {r.message for r in rejected} == {"the model failed on this report: out of memory"}


def test_an_error_without_words_is_told_by_its_kind(tiny_tokenizer: Any) -> None:
    predictor = stub_predictor(tiny_tokenizer, _failing_at(tiny_tokenizer, "🚨", ""))
    rejected: list[Rejection] = []
    assert list(predictor.predict([Report("a", "🚨")], rejected.append)) == []
    assert [r.message for r in rejected] == ["the model failed on this report: RuntimeError"]


def test_without_somebody_to_tell_a_failing_model_raises(tiny_tokenizer: Any) -> None:
    predictor = stub_predictor(tiny_tokenizer, _failing_at(tiny_tokenizer, "🚨", "no memory"))
    with pytest.raises(RuntimeError, match="no memory"):
        list(predictor.predict([Report("a", "قوات"), Report("b", "🚨")]))


def test_the_labels_are_the_models_own(tiny_model: Path) -> None:
    predictor = BatchPredictor.from_pretrained(tiny_model, device="cpu")
    assert predictor.labels == ["ACTOR", "LOCATION", "COUNT"]

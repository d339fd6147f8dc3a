import threading
from collections.abc import Iterator
from threading import Event

import pytest

from inference.overlap import computed_ahead


def test_items_come_in_order_each_computed_once_in_another_thread() -> None:
    computed: list[int] = []

    def compute(item: int, stopped: Event) -> None:
        assert threading.current_thread() is not threading.main_thread()
        computed.append(item)

    for at_once in (1, 3):
        computed.clear()
        found = []
        for item in computed_ahead(range(20), compute, at_once):
            assert item in computed
            found.append(item)
        assert found == list(range(20))
        assert sorted(computed) == found


def test_while_one_is_computed_the_next_is_drawn_and_no_more() -> None:
    drawn: list[int] = []
    go_on = Event()

    def items() -> Iterator[int]:
        for item in range(9):
            drawn.append(item)
            if item == 1:
                # 0 waits in its thread until this one is drawn: without overlap it never ends.
                go_on.set()
            yield item

    def compute(item: int, stopped: Event) -> None:
        assert go_on.wait(60)

    computed = computed_ahead(items(), compute)
    assert next(computed) == 0
    assert drawn == [0, 1]
    assert next(computed) == 1
    assert drawn == [0, 1, 2]
    computed.close()


def test_what_fails_is_raised_at_its_turn_and_the_rest_is_stopped() -> None:
    def compute(item: int, stopped: Event) -> None:
        if item == 2:
            raise RuntimeError("no memory")

    found = []
    with pytest.raises(RuntimeError, match="no memory"):
        for item in computed_ahead(range(5), compute):
            found.append(item)
    assert found == [0, 1]


def test_what_fails_in_drawing_leaves_nothing_running() -> None:
    stops: list[bool] = []

    def items() -> Iterator[int]:
        yield 0
        raise ValueError("a broken line")

    def compute(item: int, stopped: Event) -> None:
        stops.append(stopped.wait(60))

    with pytest.raises(ValueError, match="a broken line"):
        list(computed_ahead(items(), compute))
    assert stops == [True]


def test_who_closes_early_stops_what_is_computed() -> None:
    stops: list[bool] = []

    def compute(item: int, stopped: Event) -> None:
        if item:
            stops.append(stopped.wait(60))

    computed = computed_ahead(range(3), compute)
    assert next(computed) == 0
    computed.close()
    assert stops == [True]


def test_nothing_to_compute_is_no_error() -> None:
    assert list(computed_ahead(iter([]), lambda item, stopped: None)) == []

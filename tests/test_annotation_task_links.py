from pathlib import Path

import pytest

from annotation.problems import UserError
from annotation.task_links import check_project_url, project_pulled_into


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://localhost:8080/projects/7", "http://localhost:8080/projects/7"),
        ("https://ls.example.org/projects/12/data?tab=3", "https://ls.example.org/projects/12"),
        (" https://example.org/studio/projects/1/ ", "https://example.org/studio/projects/1"),
    ],
)
def test_the_address_of_a_project_is_kept_up_to_its_number(address: str, expected: str) -> None:
    assert check_project_url(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "localhost:8080/projects/7",
        "javascript:alert(1)//projects/7",
        "http://name:secret@host/projects/7",
        "http://host/projects/",
        "http://host/projects/seven",
        "http://host",
        "http://ho st/projects/7",
    ],
)
def test_what_is_no_address_of_a_project_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="expected one such as http://localhost:8080/projects/7"):
        check_project_url(address)


def test_a_pulled_file_knows_its_project(tmp_path: Path) -> None:
    file = tmp_path / "gold.jsonl"
    assert project_pulled_into(file) is None
    state = tmp_path / "gold.jsonl.pull.json"
    state.write_text('{"settings": {"url": "http://localhost:8080", "project": 7}}', "utf-8")
    assert project_pulled_into(file) == "http://localhost:8080/projects/7"
    for broken in ("", "[]", "{}", '{"settings": {"url": "file:///etc", "project": 7}}'):
        state.write_text(broken, "utf-8")
        assert project_pulled_into(file) is None

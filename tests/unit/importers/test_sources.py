import os
from pathlib import Path

import pytest

from ledger.importers.sources import find_sources
from ledger.importers.steps import ImportProblem


def test_a_folder_is_its_transcripts_in_order(tmp_path: Path) -> None:
    """Every *.jsonl and *.json below it, in the order of their names; nothing else."""
    for name in ("b.jsonl", "a/deep/c.json", "a/b.jsonl", "notes.md", "a/.hidden"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    refused: list[ImportProblem] = []
    found = find_sources([tmp_path], refused.append)

    assert ["a/b.jsonl", "a/deep/c.json", "b.jsonl"] == [os.path.relpath(source.name, tmp_path) for source in found]
    assert {True} == {source.in_folder for source in found}
    assert [] == refused


def test_files_keep_the_order_in_which_they_were_named(tmp_path: Path) -> None:
    """Whoever names files has an order in mind; the standard input is one of them."""
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text("{}")
    found = find_sources([tmp_path / "b.jsonl", "-", tmp_path / "a.jsonl"], lambda _: None)

    assert [("b", 2), ("stdin", 0), ("a", 2)] == [(source.stem, source.size) for source in found]
    assert {False} == {source.in_folder for source in found}


def test_what_is_not_there_gets_a_sentence(tmp_path: Path) -> None:
    """A wrong path, an empty folder and a name that no file can have are told apart; the rest is found."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.jsonl").write_text("{}")
    (tmp_path / "broken.jsonl").symlink_to(tmp_path / "nowhere")
    refused: list[ImportProblem] = []
    names = ["missing.jsonl", "empty", "broken.jsonl", "x" * 300, "a.jsonl"]
    found = find_sources([tmp_path / name for name in names], refused.append)

    assert ["a"] == [source.stem for source in found]
    assert [
        f"{tmp_path}/missing.jsonl: there is no such file; check the path",
        (
            f"{tmp_path}/empty: there is no *.jsonl and no *.json file in this folder; "
            "name the folder that holds the transcripts"
        ),
        f"{tmp_path}/broken.jsonl: there is no such file; check the path",
        f"{tmp_path}/{'x' * 300}: it cannot be read (file name too long); check who may read it, and import again",
    ] == [str(problem) for problem in refused]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names on this system")
def test_a_pipe_is_a_source(tmp_path: Path) -> None:
    """What a shell hands over as a file can be read as one; its size is not known."""
    os.mkfifo(tmp_path / "pipe")

    assert [("pipe", 0)] == [(it.stem, it.size) for it in find_sources([tmp_path / "pipe"], lambda _: None)]


def test_the_home_folder_may_be_short(tmp_path: Path) -> None:
    """`~` means the home folder also where no shell has replaced it."""
    (tmp_path / "a.jsonl").write_text("{}")

    assert [tmp_path / "a.jsonl"] == [source.path for source in find_sources(["~/a.jsonl"], lambda _: None)]

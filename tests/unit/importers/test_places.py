from pathlib import Path

import pytest

from ledger.importers import default_places


def test_claude_code_keeps_its_transcripts_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite's home folder is empty at first; a folder that is not there is not suggested."""
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    assert [] == default_places()

    (tmp_path / ".claude" / "projects").mkdir(parents=True)

    assert [tmp_path / ".claude" / "projects"] == default_places()


def test_a_configured_folder_stands_for_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who moved the program's folder has the transcripts there."""
    (tmp_path / ".claude" / "projects").mkdir(parents=True)
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))

    assert [] == default_places()

    (tmp_path / "elsewhere" / "projects").mkdir(parents=True)

    assert [tmp_path / "elsewhere" / "projects"] == default_places()

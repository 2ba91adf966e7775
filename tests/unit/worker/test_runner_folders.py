"""What programs leave behind is measured and removed, however deep it lies."""

import math
import os
from pathlib import Path

import pytest

from worker.runner import folders
from worker.runner.folders import folder_bytes, remove_folder


def dig(folder: Path, *, levels: int, name: str) -> None:
    """Leave a file of 64 KiB under so many folders, deeper than a path may be long."""
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    file = os.open("data", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor)
    os.write(file, bytes(65_536))
    os.close(file)
    os.close(descriptor)


@pytest.mark.parametrize(("name", "is_seen"), [("d", True), ("deeper", False)])
def test_a_deep_tree_is_measured_or_too_much_and_then_removed(tmp_path, name, is_seen):
    run = tmp_path / "run"
    run.mkdir()
    dig(run, levels=1_200, name=name)
    if is_seen:
        assert 65_536 <= folder_bytes(run) < 2**24
    else:
        assert folder_bytes(run) == math.inf
    remove_folder(run)
    assert not run.exists()


def test_more_files_than_anybody_wants_to_count_are_too_much(tmp_path, monkeypatch):
    monkeypatch.setattr(folders, "MAX_ENTRIES", 5)
    for number in range(6):
        assert folder_bytes(tmp_path) < math.inf
        (tmp_path / f"{number}").touch()
    assert folder_bytes(tmp_path) == math.inf


def test_what_is_not_there_weighs_nothing_and_needs_no_removal(tmp_path):
    assert folder_bytes(tmp_path / "gone") == 0
    remove_folder(tmp_path / "gone")


def test_what_a_link_leads_to_stays(tmp_path):
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    kept.mkdir(mode=0o500)
    (run / "link").symlink_to(kept)
    remove_folder(run)
    assert not run.exists()
    assert kept.stat().st_mode & 0o777 == 0o500

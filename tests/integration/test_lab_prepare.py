"""The campaign's own prepare.py as a command."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from shared.constants import override_constants
from tests.attacks.laboratory import CAMPAIGN
from worker.doctor import Finding, Health, examine_machine
from worker.runner import PrepareError, prepare_data


@pytest.fixture
def harness(tmp_path: Path) -> Path:
    text = tmp_path / "text"
    text.mkdir()
    for number in range(80):
        (text / f"{number}.txt").write_text(f"This is text {number}. " * (number + 5))
    path = tmp_path / "prepare.py"
    changes = {"DATA": str(text), "VOCAB_SIZE": 300, "HELD_OUT_PERCENT": 20}
    path.write_text(override_constants((CAMPAIGN / "prepare.py").read_text(), changes))
    return path


def test_of_two_that_prepare_at_once_one_works_and_both_have_the_result(
    harness: Path, tmp_path: Path
) -> None:
    command = [sys.executable, str(harness), "--data-dir", str(tmp_path / "data"), "--json"]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    first, second = (json.loads(out) for out, _ in said)
    assert first == second
    assert {*first} == {"data_sha256", "tokenizer_sha256", "train_bytes", "val_bytes"}
    assert sum(progress.count("BPE") for _, progress in said) == 1


def test_the_runner_prepares_through_the_campaigns_own_file(harness: Path, tmp_path: Path) -> None:
    fingerprint = prepare_data({"prepare.py": harness.read_text()}, tmp_path / "data")
    assert len(fingerprint.data_sha256) == 64
    found = {f.part: f for f in examine_machine(data_dir=tmp_path / "data", coordinator_url=None)}
    assert found["data"].health is Health.OK
    assert found["tokenizer"].health is Health.OK


def test_the_doctor_finds_the_data_where_a_worker_keeps_those_of_each_campaign(
    harness: Path, tmp_path: Path
) -> None:
    home = tmp_path / "data"
    prepare_data({"prepare.py": harness.read_text()}, home / "tiny")
    (prepared,) = (home / "tiny").glob("*/fingerprint.json")
    begun = prepared.parent.with_name(prepared.parent.name + ".part")
    begun.mkdir()
    (begun / "fingerprint.json").write_text("{}")
    findings = examine_machine(data_dir=home, coordinator_url=None)
    [data] = [finding for finding in findings if finding.part == "data"]
    assert data.health is Health.OK
    assert data.found.startswith(f"tiny/{prepared.parent.name}: ")


def test_the_doctor_notices_a_changed_tokenizer(harness: Path, tmp_path: Path) -> None:
    prepare_data({"prepare.py": harness.read_text()}, tmp_path / "data")
    (tokenizer,) = (tmp_path / "data").glob("*/tokenizer.json")
    tokenizer.write_text("{}")
    found = {f.part: f for f in examine_machine(data_dir=tmp_path / "data", coordinator_url=None)}
    assert found["tokenizer"].health is Health.PROBLEM
    assert "Remove" in found["tokenizer"].remedy


def test_the_doctor_imports_torch_as_a_run_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torch() -> Finding:
        return examine_machine(data_dir=tmp_path, coordinator_url=None)[0]

    assert torch().part == "torch"
    assert torch().health is Health.OK
    # A Python whose packages lie in the home folder, as after `pip install --user`.
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH="$HOME/packages" exec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "torch.py").write_text("__version__ = '2'\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(python))
    subprocess.run([python, "-c", "import torch"], check=True)
    monkeypatch.setattr("worker.runner.sandbox.find_bubblewrap", lambda: None)
    assert torch().health is Health.PROBLEM
    assert "No module named 'torch'" in torch().found
    assert "virtual environment" in torch().remedy


def test_a_folder_that_cannot_be_written_in_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    findings = examine_machine(data_dir=tmp_path / "file" / "data", coordinator_url=None)
    disk = next(finding for finding in findings if finding.part == "disk")
    assert disk.health is Health.PROBLEM
    assert f"nothing can be written in {tmp_path / 'file'}" in disk.found
    assert "SWARMLAB_HOME" in disk.remedy


def test_the_doctor_looks_for_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git() -> Finding:
        findings = examine_machine(data_dir=tmp_path, coordinator_url=None)
        return next(finding for finding in findings if finding.part == "git")

    assert git().health is Health.OK
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git().health is Health.PROBLEM
    assert "Install git" in git().remedy


def test_the_doctor_says_when_the_coordinator_is_away(tmp_path: Path) -> None:
    findings = examine_machine(data_dir=tmp_path, coordinator_url="http://127.0.0.1:9")
    away = next(finding for finding in findings if finding.part == "coordinator")
    assert away.health is Health.NOTE
    assert "SWARMLAB_COORDINATOR_URL" in away.remedy


def test_a_failed_preparation_says_what_to_do(tmp_path: Path) -> None:
    source = override_constants(
        (CAMPAIGN / "prepare.py").read_text(), {"DATA": str(tmp_path / "nowhere")}
    )
    with pytest.raises(PrepareError, match="start again"):
        prepare_data({"prepare.py": source}, tmp_path / "data")


def test_what_is_said_of_the_preparation_is_handed_on_line_by_line(tmp_path: Path) -> None:
    source = """
import json, sys
sys.stderr.buffer.write(b"downloading\\n 10 %\\r 20 %\\r\\n\\n\\x1b[2Jd\\xf6ne\\nno end")
fields = ["data_sha256", "tokenizer_sha256", "train_bytes", "val_bytes"]
print(json.dumps(dict.fromkeys(fields, 7)))
"""
    said: list[str] = []
    assert prepare_data({"prepare.py": source}, tmp_path, said.append).train_bytes == 7
    assert said == ["downloading", " 10 %", " 20 %", " [2Jd\N{REPLACEMENT CHARACTER}ne", "no end"]


def test_a_failed_preparation_tells_its_last_words_to_whoever_saw_no_line(tmp_path: Path) -> None:
    source = """
import sys
for shard in range(99):
    print("downloading shard", shard, file=sys.stderr)
sys.exit("no route to host; check the proxy")
"""
    with pytest.raises(PrepareError) as failure:
        prepare_data({"prepare.py": source}, tmp_path, lambda _line: None)
    first, *last_lines, _remedy = str(failure.value).splitlines()
    assert first == "prepare.py ended with code 1. It said last:"
    assert len(last_lines) == 10
    assert last_lines[-2:] == ["  downloading shard 98", "  no route to host; check the proxy"]


def test_without_a_network_the_last_line_says_what_to_check(
    tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = override_constants(
        (CAMPAIGN / "prepare.py").read_text(),
        {"CLIMBMIX_URL": f"http://127.0.0.1:{free_port}", "TRAIN_SHARDS": 1},
    )
    harness = tmp_path / "prepare.py"
    harness.write_text(source.replace("attempts: int = 6", "attempts: int = 1"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    command = [sys.executable, str(harness), "--data-dir", str(tmp_path / "data"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert "cannot be fetched from 127.0.0.1" in sentence
    assert "Connection refused" in sentence
    assert "Check the network and the proxy" in sentence


def test_a_campaigns_file_cannot_be_written_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="outside"):
        prepare_data({"../prepare.py": "x"}, tmp_path)

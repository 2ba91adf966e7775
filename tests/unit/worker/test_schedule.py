import subprocess
from datetime import UTC, datetime, time

import pytest

from worker.errors import SetupError
from worker.schedule import Hours, Schedule, cpu_load_percent, gpu_load_percent, make_schedule


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("22-7", ["22:00", "23:59", "00:00", "06:59"], ["07:00", "12:00", "21:59"]),
        ("9-17", ["09:00", "16:59"], ["08:59", "17:00"]),
        ("22:30-7:15", ["22:30", "07:14"], ["22:29", "07:15"]),
        ("20-24", ["20:00", "23:59"], ["00:00", "19:59"]),
    ],
)
def test_the_hours_are_a_daily_window(text, inside, outside):
    hours = Hours.parse(text)
    assert all(time.fromisoformat(each) in hours for each in inside)
    assert not any(time.fromisoformat(each) in hours for each in outside)


@pytest.mark.parametrize(
    "text", ["", "22", "22-7-8", "22:61-7", "night", "7-7", "25-99", "24:30-7"]
)
def test_what_are_no_hours_is_said(text):
    with pytest.raises(SetupError):
        Hours.parse(text)


def test_outside_of_the_hours_no_run_starts():
    schedule = Schedule(hours=Hours.parse("22-7"))
    assert "22:00-07:00" in schedule.why_not_now(datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert schedule.why_not_now(datetime(2026, 1, 1, 23, tzinfo=UTC)) is None


def test_while_somebody_uses_the_machine_no_run_starts():
    loads = iter([80.0, 5.0])
    schedule = Schedule(load_percent=lambda: next(loads), busy_percent=10)
    assert "80 % busy" in schedule.why_not_now(datetime(2026, 1, 1, tzinfo=UTC))
    assert schedule.why_not_now(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_without_wishes_a_run_may_always_start():
    schedule = make_schedule(hours=None, only_when_idle=False, gpu_index=None, has_gpu=True)
    assert schedule.why_not_now(datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_a_machine_without_a_gpu_is_asked_for_its_processors():
    schedule = make_schedule(hours=None, only_when_idle=True, gpu_index=None, has_gpu=False)
    assert schedule.load_percent is cpu_load_percent


@pytest.mark.parametrize(
    ("visible", "gpu_index", "card"),
    [(None, 3, "3"), (None, None, "0"), ("3", 0, "3"), ("2,GPU-7", 1, "GPU-7"), ("2,3", None, "2")],
)
def test_the_driver_is_asked_about_the_gpu_that_is_used(monkeypatch, visible, gpu_index, card):
    asked = []

    def answer(command, **_):
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout="37\n")

    monkeypatch.setattr("worker.schedule.subprocess.run", answer)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    schedule = make_schedule(hours=None, only_when_idle=True, gpu_index=gpu_index, has_gpu=True)
    assert "37 % busy" in schedule.why_not_now(datetime(2026, 1, 1, tzinfo=UTC))
    assert f"--id={card}" in asked[0]


def test_a_driver_that_does_not_tell_is_said(monkeypatch):
    def fail(command, **_):
        raise FileNotFoundError(command[0])

    monkeypatch.setattr("worker.schedule.subprocess.run", fail)
    with pytest.raises(SetupError, match="only-when-idle"):
        gpu_load_percent("0")

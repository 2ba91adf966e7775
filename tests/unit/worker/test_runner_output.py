"""What a program prints is read, and kept in bounds."""

import io

import pytest

from worker.runner.output import LOG_LINES, OUTPUT_BYTES, ProgramOutput


def read(data: bytes) -> ProgramOutput:
    output = ProgramOutput(io.BytesIO(data))
    output.join()
    return output


def test_steps_and_summary_of_the_reference_are_read() -> None:
    output = read(
        b"\rstep 00010 (3.3%) | loss: 5.123456 | lrm: 1.00 | dt: 310ms | tok/sec: 1,660,000 "
        b"| mfu: 39.8% | epoch: 1 | remaining: 290s    \n---\nval_bpb:          0.997900\n"
    )
    assert output.latest.step == 10
    assert output.latest.tokens_per_s == 1_660_000
    assert output.latest.mfu_percent == 39.8
    assert output.summary == {"val_bpb": 0.9979}


def test_the_last_lines_are_kept_and_long_ones_are_cut() -> None:
    output = read(b"".join(b"%d" % n + b"x" * 9999 + b"\n" for n in range(LOG_LINES + 5)))
    lines = output.tail().split("\n")
    assert len(lines) == LOG_LINES
    assert lines[0].startswith("5x")
    assert max(map(len, lines)) < 500


@pytest.mark.parametrize(
    "line", [b"\xff\xfe\x00", b"val_bpb: e.e-\n", b"step 1 loss: ... tok/sec: , mfu: .%\n"]
)
def test_garbage_is_text_like_any_other(line: bytes) -> None:
    output = read(line)
    assert output.summary == {}
    assert "\x00" not in output.tail()


def test_too_much_output_is_noticed_and_not_kept() -> None:
    output = read(b"x" * (OUTPUT_BYTES + 70_000))
    assert output.is_flooding
    assert len(output.tail()) < 100_000

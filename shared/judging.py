"""The verdict on a finished run; the same rule on both sides."""

from shared.states import CrashReason, Outcome


def judge(
    *, val_bpb: float | None, base_val_bpb: float | None, crash_reason: CrashReason | None
) -> Outcome:
    """Return what a run came to, compared with its base on the same platform and harness.

    Args:
        val_bpb: Score of record, bits per byte, lower is better; ``None`` after a crash.
        base_val_bpb: The base's score on this platform; ``None`` where there is nothing to
            compare with, as for a baseline, which is kept.
        crash_reason: Why there is no score.
    """
    if crash_reason is not None or val_bpb is None:
        return Outcome.CRASH
    if base_val_bpb is None or val_bpb < base_val_bpb:
        return Outcome.KEEP
    return Outcome.DISCARD

"""When a result becomes a record, as a pure decision."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Record:
    """The last record of a scope."""

    sequence: int
    val_bpb: float


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """Where the next record of a scope stands in its chain."""

    sequence: int
    previous_sequence: int | None
    previous_val_bpb: float | None


def decide_record(val_bpb: float, last: Record | None) -> NewRecord | None:
    """Return the place of a new record, ``None`` if the score beats nothing. Ties beat nothing."""
    if last is None:
        return NewRecord(sequence=1, previous_sequence=None, previous_val_bpb=None)
    if val_bpb < last.val_bpb:
        return NewRecord(
            sequence=last.sequence + 1,
            previous_sequence=last.sequence,
            previous_val_bpb=last.val_bpb,
        )
    return None

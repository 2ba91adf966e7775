"""What waits to be handed in where nobody is at work: under other names, in other campaigns."""

from collections.abc import Iterator
from pathlib import Path

from worker.identity import campaign_at_work, read_identity
from worker.outbox import count_waiting


def say_what_waits(desk: Path) -> Iterator[str]:
    """Yield a sentence for each desk but this one whose results nobody is about to hand in.

    Args:
        desk: that of the worker which starts, ``HOME/workers/<name>/<campaign>``.
    """
    for path in sorted(desk.parents[1].glob("*/*/outbox.sqlite")):
        seat, campaign = path.parents[1], path.parent.name
        is_at_work = seat != desk.parent and campaign_at_work(seat) is not None
        count = 0 if is_at_work or path.parent == desk else count_waiting(path)
        if count:
            yield (
                f"{count} results of {seat.name} in {campaign} wait to be handed in: "
                f"`{_command(seat, campaign)}` does it, once this worker has ended."
            )


def _command(seat: Path, campaign: str) -> str:
    identity = read_identity(seat)
    if identity is None:
        return "swarmlab worker"  # without a name: it takes over what has lost its key
    where = f"--coordinator {identity.coordinator_url} --campaign {campaign}"
    return f"swarmlab worker --name {identity.name} {where}"

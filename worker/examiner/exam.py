"""One examination: which inputs are shown, what the answers are worth, and whether they are honest.

No input or output here: tokens and logits go in, a score or a refusal comes out.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

PROBE_SHARE = 16  # one probe for so many rows
MIN_PROBES = 64
EARLIER_POSITIONS = 8  # positions before the cut that are compared too
# Equal inputs give equal logits up to rounding: bf16 logits near a softcap of 15 differ by 0.06,
# which moves at most 0.016 of the probability, and no log-probability by more than 0.12. Who sees
# the next token raises its own probability: from 0.0001 to 0.03 is next to nothing of the
# distribution, and 5.7 nats.
MAX_MOVED = 0.03  # total variation distance
MAX_TOLD = 0.25  # nats: what the log-probability of a next token may move
# On average it moves by next to nothing. A program that raises and lowers the next token's by turns
# hides what it gains on average in the noise that it makes, and the noise is bounded here.
MAX_MEAN_TOLD = 0.06  # nats
MAX_MEAN_GAIN = 0.002  # nats per token, above three standard errors
# Rows end in documents that were chosen for their length, which may be harder or easier ones.
TAIL_MARGIN = 0.35  # nats per token, above six standard errors
CLASSES = 32  # powers of two of the distance to the beginning of the document


class RefusedError(Exception):
    """The answers are not those of an honest causal model; ``diverged``: they are not numbers."""

    def __init__(self, why: str, *, diverged: bool = False) -> None:
        super().__init__(why)
        self.diverged = diverged


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A row whose future, behind the cut, is another row's.

    Attributes:
        row: the row that it repeats.
        donor: the row that its future is from.
        cut: the last position that it shares with its row.
        positions: where both answers are compared; the cut is the last of them.
    """

    row: int
    donor: int
    cut: int
    positions: tuple[int, ...]


class Exam:
    """Shows every row once, probes among them, in an order that nobody can foresee."""

    def __init__(
        self,
        rows: npt.NDArray[np.int64],
        token_bytes: Tensor,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        """Plan the examination.

        Args:
            rows: (N, T + 1) tokens: inputs and, one further, their targets.
            token_bytes: (vocab,) bytes of text per token; 0 is not counted.
            batch_size: rows per batch, at most; every batch has the same size.
            rng: unpredictable to the program.
        """
        self.rows = torch.from_numpy(rows)
        self.token_bytes = token_bytes
        count, T = len(rows), rows.shape[1] - 1  # noqa: N806 - the field's own name
        probes = max(MIN_PROBES, count // PROBE_SHARE)
        self.batch_size = max(1, min(batch_size, count + probes))
        probes += -(count + probes) % self.batch_size
        self.probes = [_draw_probe(count, T, rng) for _ in range(probes)]
        self._probes_of: dict[int, list[int]] = {}
        for number, probe in enumerate(self.probes):
            self._probes_of.setdefault(probe.row, []).append(number)
        # Item i < count is row i; item count + k is probe k.
        self._order = rng.permutation(count + probes)
        self.batches = len(self._order) // self.batch_size
        self._answered = 0
        self._nats = 0.0
        self._class_nats = torch.zeros(CLASSES, dtype=torch.float64)
        self._class_tokens = torch.zeros(CLASSES, dtype=torch.float64)
        self._tails: list[tuple[float, int]] = []  # loss and class of each row's last position
        self._kept: dict[tuple[str, int], Tensor] = {}

    @property
    def is_complete(self) -> bool:
        """Return whether every item is answered."""
        return self._answered == len(self._order)

    def inputs(self, batch: int) -> Tensor:
        """Return the tokens (B, T) of a batch."""
        items = self._order[batch * self.batch_size : (batch + 1) * self.batch_size]
        return torch.stack([self._item(int(item)) for item in items])

    def _item(self, item: int) -> Tensor:
        if item < len(self.rows):
            return self.rows[item, :-1]
        probe = self.probes[item - len(self.rows)]
        shared, other = self.rows[probe.row, : probe.cut + 1], self.rows[probe.donor]
        return torch.cat((shared, other[probe.cut + 1 : -1]))

    @torch.no_grad()
    def take(self, logits: Tensor) -> None:
        """Take the answers (n, T, vocab), float32, to the next n items.

        Raises:
            RefusedError: a value is not finite.
        """
        if not bool(torch.isfinite(logits).all()):
            raise RefusedError(
                "The logits are not all finite. If the training diverged, lower a learning rate.",
                diverged=True,
            )
        log_p = torch.log_softmax(logits, dim=-1)
        items = self._order[self._answered : self._answered + len(logits)].tolist()
        self._answered += len(logits)
        sources = [self._row_of(item) for item in items]
        targets = self.rows[sources, 1:]  # (n, T)
        on_device = targets.to(log_p.device)[..., None]
        losses = -log_p.gather(-1, on_device)[..., 0].double().cpu()  # (n, T)
        counted = self.token_bytes[targets] > 0
        for place, item in enumerate(items):
            if item < len(self.rows):
                self._count(item, losses[place], counted[place])
                for number in self._probes_of.get(item, ()):
                    self._keep("row", number, log_p[place])
            else:
                self._keep("probe", item - len(self.rows), log_p[place])

    def _row_of(self, item: int) -> int:
        return item if item < len(self.rows) else self.probes[item - len(self.rows)].row

    def _count(self, row: int, losses: Tensor, counted: Tensor) -> None:
        """Add one row's losses (T,) to the score and to the sample of hidden targets."""
        self._nats += float(losses[counted].sum())
        classes = self._classes(row)
        seen = counted.clone()
        seen[-1] = False
        self._class_nats += torch.bincount(classes[seen], losses[seen], minlength=CLASSES)
        self._class_tokens += torch.bincount(classes[seen], minlength=CLASSES)
        if counted[-1]:
            self._tails.append((float(losses[-1]), int(classes[-1])))

    def _classes(self, row: int) -> Tensor:
        """Return how much of its document each position (T,) has seen, as a power of two."""
        inputs = self.rows[row, :-1]
        position = torch.arange(len(inputs))
        is_start = self.token_bytes[inputs] == 0
        start = torch.where(is_start, position, torch.zeros_like(position)).cummax(0).values
        # The last position is the only one of its distance: it counts as the one before it.
        distance = (position - start).clamp(1, max(1, len(inputs) - 2))
        return torch.log2(distance.float()).long()

    def _keep(self, kind: str, number: int, log_p: Tensor) -> None:
        self._kept[kind, number] = log_p[list(self.probes[number].positions)].cpu()

    def score(self) -> float:
        """Return the bits per byte.

        Raises:
            RefusedError: answers depend on the future, or on chance, or are missing.
        """
        if not self.is_complete:
            raise RefusedError("The examination was not answered to its end.")
        self._check_probes()
        self._check_tails()
        text_bytes = int(self.token_bytes[self.rows[:, 1:]].sum())
        return self._nats / (math.log(2) * text_bytes)

    def _check_probes(self) -> None:
        gains, all_told = [], []
        for number, probe in enumerate(self.probes):
            row, other = self._kept["row", number].double(), self._kept["probe", number].double()
            moved = 0.5 * (row.exp() - other.exp()).abs().sum(-1)  # (positions,)
            worst = float(moved.max())
            if worst > MAX_MOVED:
                at = probe.positions[int(moved.argmax())]
                raise RefusedError(
                    f"Changing the tokens after position {probe.cut} moved the prediction at "
                    f"position {at} by {worst:.3f} (allowed: {MAX_MOVED}): the model looks ahead, "
                    "or its answers change from call to call (dropout left on?)."
                )
            told, at = self._told(probe, row - other)
            if told > MAX_TOLD:
                raise RefusedError(
                    f"Changing the tokens after position {probe.cut} moved the log-probability of "
                    f"a next token at position {at} by {told:.2f} nats (allowed: {MAX_TOLD}): the "
                    "model looks ahead, or its answers change from call to call."
                )
            all_told.append(told)
            target = self.rows[probe.row, probe.cut + 1]
            gains.append(float(row[-1, target] - other[-1, target]))
        mean, error = _mean_and_error(gains)
        if mean - 3 * error > MAX_MEAN_GAIN:
            raise RefusedError(
                f"Seeing the future lowers the loss by {mean:.4f} nats per token: "
                "the model looks ahead."
            )
        if (usual := float(np.mean(all_told))) > MAX_MEAN_TOLD:
            raise RefusedError(
                f"Changing later tokens moved the log-probability of a next token by {usual:.3f} "
                f"nats on average (allowed: {MAX_MEAN_TOLD}): the model looks ahead, or its "
                "answers change from call to call."
            )

    def _told(self, probe: Probe, moved: Tensor) -> tuple[float, int]:
        """Return how far a next token's log-probability moved most, and where.

        Args:
            probe: what was compared; behind its cut comes one of two tokens.
            moved: (positions, vocab) by what each log-probability differs.
        """
        positions = torch.tensor(probe.positions)
        nexts = self.rows[probe.row, positions + 1]
        own = moved.gather(-1, nexts[:, None])[:, 0].abs()
        donors = moved[-1, self.rows[probe.donor, probe.cut + 1]].abs()
        own[-1] = torch.maximum(own[-1], donors)
        return float(own.max()), probe.positions[int(own.argmax())]

    def _check_tails(self) -> None:
        """Compare each row's last position with those that have seen as much of a document."""
        usual = self._class_nats / self._class_tokens.clamp_min(1)
        # A wild answer must not make the others look like chance.
        most = 2 * math.log(len(self.token_bytes))
        excess = [
            min(loss, most) - float(usual[c])
            for loss, c in self._tails
            if self._class_tokens[c] > 0
        ]
        mean, error = _mean_and_error(excess)
        margin = TAIL_MARGIN + 6 * error
        if mean > margin:
            raise RefusedError(
                f"Where the next token is hidden the loss is {mean:.2f} nats higher than "
                f"elsewhere (margin: {margin:.2f}): elsewhere the targets were seen."
            )


def _draw_probe(rows: int, T: int, rng: np.random.Generator) -> Probe:  # noqa: N803 - tokens
    row, cut = int(rng.integers(rows)), int(rng.integers(T - 1))
    donor = int((row + rng.integers(1, max(2, rows))) % rows)
    earlier = rng.integers(cut + 1, size=EARLIER_POSITIONS).tolist()
    return Probe(row=row, donor=donor, cut=cut, positions=(*earlier, cut))


def _mean_and_error(values: list[float]) -> tuple[float, float]:
    if len(values) < 2:
        return 0.0, math.inf
    sample = np.asarray(values)
    return float(sample.mean()), float(sample.std(ddof=1) / math.sqrt(len(sample)))

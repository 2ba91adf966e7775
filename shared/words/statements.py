"""What a segment says, before it is put together."""

from dataclasses import dataclass, field

from shared.words.items import Segment
from shared.words.numbers import Quantity

_ADVERBS = frozenset({"linearly", "exponentially", "constant", "fixed", "schedule", "over"})


@dataclass(slots=True)
class Statement:
    """What a segment says, before it is put together.

    Attributes:
        heads: parameters named, the last one usually being the one that is changed.
        mods: parts of the model or run named beside them; `?word` is an unknown word before a head.
        values, old_values: named settings to take and to leave, as `family.value`.
        new, old: numbers to take and to leave.
        change: a factor or step.
        direction: +1 up, -1 down, 0 unsaid.
        state: `on`, `off`, or "" when neither was said.
        implied_head: the parameter that an adjective names ("wider").
        is_decay: something decays, anneals or tapers.
        is_more: `direction` counts things ("two more").
        is_bare: a new number stands without "to" or "=".
        is_target: a number or value is introduced as the target.
        unknown: how many words are not in the vocabulary.
    """

    segment: Segment
    heads: list[str] = field(default_factory=list)
    mods: set[str] = field(default_factory=set)
    values: list[str] = field(default_factory=list)
    old_values: list[str] = field(default_factory=list)
    new: list[Quantity] = field(default_factory=list)
    old: list[Quantity] = field(default_factory=list)
    change: Quantity | None = None
    direction: int = 0
    state: str = ""
    implied_head: str = ""
    is_decay: bool = False
    is_more: bool = False
    is_bare: bool = False
    is_target: bool = False
    unknown: int = 0

    def says(self, *texts: str) -> bool:
        """Whether one of these phrases is in it."""
        return any(item.text in texts for item in self.segment.items)

    def says_part(self, *parts: str) -> bool:
        """Whether one of these is part of a phrase in it."""
        return any(part in item.text for item in self.segment.items for part in parts)

    @property
    def says_schedule(self) -> bool:
        """Whether something follows a schedule."""
        return self.says(*_ADVERBS)

    @property
    def families(self) -> set[str]:
        """What the named settings are settings of."""
        return {name.partition(".")[0] for name in (*self.values, *self.old_values)}

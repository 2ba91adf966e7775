"""Where things lie in the memory that examiner and program share."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Where things lie in the memory shared with the program: two slots of tokens, then logits."""

    slot_bytes: int = 16 * 2**20
    logits_bytes: int = 256 * 2**20

    @property
    def logits_offset(self) -> int:
        """Return where the logits begin."""
        return 2 * self.slot_bytes

    @property
    def size(self) -> int:
        """Return the bytes of the whole; pages that are never touched take no memory."""
        return self.logits_offset + self.logits_bytes

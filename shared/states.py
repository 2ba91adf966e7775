"""The words that both sides use for the state of an experiment."""

from enum import StrEnum


class Outcome(StrEnum):
    """What a finished experiment came to."""

    KEEP = "keep"
    DISCARD = "discard"
    CRASH = "crash"


class CrashReason(StrEnum):
    """Why a run gave no score."""

    NAN = "nan"
    OOM = "oom"
    TIMEOUT = "timeout"
    ERROR = "error"
    POLICY = "policy"


class ExperimentStatus(StrEnum):
    """Where an experiment stands.

    claimed ──result──▶ done
    claimed ──expiry──▶ expired ──claim (epoch + 1)──▶ claimed
    claimed ──release─▶ released ─claim (epoch + 1)──▶ claimed
    expired ──late result of the current epoch──▶ done
    """

    CLAIMED = "claimed"
    RELEASED = "released"
    EXPIRED = "expired"
    DONE = "done"


class Scope(StrEnum):
    """Among whom a best is a best."""

    GLOBAL = "global"
    TIER = "tier"
    PLATFORM = "platform"
    AGENT = "agent"


class Tier(StrEnum):
    """VRAM class of an accelerator."""

    CPU = "cpu"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"
    XL = "xl"

    @classmethod
    def of_vram(cls, vram_gb: float | None) -> "Tier":
        """Return the tier of an accelerator with ``vram_gb`` GB; ``None`` or 0 is a CPU."""
        if not vram_gb:
            return cls.CPU
        # Half a GB of slack: a "16 GB" card reports a little more or less than 16.
        for limit_gb, tier in ((16.5, cls.SMALL), (24.5, cls.MEDIUM), (48.5, cls.LARGE)):
            if vram_gb <= limit_gb:
                return tier
        return cls.XL

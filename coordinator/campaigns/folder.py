"""A campaign as its folder and one of its profiles describe it."""

import hashlib
import tomllib
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.constants import override_constants
from shared.wire.base import Name, Sha256

FROZEN_FILES = ("prepare.py", "kernels.py", "program.md")
EDITABLE_FILE = "train.py"
Constant = bool | int | float | str


class CampaignProfile(BaseModel):
    """A ``*.toml`` of the folder: the question, and the constants that fit it to a machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    title: str
    metric: Literal["val_bpb"] = "val_bpb"
    direction: Literal["minimize"] = "minimize"
    time_budget_s: float = Field(gt=0)
    data: str
    data_sha256: Sha256 | None = None
    prepare: dict[str, Constant] = Field(default_factory=dict)
    train: dict[str, Constant] = Field(default_factory=dict)


class CampaignFolder(BaseModel):
    """What a campaign consists of, with the profile's constants already in the texts."""

    model_config = ConfigDict(frozen=True)

    profile: CampaignProfile
    frozen: dict[str, str]
    baseline: str

    def renamed_by_content(self, data_sha256: str) -> Self:
        """Return the same campaign under a name that ends in the hash of what it consists of."""
        digest = hashlib.sha256(self.baseline.encode())
        digest.update(
            harness_sha256(
                self.frozen,
                data_sha256=data_sha256,
                time_budget_s=self.profile.time_budget_s,
            ).encode()
        )
        name = f"{self.profile.name[:50]}-{digest.hexdigest()[:8]}"
        return self.model_copy(update={"profile": self.profile.model_copy(update={"name": name})})


def read_campaign_folder(folder: Path, profile_name: str) -> CampaignFolder:
    """Return the campaign of ``folder`` with the constants of ``profile_name`` put in.

    Raises:
        FileNotFoundError: The folder lacks a file.
        UnknownConstantError: The profile names a constant that the file does not have.
    """
    profile_text = (folder / f"{profile_name}.toml").read_text(encoding="utf-8")
    profile = CampaignProfile.model_validate(tomllib.loads(profile_text))
    frozen = {path: (folder / path).read_text(encoding="utf-8") for path in FROZEN_FILES}
    frozen["prepare.py"] = override_constants(
        frozen["prepare.py"], {"DATA": profile.data, **profile.prepare}
    )
    baseline = override_constants(
        (folder / EDITABLE_FILE).read_text(encoding="utf-8"), profile.train
    )
    return CampaignFolder(profile=profile, frozen=frozen, baseline=baseline)


def harness_sha256(frozen: dict[str, str], *, data_sha256: str, time_budget_s: float) -> str:
    """Return the identity of a harness: its files, its data and its clock."""
    digest = hashlib.sha256()
    for path, text in sorted(frozen.items()):
        digest.update(f"{path}\0{hashlib.sha256(text.encode()).hexdigest()}\n".encode())
    digest.update(f"data\0{data_sha256}\nbudget\0{time_budget_s!r}\n".encode())
    return digest.hexdigest()

"""A campaign as its folder and one of its profiles describe it."""

import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from shared.constants import ConstantValueError, UnknownConstantError, override_constants
from shared.sources import SourceError
from shared.wire.base import Name, Sha256

FROZEN_FILES = ("prepare.py", "kernels.py", "program.md")
EDITABLE_FILE = "train.py"
Constant = bool | int | float | str


class CampaignFolderError(ValueError):
    """A file of the folder does not say what it has to; the message names it."""


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
        CampaignFolderError: A file is no TOML, no text or no program, or lacks a constant that the
            profile sets.
        ValidationError: The profile has a field too many, too few or of another form.
    """
    file_name = f"{profile_name}.toml"
    try:
        profile = CampaignProfile.model_validate(tomllib.loads(_text(folder / file_name)))
    except tomllib.TOMLDecodeError as error:
        raise CampaignFolderError(f"correct {file_name}: {error}") from error
    frozen = {path: _text(folder / path) for path in FROZEN_FILES}
    frozen["prepare.py"] = _with_constants(
        "prepare.py", frozen["prepare.py"], {"DATA": profile.data, **profile.prepare}
    )
    baseline = _with_constants(EDITABLE_FILE, _text(folder / EDITABLE_FILE), profile.train)
    return CampaignFolder(profile=profile, frozen=frozen, baseline=baseline)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CampaignFolderError(f"{path.name} is not UTF-8: save it as such") from error


def _with_constants(path: str, source: str, values: Mapping[str, Constant]) -> str:
    try:
        return override_constants(source, values)
    except (UnknownConstantError, ConstantValueError, SourceError) as error:
        sentence = f"correct {path} or what the profile sets in it: {error}"
        raise CampaignFolderError(sentence) from error


def harness_sha256(frozen: dict[str, str], *, data_sha256: str, time_budget_s: float) -> str:
    """Return the identity of a harness: its files, its data and its clock."""
    digest = hashlib.sha256()
    for path, text in sorted(frozen.items()):
        digest.update(f"{path}\0{hashlib.sha256(text.encode()).hexdigest()}\n".encode())
    digest.update(f"data\0{data_sha256}\nbudget\0{time_budget_s!r}\n".encode())
    return digest.hexdigest()

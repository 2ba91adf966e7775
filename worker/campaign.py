"""A campaign as the worker holds it: what the coordinator says of it, and its files.

It is kept on disk, so that a worker that starts while the coordinator is away can go on.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from shared.wire.campaigns import CampaignRead
from worker.client import Client
from worker.errors import CoordinatorUnreachableError, SetupError
from worker.notebook import PROGRAM
from worker.workbench import write_durably

GUIDE = "program.md"


class Campaign(BaseModel):
    """One research question with the text of its files."""

    model_config = ConfigDict(frozen=True)

    read: CampaignRead
    files: Mapping[str, str]

    @property
    def name(self) -> str:
        """Return the campaign's name."""
        return self.read.name

    @property
    def baseline(self) -> str:
        """Return the program that the campaign starts from."""
        return self.files[PROGRAM]

    @property
    def harness_files(self) -> dict[str, str]:
        """Return the frozen part: every file but the program."""
        return {path: text for path, text in self.files.items() if path != PROGRAM}


def choose_campaign(client: Client, name: str | None) -> str:
    """Return the campaign to work on: ``name``, or the only one there is.

    Raises:
        SetupError: there is none, or the choice is the person's.
    """
    if name is not None:
        return name
    names = [campaign.name for campaign in client.campaigns()]
    if len(names) == 1:
        return names[0]
    if not names:
        raise SetupError(f"{client.base_url} has no campaign yet: its operator creates one.")
    raise SetupError(f"Choose a campaign with --campaign: {', '.join(names)}.")


def fetch_campaign(client: Client, name: str) -> Campaign:
    """Return the campaign with its files, each checked against its hash."""
    read = client.campaign(name)
    files = {}
    for file in read.files:
        text = client.campaign_file(name, file.path)
        if hashlib.sha256(text.encode()).hexdigest() != file.sha256:
            raise CoordinatorUnreachableError(f"{file.path} of campaign {name} arrived damaged.")
        files[file.path] = text
    if PROGRAM not in files:
        files[PROGRAM] = client.campaign_file(name, PROGRAM)
    return Campaign(read=read, files=files)


def load_campaign(client: Client, name: str, cache: Path) -> Campaign:
    """Return the campaign, from the coordinator or else as it was last seen.

    Raises:
        CoordinatorUnreachableError: nobody answers, and it was never seen here.
    """
    try:
        campaign = fetch_campaign(client, name)
    except CoordinatorUnreachableError:
        if not cache.exists():
            raise
        return Campaign.model_validate_json(cache.read_bytes())
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_durably(cache, campaign.model_dump_json().encode())
    return campaign

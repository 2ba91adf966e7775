"""Search by meaning."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from shared.states import Outcome
from shared.wire.base import ShortText, WireModel


class SearchKind(StrEnum):
    """What can be found."""

    EXPERIMENT = "experiment"
    IDEA = "idea"
    INSIGHT = "insight"


class SearchQuery(WireModel):
    """Words that need not be the ones that are found; no ``kind`` asks for every kind."""

    q: Annotated[ShortText, Field(min_length=1, pattern=r"\S")]
    kind: SearchKind | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class SearchHit(WireModel):
    """Something said in the campaign; ``similarity`` is the cosine of the two meanings.

    ``status`` is that of the experiment or the idea.
    """

    kind: SearchKind
    id: UUID
    text: str
    agent: str
    similarity: float
    status: str | None
    outcome: Outcome | None
    val_bpb: float | None
    created_at: datetime


class SearchRead(WireModel):
    """What is nearest in meaning, the nearest first."""

    hits: list[SearchHit]

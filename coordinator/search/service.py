"""Finding what was said, whatever its words."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.db import free_connection
from coordinator.errors import SearchBusyError
from coordinator.search.embedder import Embedder
from coordinator.search.repository import find_nearest
from shared.wire.search import SearchKind, SearchQuery, SearchRead

MOST_WAITING = 16  # texts: together a fifth of a second on two threads


async def search(
    session: AsyncSession, embedder: Embedder, campaign_id: UUID, wanted: SearchQuery
) -> SearchRead:
    """Return what is nearest in meaning to the question, the nearest first.

    Raises:
        SearchBusyError: So many texts wait to be embedded that claims would wait behind this one.
    """
    if embedder.waiting >= MOST_WAITING:
        raise SearchBusyError
    await free_connection(session)  # anyone may search: it must not keep others from the database
    vector = await embedder.embed(wanted.q)
    kinds = list(SearchKind) if wanted.kind is None else [wanted.kind]
    hits = [
        hit
        for kind in kinds
        for hit in await find_nearest(session, kind, campaign_id, vector, limit=wanted.limit)
    ]
    hits.sort(key=lambda hit: hit.similarity, reverse=True)
    return SearchRead(hits=hits[: wanted.limit])

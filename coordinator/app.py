"""The service: routers, one error handler, one engine, maintenance in the background."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI

from coordinator.agents.routes import router as agents_router
from coordinator.auth import agent_of_key
from coordinator.bests.routes import router as bests_router
from coordinator.body_limit import BodyLimit
from coordinator.campaigns.routes import router as campaigns_router
from coordinator.campaigns.service import get_campaign
from coordinator.claims.routes import router as claims_router
from coordinator.db import Remembered, make_engine, make_sessions
from coordinator.dedup.cross_encoder import CrossEncoder
from coordinator.embedded import Services
from coordinator.experiments.routes import router as experiments_router
from coordinator.health import router as health_router
from coordinator.ideas.routes import router as ideas_router
from coordinator.insights.routes import router as insights_router
from coordinator.maintenance.loop import run_maintenance
from coordinator.problems import install_problem_handlers
from coordinator.redis import make_redis
from coordinator.results.routes import router as results_router
from coordinator.search.embedder import Embedder
from coordinator.search.routes import router as search_router
from coordinator.settings import CoordinatorSettings


def create_app(settings: CoordinatorSettings, services: Services) -> FastAPI:
    """Return the application; it decides by no state that another replica would lack."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        engine = make_engine(services.database_url)
        app.state.settings = settings
        app.state.sessions = make_sessions(engine)
        app.state.agents = Remembered(agent_of_key)
        app.state.campaigns = Remembered(get_campaign)
        app.state.redis = make_redis(services.redis_url)
        app.state.embedder = Embedder(settings.embedding_model)
        # Now, and not at the first claim: a model that cannot be loaded is the operator's to mend.
        await asyncio.to_thread(app.state.embedder.load)
        app.state.cross_encoder = CrossEncoder()
        await asyncio.to_thread(app.state.cross_encoder.load)
        maintenance = asyncio.create_task(run_maintenance(app.state.sessions))
        try:
            yield
        finally:
            maintenance.cancel()
            with suppress(asyncio.CancelledError):
                await maintenance
            await asyncio.to_thread(app.state.cross_encoder.close)
            await asyncio.to_thread(app.state.embedder.close)
            await app.state.redis.aclose()
            await engine.dispose()

    app = FastAPI(
        title="swarmlab coordinator",
        version="1",
        description="Claims, results and bests of a swarm of autonomous ML researchers.",
        lifespan=lifespan,
    )
    app.add_middleware(BodyLimit)
    install_problem_handlers(app)
    for router in (
        *(health_router, agents_router, campaigns_router, claims_router, results_router),
        *(bests_router, experiments_router, ideas_router, insights_router, search_router),
    ):
        app.include_router(router)
    return app

"""What tests are made of: programs, campaigns, bodies of requests, a served coordinator."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import uvicorn

from coordinator.app import create_app
from coordinator.campaigns.folder import CampaignFolder, CampaignProfile
from coordinator.campaigns.service import create_campaign
from coordinator.db import make_engine, make_sessions
from coordinator.embedded import Services
from coordinator.settings import CoordinatorSettings
from shared.ids import new_id
from shared.sources import source_sha256

CAMPAIGN = "tiny"
PLATFORM = "test-gpu"

BASELINE = """\
import torch

DEPTH = 4
MATRIX_LR = 0.04


def main() -> None:
    print(torch.ones(DEPTH) * MATRIX_LR)


main()
"""


def make_program(*, matrix_lr: float = 0.04, depth: int = 4) -> str:
    return BASELINE.replace("0.04", repr(matrix_lr)).replace("DEPTH = 4", f"DEPTH = {depth}")


def make_settings(**overrides: Any) -> CoordinatorSettings:
    return CoordinatorSettings(_env_file=None, **overrides)


def make_campaign_folder(**overrides: Any) -> CampaignFolder:
    profile = {"name": CAMPAIGN, "title": "Tiny", "time_budget_s": 2, "data": "none", **overrides}
    return CampaignFolder(
        profile=CampaignProfile.model_validate(profile),
        frozen={"prepare.py": "MAX_SEQ_LEN = 8\n", "program.md": "# Program\n"},
        baseline=BASELINE,
    )


def add_campaign(database_url: str, folder: CampaignFolder | None = None) -> None:
    async def add() -> None:
        engine = make_engine(database_url)
        async with make_sessions(engine)() as session, session.begin():
            await create_campaign(session, folder or make_campaign_folder(), data_sha256="0" * 64)
        await engine.dispose()

    asyncio.run(add())


@contextmanager
def serving(services: Services, **settings: Any) -> Iterator[str]:
    """A coordinator on a free port of this process; yields its URL."""
    app = create_app(make_settings(**settings), services)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
        )
        started = threading.Event()
        startup = server.startup

        async def startup_and_tell(sockets: list[socket.socket] | None = None) -> None:
            await startup(sockets=sockets)
            started.set()

        server.startup = startup_and_tell  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            assert started.wait(timeout=120)  # the embedding model loads first
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


def claim_body(**overrides: Any) -> dict[str, Any]:
    return {
        "hypothesis": "Raise MATRIX_LR from 0.04 to 0.05",
        "source": make_program(matrix_lr=0.05),
        **overrides,
    }


def result_body(claim: dict[str, Any] | None = None, **overrides: Any) -> dict[str, Any]:
    """A result, by default of the program that `claim_body` claims."""
    answers = {"experiment_id": claim["experiment_id"], "epoch": claim["epoch"]} if claim else {}
    return {
        **answers,
        "hypothesis": "Raise MATRIX_LR from 0.04 to 0.05",
        "source": make_program(matrix_lr=0.05),
        "metrics": {"val_bpb": 1.5, "num_steps": 10},
        "platform": PLATFORM,
        "started_at": "2026-11-20T12:00:00Z",
        **overrides,
    }


class AgentClient:
    """An agent with its key, talking real HTTP."""

    def __init__(self, url: str, name: str | None = None) -> None:
        self.http = httpx.Client(base_url=url, timeout=30)
        self.name = name or f"agent-{new_id().hex[-12:]}"
        answer = self.http.post(
            "/v1/agents", json={"name": self.name, "hardware": {"platform": PLATFORM}}
        )
        assert answer.status_code == 201, answer.text
        self.agent_id = UUID(answer.json()["agent_id"])
        self.http.headers["Authorization"] = f"Bearer {answer.json()['api_key']}"

    def claim(self, **overrides: Any) -> httpx.Response:
        return self.http.post(f"/v1/campaigns/{CAMPAIGN}/claims", json=claim_body(**overrides))

    def claimed(self, **overrides: Any) -> dict[str, Any]:
        answer = self.claim(**overrides)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def heartbeat(self, claim: dict[str, Any]) -> httpx.Response:
        return self.http.post(
            f"/v1/experiments/{claim['experiment_id']}/heartbeat", json={"epoch": claim["epoch"]}
        )

    def release(self, claim: dict[str, Any]) -> httpx.Response:
        return self.http.delete(
            f"/v1/experiments/{claim['experiment_id']}/claim", params={"epoch": claim["epoch"]}
        )

    def put(self, body: dict[str, Any], result_id: UUID | None = None) -> httpx.Response:
        return self.http.put(f"/v1/campaigns/{CAMPAIGN}/results/{result_id or new_id()}", json=body)

    def run_baseline(self, *, val_bpb: float = 2.0) -> dict[str, Any]:
        claim = self.claimed(hypothesis="Baseline", source=BASELINE)
        answer = self.put(
            result_body(claim, hypothesis="Baseline", source=BASELINE, metrics={"val_bpb": val_bpb})
        )
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def close(self) -> None:
        self.http.close()


BASELINE_SHA256 = source_sha256(BASELINE)

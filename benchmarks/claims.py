"""Claims against a long history: latency, memory, index size and recall at 10 k, 100 k and 1 M.

    python benchmarks/claims.py --histories DIR --sizes 10000,100000 [--json]

Starts a Postgres of its own and one coordinator process, fills the history with experiments made
from the real hypotheses in DIR (`*.tsv` with a `hypothesis` column), and lets clients claim over
HTTP on loopback. Each claim carries new words, so its embedding is computed. Two loads are
reported: `paced`, clients that together claim at a given rate (10,000 volunteers claim 33 a
second), and `closed`, clients that claim again as soon as they are answered.

Hypotheses beyond the real ones are variants of them with other numbers. Up to `--embed` of them
are embedded for real; further ones take the vector of a variant, turned by a small random angle
(cosine 0.97, which is what another number makes of it). Threshold recall is the part of queries
with a neighbour of cosine >= 0.9 for which the history index finds one, overall and in the worst
tenth of the history by age.

Repeats found is measured with labelled pairs that the rule calls the same: one half of each is the
oldest of the history, and the other is asked for. It is the part of the pairs whose claim meets
its like, that one or another that says the same.
"""

import argparse
import asyncio
import csv
import gc
import json
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import psycopg
from pgvector import HalfVector
from pgvector.psycopg import register_vector
from sqlalchemy import make_url

from coordinator.campaigns.folder import CampaignFolder, read_campaign_folder
from coordinator.campaigns.service import create_campaign
from coordinator.db import make_engine, make_sessions
from coordinator.dedup.description import EMBEDDED_CHARACTERS, Description, Embedding
from coordinator.dedup.keys import parameters_key, values_key
from coordinator.dedup.readings import reading_from_json, reading_to_json, reading_version
from coordinator.dedup.repository import find_nearest, find_neighbours
from coordinator.dedup.tables import read_table
from coordinator.embedded import running_services
from coordinator.laptop.processes import running
from coordinator.schema import migrate
from coordinator.search.embedder import Embedder
from coordinator.settings import CoordinatorSettings
from shared.ids import new_id
from shared.words import decide, parse_hypothesis

CAMPAIGN = "claims-benchmark"
NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
VARIANT_COSINE = 0.97
RECALL_QUERIES = 500
SLAB = 20_000  # rows that are read by all cores before they are written


def real_hypotheses(folder: Path) -> list[str]:
    csv.field_size_limit(10_000_000)
    texts = set()
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                text = (row.get("hypothesis") or "").strip()[:2000]
                if text:
                    texts.add(text)
    if not texts:
        raise SystemExit(f"no *.tsv with a hypothesis column in {folder}: give --histories DIR")
    return sorted(texts)


def variant(text: str, rng: random.Random) -> str:
    """The same words with every number scaled by its own factor."""
    return NUMBER.sub(lambda match: f"{float(match[0]) * rng.uniform(0.3, 3.0):.4g}", text)


def described(text: str) -> tuple[str, tuple[str, str], str]:
    """The text, the keys that find it and what was read of it."""
    parsed = parse_hypothesis(text)
    return text, (parameters_key(parsed), values_key(parsed)), reading_to_json(parsed)


def embedded(texts: Sequence[str]) -> np.ndarray:
    return Embedder().embed_many([text[:EMBEDDED_CHARACTERS] for text in texts])


def turned(vector: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    noise = rng.standard_normal(vector.shape).astype(np.float32)
    noise -= noise @ vector * vector
    noise /= np.linalg.norm(noise)
    return VARIANT_COSINE * vector + float(np.sqrt(1 - VARIANT_COSINE**2)) * noise


def say(message: str) -> None:
    print(f"[{time.strftime('%H:%M:%S')}] {message}", file=sys.stderr, flush=True)


def repeats(folder: Path) -> list[tuple[str, str]]:
    """The labelled pairs that the rule calls the same."""
    pairs = []
    for path in sorted(folder.glob("dedup_pairs*.tsv")):
        for row in read_table(path):
            a, b = row["a"], row["b"]
            if row["label"] == "dup" and decide(*map(parse_hypothesis, (b, a))).is_duplicate:
                pairs.append((a, b))
    return pairs


class History:
    """Fills the tables by COPY, and knows what it put there."""

    def __init__(
        self, database_url: str, texts: list[str], embed: int, pairs: list[tuple[str, str]]
    ) -> None:
        self.database_url = database_url
        url = make_url(database_url).set(drivername="postgresql").render_as_string(False)
        self.connection = psycopg.connect(url, autocommit=True)
        register_vector(self.connection)
        self.rng, self.numpy_rng = random.Random(1), np.random.default_rng(1)
        say(f"embedding {embed} variants of {len(texts)} hypotheses")
        self.texts = [*texts, *(variant(self.rng.choice(texts), self.rng) for _ in range(embed))]
        self.vectors = embedded(self.texts)
        say(f"embedding {len(pairs)} labelled repeats")
        firsts, self.seconds = [a for a, _ in pairs], [b for _, b in pairs]
        self.firsts = list(zip(firsts, embedded(firsts), strict=True))
        self.second_vectors = embedded(self.seconds)
        self.rows = 0
        row = self.connection.execute(
            "SELECT id, baseline_sha256 FROM campaigns WHERE name = %s", [CAMPAIGN]
        ).fetchone()
        assert row is not None
        self.campaign_id, self.program = row
        self.agent_id = new_id()
        self.connection.execute(
            "INSERT INTO agents (id, name, api_key_sha256, hardware) VALUES (%s, %s, %s, '{}')",
            [self.agent_id, f"history-{self.agent_id.hex[-8:]}", self.agent_id.bytes],
        )

    def grow_to(self, size: int) -> None:
        say(f"filling the history to {size:,} experiments")
        self.connection.execute("DROP INDEX ix_experiments_embedding")
        columns = (
            "id, campaign_id, agent_id, hypothesis, source_sha256, platform, status, epoch,"
            " completed_at, changed_names, parameters_key, values_key, embedding, reading,"
            " reading_version"
        )
        with (
            ProcessPoolExecutor() as pool,
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY experiments ({columns}) FROM STDIN") as copy,
        ):
            while self.rows < size:
                drawn = [self._draw(self.rows + n) for n in range(min(SLAB, size - self.rows))]
                read = pool.map(described, [text for text, _ in drawn], chunksize=500)
                for (_, vector), (text, keys, reading) in zip(drawn, read, strict=True):
                    copy.write_row(self._row(text, vector, keys, reading))
                self.rows += len(drawn)
        self._add_results()
        started = time.monotonic()
        self.connection.execute("SET maintenance_work_mem = '3GB'")
        self.connection.execute(
            "CREATE INDEX ix_experiments_embedding ON experiments"
            " USING hnsw (embedding halfvec_cosine_ops)"
        )
        # What a history that grew by itself has behind it, and one that was filled still before it.
        self.connection.execute("VACUUM (ANALYZE) experiments, results")
        self.connection.execute("CHECKPOINT")
        say(f"index built in {time.monotonic() - started:.0f} s")

    def _add_results(self) -> None:
        """A result for each experiment, one in ten kept: without one, it would block nothing."""
        self.connection.execute(
            "INSERT INTO results (id, campaign_id, experiment_id, agent_id, body_sha256, outcome,"
            " val_bpb, metrics, platform, tier, log_tail, is_late, is_best, started_at)"
            " SELECT gen_random_uuid(), campaign_id, id, agent_id, '',"
            " CASE WHEN random() < 0.1 THEN 'keep' ELSE 'discard' END, 1, '{}', platform, 'cpu',"
            " '', false, false, now()"
            " FROM experiments WHERE status = 'done'"
            " AND id NOT IN (SELECT experiment_id FROM results)"
        )

    def _draw(self, place: int) -> tuple[str, np.ndarray]:
        if place < len(self.firsts):
            return self.firsts[place]
        number = self.rng.randrange(len(self.texts))
        text, vector = self.texts[number], self.vectors[number]
        if place < len(self.texts):
            return text, vector
        return variant(text, self.rng), turned(vector, self.numpy_rng)

    def _row(
        self, text: str, vector: np.ndarray, keys: tuple[str, str], reading: str
    ) -> Sequence[Any]:
        return (
            *(new_id(), self.campaign_id, self.agent_id, text, self.program, "benchmark"),
            *("done", 0, "2026-01-01T00:00:00Z", []),
            *(*keys, HalfVector(vector), reading, reading_version()),
        )

    def index_mb(self) -> dict[str, float]:
        rows = self.connection.execute(
            "SELECT indexrelname, pg_relation_size(indexrelid) / 1e6 FROM pg_stat_user_indexes"
            " WHERE relname = 'experiments'"
        )
        return {name: round(float(size), 1) for name, size in rows}

    def recall(self) -> dict[str, float]:
        """Whether the index finds a neighbour at 0.9 where an exact scan finds one."""
        self.connection.execute("SET hnsw.iterative_scan = strict_order")
        self.connection.execute("SET hnsw.ef_search = 300")
        found: list[tuple[bytes, bool]] = []
        for _ in range(RECALL_QUERIES):
            number = self.rng.randrange(len(self.texts))
            vector = HalfVector(turned(self.vectors[number], self.numpy_rng))
            self.connection.execute("SET enable_indexscan = off")
            exact = self._nearest(vector)
            self.connection.execute("SET enable_indexscan = on")
            if exact is not None and exact[1] >= 0.9:
                approximate = self._nearest(vector)
                found.append((exact[0], approximate is not None and approximate[1] >= 0.9))
        found.sort()
        tenths = [part for part in np.array_split([hit for _, hit in found], 10) if len(part)]
        return {
            "queries": len(found),
            "overall": round(float(np.mean([hit for _, hit in found])), 4),
            "worst_decile": round(min(float(part.mean()) for part in tenths), 4),
        }

    def repeats_found(self) -> dict[str, float]:
        """The part of the labelled repeats that meet what the words call the same."""

        async def find() -> list[bool]:
            engine = make_engine(self.database_url)
            found = []
            async with make_sessions(engine)() as session:
                for text, vector in zip(self.seconds, self.second_vectors, strict=True):
                    asked = Description(
                        parsed=parse_hypothesis(text), change=None, embedding=Embedding(vector)
                    )
                    nearest = await find_nearest(session, self.campaign_id, asked)
                    rows = await find_neighbours(
                        session, self.campaign_id, asked, nearest=nearest, dedup_key=None
                    )
                    met = (reading_from_json(row.reading) for row in rows)
                    found.append(any(decide(asked.parsed, each).is_duplicate for each in met))
            await engine.dispose()
            return found

        found = asyncio.run(find())
        return {"pairs": len(found), "found": round(float(np.mean(found)), 4)}

    def _nearest(self, vector: HalfVector) -> tuple[bytes, float] | None:
        row = self.connection.execute(
            "SELECT id, 1 - (embedding <=> %s) FROM experiments"
            " WHERE campaign_id = %s ORDER BY embedding <=> %s LIMIT 1",
            [vector, self.campaign_id, vector],
        ).fetchone()
        return None if row is None else (row[0].bytes, float(row[1]))


class Client:
    """One connection and the least of HTTP that a claim needs.

    A client library takes 3 ms of a core for a request, which would count as the coordinator's
    where both run on the same four cores.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = "Host: coordinator\r\nContent-Type: application/json\r\n"

    @classmethod
    async def registered(cls, port: int) -> "Client":
        """A connection whose requests carry the key of a new agent."""
        client = cls(*await asyncio.open_connection("127.0.0.1", port))
        _, agent = await client.post("/v1/agents", {"name": f"client-{new_id().hex[-12:]}"})
        client._headers += f"Authorization: Bearer {agent['api_key']}\r\n"
        return client

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The status and the body of the answer."""
        content = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._headers}Content-Length: {len(content)}\r\n\r\n"
        self._writer.write(head.encode() + content)
        answer = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length: ")[2].partition("\r\n")[0])
        return int(answer.split()[1]), json.loads(await self._reader.readexactly(length))

    def close(self) -> None:
        """Ends the connection."""
        self._writer.close()


async def claim_at_once(
    port: int, texts: Iterator[str], *, clients: int, claims: int, rate: float | None
) -> dict[str, Any]:
    """Latencies of ``claims`` claims by ``clients`` clients, ``rate`` a second or unpaced."""
    latencies: list[float] = []
    statuses: dict[int, int] = {}
    all_registered = asyncio.Barrier(clients)
    started = 0.0

    async def work(number: int) -> None:
        nonlocal started
        client = await Client.registered(port)
        await all_registered.wait()
        started = started or time.monotonic()
        for turn in range(claims // clients):
            if rate is not None:
                due = started + (turn * clients + number + random.random()) / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            wanted = {"hypothesis": next(texts)}
            begun = time.monotonic()
            status, _ = await client.post(f"/v1/campaigns/{CAMPAIGN}/claims", wanted)
            latencies.append((time.monotonic() - begun) * 1e3)
            statuses[status] = statuses.get(status, 0) + 1
        client.close()

    await asyncio.gather(*(work(number) for number in range(clients)))
    seconds = time.monotonic() - started
    p50, p99 = np.percentile(latencies, [50, 99])
    return {
        "claims": len(latencies),
        "claims_per_s": round(len(latencies) / seconds, 1),
        "p50_ms": round(float(p50), 1),
        "p99_ms": round(float(p99), 1),
        "statuses": statuses,
    }


def new_words(texts: list[str], seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    while True:
        yield variant(rng.choice(texts), rng)


def add_campaign(database_url: str, folder: CampaignFolder) -> None:
    async def add() -> None:
        engine = make_engine(database_url)
        async with make_sessions(engine)() as session, session.begin():
            await create_campaign(session, folder, data_sha256="0" * 64)
        await engine.dispose()

    asyncio.run(add())


def memory_mb(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=Path, default=Path("../shared/data/histories"))
    parser.add_argument("--pairs", type=Path, default=Path("tests/data"))
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--claims", type=int, default=800)
    parser.add_argument("--rate", type=float, default=33.0)
    parser.add_argument("--embed", type=int, default=8000)
    parser.add_argument("--port", type=int, default=8077)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    texts = real_hypotheses(arguments.histories)
    folder = read_campaign_folder(Path("campaigns/nanochat"), "cpu-demo")
    profile = folder.profile.model_copy(update={"name": CAMPAIGN})
    folder = folder.model_copy(update={"profile": profile})
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="swarmlab-bench-") as scratch:
        home = Path(scratch)
        home.chmod(0o755)
        settings = CoordinatorSettings(_env_file=None, DATABASE_URL=None, REDIS_URL=None, home=home)
        with running_services(settings) as services:
            migrate(services.database_url)
            add_campaign(services.database_url, folder)
            pairs = repeats(arguments.pairs)
            history = History(services.database_url, texts, arguments.embed, pairs)
            for step, size in enumerate(int(each) for each in arguments.sizes.split(",")):
                history.grow_to(size)
                with running(
                    "coordinator",
                    ["coordinator", "--port", str(arguments.port)],
                    environment=settings.child_environment(
                        database_url=services.database_url, redis_url=services.redis_url
                    ),
                    log_folder=home,
                ) as child:
                    report[str(size)] = measure(child.process.pid, history, texts, arguments, step)
    if arguments.json:
        print(json.dumps(report))
    else:
        for size, figures in report.items():
            print(f"{int(size):,} experiments: {json.dumps(figures, indent=2)}")


def measure(
    pid: int, history: History, texts: list[str], arguments: Any, step: int
) -> dict[str, Any]:
    port = arguments.port
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        deadline = time.monotonic() + 60
        while True:
            try:
                if client.get("/readyz").is_success:
                    break
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)
    load = {"clients": arguments.clients, "claims": arguments.claims}
    words = new_words(texts, seed=100 + step)
    gc.collect()
    gc.freeze()  # what the history holds is nothing to look through while latencies are taken
    asyncio.run(
        claim_at_once(port, words, clients=arguments.clients, claims=160, rate=None)
    )  # warm up
    say(f"{history.rows:,}: paced at {arguments.rate:g} claims/s")
    paced = asyncio.run(claim_at_once(port, words, **load, rate=arguments.rate))
    say(f"{history.rows:,}: closed loop")
    closed = asyncio.run(claim_at_once(port, words, **load, rate=None))
    coordinator = psutil.Process(pid)
    say(f"{history.rows:,}: recall")
    return {
        "paced": paced,
        "closed": closed,
        "coordinator_mb": memory_mb(coordinator),
        "index_mb": history.index_mb(),
        "threshold_recall": history.recall(),
        "repeats_found": history.repeats_found(),
    }


if __name__ == "__main__":
    main()

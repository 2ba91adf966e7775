"""Services die at the worst instant: nothing acknowledged is lost, nothing failed is a success."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil
import psycopg
import pytest
from structlog.testing import capture_logs

from coordinator.embedded import Services, _give_memory
from coordinator.laptop.processes import Child, running
from coordinator.laptop.swarm import _wait_until_ready
from tests.conftest import connected, run_sql
from tests.factories import (
    CAMPAIGN,
    AgentClient,
    add_campaign,
    claim_body,
    make_settings,
    result_body,
    serving,
)
from tests.integration.test_lease_races import until_done_or_blocked


@contextmanager
def coordinator_process(services, database_url, port, folder):
    environment = make_settings(home=folder).child_environment(
        database_url=database_url, redis_url=services.redis_url
    )
    with (
        running(
            "coordinator",
            ["coordinator", "--port", str(port)],
            environment=environment,
            log_folder=folder,
        ) as child,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        from threading import Event

        _wait_until_ready(client, child, Event())
        yield child


def kill(child: Child) -> None:
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()


def test_an_acknowledged_result_survives_a_sigkill_of_the_coordinator(
    services, database_url, tmp_path, free_port
):
    add_campaign(database_url)
    with coordinator_process(services, database_url, free_port, tmp_path) as child:
        agent = AgentClient(f"http://127.0.0.1:{free_port}")
        claim = agent.claimed()
        acknowledged = agent.put(result_body(claim))
        assert acknowledged.status_code == 201
        kill(child)
    with coordinator_process(services, database_url, free_port, tmp_path):
        experiment = agent.http.get(f"/v1/experiments/{claim['experiment_id']}").json()
        source = agent.http.get(f"/v1/experiments/{claim['experiment_id']}/source").text
        agent.close()
    assert (experiment["status"], experiment["metrics"]["val_bpb"]) == ("done", 1.5)
    assert source == claim_body()["source"]


def test_an_acknowledged_result_survives_a_crash_of_postgres_itself(services, tmp_path):
    """The durability is the disk's: Postgres is killed with -9, not stopped."""
    tmp_path.chmod(0o755)
    script = """
import asyncio, os, signal, sys
from pathlib import Path
from coordinator.embedded import running_services
from coordinator.schema import migrate
from tests.factories import AgentClient, add_campaign, make_settings, result_body, serving
settings = make_settings(DATABASE_URL=None, REDIS_URL=sys.argv[3], home=Path(sys.argv[1]))
with running_services(settings) as services:
    migrate(services.database_url)
    if sys.argv[2] == "write":
        add_campaign(services.database_url)
    with serving(services) as url:
        agent = AgentClient(url)
        if sys.argv[2] == "write":
            assert agent.put(result_body()).status_code == 201
            postmaster = int((Path(sys.argv[1]) / "postgres/postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
            os._exit(9)
        print(len(agent.http.get("/v1/campaigns/tiny/experiments").json()["items"]))
"""
    command = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)]
    written = subprocess.run(
        [*command, "write", services.redis_url], check=False, capture_output=True, text=True
    )
    assert written.returncode == 9, written.stderr
    read = subprocess.run(
        [*command, "read", services.redis_url], check=False, capture_output=True, text=True
    )
    assert read.stdout.strip() == "1", read.stderr
    # The one that was killed is still on the list of those who use it: that keeps nothing alive.
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_failed_commit_is_a_server_error_and_stores_nothing(agent, database_url):
    """A deferred trigger fails at COMMIT, after every statement of the request succeeded."""
    run_sql(
        database_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$",
    )
    run_sql(
        database_url,
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON results"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    answer = agent.put(result_body())
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("#internal-error")
    run_sql(database_url, "DROP TRIGGER refuse ON results")
    assert agent.http.get(f"/v1/campaigns/{CAMPAIGN}/experiments").json()["items"] == []


@pytest.mark.parametrize(
    ("code", "status", "slug"),
    [
        pytest.param("54000", 422, "unstorable", id="program_limit_exceeded"),
        pytest.param("22003", 422, "unstorable", id="numeric_value_out_of_range"),
        pytest.param("53100", 503, "storage-unavailable", id="disk_full"),
    ],
)
def test_what_postgres_will_never_hold_is_told_from_what_it_cannot_take_now(
    agent, database_url, code, status, slug
):
    run_sql(
        database_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$",
    )
    run_sql(
        database_url,
        "CREATE TRIGGER refuse BEFORE INSERT ON results FOR EACH ROW EXECUTE FUNCTION refuse()",
    )
    with capture_logs() as logged:
        answer = agent.put(result_body())
    assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (status, slug)
    assert [each["event"] for each in logged].count("request_failed") == 1
    assert agent.http.get(f"/v1/campaigns/{CAMPAIGN}/experiments").json()["items"] == []


def test_what_nobody_foresaw_is_answered_and_logged_once(coordinator_url, monkeypatch, caplog):
    async def fail(_redis):
        raise ZeroDivisionError

    monkeypatch.setattr("coordinator.agents.routes.list_present", fail)
    with capture_logs() as logged:
        answer = httpx.get(f"{coordinator_url}/v1/agents/online")
        # Served by the same loop, so after whatever was still to be logged.
        assert httpx.get(f"{coordinator_url}/healthz").status_code == 200
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith("#internal-error")
    [failure] = [each for each in logged if each["event"] == "request_failed"]
    assert (failure["method"], failure["path"]) == ("GET", "/v1/agents/online")
    assert isinstance(failure["exc_info"], ZeroDivisionError)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_with_redis_gone_everything_is_still_served(database_url):
    add_campaign(database_url)
    nowhere = Services(database_url=database_url, redis_url="redis://127.0.0.1:1/0")
    with serving(nowhere) as url:
        agent = AgentClient(url)
        claim = agent.claimed()
        assert agent.heartbeat(claim).status_code == 200
        assert agent.put(result_body(claim)).status_code == 201
        ready = agent.http.get("/readyz")
        agent.close()
    assert (ready.status_code, ready.json()["redis"]) == (200, "unavailable")


def test_with_postgres_gone_the_coordinator_says_so_and_lives(services):
    nowhere = Services(
        database_url="postgresql://nobody@127.0.0.1:1/none", redis_url=services.redis_url
    )
    with serving(nowhere) as url:
        alive, ready = httpx.get(f"{url}/healthz"), httpx.get(f"{url}/readyz", timeout=30)
        write = httpx.post(f"{url}/v1/agents", json={"name": "ada"}, timeout=30)
    assert alive.status_code == 200
    for answer in (ready, write):
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("#storage-unavailable")


def test_a_postgres_that_falls_silent_costs_a_request_and_not_the_coordinator(
    agent, database_url, monkeypatch
):
    """It stops, as under a machine that is out of memory: then it keeps no timeout of its own."""
    monkeypatch.setattr("coordinator.db.SILENCE_S", 2.0)
    claim = agent.claimed()
    with connected(database_url, autocommit=False) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("SELECT id FROM experiments FOR UPDATE")
        result = pool.submit(agent.put, result_body(claim))
        until_done_or_blocked(result, database_url)
        # The one that serves the request. It waits for a row: what all need, it does not hold.
        [(serving_pid,)] = holder.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        os.kill(serving_pid, signal.SIGSTOP)
        try:
            assert result.result().status_code == 503
            assert result.result().json()["type"].endswith("#storage-unavailable")
            assert agent.http.get(f"/v1/experiments/{claim['experiment_id']}").status_code == 200
        finally:
            os.kill(serving_pid, signal.SIGCONT)
    assert agent.put(result_body(claim)).status_code == 201


def test_a_second_process_is_refused_the_same_home(services, tmp_path):
    from coordinator.embedded import HomeInUseError, running_services

    tmp_path.chmod(0o755)
    settings = make_settings(DATABASE_URL=None, REDIS_URL=services.redis_url, home=tmp_path)
    with (
        running_services(settings),
        pytest.raises(HomeInUseError, match="SWARMLAB_HOME"),
        running_services(settings),
    ):
        pass


def test_the_models_and_the_migrations_describe_the_same_tables(database_url):
    from alembic import command

    from coordinator.schema import alembic_config

    command.check(alembic_config(database_url))


def test_migrations_can_be_taken_back_and_made_again(database_url):
    from alembic import command

    from coordinator.schema import alembic_config

    command.downgrade(alembic_config(database_url), "base")
    command.upgrade(alembic_config(database_url), "head")


def test_replicas_that_start_together_migrate_once(services):
    from concurrent.futures import ThreadPoolExecutor

    from coordinator.schema import migrate
    from tests.conftest import database_url_of

    run_sql(services.database_url, "CREATE DATABASE fresh")
    url = database_url_of(services, "fresh")
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        "import sys; from coordinator.schema import migrate; migrate(sys.argv[1])",
        url,
    ]
    with ThreadPoolExecutor(4) as pool:
        finished = list(
            pool.map(
                lambda _: subprocess.run(command, check=False, capture_output=True, text=True),
                range(4),
            )
        )
    assert [each.returncode for each in finished] == [0] * 4, finished
    migrate(url)
    run_sql(services.database_url, "DROP DATABASE fresh WITH (FORCE)")


def test_the_embedded_postgres_holds_more_than_its_default(database_url):
    with psycopg.connect(database_url) as connection:
        [row] = connection.execute(
            "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
        )
    quarter = psutil.virtual_memory().total // 4
    assert row[0] == min(2**30, quarter // 2**20 * 2**20)


def test_what_an_operator_gives_the_embedded_postgres_stays(tmp_path):
    configuration = tmp_path / "postgresql.conf"
    configuration.write_text("shared_buffers = 128MB\n")
    _give_memory(configuration)
    given = configuration.read_text()
    assert given.splitlines()[-1].startswith("shared_buffers = ")
    changed = given.replace(given.splitlines()[-1], "shared_buffers = 4GB  # by swarmlab")
    configuration.write_text(changed)
    _give_memory(configuration)
    assert configuration.read_text() == changed

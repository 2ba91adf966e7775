"""The history: filters that combine, pages that lose nothing, diffs, lineages, children."""

import asyncio
import subprocess
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import event, text

from coordinator.db import make_engine, make_sessions
from coordinator.embedded import Services
from coordinator.experiments import cursor as experiments_cursor
from coordinator.experiments.repository import list_history
from shared.ids import new_id
from shared.sources import source_sha256
from shared.wire.experiments import HistoryQuery
from tests.conftest import database_url_of, query, run_sql
from tests.factories import (
    BASELINE,
    BASELINE_SHA256,
    CAMPAIGN,
    PLATFORM,
    AgentClient,
    add_campaign,
    make_campaign_folder,
    make_program,
    result_body,
    serving,
)

HISTORY = f"/v1/campaigns/{CAMPAIGN}/experiments"
AHEAD = datetime(2100, 1, 1, tzinfo=UTC)


def publish(agent: AgentClient, hypothesis: str, **body: Any) -> str:
    """Hand a result in and return the id of its experiment."""
    answer = agent.put(result_body(hypothesis=hypothesis, **body))
    assert answer.status_code == 201, answer.text
    experiment_id: str = answer.json()["experiment_id"]
    return experiment_id


def names(agent: AgentClient, query: str) -> list[str]:
    """The first word of each hypothesis that a query finds, the newest first."""
    answer = agent.http.get(f"{HISTORY}?{query}")
    assert answer.status_code == 200, answer.text
    return [each["hypothesis"].split()[0] for each in answer.json()["items"]]


def fill_library(agent: AgentClient, other: AgentClient) -> None:
    """Make a history in which each experiment differs from the others in many ways."""
    publish(agent, "baseline", source=BASELINE, metrics={"val_bpb": 2.0, "depth": 4})
    publish(
        agent,
        "better with MATRIX_LR at 0.05 and no warm-up",
        rationale="The loss/step curve is steep. Block.forward is untouched",
        base=BASELINE_SHA256,
        source=make_program(matrix_lr=0.05),
        metrics={"val_bpb": 1.5, "depth": 4, "num_steps": 900},
        started_at="2026-11-19T12:00:00Z",
    )
    publish(
        other,
        "worse by a deeper model",
        base=BASELINE_SHA256,
        source=make_program(matrix_lr=0.06, depth=9),
        metrics={"val_bpb": 2.5, "depth": 9},
        tier="xl",
        started_at="2026-11-18T12:00:00Z",
    )
    publish(
        other,
        "crash of a very deep model",
        base=BASELINE_SHA256,
        source=make_program(depth=99),
        metrics=None,
        crash_reason="oom",
        platform="other-gpu",
        started_at="2026-11-17T12:00:00Z",
    )
    agent.claimed(hypothesis="claim of something else", source=make_program(depth=5))


@pytest.fixture(scope="module")
def library(services, template_database):
    """One history for the whole table, which only reads."""
    name = f"library_{new_id().hex}"
    run_sql(services.database_url, f"CREATE DATABASE {name} TEMPLATE {template_database}")
    url = database_url_of(services, name)
    add_campaign(url)
    with serving(Services(database_url=url, redis_url=services.redis_url)) as base_url:
        agent, other = AgentClient(base_url), AgentClient(base_url, "other-agent")
        fill_library(agent, other)
        yield agent
        agent.close()
        other.close()
    run_sql(services.database_url, f"DROP DATABASE {name} WITH (FORCE)")


ALL = ["claim", "crash", "worse", "better", "baseline"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ALL),
        ("status=claimed", ["claim"]),
        ("status=done", ALL[1:]),
        ("outcome=keep", ["better", "baseline"]),
        ("outcome=discard", ["worse"]),
        ("outcome=crash", ["crash"]),
        ("crash_reason=oom", ["crash"]),
        ("crash_reason=nan", []),
        ("agent=other-agent", ["crash", "worse"]),
        ("agent=nobody", []),
        ("platform=other-gpu", ["crash"]),
        (f"platform={PLATFORM}", ["claim", "worse", "better", "baseline"]),
        ("tier=xl", ["worse"]),
        ("tier=cpu", ["crash", "better", "baseline"]),
        ("since=2026-11-19T12:00:00Z", ["claim", "better", "baseline"]),
        ("until=2026-11-19T12:00:00Z", ["crash", "worse"]),
        ("since=2026-11-18T00:00:00Z&until=2026-11-19T00:00:00Z", ["worse"]),
        ("since=2026-11-18T13:00:00%2B01:00&until=2026-11-18T12:00:01Z", ["worse"]),
        ("min=val_bpb:2", ["worse", "baseline"]),
        ("max=val_bpb:2", ["better", "baseline"]),
        ("max=val_bpb:2&min=val_bpb:1.6", ["baseline"]),
        ("min=depth:5", ["worse"]),
        ("max=depth:4&min=num_steps:9e2", ["better"]),
        ("max=val_bpb:2.5&max=depth:4", ["better", "baseline"]),
        ("min=mfu_percent:0", []),
        ("changed=MATRIX_LR", ["worse", "better"]),
        ("changed=DEPTH", ["crash", "worse"]),
        ("changed=DEPTH&changed=MATRIX_LR", ["worse"]),
        ("changed=depth", []),
        ("text=Matrix_lr", ["better"]),
        ("text=lr+matrix", ["better"]),
        ("text=0.05", ["better"]),
        ("text=WARM+no", ["better"]),
        ("text=deep+MODEL", ["crash"]),
        ("text=steep", ["better"]),
        ("text=step", ["better"]),
        ("text=forward", ["better"]),
        ("text=war", []),
        ("text=%25", []),
        ("text=%27+OR+1%3D1", []),
        ("outcome=discard&changed=DEPTH&text=model&tier=xl&min=depth:9", ["worse"]),
        ("outcome=keep&changed=DEPTH", []),
    ],
)
def test_a_filter_finds_exactly_what_it_says(library, query, found):
    assert names(library, query) == found


def test_a_clock_that_runs_ahead_makes_no_experiment_newer_than_now(agent, database_url):
    first, last = "2000-01-01T00:00:00Z", "9998-12-31T23:59:59Z"
    publish(agent, "early", started_at=first, finished_at=last)
    publish(agent, "ahead", source=make_program(depth=9), started_at=last, finished_at=last)
    early, ahead = query(database_url, "SELECT created_at FROM experiments ORDER BY id")
    [(now,)] = query(database_url, "SELECT now()")
    assert early == (datetime.fromisoformat(first),)
    assert ahead[0] <= now
    assert names(agent, "since=9000-01-01T00:00:00Z") == []
    assert names(agent, f"since={first}&until={last}") == ["ahead", "early"]


def test_pages_show_everything_once_while_the_history_grows(agent):
    for number in range(7):
        publish(agent, f"{number}", source=make_program(depth=number + 10))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = agent.http.get(HISTORY, params={"limit": 3, "outcome": "keep", **more}).json()
        seen += [each["hypothesis"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        publish(agent, "new", source=make_program(depth=100 + len(seen)), metrics={"val_bpb": 9.0})
    # The first is kept because there was none before, the others only equal it.
    assert seen == ["0"]
    assert names(agent, "limit=500&outcome=discard")[-6:] == ["6", "5", "4", "3", "2", "1"]


def test_who_follows_the_history_misses_no_late_work(agent, database_url):
    publish(agent, "known")
    [(asked,)] = query(database_url, "SELECT now()")
    new, old = "2026-11-20T12:00:00Z", "2020-01-01T00:00:00Z"
    publish(agent, "solo", source=make_program(depth=9), started_at=old, finished_at=new)
    agent.claimed(source=make_program(depth=10), hypothesis="running")
    moment = asked.isoformat().replace("+", "%2B")
    assert names(agent, f"completed_since={moment}") == ["solo"]
    assert names(agent, f"since={moment}") == ["running"]


@pytest.mark.parametrize(("longest", "sizes"), [(2**21, [5]), (10, [2, 2, 1])])
def test_a_page_of_long_texts_ends_before_its_limit(agent, monkeypatch, longest, sizes):
    monkeypatch.setattr(experiments_cursor, "MAX_CHARACTERS", longest)
    monkeypatch.setattr(experiments_cursor, "MAX_ROWS", 2)
    for number in range(5):
        publish(agent, f"{number}", rationale="long " * 2, source=make_program(depth=number + 10))
    pages: list[dict[str, Any]] = []
    while not pages or pages[-1]["next_cursor"]:
        more = {"cursor": pages[-1]["next_cursor"]} if pages else {}
        pages.append(agent.http.get(HISTORY, params={"limit": 500, **more}).json())
    assert [len(page["items"]) for page in pages] == sizes
    assert [each["hypothesis"] for page in pages for each in page["items"]] == list("43210")


def test_a_page_ends_where_the_next_begins(agent):
    for number in range(5):
        publish(agent, f"{number}", source=make_program(depth=number + 10))
    first = agent.http.get(HISTORY, params={"limit": 2}).json()
    publish(agent, "new", source=make_program(depth=100))
    rest = agent.http.get(HISTORY, params={"cursor": first["next_cursor"]}).json()
    assert [each["hypothesis"] for each in first["items"] + rest["items"]] == list("43210")
    assert rest["next_cursor"] is None
    whole = agent.http.get(HISTORY, params={"limit": 6}).json()
    assert whole["next_cursor"] is None


def test_an_experiment_tells_what_it_changed(agent):
    agent.run_baseline()
    experiment_id = publish(
        agent,
        "Deeper, and print twice",
        base=BASELINE_SHA256,
        source=make_program(depth=9).replace("\n\nmain()\n", "\n\nmain()\nmain()\n")
        + "\n\ndef extra() -> None:\n    pass\n",
    )
    read = agent.http.get(f"/v1/experiments/{experiment_id}").json()
    assert read["changes"] == {
        "constants": [{"name": "DEPTH", "old": "4", "new": "9"}],
        "definitions": [{"name": "extra", "kind": "added"}],
        "statements_added": 1,
        "statements_removed": 0,
    }


def test_an_experiment_by_itself_tells_when_it_ran_and_how_its_log_ended(agent):
    times = {"started_at": "2026-11-20T12:00:00Z", "finished_at": "2026-11-20T12:05:00Z"}
    crashed = publish(
        agent, "a", metrics=None, crash_reason="error", log_tail="boom\nno such file", **times
    )
    claimed = agent.claimed(source=make_program(depth=9), hypothesis="b")["experiment_id"]
    read = agent.http.get(f"/v1/experiments/{crashed}").json()
    assert read["log_tail"] == "boom\nno such file"
    assert {name: datetime.fromisoformat(read[name]) for name in times} == {
        name: datetime.fromisoformat(time) for name, time in times.items()
    }
    waiting = agent.http.get(f"/v1/experiments/{claimed}").json()
    assert {waiting[name] for name in ("log_tail", *times)} == {None}
    for one, listed in zip((waiting, read), agent.http.get(HISTORY).json()["items"], strict=True):
        assert listed == {name: one[name] for name in one.keys() - {"log_tail", *times}}


def test_an_experiment_on_no_base_tells_no_changes(agent):
    baseline = agent.run_baseline()["experiment_id"]
    read = agent.http.get(f"/v1/experiments/{baseline}").json()
    assert (read["changes"], read["retest_of"]) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (HistoryQuery(text="zebra"), "ix_experiments_words"),
        (HistoryQuery(changed=["RARE"]), "ix_experiments_changed_names"),
        (HistoryQuery(agent="second-agent"), "ix_experiments_agent_id"),
        (HistoryQuery(completed_since=AHEAD), "ix_experiments_campaign_id_completed_at"),
        (HistoryQuery(), "ix_experiments_campaign_id_id"),
        (HistoryQuery(status="done"), "ix_experiments_campaign_id_id"),
    ],
    ids=["text", "changed", "agent", "completed", "newest", "status"],
)
def test_a_filter_goes_through_its_index(agent, coordinator_url, database_url, wanted, index):
    agent.run_baseline()
    AgentClient(coordinator_url, "second-agent").close()
    run_sql(
        database_url,
        """
        INSERT INTO experiments (id, campaign_id, agent_id, hypothesis, platform, status, epoch,
                                 source_sha256, completed_at, changed_names)
        SELECT gen_random_uuid(), campaign_id,
               (SELECT id FROM agents ORDER BY id OFFSET (n % 100 = 0)::int LIMIT 1),
               'word' || n || CASE WHEN n = 7 THEN ' Zebra' ELSE '' END, platform, status, 1,
               source_sha256, completed_at, CASE WHEN n = 8 THEN '{RARE}'::text[] ELSE '{DEPTH}' END
        FROM experiments, generate_series(1, 20000) n
        """,
    )
    run_sql(database_url, "ANALYZE")
    plan, found = asyncio.run(explain(database_url, wanted))
    assert index in plan, plan
    assert "Seq Scan on experiments" not in plan
    expected = {"text": 1, "changed": 1, "completed_since": 0}
    given = next(iter(wanted.model_fields_set), "")
    assert found == expected.get(given, 50)


async def explain(database_url: str, wanted: HistoryQuery) -> tuple[str, int]:
    """The plan of the very statement that lists the history, and how many it finds."""
    engine = make_engine(database_url)
    statements: list[tuple[str, Any]] = []
    event.listen(
        engine.sync_engine,
        "before_cursor_execute",
        lambda *arguments: statements.append(arguments[2:4]),
    )
    async with make_sessions(engine)() as session:
        campaign_id = (await session.execute(text("SELECT id FROM campaigns"))).scalar_one()
        found = await list_history(session, campaign_id, wanted, before=None, limit=50)
        statement, parameters = statements[-1]
        connection = await session.connection()
        plan = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        lines = [row[0] for row in plan]
    await engine.dispose()
    return "\n".join(lines), len(found)


def diff_of(agent: AgentClient, experiment_id: str, against: str | None = None) -> str:
    query = {} if against is None else {"against": against}
    answer = agent.http.get(f"/v1/experiments/{experiment_id}/diff", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/x-diff; charset=utf-8"
    return answer.text


def test_a_diff_tells_what_changed_against_the_base(agent):
    agent.run_baseline()
    source = make_program(matrix_lr=0.05)
    experiment_id = publish(agent, "a", base=BASELINE_SHA256, source=source)
    diff = diff_of(agent, experiment_id)
    assert diff == diff_of(agent, experiment_id, "base")
    assert diff.splitlines()[:2] == [
        f"--- a/train.py\tbase {BASELINE_SHA256[:12]}",
        f"+++ b/train.py\texperiment {experiment_id} {source_sha256(source)[:12]}",
    ]
    assert "\n-MATRIX_LR = 0.04\n+MATRIX_LR = 0.05\n" in diff


def test_a_diff_can_be_applied(agent, tmp_path):
    agent.run_baseline()
    source = make_program(matrix_lr=0.05, depth=7) + "\n# the end, without newline"
    experiment_id = publish(agent, "a", base=BASELINE_SHA256, source=source)
    (tmp_path / "train.py").write_text(BASELINE)
    subprocess.run(
        ["git", "apply", "-"],
        input=diff_of(agent, experiment_id),
        cwd=tmp_path,
        check=True,
        text=True,
    )
    assert (tmp_path / "train.py").read_text() == source


def test_a_diff_can_be_taken_to_the_best_and_to_any_other(agent):
    baseline = agent.run_baseline()["experiment_id"]
    best = publish(agent, "a", base=BASELINE_SHA256, source=make_program(matrix_lr=0.05))
    worse = publish(
        agent,
        "b",
        base=BASELINE_SHA256,
        source=make_program(depth=9),
        metrics={"val_bpb": 3.0},
    )
    to_best = diff_of(agent, worse, "best")
    assert f"a/train.py\tbest of {PLATFORM} " in to_best
    assert "\n-MATRIX_LR = 0.05\n" in to_best
    assert diff_of(agent, best, "best") == ""
    to_other = diff_of(agent, worse, best)
    assert f"a/train.py\texperiment {best} " in to_other
    assert to_other.splitlines()[2:] == to_best.splitlines()[2:]
    assert diff_of(agent, baseline, "base") == ""


def test_a_diff_needs_two_programs_of_one_campaign(agent, database_url):
    experiment_id = agent.run_baseline()["experiment_id"]
    unwritten = agent.claimed(source=None)["experiment_id"]
    add_campaign(database_url, make_campaign_folder(name="second"))
    answer = agent.http.put(
        f"/v1/campaigns/second/results/{new_id()}", json=result_body(platform="unknown-gpu")
    )
    foreign = answer.json()["experiment_id"]
    for asked, against, slug in (
        (experiment_id, str(new_id()), "unknown-experiment"),
        (experiment_id, foreign, "unknown-experiment"),
        (experiment_id, unwritten, "no-source-yet"),
        (unwritten, "base", "no-source-yet"),
        (str(new_id()), "base", "unknown-experiment"),
    ):
        answer = agent.http.get(f"/v1/experiments/{asked}/diff", params={"against": against})
        assert (answer.status_code, answer.json()["type"].rpartition("#")[2]) == (404, slug)


def lineage_of(agent: AgentClient, experiment_id: str) -> list[dict[str, Any]]:
    answer = agent.http.get(f"/v1/experiments/{experiment_id}/lineage")
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()
    return items


def test_a_lineage_goes_from_base_to_base_down_to_the_baseline(agent):
    baseline = agent.run_baseline(val_bpb=2.0)["experiment_id"]
    sources = [BASELINE, *(make_program(depth=5 + step) for step in range(4))]
    made = [baseline]
    for step, (base, source) in enumerate(pairwise(sources)):
        made.append(
            publish(
                agent,
                f"step {step}",
                base=source_sha256(base),
                source=source,
                metrics={"val_bpb": 1.75 - step / 4},
            )
        )
    found = lineage_of(agent, made[-1])
    assert [each["experiment_id"] for each in found] == made[-2::-1]
    assert [each["source_sha256"] for each in found] == [
        source_sha256(source) for source in sources[-2::-1]
    ]
    assert [each["val_bpb"] for each in found] == [1.25, 1.5, 1.75, 2.0]
    assert {each["outcome"] for each in found} == {"keep"}
    assert [each["is_baseline"] for each in found] == [False, False, False, True]
    assert lineage_of(agent, baseline) == []


def test_a_lineage_names_the_run_of_its_own_platform(agent):
    agent.run_baseline()
    source = make_program(depth=5)
    elsewhere = {"platform": "other-gpu", "metrics": {"val_bpb": 1.1}}
    publish(agent, "elsewhere", base=BASELINE_SHA256, source=source, **elsewhere)
    here = publish(agent, "here", base=BASELINE_SHA256, source=source)
    child = publish(agent, "child", base=source_sha256(source), source=make_program(depth=6))
    assert lineage_of(agent, child)[0]["experiment_id"] == here
    foreign = publish(
        agent, "foreign", base=source_sha256(source), source=make_program(depth=7), **elsewhere
    )
    assert lineage_of(agent, foreign)[0]["hypothesis"] == "elsewhere"


def test_a_lineage_that_comes_back_to_a_program_ends(agent):
    there, back = make_program(depth=5), make_program(depth=6)
    publish(agent, "a", source=there)
    publish(agent, "b", base=source_sha256(there), source=back)
    # On this platform each of the two programs came from the other.
    returned = publish(agent, "c", base=source_sha256(back), source=there, platform="other-gpu")
    last = publish(agent, "d", base=source_sha256(there), source=back, platform="other-gpu")
    assert [each["source_sha256"] for each in lineage_of(agent, last)] == [source_sha256(there)]
    assert [each["source_sha256"] for each in lineage_of(agent, returned)] == [source_sha256(back)]


def test_a_base_that_nobody_ran_stands_in_the_lineage_by_itself(agent):
    experiment_id = publish(agent, "a", base=BASELINE_SHA256, source=make_program(depth=5))
    (only,) = lineage_of(agent, experiment_id)
    assert (only["source_sha256"], only["is_baseline"]) == (BASELINE_SHA256, True)
    assert (only["experiment_id"], only["val_bpb"]) == (None, None)


def test_children_are_the_experiments_on_this_program(agent):
    baseline = agent.run_baseline()["experiment_id"]
    children = [
        publish(agent, f"{n}", base=BASELINE_SHA256, source=make_program(depth=5 + n))
        for n in range(3)
    ]
    publish(agent, "grandchild", base=source_sha256(make_program(depth=5)), source=make_program())
    path = f"/v1/experiments/{baseline}/children"
    first = agent.http.get(path, params={"limit": 2}).json()
    rest = agent.http.get(path, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [each["experiment_id"] for each in first["items"]] == [children[2], children[1]]
    assert [each["experiment_id"] for each in rest["items"]] == [children[0]]
    assert rest["next_cursor"] is None


def test_an_experiment_without_program_has_no_children(agent):
    publish(agent, "orphan")
    unwritten = agent.claimed(source=None, hypothesis="Something else")["experiment_id"]
    answer = agent.http.get(f"/v1/experiments/{unwritten}/children")
    assert answer.json() == {"items": [], "next_cursor": None}


def test_what_an_experiment_cost_is_published(agent: AgentClient) -> None:
    cost = {"model": "some-model", "input_tokens": 900, "output_tokens": 100, "usd": 0.0042}
    body = result_body(cost=cost)
    result_id = new_id()
    path = f"/v1/campaigns/{CAMPAIGN}/results/{result_id}"
    first = agent.http.put(path, json=body)
    assert first.status_code == 201, first.text
    assert agent.http.put(path, json=body).status_code == 200
    assert agent.http.put(path, json=body | {"cost": cost | {"usd": 1}}).status_code == 409
    experiment = agent.http.get(f"/v1/experiments/{first.json()['experiment_id']}").json()
    assert experiment["cost"] == cost | {"cache_write_tokens": 0, "cache_read_tokens": 0}
    free = publish(agent, "free", source=make_program(depth=7))
    assert agent.http.get(f"/v1/experiments/{free}").json()["cost"] is None
    refused = agent.put(result_body(cost=cost | {"usd": -1}, source=make_program(depth=8)))
    assert refused.status_code == 422

"""Reading campaigns: what they are made of, in few statements."""

import asyncio
import hashlib
import re

from coordinator.campaigns.repository import list_campaigns
from coordinator.campaigns.service import describe_campaigns
from coordinator.db import make_engine, make_sessions
from tests.factories import BASELINE, BASELINE_SHA256, CAMPAIGN, add_campaign, make_campaign_folder
from tests.integration.test_lease_keeping import recorded_statements


def test_campaigns_are_described_without_reading_a_text(database_url):
    for name in ("first", "second", "third"):
        add_campaign(database_url, make_campaign_folder(name=name))

    async def describe() -> list[str]:
        engine = make_engine(database_url)
        async with make_sessions(engine)() as session:
            campaigns = await describe_campaigns(session, await list_campaigns(session))
        await engine.dispose()
        return [campaign.name for campaign in campaigns]

    with recorded_statements() as statements:
        assert asyncio.run(describe()) == ["first", "second", "third"]
    read = [
        each for each in statements if re.search(r"FROM (campaigns|campaign_files|programs)", each)
    ]
    assert len(read) == 3
    assert not [each for each in read if re.search(r"programs\.source\b|files\.text\b", each)]


def test_a_campaign_tells_its_files_and_their_sizes(agent, database_url):
    folder = make_campaign_folder(name="second")
    add_campaign(database_url, folder)
    expected = [
        {
            "path": path,
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_bytes": len(text.encode()),
        }
        for path, text in [*sorted(folder.frozen.items()), ("train.py", BASELINE)]
    ]
    listed = agent.http.get("/v1/campaigns").json()
    assert [each["name"] for each in listed] == [CAMPAIGN, "second"]
    for each in listed:
        assert each["files"] == expected
        assert each["baseline_sha256"] == BASELINE_SHA256
        assert agent.http.get(f"/v1/campaigns/{each['name']}").json() == each

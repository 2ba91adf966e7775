"""Campaign files override what is there, and say the same thing everywhere."""

import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from coordinator.campaigns.folder import CampaignProfile
from shared.constants import override_constants, read_constants

CAMPAIGN = Path(__file__).parents[3] / "campaigns" / "nanochat"
FILES = sorted(CAMPAIGN.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_campaign_file_overrides_constants_that_exist(path: Path) -> None:
    campaign = tomllib.loads(path.read_text())
    for table in ("prepare", "train"):
        source = (CAMPAIGN / f"{table}.py").read_text()
        created = read_constants(override_constants(source, campaign[table]))
        originals = read_constants(source)
        assert created.keys() == originals.keys()
        changed = {name for name in created if created[name].text != originals[name].text}
        assert changed <= campaign[table].keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_campaign_file_and_its_harness_agree(path: Path) -> None:
    campaign = tomllib.loads(path.read_text())
    harness = override_constants((CAMPAIGN / "prepare.py").read_text(), campaign["prepare"])
    constants = read_constants(harness)
    assert campaign["time_budget_s"] == constants["TIME_BUDGET"].value
    assert campaign["data"] == constants["DATA"].value
    assert campaign["name"] == path.stem
    assert (campaign["metric"], campaign["direction"]) == ("val_bpb", "minimize")
    assert campaign["title"]


@pytest.mark.parametrize(("key", "word"), [("metric", "val_loss"), ("direction", "maximize")])
def test_what_nothing_scores_by_is_refused(key: str, word: str) -> None:
    profile = tomllib.loads(FILES[0].read_text())
    assert CampaignProfile.model_validate(profile)
    with pytest.raises(ValidationError) as refusal:
        CampaignProfile.model_validate({**profile, key: word})
    assert [error["loc"] for error in refusal.value.errors()] == [(key,)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_batch_is_a_whole_number_of_device_batches(path: Path) -> None:
    campaign = tomllib.loads(path.read_text())
    harness = override_constants((CAMPAIGN / "prepare.py").read_text(), campaign["prepare"])
    context = read_constants(harness)["MAX_SEQ_LEN"].value
    program = override_constants((CAMPAIGN / "train.py").read_text(), campaign["train"])
    knobs = read_constants(program)
    rows, total = knobs["DEVICE_BATCH_SIZE"].value, knobs["TOTAL_BATCH_SIZE"].value
    assert isinstance(context, int)
    assert isinstance(rows, int)
    assert isinstance(total, int)
    assert total % (min(rows, total // context) * context) == 0


def test_the_starting_program_stays_readable() -> None:
    assert len((CAMPAIGN / "train.py").read_text().splitlines()) <= 700


def test_the_knobs_of_the_starting_program_can_be_turned() -> None:
    knobs = read_constants((CAMPAIGN / "train.py").read_text())
    assert {"DEPTH", "TOTAL_BATCH_SIZE", "MATRIX_LR", "WINDOW_PATTERN", "WARMDOWN_RATIO"} <= (
        knobs.keys()
    )

import hashlib

from coordinator.results.service import body_digest
from shared.wire.results import Cost, ResultPut

BODY = ResultPut.model_validate(
    {
        "hypothesis": "raise it",
        "source": "A = 1\n",
        "metrics": {"val_bpb": 1.5},
        "platform": "gpu",
        "started_at": "2026-01-01T00:00:00Z",
    }
)


def test_a_result_from_before_costs_were_sent_is_still_the_same():
    before = BODY.model_dump_json(exclude={"cost"})
    assert body_digest(BODY) == hashlib.sha256(before.encode()).hexdigest()


def test_another_cost_is_another_body():
    dear = BODY.model_copy(update={"cost": Cost(model="m", usd=1.0)})
    cheap = BODY.model_copy(update={"cost": Cost(model="m", usd=0.5)})
    assert len({body_digest(each) for each in (BODY, dear, cheap)}) == 3

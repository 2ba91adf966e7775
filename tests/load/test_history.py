"""A small load on two coordinators, one of which is killed, leaves a history in order."""

from coordinator.embedded import Services
from tests.load.checker import check
from tests.load.loading import Load, generate


def test_two_hundred_clients_and_a_killed_coordinator_leave_correct_leases(
    services, database_url, tmp_path
):
    load = Load(operations=3_000, clients=200, kills=1, longest_s=200)
    here = Services(database_url=database_url, redis_url=services.redis_url)
    operations, tables, report = generate(load, here, tmp_path)
    assert check(operations, tables) == []
    # The trouble was real: leases were taken over, results came late, answers were lost.
    assert report["coordinator_kills"] == 1
    assert sum(each.status is not None for each in operations) >= 3_000
    assert any(row["epoch"] > 1 for row in tables.leases)
    assert any(row["is_late"] for row in tables.results)
    assert any(each.status is None for each in operations)
    assert any(each.problem == "lease-lost" for each in operations)

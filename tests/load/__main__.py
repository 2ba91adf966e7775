"""Loads two coordinators, kills them in turn, and checks what was recorded.

python -m tests.load --operations 100000 --clients 240 --json
python -m tests.load --check FOLDER     (what --keep FOLDER wrote, again and offline)
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from coordinator.embedded import running_services
from coordinator.schema import migrate
from tests.factories import make_settings
from tests.load.checker import RULES, check
from tests.load.history import load, save
from tests.load.loading import Load, generate


def main() -> int:
    """Print what was loaded and what was found; 1 if any rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.load")
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--clients", type=int, default=240)
    parser.add_argument("--kills", type=int, default=6, help="SIGKILLs of a coordinator")
    parser.add_argument("--longest-s", type=float, default=3_600, help="seconds, then it ends")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder to write history and rows to")
    parser.add_argument("--check", type=Path, help="folder to read them from instead")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        operations, tables = load(arguments.check)
        report = {}
    else:
        plan = Load(
            operations=arguments.operations,
            clients=arguments.clients,
            kills=arguments.kills,
            longest_s=arguments.longest_s,
            seed=arguments.seed,
        )
        with tempfile.TemporaryDirectory(prefix="swarmlab-load-") as home:
            Path(home).chmod(0o755)  # Postgres runs as another user when we are root
            settings = make_settings(DATABASE_URL=None, REDIS_URL=None, home=Path(home))
            with running_services(settings) as services:
                migrate(services.database_url)
                operations, tables, report = generate(plan, services, Path(home))
        if arguments.keep:
            save(arguments.keep, operations, tables)
    violations = check(operations, tables)
    report |= {
        "recorded": len(operations),
        "answered": sum(each.status is not None for each in operations),
        "kinds": dict(Counter(each.kind for each in operations)),
        "answers": dict(
            Counter(
                f"{each.kind} {each.status or 'unknown'} {each.problem or ''}".strip()
                for each in operations
            )
        ),
        "leases": len(tables.leases),
        "epochs_beyond_the_first": sum(row["epoch"] > 1 for row in tables.leases),
        "results": len(tables.results),
        "late_results": sum(row["is_late"] for row in tables.results),
        "violations": {rule: sum(each.rule == rule for each in violations) for rule in RULES},
    }
    if arguments.json:
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in report.items())
    for each in violations[:20]:
        sys.stderr.write(json.dumps(asdict(each)) + "\n")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())

"""What a run of the swarm came to, as the coordinator tells it."""

from typing import Any

import httpx


def best_and_baseline(client: httpx.Client, campaign: str) -> dict[str, Any]:
    """Return the campaign's baseline and best: scores, and whose the best is."""
    path = f"/v1/campaigns/{campaign}"
    best = client.get(f"{path}/best")
    found = best.json() if best.status_code == httpx.codes.OK else {}
    return {
        "baseline_val_bpb": _baseline_val_bpb(client, path),
        "best_val_bpb": found.get("val_bpb"),
        "best_experiment_id": found.get("experiment_id"),
    }


def _baseline_val_bpb(client: httpx.Client, path: str) -> float | None:
    """Return the score of the oldest experiment that ran the campaign's ``train.py`` as it is."""
    baseline_sha256 = client.get(path).raise_for_status().json()["baseline_sha256"]
    val_bpb: float | None = None
    cursor: dict[str, str] = {}
    while True:
        page = client.get(
            f"{path}/experiments", params={"status": "done", "limit": "500", **cursor}
        )
        page.raise_for_status()
        for experiment in page.json()["items"]:
            if experiment["source_sha256"] == baseline_sha256 and experiment["metrics"]:
                val_bpb = experiment["metrics"]["val_bpb"]
        if page.json()["next_cursor"] is None:
            return val_bpb
        cursor = {"cursor": page.json()["next_cursor"]}

"""The fingerprint of a campaign's data, as its own frozen ``prepare.py`` makes it."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from coordinator.campaigns.folder import CampaignFolder


class DataPreparationError(RuntimeError):
    """The campaign's data could not be prepared on this machine."""


class PreparationStoppedError(RuntimeError):
    """Somebody asked to stop before the data were prepared."""


def fingerprint_data(
    folder: CampaignFolder, data_dir: Path, *, should_stop: Callable[[], bool] = lambda: False
) -> str:
    """Return the SHA-256 of the campaign's data, preparing them in ``data_dir`` if need be.

    A profile that pins ``data_sha256`` needs no data on the operator's machine. The progress of
    the preparation goes to standard error, as ``prepare.py`` writes it.

    Raises:
        DataPreparationError: ``prepare.py`` failed; what it said stands above.
        PreparationStoppedError: ``should_stop`` became true; the next try goes on from there.
    """
    if folder.profile.data_sha256 is not None:
        return folder.profile.data_sha256
    data_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="swarmlab-campaign-") as scratch:
        for path, text in folder.frozen.items():
            (Path(scratch) / path).write_text(text, encoding="utf-8")
        with subprocess.Popen(
            [sys.executable, "prepare.py", "--data-dir", str(data_dir), "--json"],
            cwd=scratch,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            output = _output(process, should_stop)
    if process.returncode != 0:
        raise DataPreparationError(
            f"prepare.py could not prepare the data in {data_dir} (exit code "
            f"{process.returncode}): what it said stands above"
        )
    fingerprint: str = json.loads(output)["data_sha256"]
    return fingerprint


def _output(process: subprocess.Popen[str], should_stop: Callable[[], bool]) -> str:
    while True:
        try:
            return process.communicate(timeout=0.2)[0]
        except subprocess.TimeoutExpired:
            if should_stop():
                process.terminate()
                raise PreparationStoppedError from None

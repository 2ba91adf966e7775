"""From settings to a researcher at work: identity, campaign, data, and an orderly end."""

import contextlib
import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from shared.states import Tier
from worker.board import Board
from worker.campaign import Campaign, choose_campaign, load_campaign
from worker.client import Client
from worker.doctor import require_unmoved, require_writable
from worker.errors import CoordinatorUnreachableError, DataMismatchError
from worker.events import Reporter
from worker.history import History
from worker.identity import Identity, Seat, sign_in
from worker.leftovers import say_what_waits
from worker.loop import work
from worker.notebook import Notebook
from worker.outbox import Outbox
from worker.proposers.making import make_proposer
from worker.researcher import Researcher
from worker.runner import Platform, detect_platform, prepare_data, run_program
from worker.schedule import make_schedule
from worker.settings import WorkerSettings, gpu_variables
from worker.workbench import Workbench

log = structlog.get_logger()


class StopRequested(BaseException):
    """Somebody asked the worker to stop before its work began."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much of the machine, when, how many experiments and how to end.

    With ``finishes_run`` the first request to stop lets the run end by itself; a second one
    abandons it.
    """

    experiments: int | None = None
    num_threads: int | None = None
    gpu_index: int | None = None
    finishes_run: bool = False
    hours: str | None = None
    only_when_idle: bool = False


def run_worker(settings: WorkerSettings, limits: Limits, reporter: Reporter) -> None:
    """Work until asked to stop, or until the experiments are done.

    Raises:
        WorkerError: what the person at the machine has to see to.
        PrepareError: the campaign's data cannot be made ready.
    """
    with ExitStack() as stack:
        stop = stack.enter_context(_stopping_on_signals(finishes_run=limits.finishes_run))
        stack.callback(reporter.close)
        try:
            researcher = _set_up(stack, settings, limits, reporter, stop)
            _say_where_it_begins(researcher)
        except StopRequested:
            reporter.emit("stopped", experiments=0, outcomes={}, waiting_results=None)
            return
        stop.is_working = True
        try:
            work(researcher, experiments=limits.experiments)
        finally:
            reporter.emit(
                "stopped",
                experiments=researcher.experiments,
                outcomes=researcher.outcomes,
                waiting_results=researcher.outbox.count(),
            )


def _set_up(
    stack: ExitStack,
    settings: WorkerSettings,
    limits: Limits,
    reporter: Reporter,
    stop: "_Stop",
) -> Researcher:
    home = settings.home_path
    require_writable(home)
    platform = detect_platform(limits.gpu_index)
    # What is asked for and cannot be is said before this machine registers and prepares data.
    schedule = make_schedule(
        hours=limits.hours,
        only_when_idle=limits.only_when_idle,
        gpu_index=limits.gpu_index,
        has_gpu=platform.tier is not Tier.CPU,
    )
    with ExitStack() as trial:
        make_proposer(trial, settings, home, home / "data")
    seat, identity = _sign_in(settings, platform, reporter, stop)
    stack.callback(seat.leave)
    reporter.agent = identity.name
    client = stack.enter_context(Client(settings.coordinator_url, api_key=identity.api_key))
    campaign = _find_campaign(client, settings, seat, reporter, stop)
    seat.work_in(campaign.name)
    for sentence in say_what_waits(seat.directory / campaign.name):
        log.warning(sentence)
    data_dir = home / "data" / campaign.name
    _prepare(campaign, data_dir, reporter)
    desk = seat.directory / campaign.name
    notebook = Notebook(desk / "notebook", campaign=campaign.name, agent=identity.name)
    stack.callback(notebook.close)
    return Researcher(
        name=identity.name,
        client=client,
        campaign=campaign,
        platform=platform.name,
        tier=platform.tier,
        notebook=notebook,
        outbox=stack.enter_context(Outbox(desk / "outbox.sqlite")),
        workbench=Workbench(desk / "workbench.json"),
        history=History(desk, campaign=campaign.name, agent=identity.name, platform=platform.name),
        board=Board(campaign.name),
        proposer=make_proposer(stack, settings, desk, data_dir),
        reporter=reporter,
        runner=run_program,
        runs_dir=desk / "runs",
        data_dir=data_dir,
        cache_dir=home / "cache",
        num_threads=limits.num_threads,
        gpu_index=limits.gpu_index,
        gpu_variables=gpu_variables(limits.gpu_index),
        schedule=schedule,
        stop=stop.asked,
        abandon=stop.insisted,
    )


def _sign_in(
    settings: WorkerSettings, platform: Platform, reporter: Reporter, stop: "_Stop"
) -> tuple[Seat, Identity]:
    hardware = {"platform": platform.name, "vram_gb": platform.vram_gb, "tier": platform.tier}
    with Client(settings.coordinator_url) as client:
        while True:
            try:
                seat, identity, is_new = sign_in(
                    settings.home_path,
                    client,
                    settings.agent_name,
                    hardware=hardware,
                    invite=settings.invite,
                )
            except CoordinatorUnreachableError as error:
                _wait_for_coordinator(client, reporter, stop, error)
                continue
            if is_new:
                reporter.agent = identity.name
                reporter.emit("registered", agent_id=identity.agent_id)
            return seat, identity


def _find_campaign(
    client: Client, settings: WorkerSettings, seat: Seat, reporter: Reporter, stop: "_Stop"
) -> Campaign:
    while True:
        try:
            name = settings.campaign or _only_known(seat) or choose_campaign(client, None)
            return load_campaign(client, name, seat.directory / name / "campaign.json")
        except CoordinatorUnreachableError as error:
            _wait_for_coordinator(client, reporter, stop, error)


def _only_known(seat: Seat) -> str | None:
    """Return the campaign that this worker was in, where it was in just one."""
    known = [path.parent.name for path in seat.directory.glob("*/campaign.json")]
    return known[0] if len(known) == 1 else None


def _wait_for_coordinator(
    client: Client, reporter: Reporter, stop: "_Stop", error: CoordinatorUnreachableError
) -> None:
    """Wait as long as the breaker says: without a key or a campaign there is nothing to do.

    Raises:
        SetupError: there is nothing to wait for, because the coordinator is elsewhere.
    """
    require_unmoved(client.base_url)
    reporter.emit("waiting", reason=f"{error} Waiting for it: this is the first start here.")
    stop.asked.wait(client.breaker.seconds_left + 0.1)


def _prepare(campaign: Campaign, data_dir: Path, reporter: Reporter) -> None:
    """Make the data ready, one worker of this machine at a time.

    Raises:
        DataMismatchError: the data are not those that the campaign was made with.
    """
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    reporter.emit("preparing", line=f"the data of campaign {campaign.name}")
    with data_dir.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        data = prepare_data(
            campaign.harness_files, data_dir, lambda line: reporter.emit("preparing", line=line)
        )
    if data.data_sha256 != campaign.read.data_sha256:
        raise DataMismatchError(
            f"The data of campaign {campaign.name} came out differently on this machine "
            f"({data.data_sha256[:12]} instead of {campaign.read.data_sha256[:12]}): results would "
            f"not compare. Remove {data_dir} and try again; if it stays so, another campaign is "
            "the right one for this machine."
        )


def _say_where_it_begins(researcher: Researcher) -> None:
    notebook = researcher.notebook
    researcher.emit(
        "ready",
        campaign=researcher.campaign.name,
        val_bpb=notebook.base().val_bpb if notebook.is_open else None,
        waiting_results=researcher.outbox.count(),
    )


class _Stop:
    """Whether somebody asked for the end, and how to take it."""

    def __init__(self, *, finishes_run: bool) -> None:
        self.asked = threading.Event()
        self.insisted = threading.Event()
        self.is_working = False
        self._finishes_run = finishes_run

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if self.asked.is_set() or not self._finishes_run:
            self.insisted.set()
        self.asked.set()
        # The loop looks at `asked` between steps and during runs; before it, nothing needs care.
        if not self.is_working:
            raise StopRequested


@contextlib.contextmanager
def _stopping_on_signals(*, finishes_run: bool) -> Iterator[_Stop]:
    stop = _Stop(finishes_run=finishes_run)
    former = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

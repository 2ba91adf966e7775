"""Which proposer a worker gets."""

# ruff: noqa: PLC0415 each proposer brings libraries that the others do not need

from contextlib import ExitStack
from pathlib import Path

from worker.errors import SetupError
from worker.proposers import Proposer
from worker.proposers.purse import Purse, price_of
from worker.settings import WorkerSettings


def make_proposer(
    stack: ExitStack, settings: WorkerSettings, desk: Path, data_dir: Path
) -> Proposer:
    """Return the proposer of the settings; what it holds open is closed with the stack.

    Raises:
        SetupError: it needs a key or a command that is not there.
    """
    from worker.proposers.command import CommandProposer
    from worker.proposers.ideas import IdeasProposer
    from worker.proposers.tpe import TpeProposer

    key = settings.anthropic_api_key
    name = settings.proposer or ("centaur" if key else "tpe")
    tpe = TpeProposer()
    if name == "tpe":
        return tpe
    if name == "ideas":
        return IdeasProposer(stand_in=tpe)
    if name == "command":
        proposer = CommandProposer(
            _command(settings),
            notebook=desk / "notebook",
            workspace=desk / "proposal",
            stand_in=tpe,
        )
        stack.callback(proposer.close)
        return proposer
    if key is None:
        raise SetupError(
            f"The proposer {name} needs ANTHROPIC_API_KEY: set it, or choose --proposer tpe."
        )
    import anthropic

    from worker.proposers.llm import ANSWER_TIMEOUT_S, LlmProposer
    from worker.proposers.tokens import token_counter

    client = stack.enter_context(
        anthropic.Anthropic(
            api_key=key.get_secret_value(),
            base_url=settings.anthropic_base_url,
            timeout=ANSWER_TIMEOUT_S,
        )
    )
    purse = Purse(settings.home_path / "purse.sqlite", usd_per_day=settings.max_usd_per_day)
    stack.callback(purse.close)
    return LlmProposer(
        client,
        model=settings.model,
        price=price_of(settings.model, is_own_server=settings.anthropic_base_url is not None),
        purse=purse,
        stand_in=tpe,
        is_centaur=name == "centaur",
        count_tokens=token_counter(data_dir),
    )


def _command(settings: WorkerSettings) -> str:
    if not settings.proposer_command or not settings.proposer_command.strip():
        raise SetupError(
            "The proposer command needs to know which: give --command, such as an agent's CLI "
            "with the words 'do what TASK.md says'."
        )
    return settings.proposer_command

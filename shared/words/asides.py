"""What a hypothesis says beside its change: what stays as it is, and observations before a "so"."""

import re

_BREAK = re.compile(
    r"(\s*[;()]\s*|,\s+|\.\s+|:\s+(?=(?:keep|leave)\b)|\s+-\s+|\s+--\s+"
    r"|\s+(?=without (?:re|giv|chang|touch|adjust|alter|tun|widen|deepen|any other))"
    r"|\s+(?=(?:at|with|under) (?:a |an |the )?(?:constant|fixed|unchanged|equal|same|matched|iso))"
    r"|\s+(?=to (?:match|keep|preserve|hold) (?:the )?(?:total |overall )?"
    r"(?:param|flop|compute|model size|token))"
    r"|,?\s+(?=(?:hence|thus|therefore|i\.e\.?|that is|and with (?:it|them))\b)"
    r"|\s+(?=so that [\w ]{1,30}\b(?:stays?|remains?)\b)"
    r"|\s+(?=so (?:that )?the (?:param|flop|total|compute|model size))"
    r"|\s+(?=with (?:the |its |their )?[\w ]{1,30} "
    r"(?:unchanged|untouched|left alone|held fixed|kept)\b)"
    r"|\s+but\s+(?=(?:set|start|raise|lower|use|make|remove|drop|add|halve|double|give)\b)"
    r"|\s+(?:but|while|and|with|,)\s+"
    r"(?=(?:keep|leav|hold|do not|don't|everything|all else|nothing|no other)))",
    re.IGNORECASE,
)
_STAYS = re.compile(
    r"""
      (?:keep|keeping|leave|leaving|hold|holding|with)\b
        (?!.*\b(?:instead|rather|down|up|throughout|longer|from\sstart)\b).*
        (?:\bat\s[\d.]|\bwhere\b|\bas\s(?:is|they|it|in|before|now)\b|\bunchanged\b|\bthe\ssame\b
          |\buntouched\b|\bleft\b|\balone\b|\bfixed\b
          |\bconstant\b(?!\s(?:lr|learning)\b)|\bpre-?norm)
        (?!.*\b(?:raise|lower|increase|decrease|set|use|add|remove|drop|halve|double|switch|replace)
        \b).*
    | [^:>→]*(?<!to\s)\b(?:stays?|remains?|(?:is|are)\s(?:kept|left))\b(?!.*\bonly\b)[^:>→]*
    | [^:>→]*\bwhere\s(?:it|they)\s(?:is|are)(?:\snow)?\W*
    | [^:>→]*\bas\s(?:is|before|now|usual|ever|well\sas\sbefore)\W*
    | [^:>→]*\b(?:unchanged|untouched|as\s(?:it|they)\s(?:is|are)|do(?:es)?\snot\schange)\b[^:>→]*
    | [^:>→]*\b(?:kept|fixed|keeps?\s(?:its|their|the)\svalues?)\W*
    | (?:keep|leave|keeping|leaving)\s(?:the\s|its\s|their\s|all\s)?(?:[a-z_]\w*\s?){1,4}
    | (?:keep|leave|keeping|leaving)\b[^:>\d]*\bat\s(?:its|their|the)\s
      (?:current|present|default|usual|old)\b.*
    | [^:>→]*\b(?:width|depth|n_embd|dim|context)\b[^:>→]{0,9}\b(?:kept|held|fixed)\sat\b[^:>→]*
    | there\s(?:is|are|was)\sno\b.*
    | (?:hence|thus|therefore|so\sthat|which\sthen|i\.e\.?|that\sis|and\swith\s(?:it|them))\b
      (?!\s(?:raise|lower|increase|decrease|reduce|set|use|try|add|remove|drop|halve|double|cut|move
      |switch|replace|multiply|divide|scale|give|make|start)\b).*
    | without\s(?:re|giv|chang|touch|adjust|alter|tun|widen|deepen|any\sother)\w*\b.*
    | (?:at|with|under)\s(?:a\s|an\s|the\s)?
      (?:constant|fixed|unchanged|equal|same|matched|iso)\b(?!\s(?:lr|learning)\b)
      (?!.*\b(?:raise|lower|increase|decrease|set|use|add|remove|drop|halve|double|switch|replace)
      \b).*
    | (?:same|equal|matched)\s(?:total|param|width|depth|batch|flop|number|schedule|everything).*
    | same\s[\d.].*
    | (?:and\s)?not\s(?:just|only)\s.*
    | (?:and\s)?(?:off|disabled|inactive)\s(?:at|during|in|for)\s(?:eval|test|infer)\w*.*
    | (?:they|these|it|which)\s(?:are|is|do|does|was|were)\s(?!now|then|set|given|[\d.])\w+\W?\s?.*
    | [\d.e]+\s(?:is|are|was|were|seems?|looks?|feels?)\s
      (?:a\slot|too|so|very|way|quite|more|less)\b.*
    | (?:and\s|with\s)?(?:nothing|everything|all)\s(?:else|other|more).*
    | (?:and\s)?(?:change|touch|alter)\snothing\selse.*
    | (?:and\s)?otherwise\b.*
    | as\sthe\sonly\schange.*
    | no\sother\b.*
    | no\s(?:\w+\s){0,3}(?:re-?tun|rescal|chang|adjust)\w*.*
    | (?!(?:raise|lower|increase|decrease|set|use|add|remove|drop|halve|double|switch|replace
        |cut|on|for|in|to)\b)
      (?:[\w-]+\s){1,3}alone
    | (?:do\snot|don't|dont)\s(?:touch|change|adjust|retune|rescale|alter)\b.*
    | (?:and\s)?only\s(?:the\s)?[\w ]{1,20}
    | to\s(?:match|keep|preserve|hold)\s(?:the\s)?(?:total\s|overall\s)?
      (?:param|flop|compute|model\ssize|token).*
    | so\s(?:that\s)?the\s(?:param|flop|total|compute|model\ssize).*
    | (?:params?|parameters?|parameter\scount|flops)[\s-](?:are\s)?(?:matched|constant|equal).*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SAME_BEFORE_COLON = re.compile(
    r"\s(?:at|with|under)\s(?:an?\s|the\s)?(?:constant|fixed|unchanged|equal|same|matched)"
    r"\s[\w -]{1,30}(?=:\s)",
    re.IGNORECASE,
)
_ON_TOP = re.compile(
    r"\s+on top of (?:the )?(?:existing |present |current |usual )?[a-z][a-z_ -]{1,19}(?=[.;,]|$)",
    re.IGNORECASE,
)
_THAT_IS = re.compile(
    r",?\s*\bi\.\s?e\.,?\s+(?:at\s+)?(?=[\d.])"
    r"(?![\d.]+\s?(?:%|x|times)[^.;,]*\b(?:more|less|higher|lower|larger|smaller|fewer|of)\b)",
    re.IGNORECASE,
)
_THAT_IS_FROM = re.compile(
    r",?\s*\bi\.\s?e\.,?\s+(?=[\d.e-]+\s?(?:->|=>|\u2192|to\b))", re.IGNORECASE
)
_STATES = re.compile(
    r"(?!(?:let's|try|use|set|go|make|raise|lower|increase|decrease|instead|rather|than|from|and)\b)"
    r"\b[a-z_]{3,}",
    re.IGNORECASE,
)
# What kind of note it is and which: `wip:`, `[iter 42]`, `feat(opt):`, `r57 |`.
_LABEL = re.compile(
    r"""^\s*(?:
      (?:(?:agent|commit|ckpt|todo|lab|quick|short|next)\s)?
      (?:patch|opt|chore|wip|feat|fix|exp|expt|experiment|run|iter|iteration|entry|round|trial|note
        |notes|notebook|memo|log|idea|plan|todo|done|msg|commit|ckpt|next|hyp|hypothesis|attempt|job
        |ablation|ablate|proposal|r|try|test)
      (?:\([\w-]*\))?(?:\s?[\w.#/-]*\d[\w.#/-]*)?\s*(?:[:|]\s|\s[-\u2013\u2014]\s)
    | \[[\w #.-]{0,20}\]\s
    )\s*""",
    re.IGNORECASE | re.VERBOSE,
)
# Which of how many: `[sweep beta2 2/4] 0.98` says what is swept, too.
_COUNTED = re.compile(
    r"^\s*\[([^\][]{0,40}?)\s*\b\d+\s?(?:/|of)\s?\d+\]\s*[:|-]?\s*(?=\S)", re.IGNORECASE
)
_SERIES = re.compile(
    r"\b(?:sweep|round|combo|combos|combination|scan|grid|series|block|phase|stage|part|misc|ablations?"
    r"|batch of|exp|experiment|run|try|test)\b(?:\s#?\d+\b)?",
    re.IGNORECASE,
)
_THEREFORE = re.compile(
    r"^[^;]*?,\s+so(?!.*\b(?:it|them|that|this)\b)\s+(?=(?:let's\s|we\s(?:should\s)?)?(?:lengthen|shorten|raise|lower|increase"
    r"|decrease|reduce|set|use|try|add|remove|drop|halve|double|cut|move|switch|replace|make|turn"
    r"|bump|scale|extend|widen|deepen|give|go|weight|the\s\w+\s(?:\w+\s)?should)\b)",
    re.IGNORECASE,
)


def without_asides(text: str) -> str:
    """The text without the clauses that state what does not change.

    Nothing is dropped from a text that says nothing else: "keep the weight decay constant" is a
    change of its own.
    """
    text = _LABEL.sub("", _without_counter(text))
    text = _SAME_BEFORE_COLON.sub("", _ON_TOP.sub("", text))
    text = _without_observation(_THAT_IS.sub(" to ", _THAT_IS_FROM.sub(" from ", text)))
    parts = _BREAK.split(text)
    pieces = [part for part in parts if part is not None]
    clauses, joints = pieces[0::2], pieces[1::2]
    stays = [
        bool(clause.strip()) and _STAYS.fullmatch(clause.strip(" .,;")) is not None
        for clause in clauses
    ]
    others = [c for c, stay in zip(clauses, stays, strict=True) if c.strip(" .,;") and not stay]
    if not any(stays) or not others:
        return text
    kept = []
    for place, clause in enumerate(clauses):
        if not stays[place]:
            kept.append(clause)
            kept.append(joints[place] if place < len(joints) else "")
        elif place < len(joints):
            joint = joints[place].strip()
            kept.append(joint if joint in {"(", ")"} else ", ")
    return "".join(kept)


def _without_counter(text: str) -> str:
    """The text without the place in a series that it begins with."""
    match = _COUNTED.match(text)
    if match is None:
        return text
    subject = _SERIES.sub("", match[1]).strip()
    return f"{subject}: {text[match.end() :]}" if subject else text[match.end() :]


def _without_observation(text: str) -> str:
    """The text after `…, so`, unless that names nothing: `Muon's LR is timid, so try 0.05`."""
    match = _THEREFORE.match(text)
    if match is None or not _STATES.search(text, match.end()):
        return text
    return text[match.end() :]

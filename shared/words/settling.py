"""Which parameter a statement is about, once everything it says is known.

Researchers name one thing in many ways: an LR that decays to 10% is about the final LR, a tanh on
the logits is a softcap. Each rule below settles one such case; they run in order.
"""

from collections.abc import Callable

from shared.words.numbers import Quantity
from shared.words.statements import Statement

_DETAILS_OF = ("ema", "label_smoothing", "z_loss")  # their beta and epsilon are no parameters
_COMPOUND_OF = ("warmup", "nesterov", "clip")  # "Muon momentum warmup" is a warmup


def settle(statement: Statement) -> None:
    """Leaves in `heads` what is changed, and in `mods` what only says where."""
    for rule in _RULES:
        rule(statement)


def _adjectives(statement: Statement) -> None:
    """`wider` alone is about the width; of the MLP, about its ratio."""
    if not statement.heads and statement.implied_head:
        statement.heads.append(statement.implied_head)
    if "width" in statement.heads and "mlp" in statement.mods:
        statement.heads[statement.heads.index("width")] = "mlp_ratio"


def _decays(statement: Statement) -> None:
    """`decay X to …`: the LR to its final value; of a part without an LR, its weight decay."""
    is_lr = statement.is_decay and statement.heads == ["lr"]
    is_decay = is_lr or statement.heads == ["schedule"]
    if is_decay and statement.state == "off" and not statement.values:
        statement.values.append("schedule.constant")  # "no decay of the LR"
        statement.heads.clear()
        statement.state = ""
    has_shape = any(value.startswith("schedule.") for value in statement.values)
    if not statement.is_decay or has_shape or not (statement.new or statement.change):
        return
    if "lr" in statement.heads:
        statement.heads[statement.heads.index("lr")] = "final_lr"
    elif not statement.heads and statement.mods:
        statement.heads.append("weight_decay")


def _final_lr(statement: Statement) -> None:
    new, heads = statement.new, statement.heads
    if "lr" in heads and (
        statement.mods & {"final", "minimum"}
        or (_is_of_peak(statement) and new)
        or (new and new[-1].value == 0)
    ):
        heads[heads.index("lr")] = "final_lr"
    if heads[-1:] == ["warmdown"] and _is_of_peak(statement) and new and not statement.old:
        heads[:] = ["final_lr"]  # "end the warmdown at a tenth of the peak"
    if "final_lr" in heads and statement.says_part(" below"):  # "never let it fall below"
        heads[:], statement.state = ["final_lr"], ""


def _is_of_peak(statement: Statement) -> bool:
    """`5% of the peak LR`, but not `the peak LR of Muon`."""
    texts = [item.text for item in statement.segment.items]
    return any(
        text.split()[0] == "peak" and "of" in texts[max(0, place - 3) : place]
        for place, text in enumerate(texts)
    )


def _ramps(statement: Statement) -> None:
    """`ramp the batch size` is its warmup."""
    if "over_time" in statement.mods:
        statement.mods.remove("over_time")
        if statement.old and statement.new and not statement.is_decay:
            statement.mods.add("ramp")
    if "ramp" in statement.mods and statement.heads:
        statement.mods.remove("ramp")
        if "warmup" not in statement.heads:
            statement.heads.append("warmup")


def _norms(statement: Statement) -> None:
    """A norm on queries and keys is the QK norm."""
    if not {"query", "key"} <= statement.mods:
        return
    norms = [value for value in statement.values if value.startswith("norm_type.")]
    if statement.heads[-1:] == ["norm"] or (norms and not statement.old_values):
        statement.values = [value for value in statement.values if value not in norms]
        statement.heads[:] = ["qk_norm"]


def _compounds(statement: Statement) -> None:
    heads = statement.heads
    if {"share", "tie"} & set(heads) and (
        "unembedding" in statement.mods or {"embedding", "projection"} <= statement.mods
    ):
        heads[:] = ["tie"]
    for name in ("resid_lambda", "xzero_lambda"):
        if "init" in heads and name in {*heads, *statement.mods}:
            heads[:] = [name]  # what it starts at is what is set
    if {"n_head", "width"} <= set(heads):  # "attention head dim"
        heads[:] = ["head_dim"]
    if heads[-1:] == ["ema"] and "warmdown" in heads:
        heads.remove("warmdown")
    if any(main in heads for main in _DETAILS_OF):
        heads[:] = [name for name in heads if name not in {"betas", "eps"}]
    for main in _COMPOUND_OF:
        if main in heads and len(heads) > 1:
            statement.mods |= set(heads) - {main, "norm"}
            heads[:] = [main]


def _gates(statement: Statement) -> None:
    """`A 64-channel gate` is the width of one; it is a sigmoid unless something else is said."""
    heads = statement.heads
    if {"gate", "width"} <= {*heads, *statement.mods} and {"gate", "width"} & set(heads):
        heads[:] = ["width"]
        statement.mods.add("gate")
    if "value_embedding" in heads[:-1]:
        heads.remove("value_embedding")
        statement.mods.add("value_embedding")
    if heads == ["gate"] and "activation.sigmoid" in statement.values:
        statement.values.remove("activation.sigmoid")


def _document_mask(statement: Statement) -> None:
    """No attention across documents is a document mask."""
    is_across = "cross_doc" in statement.heads
    is_stopped = not statement.heads and {"attention", "document"} <= statement.mods
    if is_across or (is_stopped and statement.state):
        statement.heads[:] = ["doc_mask"]
        statement.state = "on" if statement.state == "off" else "off"


def _softcap(statement: Statement) -> None:
    is_capped = "logit" in statement.mods or "softcap" in statement.heads
    if "activation.tanh" in statement.values and is_capped:
        statement.values.remove("activation.tanh")
        statement.heads[:] = ["softcap"]


def _multi_query(statement: Statement) -> None:
    """Multi-query attention has one KV head."""
    if "attention_type.mqa" in statement.values and set(statement.heads) <= {"n_kv_head"}:
        statement.values.remove("attention_type.mqa")
        statement.heads[:] = ["n_kv_head"]
        statement.new[:] = [Quantity(value=1.0)]


def _momentum_warmup(statement: Statement) -> None:
    """What Muon warms up is its momentum."""
    if statement.heads == ["warmup"] and {"momentum", "optimizer.muon"} & {
        *statement.mods,
        *statement.values,
    }:
        statement.mods.add("momentum")
        statement.mods.discard("matrix")
        if statement.state == "off":
            statement.new, statement.old = [], []  # "no ramp: 0.95 from step 0"
        statement.values = [v for v in statement.values if v != "optimizer.muon"]


def _zero_init(statement: Statement) -> None:
    if "initial.zero" in statement.values and len(statement.heads) <= 1:
        statement.values.remove("initial.zero")
        statement.heads[:] = ["init"]
        statement.new.append(Quantity(value=0.0))


def _schedules(statement: Statement) -> None:
    heads = statement.heads
    is_number = bool(statement.new) or _is_of_peak(statement)
    if heads[-1:] == ["schedule"] and not statement.values and is_number:
        is_length = statement.direction or statement.says("of training", "of the run")
        heads[:] = ["warmdown" if is_length else "final_lr"]
    says_length = statement.direction and not (statement.new or statement.change)
    if heads == ["schedule"] and not statement.values and says_length:
        heads[:] = ["warmdown"]  # "longer LR decay"
    starts = any(item.text.startswith(("start", "begin")) for item in statement.segment.items)
    if not heads and statement.is_decay and starts and statement.new:
        heads.append("warmdown")
    is_when = starts and not statement.says_part("ratio", "last", "final")
    if is_when and heads == ["warmdown"] and statement.new and statement.new[-1].value < 1:
        statement.new[-1] = Quantity(value=1 - statement.new[-1].value)
    if heads and statement.is_decay and heads[-1] in {"weight_decay", "momentum", "dropout"}:
        statement.mods.add("scheduled")
    has_shape = any(value.startswith("schedule.") for value in statement.values)
    is_stopped = statement.state == "off" and (statement.is_decay or has_shape)
    if heads[-1:] == ["weight_decay"] and (is_stopped or "schedule.constant" in statement.values):
        statement.values, statement.state = ["schedule.constant"], ""
        statement.new[:] = [number for number in statement.new if number.value]
        statement.mods.add("scheduled")


def _unnamed(statement: Statement) -> None:
    """Parameters that are named by their parts only."""
    if statement.heads:
        return
    if {"scalar", "residual"} <= statement.mods:
        statement.heads.append("resid_lambda")
    elif "mlp" in statement.mods and not statement.values and (statement.new or statement.change):
        statement.heads.append("mlp_ratio")


def _full_windows(statement: Statement) -> None:
    """Without sliding windows every layer sees the whole context."""
    if statement.heads == ["window"] and statement.state == "off" and not statement.values:
        statement.heads.clear()
        statement.values, statement.state = ["window_pattern.l"], ""
        statement.mods.discard("all_layers")


def _muon_beta(statement: Statement) -> None:
    """Muon's only beta is its momentum."""
    is_muon = "optimizer.muon" in statement.values or "matrix" in statement.mods
    if is_muon and statement.heads[-1:] in (["betas"], ["beta1"]) and len(statement.new) <= 1:
        statement.heads[:] = ["momentum"]
    if "optimizer.adam" in statement.values and statement.heads == ["momentum"] and not is_muon:
        statement.heads[:] = ["beta1"]


def _kv_heads(statement: Statement) -> None:
    """`half as many KV heads as query heads` is about the KV heads."""
    if "n_kv_head" in {*statement.heads, *statement.mods} and "n_head" in {
        *statement.heads,
        *statement.mods,
    }:
        statement.heads[:] = ["n_kv_head"]
        statement.mods -= {"n_head", "n_kv_head"}
    change = statement.change
    is_share = change is not None and change.kind == "factor" and change.value < 1
    if (
        statement.heads == ["n_kv_head"]
        and change
        and is_share
        and not (statement.new or statement.old)
    ):
        statement.new, statement.change = [change.as_value()], None


def _dtypes(statement: Statement) -> None:
    """`RoPE tables in fp32` is about a precision, of the tables."""
    is_typed = any(value.startswith("dtype.") for value in statement.values)
    has_number = statement.new or statement.old or statement.change
    if is_typed and statement.heads and statement.heads[-1] != "precision" and not has_number:
        statement.mods |= set(statement.heads)
        statement.heads.clear()
        statement.values = [v for v in statement.values if v.startswith("dtype.")]


def _rope(statement: Statement) -> None:
    if statement.values == ["position.nope"] and not (statement.old_values or statement.heads):
        statement.values.clear()
        statement.heads[:], statement.state = ["rope"], "off"
    is_off = statement.state == "off" and statement.heads == ["positional"]
    if is_off or (statement.state == "off" and statement.values == ["position.rope"]):
        statement.heads[:], statement.values = ["rope"], []  # "no positional encoding"
    for name in ("rope", "rope_dim"):
        if name in statement.heads and (statement.new or statement.old):
            is_base = any(number.value >= 1_000 for number in (*statement.new, *statement.old))
            statement.heads[statement.heads.index(name)] = "rope_base" if is_base else "rope_dim"


def _repeats(statement: Statement) -> None:
    if len(set(statement.heads)) == 1:
        del statement.heads[1:]


def _constant_lr(statement: Statement) -> None:
    """A constant LR is one without a warmdown."""
    is_lr = {"lr", "schedule"} >= set(statement.heads) and {"lr", "scheduled"} >= statement.mods
    is_said = statement.says_part("lr", "learning rate", "schedule", "decay")
    if statement.values == ["schedule.constant"] and is_lr and is_said and not statement.new:
        statement.heads[:], statement.values, statement.state = ["warmdown"], [], "off"


_RULES: tuple[Callable[[Statement], None], ...] = (
    _adjectives,
    _decays,
    _constant_lr,
    _final_lr,
    _ramps,
    _norms,
    _compounds,
    _gates,
    _document_mask,
    _softcap,
    _multi_query,
    _momentum_warmup,
    _zero_init,
    _schedules,
    _unnamed,
    _full_windows,
    _muon_beta,
    _kv_heads,
    _dtypes,
    _rope,
    _repeats,
)

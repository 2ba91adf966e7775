"""From a segment to a statement: what it names, and what it says becomes of it."""

from collections.abc import Callable

from shared.words.items import Item, Segment, follows_preposition, is_part, names_more, opens_pair
from shared.words.numbers import Quantity
from shared.words.statements import Statement
from shared.words.steps import is_ratio, step_by, target_of

_ARTICLES = frozenset({"the", "all", "every", "each"})
_ADJECTIVES = frozenset({"small", "tiny", "low", "short", "large", "high", "long"})
_PARTS_OF_A_MODEL = frozenset({"layer", "block", "transformer block", "transformer layer", "head"})
_POSITIONS = {"rope": "position.rope", "positional": "position.learned"}
_ENDS = frozenset({"first", "last", "final", "opening"})
_SIZES = frozenset({"smaller", "larger", "bigger"})


def read_statement(segment: Segment) -> Statement:
    """What a segment says."""
    return _Reader(segment).statement


class _Reader:
    """Goes through the items once, remembering what the next number or value is."""

    def __init__(self, segment: Segment) -> None:
        self.statement = Statement(segment)
        self._items = segment.items
        self._role = ""  # of the next number or value: "old", "new", "by"
        self._is_replacing = False
        self._is_where = False  # the next numbers say which layers
        self._is_of_whole = False  # "from half to three quarters": shares of one thing
        self._hint = 0  # "a small weight decay" says a direction only if nothing else does
        self._scales = any(
            part in item.text and item.name != "scalar"
            for item in self._items
            for part in ("scal", "multipl", "divid", "factor")
        )
        readers: dict[str, Callable[[Item, int], None]] = {
            "head": self._read_head,
            "headoff": self._read_head_off,
            "headup": self._read_implied,
            "headdown": self._read_implied,
            "mod": self._read_mod,
            "value": self._read_value,
            "quantity": self._read_quantity,
            "factor": self._read_factor,
            "up": self._read_direction,
            "down": self._read_direction,
            "more": self._read_more,
            "fewer": self._read_more,
            "on": self._read_state,
            "off": self._read_state,
            "replace": self._read_replace,
            "instead": self._read_old,
            "from": self._read_old,
            "arrow": self._read_arrow,
            "equal": self._read_equal,
            "to": self._read_to,
            "by": self._read_by,
            "colon": self._read_colon,
            "decay": self._read_decay,
            "unknown": self._read_unknown,
        }
        for position, item in enumerate(self._items):
            if item.kind not in {"quantity", "arrow"} and item.text != "to":
                self._is_where = False
            reader = readers.get(item.kind)
            if reader is not None:
                reader(item, position)
        self._finish()

    def _finish(self) -> None:
        statement = self.statement
        if not (statement.new or statement.change or statement.direction):
            statement.direction = self._hint
        if statement.state == "off" and len(statement.new) > 1 and not statement.old:
            *statement.old, last = statement.new  # "stop decaying to 0 and hold it at 5%"
            statement.new, statement.state = [last], ""
        said = [number for number in statement.new if number.suffix != "%"]
        if statement.direction and said and len(said) < len(statement.new):
            statement.new = said  # "10% higher, to 0.044"
        if statement.is_bare and not statement.is_target and statement.direction:
            self._finish_percent()  # "25% smaller"
        change = statement.change
        if change and change.kind == "factor" and change.value > 1 and statement.direction < 0:
            change = statement.change = Quantity(value=1 / change.value, kind="factor")
        is_times = any(i.kind == "quantity" and i.quantity == change for i in self._items)
        if statement.old and not statement.new and change and is_times and is_ratio(statement):
            statement.new, statement.change = [change.as_value()], None  # "3x instead of 4x"
        if statement.old and not statement.new and self._is_replacing:
            statement.new, statement.old = statement.old, []

    def _finish_percent(self) -> None:
        statement = self.statement
        if len(statement.new) == 1 and statement.new[0].suffix == "%":
            factor = 1 + statement.direction * statement.new[0].value
            statement.new, statement.change = [], Quantity(value=factor, kind="factor")

    def _next(self, position: int) -> Item | None:
        return self._items[position + 1] if position + 1 < len(self._items) else None

    def _read_head(self, item: Item, position: int) -> None:
        statement = self.statement
        before = self._items[position - 1] if position else None
        if item.text in _PARTS_OF_A_MODEL and (
            statement.heads or statement.values or (before and before.kind in {"unknown", "mod"})
        ):
            self._is_where = True
            return  # "in odd layers", "per head": says where, not what
        if item.text in {"head", "attention head"} and statement.says(*_SIZES):
            item = Item("head", "head_dim", item.text)
        position_name = _POSITIONS.get(item.name)
        if position_name and any(other.name.startswith("position.") for other in self._items):
            self._read_value(Item("value", position_name, item.text), position)
        elif statement.heads and follows_preposition(self._items[:position]):
            statement.mods.add(item.name)
        else:
            statement.heads.append(item.name)

    def _read_head_off(self, item: Item, _: int) -> None:
        self.statement.heads.append(item.name)
        self.statement.state = "off"

    def _read_implied(self, item: Item, _: int) -> None:
        sign = 1 if item.kind == "headup" else -1
        self.statement.direction = self.statement.direction or sign
        self.statement.implied_head = item.name

    def _read_mod(self, item: Item, _: int) -> None:
        self.statement.mods.add(item.name)

    def _read_direction(self, item: Item, _: int) -> None:
        sign = 1 if item.kind == "up" else -1
        if item.text in _ADJECTIVES:
            self._hint = self._hint or sign
        else:
            self.statement.direction = self.statement.direction or sign

    def _read_more(self, item: Item, _: int) -> None:
        self.statement.direction = 1 if item.kind == "more" else -1
        self.statement.is_more = True

    def _read_state(self, item: Item, _: int) -> None:
        is_off = "off" in {self.statement.state, item.kind}  # "do not use", "stop adding"
        self.statement.state = "off" if is_off else "on"

    def _read_replace(self, item: Item, _: int) -> None:
        if self.statement.values and item.text == "replace":
            self._role = "old"  # "cosine replaces linear"
        else:
            self._is_replacing = True

    def _read_old(self, _item: Item, _: int) -> None:
        self._role = "old"

    def _read_arrow(self, _item: Item, _: int) -> None:
        """What stood before an arrow is what there was: `4x MLP -> 3x MLP`."""
        statement = self.statement
        if not statement.old and not statement.old_values:
            if not (statement.new or statement.change):
                statement.old_values, statement.values = statement.values, []
            if statement.change is not None and statement.change.kind == "factor":
                statement.new.append(statement.change.as_value())
                statement.change = None
            statement.old, statement.new = statement.new, []
        self._role = "new"
        statement.is_target = True

    def _read_equal(self, _item: Item, _: int) -> None:
        self._role = "new"
        self.statement.is_target = True

    def _read_to(self, item: Item, position: int) -> None:
        after = next((i for i in self._items[position + 1 :] if i.kind != "fill"), None)
        if after is None or after.kind not in {"quantity", "value", "decay"}:
            return  # "add dropout to the embeddings"
        self.statement.is_target |= item.text != "of"
        if self._role != "by" and (item.text != "of" or self._role != "old"):
            self._role = "new"

    def _read_by(self, _item: Item, position: int) -> None:
        after = next((i for i in self._items[position + 1 :] if i.kind != "fill"), None)
        is_factor = after is not None and after.quantity and after.quantity.kind == "factor"
        if self._is_replacing and not (self.statement.direction or is_factor):
            self._role = "new"  # not "go up by half" or "move it by +25%"
        elif after is not None and after.kind == "quantity":  # not "by setting dropout to 0.2"
            self._role = "by"

    def _read_colon(self, _item: Item, _: int) -> None:
        self._role = ""
        says_step = self.statement.change is not None or self.statement.is_more
        self.statement.is_target |= says_step  # "twice as high: 0.1", "less depth: 6 layers"

    def _read_decay(self, _item: Item, _: int) -> None:
        self.statement.is_decay = True

    def _read_unknown(self, item: Item, position: int) -> None:
        self.statement.unknown += 1
        following = self._next(position)
        is_before_head = following is not None and following.kind == "head"
        if len(item.text) > 1 and (is_before_head or self._says_where(position)):
            self.statement.mods.add(f"?{item.text}")

    def _says_where(self, position: int) -> bool:
        """`dropout 0.1 on the router`, but not `dropout 0.1 for stability`."""
        before = [item.text for item in self._items[max(0, position - 2) : position]]
        is_bare = before[-1:] in (["on"], ["in"], ["of"])
        is_noun = len(before) == 2 and before[1] in _ARTICLES
        is_noun = is_noun and before[0] in {"on", "in", "of", "for", "to"}
        return bool(self.statement.heads) and (is_bare or is_noun or before[-1:] == ["on the"])

    def _read_value(self, item: Item, position: int) -> None:
        statement = self.statement
        following = self._next(position)
        is_before_arrow = following is not None and following.kind == "arrow"
        is_old = self._role == "old" or is_before_arrow
        if self._is_replacing and not statement.values and not statement.old_values:
            # "replace X with Y", but not "switch to Y" or "change to Y instead of X"
            rest = self._items[position + 1 :]
            has_other = any(other.kind == "value" for other in rest)
            has_instead = any(other.kind == "instead" for other in self._items)
            is_old = is_old or (self._role != "new" and has_other and not has_instead)
        (statement.old_values if is_old else statement.values).append(item.name)
        self._role = self._role if is_before_arrow else ""

    def _read_factor(self, item: Item, _: int) -> None:
        self.statement.change = self.statement.change or item.quantity
        self._role = self._role if self._role == "old" else ""

    def _read_quantity(self, item: Item, position: int) -> None:
        assert item.quantity is not None
        rest = self._items[position + 1 :]
        counts_parts = bool(rest) and rest[0].text in _PARTS_OF_A_MODEL
        if self._is_where or (counts_parts and self.statement.heads and self.statement.new):
            self.statement.mods.add(f"#{item.quantity.value:g}")  # "in the last two layers"
            return
        is_pair = opens_pair(rest)
        if self._role == "by":
            self.statement.change = step_by(item, self.statement.direction, scales=self._scales)
        elif self._role == "old" or is_pair:
            self.statement.old.append(item.quantity.as_value())
            self._is_of_whole = is_part(item)
        elif self._is_stretch(position):
            self.statement.new.append(item.quantity.as_value())
        elif self._role == "new":
            self._take(item, rest)
        else:
            self._take_bare(item, rest)
        if is_pair:
            self._close_old(position)
        elif self._role == "old" and not (rest and rest[0].kind == "quantity"):
            self._role = ""  # `was (0.8, 0.95)` goes on; anything else ends it

    def _is_stretch(self, position: int) -> bool:
        """`over the first 5%`, `to the last third` say how long, and not by how much."""
        before = "".join(self._items[position - 1].text.split()[-1:]) if position else ""
        is_ramp = self.statement.heads[-1:] in (["warmup"], ["warmdown"])
        return before in _ENDS or (is_ramp and before in {"over", "for", "during"})

    def _take(self, item: Item, rest: list[Item]) -> None:
        target = target_of(item, self.statement, is_last=not rest, is_of_whole=self._is_of_whole)
        if target.kind == "factor":
            self.statement.change = target
        else:
            self.statement.new.append(target)

    def _take_bare(self, item: Item, rest: list[Item]) -> None:
        statement = self.statement
        assert item.quantity is not None
        if item.quantity.kind == "factor":
            statement.change = statement.change or item.quantity
        elif item.text.startswith("+") and statement.heads and not names_more(rest):
            statement.change = Quantity(value=item.quantity.value, kind="delta")
        elif is_part(item) and not statement.heads and any(i.kind == "head" for i in rest):
            statement.change = Quantity(value=item.quantity.value, kind="factor")
        elif rest and rest[0].name in {"warmdown", "warmup", "dropout"}:
            statement.new.append(item.quantity.as_plain())  # "a longer 70% warmdown"
        elif item.quantity.suffix == "%" and statement.direction and not statement.new:
            statement.change = step_by(item, statement.direction, scales=False)  # "LR down 20%"
        else:
            statement.new.append(item.quantity)
            statement.is_bare = True

    def _close_old(self, position: int) -> None:
        """`(0.8, 0.95) -> (0.9, 0.95)`: all that stands right before the arrow is old."""
        statement = self.statement
        size = 0
        while position > size and self._items[position - size - 1].kind == "quantity":
            size += 1
        statement.old[:0] = statement.new[len(statement.new) - size :]
        statement.new.clear()
        self._role = ""

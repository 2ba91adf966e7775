"""What an experiment says it changes, in the form that finds its like."""

import asyncio
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from pgvector import HalfVector
from sqlalchemy.ext.asyncio import AsyncSession

from coordinator.campaigns.models import Campaign
from coordinator.dedup.keys import parameters_key, values_key
from coordinator.dedup.readings import reading_to_json, reading_version
from coordinator.programs.repository import find_source
from coordinator.search.embedder import Embedder, Vector
from shared.changes import (
    ChangeSignature,
    ConstantEdit,
    DefinitionEdit,
    change_signature,
    constant_edit,
    signature_of_edits,
)
from shared.constants import read_constants
from shared.dedup import parse_experiment
from shared.wire.claims import ConstantChange
from shared.words import DEFAULT_VOCABULARY, ParsedHypothesis, Vocabulary
from shared.words.hypotheses import starting_from

# What changes is said first. With the reasons behind it a text is nearer to others of the same
# reasons than to its repeats, and takes longer to embed.
EMBEDDED_CHARACTERS = 160
# Of a base's constants so many are read, and only those that are short, as one number is: a
# program may have 20,000, or 200 that are essays. That of the campaign has 33.
MAX_STARTS = 200
START_CHARACTERS = 100
HEAD_START_S = 0.0015  # until the model's thread computes


class Embedding(HalfVector):
    """A vector as the database takes it: written once, and sent in three statements of a claim."""

    def __init__(self, vector: Vector) -> None:
        super().__init__(vector)
        numbers = self.to_list()
        # Five digits are more than a half has, and half as long as what Python would write.
        self._text = f"[{','.join(['%.5g'] * len(numbers))}]" % tuple(numbers)

    def to_text(self) -> str:
        """Return it as the database reads it."""
        return self._text


@dataclass(frozen=True, kw_only=True)
class Description:
    """Words and change of an experiment, parsed, with the keys and the vector that find it."""

    parsed: ParsedHypothesis
    change: ChangeSignature | None
    embedding: Embedding

    @cached_property
    def parameters_key(self) -> str:
        """Return the name of what is changed."""
        return parameters_key(self.parsed)

    @cached_property
    def values_key(self) -> str:
        """Return the name of what becomes of it."""
        return values_key(self.parsed)

    def columns(self) -> dict[str, Any]:
        """Return the values of the experiment's columns that hold this description."""
        change = self.change
        return {
            "change": None if change is None else change_to_json(change),
            "change_key": None if change is None or change.is_empty else change.key,
            "changed_names": [] if change is None else list(change.names),
            "embedding": self.embedding,
            **reading_columns(self.parsed),
        }


def reading_columns(parsed: ParsedHypothesis) -> dict[str, str]:
    """Return the values of the experiment's columns that hold what was read of its words."""
    return {
        "parameters_key": parameters_key(parsed),
        "values_key": values_key(parsed),
        "reading": reading_to_json(parsed),
        "reading_version": reading_version(),
    }


async def describe(
    embedder: Embedder,
    hypothesis: str,
    *,
    vocabulary: Vocabulary,
    base: str | None = None,
    source: str | None = None,
    changes: list[ConstantChange] | None = None,
) -> Description:
    """Return the description of an experiment.

    Args:
        embedder: Gives the vector of the words.
        hypothesis: What the agent wants to test.
        vocabulary: The words of the campaign, see ``campaign_vocabulary``.
        base: Text of the program that the change starts from, if it is known; what its constants
            are tells that `halve the LR` and the half of that LR are the same.
        source: Text of the changed program; with ``base`` it tells the change exactly.
        changes: What the agent says it will change; used where the code does not tell.
    """
    if base is not None:
        vocabulary = await asyncio.to_thread(vocabulary_on, vocabulary, base)
    change = None
    if base is not None and source is not None:
        change = await asyncio.to_thread(change_signature, base, source)
    elif changes:
        change = signature_of_edits(
            constant_edit(each.name, each.old, each.new) for each in changes
        )
    embedding, parsed = await asyncio.gather(
        embedder.embed(hypothesis[:EMBEDDED_CHARACTERS]),
        _parsed_meanwhile(hypothesis, change, vocabulary),
    )
    return Description(parsed=parsed, change=change, embedding=Embedding(embedding))


async def _parsed_meanwhile(
    hypothesis: str, change: ChangeSignature | None, vocabulary: Vocabulary
) -> ParsedHypothesis:
    # Parsing holds the interpreter. Begun at once, it would keep the model's thread from reaching
    # the part that needs none: 2 ms of the 10 that a text takes.
    await asyncio.sleep(HEAD_START_S)
    return await asyncio.to_thread(parse_cached, hypothesis, change, vocabulary)


async def campaign_vocabulary(session: AsyncSession, campaign: Campaign) -> Vocabulary:
    """Return the field's vocabulary with the constants of the campaign's own program."""
    known = _vocabularies.get(campaign.baseline_sha256)
    if known is None:
        baseline = await find_source(session, campaign.baseline_sha256)
        assert baseline is not None
        known = DEFAULT_VOCABULARY.with_constants(read_constants(baseline))
        _vocabularies[campaign.baseline_sha256] = known
    return known


# By the hash of the program, so an entry cannot become wrong; one per campaign.
_vocabularies: dict[str, Vocabulary] = {}


@lru_cache(maxsize=64)
def vocabulary_on(vocabulary: Vocabulary, base: str) -> Vocabulary:
    """Return the vocabulary that knows from where each constant of this program starts."""
    stated = (f"{each.name} = {each.text}" for each in read_constants(base).values())
    short = (each for each in stated if len(each) <= START_CHARACTERS)
    return starting_from(islice(short, MAX_STARTS), vocabulary)


# A claim's words come again with its result, and an idea's with every claim like it.
parse_cached = lru_cache(maxsize=5_000)(parse_experiment)


def change_to_json(change: ChangeSignature) -> dict[str, Any]:
    """Return a change as it is stored."""
    return {
        "constants": [asdict(edit) for edit in change.constants],
        "definitions": [asdict(edit) for edit in change.definitions],
        "statements_added": list(change.statements_added),
        "statements_removed": list(change.statements_removed),
    }


def change_from_json(stored: dict[str, Any]) -> ChangeSignature:
    """Return a change from its stored form."""
    return ChangeSignature(
        constants=tuple(ConstantEdit(**edit) for edit in stored["constants"]),
        definitions=tuple(DefinitionEdit(**edit) for edit in stored["definitions"]),
        statements_added=tuple(stored["statements_added"]),
        statements_removed=tuple(stored["statements_removed"]),
    )

"""The ground under every wire model: closed, frozen, finite, storable."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


class WireModel(BaseModel):
    """A frozen record that refuses unknown fields and NaN or infinite numbers."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("remove the NUL characters: text is stored as UTF-8 without them")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(
            "remove the lone surrogates: they are not Unicode text and cannot be stored as UTF-8"
        ) from None
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("say something: the text is empty")
    return text


Text = Annotated[str, Field(strict=True), AfterValidator(_storable)]
ShortText = Annotated[Text, Field(max_length=200)]
LongText = Annotated[Text, Field(max_length=20_000)]
Hypothesis = Annotated[Text, Field(min_length=1, max_length=4_000), AfterValidator(_not_blank)]
Name = Annotated[str, Field(strict=True, pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Sha256 = Annotated[str, Field(strict=True, pattern=r"^[0-9a-f]{64}$")]
# JSON has one number type: 1 is a fine float, "1" and true are not.
Number = Annotated[float, Field(strict=True)]
# Postgres bigint for counts and epochs; a larger number would be a 500, not a 422.
Count = Annotated[int, Field(strict=True, ge=0, lt=2**63)]
# Postgres stores moments that Python cannot read back: those outside of the years 1 to 9999, in any
# time zone. One such row, and every list that it stands in is a 500.
Moment = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9999, 1, 1, tzinfo=UTC)),
]

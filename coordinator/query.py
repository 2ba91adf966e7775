"""Types of query parameters that the database can compare."""

from typing import Annotated

from fastapi import Query

# Postgres knows no NUL inside text, so a parameter that holds one is refused, not passed on.
QueryText = Annotated[str, Query(max_length=400, pattern=r"^[^\x00]*$")]

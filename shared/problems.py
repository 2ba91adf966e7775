"""Errors as they travel: RFC 9457 problem details."""

from typing import Any

from pydantic import BaseModel, ConfigDict

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """A problem document; ``slug`` is the stable end of ``type``.

    Extension members (such as ``matches`` of a duplicate claim) stay in ``model_extra``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    title: str
    status: int
    detail: str

    @property
    def slug(self) -> str:
        """Return the stable name of the error, e.g. ``duplicate-claim``."""
        return self.type.rpartition("#")[2]

    @property
    def extension(self) -> dict[str, Any]:
        """Return the members that this kind of error adds."""
        return dict(self.model_extra or {})

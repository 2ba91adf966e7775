"""Texts that a client may already have."""

from fastapi import Request, Response, status


def text_response(request: Request, text: str, *, sha256: str, is_python: bool) -> Response:
    """Return the text with its hash as ETag, or 304 if the client has that one."""
    etag = f'"{sha256}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if has_etag(request, etag):
        return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers=headers)
    media_type = "text/x-python" if is_python else "text/plain"
    return Response(text, media_type=f"{media_type}; charset=utf-8", headers=headers)


def has_etag(request: Request, etag: str) -> bool:
    """Return whether If-None-Match names this ETag (RFC 9110, weak comparison)."""
    candidates = request.headers.get("If-None-Match", "").split(",")
    return any(each.strip().removeprefix("W/") in {etag, "*"} for each in candidates)

"""The access keys that clients of a served lab sign with."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping

from fclab.errors import UsageError

__all__ = ["KeyRing"]

_ID = re.compile(r"[A-Za-z0-9._-]{3,64}")
_SHORTEST = 8


class KeyRing(Mapping[str, str]):
    """Access key ids and their secrets. It never shows a secret when it is printed.

    key_id, secret   a pair of one's own, the secret of 8 characters or more; left out, a random one for this server. Raises `UsageError`.
    """

    def __init__(self, key_id: str | None = None, secret: str | None = None) -> None:
        if (key_id is None) != (secret is None):
            raise UsageError("An access key has an id and a secret.", hint="give both, or neither for a random key")
        self.given = key_id is not None
        """The pair is the user's own."""
        self.key_id = f"LAB{secrets.token_hex(10).upper()}" if key_id is None else key_id
        self.secret = secrets.token_urlsafe(24) if secret is None else secret
        if not isinstance(self.key_id, str) or not _ID.fullmatch(self.key_id):
            raise UsageError("An access key id is 3 to 64 letters, digits, '.', '_' and '-'.", hint="leave it out for a random one")
        if not isinstance(self.secret, str) or len(self.secret) < _SHORTEST or not self.secret.isprintable():
            raise UsageError(f"An access key secret is {_SHORTEST} printable characters or more.", hint="leave it out for a random one")

    def __getitem__(self, key_id: str) -> str:
        if key_id != self.key_id:
            raise KeyError(key_id)
        return self.secret

    def __iter__(self) -> Iterator[str]:
        return iter((self.key_id,))

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"KeyRing({self.key_id!r})"

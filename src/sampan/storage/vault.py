"""Seals secrets at rest: AES-256-GCM under the master key, bound to the row they belong to."""

import base64
import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sampan.clock import Clock
from sampan.errors import SetupError

_NONCE_BYTES: Final = 12
MASTER_KEY_CHARS_MIN: Final = 16


class Vault:
    """Seals and unseals texts; derives further keys for named purposes."""

    def __init__(self, master_key: str, clock: Clock) -> None:
        if len(master_key) < MASTER_KEY_CHARS_MIN:
            raise SetupError(f"the master key needs at least {MASTER_KEY_CHARS_MIN} characters")
        self._master = hashlib.sha256(master_key.encode()).digest()
        self._cipher = AESGCM(hmac.digest(self._master, b"seal", "sha256"))
        self._clock = clock

    def seal(self, text: str, row: str) -> str:
        """Encrypt `text` for the row named `row`; a copy in another row cannot be read."""
        nonce = bytes.fromhex(self._clock.token(_NONCE_BYTES))
        return base64.b64encode(
            nonce + self._cipher.encrypt(nonce, text.encode(), row.encode())
        ).decode()

    def unseal(self, sealed: str, row: str) -> str:
        """Decrypt what `seal` made. Raises `SetupError` when the master key is another one."""
        raw = base64.b64decode(sealed)
        try:
            plain = self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], row.encode())
        except InvalidTag as error:
            raise SetupError(
                "a stored secret cannot be read: the master key is not the one it was sealed with"
            ) from error
        return plain.decode()

    def derive(self, purpose: str) -> str:
        """Return a key for a purpose, the same at every start, as hexadecimal text."""
        return hmac.digest(self._master, b"derive/" + purpose.encode(), "sha256").hex()

"""`python -m rotunda_charts.keys FOLDER`: makes the keys of a new installation, where they are not there."""

import json
import sys
from base64 import b64encode
from pathlib import Path
from secrets import token_bytes

from joserfc.jwk import OKPKey

from rotunda_charts.schemas import SERVICES
from rotunda_kit.embedded.files import write_private


def new_key() -> OKPKey:
    """A pair of keys that signs."""
    return OKPKey.generate_key("Ed25519", parameters={"use": "sig", "alg": "Ed25519"}, auto_kid=True)


def make_keys(folder: Path) -> None:
    """Make the pair for tokens, the key that encrypts secrets, and for each service the one of its audit trail."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for service in SERVICES:
        audit = folder / service / "audit-keys.json"
        audit.parent.mkdir(mode=0o700, exist_ok=True)
        if not audit.exists():
            write_private(audit, json.dumps({"keys": [new_key().as_dict(private=True)]}))
    encryption, signing, public = (
        folder / name for name in ("gateway/encryption-key", "gateway/signing-key.json", "token-keys.json")
    )
    if not encryption.exists():
        write_private(encryption, b64encode(token_bytes(32)).decode())
    if not public.exists():
        key = new_key()
        write_private(signing, json.dumps(key.as_dict(private=True)))
        # Last: what makes the pair complete.
        write_private(public, json.dumps({"keys": [key.as_dict(private=False)]}))


if __name__ == "__main__":
    make_keys(Path(sys.argv[1]))

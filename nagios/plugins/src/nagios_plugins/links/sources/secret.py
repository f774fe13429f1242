"""What a device is asked with, from a file. Nothing of it is ever repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from gufo import snmp
from gufo.snmp import SnmpVersion, User

from nagios_plugins.links.inventory import SnmpSource
from nagios_plugins.links.sources import SourceError

AUTH: Final = {
    "md5": snmp.Md5Key,
    "sha": snmp.Sha1Key,
    "sha224": snmp.Sha224Key,
    "sha256": snmp.Sha256Key,
    "sha384": snmp.Sha384Key,
    "sha512": snmp.Sha512Key,
}
PRIVACY: Final = {"des": snmp.DesKey, "aes": snmp.Aes128Key, "aes192": snmp.Aes192Key, "aes256": snmp.Aes256Key}
FIELDS: Final = {"user", "auth_key", "privacy_key", "auth", "privacy"}


def login(source: SnmpSource) -> tuple[SnmpVersion, dict[str, Any]]:
    """The version, and arguments of a session: a community, or a user with keys.

    Raises:
        SourceError: the file has none.
    """
    try:
        content = Path(source.secret_file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SourceError(f"{source.secret_file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SourceError(f"{source.secret_file} is no text") from None
    if source.version == "3":
        return SnmpVersion.v3, {"user": _user(source.secret_file, content)}
    if len(content.split()) != 1:
        raise SourceError(f"{source.secret_file} has no community: it should hold one word")
    return SnmpVersion.v2c, {"community": content}


def _user(file: str, content: str) -> User:
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise SourceError(
            f'{file} has no user of version 3: it should be {{"user": …, "auth_key": …, "privacy_key": …}}'
        )
    if not fields.get("user") or set(fields) - FIELDS:
        raise SourceError(f"{file} should have user, auth_key and privacy_key, perhaps auth and privacy, and no more")
    auth, privacy = AUTH.get(fields.get("auth", "sha").lower()), PRIVACY.get(fields.get("privacy", "aes").lower())
    if auth is None or privacy is None:
        raise SourceError(f"{file}: auth is one of {', '.join(AUTH)}, privacy one of {', '.join(PRIVACY)}")
    if fields.get("privacy_key") and not fields.get("auth_key"):
        raise SourceError(f"{file} has a privacy_key, but no auth_key: there is no privacy without")
    return User(
        name=fields["user"],
        auth_key=auth(fields["auth_key"].encode()) if fields.get("auth_key") else None,
        priv_key=privacy(fields["privacy_key"].encode()) if fields.get("privacy_key") else None,
    )

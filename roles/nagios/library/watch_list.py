"""Ansible module: tell what is wrong with links, contacts and a mail server, or give them as the checks take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.watch_rules import CONTACT, CONTACT_NAME, LINK, LINK_NAME, NEEDED, SMTP, SOURCES, Rule

DOCUMENTATION = r"""
module: watch_list
short_description: Tell what is wrong with links, contacts and their mail server
description:
  - Each fault is one sentence that names the link or contact and the field. Looks at values alone, and changes nothing.
options:
  links:
    description: Links, as the checks' own inventory has them.
    type: list
    elements: dict
    required: true
  contacts:
    description: People and programs that are told of alarms.
    type: list
    elements: dict
    default: []
  smtp:
    description: The mail server.
    type: dict
    default: {}
  hosts:
    description: Names that other hosts in Nagios have.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
"""

EXAMPLES = r"""
- name: Look at a link
  watch_list:
    links: [{name: uplink, source: {kind: interface}}]
"""

RETURN = r"""
faults:
  description: What is wrong, a sentence each.
  type: list
  elements: str
  returned: always
links:
  description: The links without what was left out, with numbers as numbers; of no use where there are faults.
  type: list
  elements: dict
  returned: always
contacts:
  description: The contacts likewise.
  type: list
  elements: dict
  returned: always
smtp:
  description: The mail server likewise.
  type: dict
  returned: always
files:
  description: Files that the checks will read, each with C(variable), C(path) and C(secret).
  type: list
  elements: dict
  returned: always
spread_seconds:
  description: Sampling interval at which half of all checks of links are made, or more often.
  type: float
  returned: always
"""

DEFAULT_SAMPLING_SECONDS = 5.0


class Faults:
    """What is wrong, a sentence each."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def add(self, whose: str, field: str, what: str) -> None:
        """Add a fault of a field."""
        self.sentences.append(f"{whose}: {field} {what}.")

    def checked(
        self, whose: str, given: Mapping[str, Any], rules: Mapping[str, Rule], path: str = ""
    ) -> dict[str, Any]:
        """The fields that are set, as the rules give them."""
        found = {}
        for field, value in given.items():
            if field not in rules:
                self.add(whose, f"{path}{field}", f"is unknown; there are {', '.join(rules)}")
            elif value is not None and value != "":
                try:
                    found[field] = rules[field](value)
                except ValueError as error:
                    self.add(whose, f"{path}{field}", f"is {value!r}, and has to be {error}")
        return found

    def name(self, kind: str, given: Mapping[str, Any], rule: Rule, taken: set[str]) -> str:
        """Check the name that a link or contact has to have, and to have alone."""
        name = "" if given.get("name") is None else str(given["name"])
        whose = f"{kind} {name or '(without a name)'}"
        try:
            rule(name)
        except ValueError as error:
            self.add(whose, "name", f"is {name!r}, and has to be {error}")
        if name in taken:
            self.add(whose, "name", "is there twice")
        taken.add(name)
        return name


def checked_source(faults: Faults, whose: str, given: Any) -> dict[str, Any]:
    """A link's source."""
    if not isinstance(given, Mapping) or given.get("kind") is None:
        faults.add(whose, "source.kind", f"is missing; there are {', '.join(SOURCES)}")
        return {}
    kind = str(given["kind"])
    if kind not in SOURCES:
        faults.add(whose, "source.kind", f"is {kind!r}, and has to be one of {', '.join(SOURCES)}")
        return {}
    fields = {field: value for field, value in given.items() if field != "kind"}
    source = faults.checked(whose, fields, SOURCES[kind], "source.")
    for field in NEEDED[kind]:
        if field not in source and fields.get(field) in (None, ""):
            faults.add(whose, f"source.{field}", f"is missing; a source of the kind {kind} has one")
    return {"kind": kind, **source}


def checked_links(faults: Faults, links: Iterable[Mapping[str, Any]], hosts: Iterable[str]) -> list[dict[str, Any]]:
    """All links, as links.json has them."""
    taken = set(hosts)
    found = []
    for given in links:
        name = faults.name("Link", given, LINK_NAME, taken)
        whose = f"Link {name or '(without a name)'}"
        fields = {field: value for field, value in given.items() if field not in ("name", "source")}
        source = checked_source(faults, whose, given.get("source"))
        found.append({"name": name, "source": source, **faults.checked(whose, fields, LINK)})
    return found


def checked_contacts(
    faults: Faults, contacts: Iterable[Mapping[str, Any]], smtp: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """All contacts."""
    taken = {"operator"}
    found = []
    for given in contacts:
        name = faults.name("Contact", given, CONTACT_NAME, taken)
        whose = f"Contact {name or '(without a name)'}"
        contact = faults.checked(whose, {f: v for f, v in given.items() if f != "name"}, CONTACT)
        if not (given.get("mail") or given.get("webhook_url_file")):
            faults.add(whose, "mail", "is missing, and webhook_url_file is too: one of them has to be set")
        if "mail" in contact and not smtp.get("host"):
            faults.add(whose, "mail", "is set, and there is no mail server to send it by: set platform_smtp_host")
        found.append({"name": name, **contact})
    return found


def checked_smtp(faults: Faults, given: Mapping[str, Any]) -> dict[str, Any]:
    """The mail server."""
    smtp = faults.checked("Mail server", given, SMTP)
    has_name, has_password = "username" in smtp, "password_file" in smtp
    if has_name != has_password:
        faults.add("Mail server", "password_file" if has_name else "username", "is missing: set both, or neither")
    if has_name and not smtp.get("starttls"):
        faults.add("Mail server", "starttls", "is off, and there is a password, which would be sent in the open")
    return smtp


def files_of(
    links: Iterable[Mapping[str, Any]], contacts: Iterable[Mapping[str, Any]], smtp: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """What the checks will read."""
    found = [
        {"variable": f"Link {link['name']}: source.{field}", "path": link["source"][field], "secret": secret}
        for link in links
        for field, secret in (("secret_file", True), ("file", False))
        if field in link["source"]
    ]
    found += [
        {
            "variable": f"Contact {contact['name']}: webhook_url_file",
            "path": contact["webhook_url_file"],
            "secret": True,
        }
        for contact in contacts
        if "webhook_url_file" in contact
    ]
    if "password_file" in smtp:
        found.append({"variable": "Mail server: password_file", "path": smtp["password_file"], "secret": True})
    return found


def spread(links: Iterable[Mapping[str, Any]]) -> float:
    """The sampling interval (s) at which half of all checks of links are made, or more often."""
    intervals = sorted(float(link.get("sampling_seconds", DEFAULT_SAMPLING_SECONDS)) for link in links)
    rate = sum(1 / each for each in intervals) / 2
    for interval in intervals:
        rate -= 1 / interval
        if rate <= 0:
            return interval
    return DEFAULT_SAMPLING_SECONDS


def survey(options: Mapping[str, Any]) -> dict[str, Any]:
    """All of it."""
    faults = Faults()
    links = checked_links(faults, options["links"], options["hosts"])
    smtp = checked_smtp(faults, options["smtp"])
    contacts = checked_contacts(faults, options["contacts"], smtp)
    is_good = not faults.sentences
    return {
        "faults": faults.sentences,
        "links": links if is_good else [],
        "contacts": contacts if is_good else [],
        "smtp": smtp if is_good else {},
        "files": files_of(links, contacts, smtp) if is_good else [],
        "spread_seconds": spread(links if is_good else []),
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "links": {"type": "list", "elements": "dict", "required": True},
            "contacts": {"type": "list", "elements": "dict", "default": []},
            "smtp": {"type": "dict", "default": {}},
            "hosts": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **survey(module.params))


if __name__ == "__main__":
    main()

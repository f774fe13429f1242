"""Whether Jenkins could take in jenkins/casc and plugins.txt, as far as their files tell: `casc.py --values NAME,NAME`.

What is wrong is a line on stderr that names the file and what to do, and the exit status is 1. It needs PyYAML alone.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import plugin_list

LIVE = "/etc/jenkins/live/"  # where the folder jenkins/ is on a server
SECRET_ATTRIBUTES = {"password", "passphrase", "privateKey", "secret", "secretBytes", "token"}
# What stands before a colon in ${…} and makes something of what follows.
MAKERS = {"base64", "decodeBase64", "json", "trim"}
READERS = {"file", "fileBase64", "readFile", "readFileBase64", "sysProp"}
INNERMOST = re.compile(r"\$\{([^${}]*)\}")
DONE = "\0"


class UniqueKeysLoader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML ships no types
    """YAML in which a key that stands twice is an error, and not silently the second one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Raises yaml.constructor.ConstructorError at a key that stands twice."""
        keys = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in keys:
                raise yaml.constructor.ConstructorError(None, None, f"key '{name}' stands twice", key.start_mark)
            keys.add(name)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


@dataclass(frozen=True)
class Leaf:
    """A value of a file: the keys that lead to it, without the numbers of lists' items, and whether it is in one."""

    path: tuple[str, ...]
    value: Any
    in_list: bool

    @property
    def name(self) -> str:
        return ".".join(self.path)


@dataclass
class Configuration:
    """What the files below a folder say together, and what is wrong with them."""

    folder: Path
    leaves: dict[str, list[Leaf]] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def complain(self, file: str, what: str) -> None:
        if (problem := f"{file}: {what}") not in self.problems:
            self.problems.append(problem)

    def all(self) -> Iterator[tuple[str, Leaf]]:
        """Every value, with its file's name."""
        for file, leaves in self.leaves.items():
            for leaf in leaves:
                yield file, leaf


def leaves_of(content: Any, path: tuple[str, ...] = (), in_list: bool = False) -> Iterator[Leaf]:
    """The values that stand in a tree of mappings and lists."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from leaves_of(value, (*path, str(key)), in_list)
    elif isinstance(content, list) and content:
        for item in content:
            yield from leaves_of(item, path, in_list=True)
    else:
        yield Leaf(path, content, in_list)


def read(folder: Path) -> Configuration:
    """The files of jenkins/casc; one that is no YAML is a problem, and left out."""
    found = Configuration(folder)
    for path in sorted((folder / "casc").glob("*.yaml")):
        name = f"casc/{path.name}"
        try:
            content = yaml.load(path.read_text(encoding="utf-8"), UniqueKeysLoader)  # noqa: S506 it is a SafeLoader
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            found.complain(f"{name}{line}", f"is no valid YAML: {getattr(error, 'problem', error)}")
            continue
        if not isinstance(content, dict):
            found.complain(name, "says nothing: give it a key, or delete it")
            continue
        found.content[name] = content
        found.leaves[name] = list(leaves_of(content))
    if not found.content:
        found.complain("casc/", "has no file that can be read: Jenkins would start without a login")
    return found


def check_conflicts(found: Configuration) -> None:
    """Jenkins does not start when two files set the same value; lists it appends."""
    setters: dict[str, str] = {}
    for file, leaf in found.all():
        if leaf.in_list:
            continue
        other = setters.setdefault(leaf.name, file)
        if other != file:
            found.complain(file, f"sets {leaf.name}, as {other} does: leave it to one of them")


def check_keys(found: Configuration, keys: dict[str, Any]) -> set[str]:
    """Every key is a known one; gives the plugins that understand them."""
    known, needed = keys["plugins"], {"configuration-as-code"}
    parents = {key[: dot.start()] for key in known for dot in re.finditer(r"\.", key)}
    for file, leaf in found.all():
        plugin = "core"
        for depth in range(len(leaf.path)):
            parent, name = ".".join(leaf.path[:depth]), ".".join(leaf.path[: depth + 1])
            if name not in known and name not in parents and parent in keys["complete"]:
                found.complain(file, f"unknown key {name}: correct it, or add it to checks/keys.yml with its plugin")
                break
            plugin = known.get(name, plugin)
            needed.add(plugin)
    return needed - {"core"}


def names_in(text: str) -> Iterator[tuple[str, str]]:
    """The names in a text's ${…}, from the innermost out, each behind what is made of it, 'base64' or nothing."""
    while match := INNERMOST.search(text):
        inner = match[1].partition(":-")[0]
        maker, colon, name = inner.rpartition(":")
        yield (maker, name) if colon else ("", inner)
        text = f"{text[: match.start()]}{DONE}{text[match.end() :]}"


def check_values(found: Configuration, given: set[str]) -> None:
    """Each ${NAME} is written by the role, and each that the role writes is used."""
    used = set()
    for file, leaf in found.all():
        for maker, name in names_in(str(leaf.value).replace("^${", "")):
            if name.startswith(DONE) or maker in READERS:
                continue
            if maker in MAKERS:
                found.complain(
                    file, f"{leaf.name}: ${{{maker}:{name}}} is about the name itself: ${{{maker}:${{{name}}}}}"
                )
            elif maker:
                found.complain(file, f"{leaf.name}: Jenkins knows no ${{{maker}:…}}")
            elif name not in given:
                found.complain(file, f"{leaf.name}: nobody writes {name}: have the role write it, or correct the name")
            used.add(name)
    for name in sorted(given - used):
        found.complain("casc/", f"nothing uses {name}: leave it out of the values that the role writes")


def check_secrets(found: Configuration) -> None:
    """What is secret comes from a file of the server, and never stands here."""
    for file, leaf in found.all():
        if leaf.path[-1] in SECRET_ATTRIBUTES and not is_placeholder(str(leaf.value)):
            found.complain(file, f"{leaf.name} stands in plain: write ${{NAME}}, and have the role write the file NAME")


def is_placeholder(text: str) -> bool:
    """Whether a text is one ${…} with a name in it, and nothing before or behind."""
    names = list(names_in(text))
    for _ in names:
        text = INNERMOST.sub(DONE, text, count=1)
    return text == DONE and any(name and not name.startswith(DONE) for _, name in names)


def check_files(found: Configuration) -> None:
    """A file that the configuration names is one of this folder."""
    for file, leaf in found.all():
        path = str(leaf.value)
        if leaf.path[-1] == "file" and not path.startswith(LIVE):
            found.complain(file, f"{leaf.name}: {path} does not begin with {LIVE}, where the role brings this folder")
        elif path.startswith(LIVE) and not (found.folder / path.removeprefix(LIVE)).is_file():
            found.complain(
                file, f"{leaf.name}: there is no jenkins/{path.removeprefix(LIVE)}: correct the path, or add the file"
            )


def at(content: Any, *path: str) -> list[Any]:
    """What stands at a path in a tree; lists on the way are gone through."""
    items = content if isinstance(content, list) else [content]
    for key in path:
        below = [
            value for item in items if isinstance(item, dict) for name, value in item.items() if key in (name, "*")
        ]
        items = [each for value in below for each in (value if isinstance(value, list) else [value])]
    return items


def declared(found: Configuration) -> dict[str, set[str]]:
    """What pipelines and jobs can rely on: locks, credentials and labels of agents."""
    everything = list(found.content.values())
    labels = at(everything, "jenkins", "nodes", "*", "labelString") + at(everything, "jenkins", "labelString")
    return {
        "lock": set(at(everything, "unclassified", "lockableResourcesManager", "declaredResources", "name")),
        "credential": set(at(everything, "credentials", "system", "domainCredentials", "credentials", "*", "id")),
        "label": {each for text in labels for each in str(text).split()}
        | set(at(everything, "jenkins", "nodes", "*", "name")),
    }


def check_recordings(found: Configuration, recordings: Iterable[Path]) -> dict[str, str]:
    """What recorded pipelines and jobs use is declared; gives the plugins that they need, each with who needs it."""
    there = declared(found)
    needed: dict[str, str] = {}
    where = {
        "lock": "a resource of unclassified.lockableResourcesManager",
        "credential": "in casc/credentials.yaml",
        "label": "a label of casc/agents.yaml",
    }
    for path in recordings:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        for each in recorded if isinstance(recorded, list) else [recorded]:
            source = each.get("file") or each["pipeline"]
            for kind, place in where.items():
                for name in sorted(set(each["uses"][kind]) - there[kind]):
                    found.complain(
                        source, f"uses the {kind} '{name}', which is not {place}: add it there, or correct it"
                    )
            needed |= {plugin: source for plugin in each["uses"]["plugin"] if plugin != "core"}
    return needed


def problems(folder: Path, values: set[str], recordings: Iterable[Path] = ()) -> list[str]:
    """What is wrong in jenkins/: `values` are the names the role writes, `recordings` what the recorder printed.

    Raises OSError for a file of checks/ or plugins.txt that is not there.
    """
    keys = yaml.safe_load((folder / "checks/keys.yml").read_text(encoding="utf-8"))
    found = read(folder)
    check_conflicts(found)
    needed = dict.fromkeys(sorted(check_keys(found, keys)), "casc/")
    check_values(found, values)
    check_secrets(found)
    check_files(found)
    needed |= check_recordings(found, recordings)
    return found.problems + plugin_list.problems(folder, needed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1], help="the folder jenkins/")
    parser.add_argument("--values", required=True, help="names that ${…} may have, with commas between")
    parser.add_argument("--recording", type=Path, nargs="*", default=[], help="what bin/jenkins-recorder printed")
    given = parser.parse_args()
    found = problems(given.folder, set(filter(None, given.values.split(","))), given.recording)
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

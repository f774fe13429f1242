"""An Apache over the role nagios' own templates, in a folder of its own: as `make up` runs it, and as a server does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import jinja2
import yaml

from for_all import import_path_for_all
from running import ROOT

ROLE: Final = ROOT / "roles/nagios"
BINARY: Final = shutil.which("apache2", path="/usr/sbin:/usr/bin")
LOGIN: Final = ("nagiosadmin", "let me in")
ACCOUNTS: Final = {"private": ("nagios", "nagios"), "server": ("www-data", "www-data")}
"""where root starts it"""
DEBIANS: Final = """
ServerName 127.0.0.1
ServerRoot {folder}
PidFile {folder}/pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog /dev/stderr
{account}
{modules}
ScriptSock {folder}/cgisock
TypesConfig /etc/mime.types
<Directory />
    AllowOverride None
    Require all denied
</Directory>
Include {folder}/site.conf
"""
"""what of Debian's own configuration counts here: other processes and other CGIs than those of the private one"""
DEBIANS_MODULES: Final = (
    *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic", "access_compat"),
    *("alias", "dir", "mime", "env", "cgid", "actions", "reqtimeout"),
)
PYTHON: Final = """#!{python}
import sys
sys.path[:0] = {path}
from nagios_plugins.page.cgi import main
main()
"""


def variables(instance: str, **given: Any) -> dict[str, Any]:
    """The role's variables that are plain texts, as Ansible would see them."""
    found: dict[str, Any] = {}
    for name in ("main", instance):
        found |= yaml.safe_load((ROLE / f"vars/{name}.yml").read_text())
    found = {name: value for name, value in found.items() if isinstance(value, str) and "|" not in value} | given
    for _ in range(4):  # they are made of each other
        found = {
            name: jinja2.Template(value).render(found) if isinstance(value, str) else value
            for name, value in found.items()
        }
    return found


def python_for_all() -> str:
    """A Python of this version that other accounts may run, too."""
    for python in ("/usr/bin/python3", sys.executable):
        version = subprocess.run(
            [python, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True
        )
        if version.stdout.strip() == str(tuple(sys.version_info[:2])):
            return python
    return sys.executable


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(instance: str, folder: Path) -> Iterator[int]:
    """Run it with everything in a folder that every account may come to; yields its port."""
    assert BINARY
    port, is_root = free_port(), os.geteuid() == 0
    user, group = ACCOUNTS[instance] if is_root else ("", "")
    known = variables(
        instance,
        ansible_managed="test",
        platform_state_dir=str(folder),
        platform_listen_address="127.0.0.1",
        platform_nagios_web_port=port,
        platform_nagios_user=LOGIN[0],
        platform_is_root=is_root,
        platform_user=user,
        platform_group=group,
        python_environment_path=str(folder / "venv"),
        __nagios_dir=str(folder / "nagios"),
        __nagios_var_dir=str(folder / "nagios/var"),
        __nagios_links_dir=str(folder / "links"),
    )
    _lay_out(known, folder, user, group)
    (folder / "apache2.conf").write_text(_configuration(instance, known, folder))
    with (folder / "error.log").open("w") as log:
        # In a group of its own: as it ends, it ends its group.
        command = [BINARY, "-f", str(folder / "apache2.conf"), "-D", "FOREGROUND"]
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            _wait_for(port, process, folder / "error.log")
            yield port
        finally:
            process.terminate()
            process.wait(timeout=10)


def _configuration(instance: str, known: dict[str, Any], folder: Path) -> str:
    templates = jinja2.Environment(loader=jinja2.FileSystemLoader(ROLE / "templates"), undefined=jinja2.StrictUndefined)
    if instance == "private":
        return templates.get_template("apache2.conf.j2").render(known)
    (folder / "site.conf").write_text(templates.get_template("server.conf.j2").render(known))
    modules = (f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in DEBIANS_MODULES)
    user, group = known["platform_user"], known["platform_group"]
    account = f"User {user}\nGroup {group}" if user else ""
    return DEBIANS.format(folder=folder, account=account, modules="\n".join(modules))


def _lay_out(known: dict[str, Any], folder: Path, user: str, group: str) -> None:
    for name in ("nagios/var", "nagios/etc/runbooks", "links", "venv/bin"):
        (folder / name).mkdir(parents=True)
    script = folder / "venv/bin/qos_page"
    script.write_text(PYTHON.format(python=python_for_all(), path=[import_path_for_all(folder)]))
    script.chmod(0o755)
    hashed = subprocess.run(
        ["htpasswd", "-ciB", known["__nagios_htpasswd_file"], LOGIN[0]], input=LOGIN[1], text=True, capture_output=True
    )
    assert hashed.returncode == 0, hashed.stderr
    (folder / "nagios/etc/cgi.cfg").write_text("main_config_file=/nowhere\nuse_authentication=1\n")
    if user:
        shutil.chown(known["__nagios_htpasswd_file"], user, group)
        shutil.chown(folder / "nagios/var", user, group)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"Apache does not come up: {log.read_text()}")

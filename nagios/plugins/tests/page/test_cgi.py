"""The pages as Apache starts them: a process for each, of an account that may only read."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flit_core.wheel
import jinja2
import pytest
import yaml

from for_all import import_path_for_all
from nagios_plugins.links.alarm import Alarm
from nagios_plugins.links.store import Store
from nagios_plugins.page.application import Places

PLUGINS = Path(__file__).parents[2]
ROLE = PLUGINS.parents[1] / "roles/python_environment/tasks/main.yml"
IMPORT_PATH = os.pathsep.join([str(PLUGINS / "src"), str(Path(jinja2.__file__).parents[1])])
START = "from nagios_plugins.page.cgi import main; main()"
NOBODY = pwd.getpwnam("nobody")
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
TWO_DAYS = 34_560
"""samples every 5 s"""


def run(
    places: Places,
    path: str,
    query: str = "",
    python: str = sys.executable,
    import_path: str = IMPORT_PATH,
    **options: Any,
) -> tuple[str, str, float]:
    """Head, body, and the seconds that it took."""
    environment = {
        "QOS_LINKS_FILE": places.links_file,
        "QOS_STORE_DIR": str(places.store_dir),
        "QOS_RUNBOOKS_DIR": str(places.runbooks_dir),
        "QOS_NAGIOS_CGI_URL": "/cgi-bin/nagios4",
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/qos",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "PYTHONPATH": import_path,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    started = time.perf_counter()
    done = subprocess.run([python, "-c", START], env=environment, capture_output=True, text=True, check=True, **options)
    assert done.stderr == ""
    head, _, body = done.stdout.partition("\n\n")
    return head, body, time.perf_counter() - started


def test_page_when_started_as_a_cgi_then_answers_as_apache_takes_it(
    places: Places, watched: Callable[..., None]
) -> None:
    watched()
    head, body, _ = run(places, "/links/")
    assert head.splitlines()[0] == "Status: 200 OK"
    assert "Content-Type: text/html; charset=utf-8" in head.splitlines()
    assert "No link is watched." in body
    assert run(places, "/nowhere")[0].startswith("Status: 404 Not Found\n")
    assert "\nLocation: /qos/links/" in run(places, "/")[0]


def test_page_when_a_link_has_two_days_of_samples_then_takes_half_a_second(
    make: SimpleNamespace, places: Places, watched: Callable[..., None]
) -> None:
    watched("uplink")
    rates: list[float | None] = [50.0 + cell % 40 for cell in range(TWO_DAYS)]
    rates[20_000:20_100] = [None] * 100
    samples = make.samples(rates)
    readings = make.readings(samples, jitter=0.4)
    make.store(places.store_dir, "uplink", readings, make.outlooks(samples[-2000:]), alarm=Alarm().as_state())
    for hours in (1, 48):
        seconds = min(run(places, "/links/uplink", f"hours={hours}")[2] for _ in range(3))
        print(f"\na page of {hours} h, {hours * 720} samples: {seconds:.2f} s")  # noqa: T201  the seconds are the result
        assert seconds < 2
    assert "no samples: 8 min 20 s in all" in run(places, "/links/uplink", "hours=48")[1]


@pytest.fixture
def readable(make: SimpleNamespace) -> Iterator[Places]:
    """A store of root's that nobody's group may read, as Apache's account may; not in pytest's own folder."""
    folder = Path(tempfile.mkdtemp(prefix="qos-page-"))
    folder.chmod(0o755)
    places = Places(str(folder / "links.json"), folder / "links", folder / "runbooks")
    places.store_dir.mkdir()
    os.chown(places.store_dir, 0, NOBODY.pw_gid)
    places.store_dir.chmod(0o2750)
    samples = make.samples([50.0] * 100)
    make.store(places.store_dir, "uplink", make.readings(samples), make.outlooks(samples), alarm=Alarm().as_state())
    Path(places.links_file).write_text('{"links": [{"name": "uplink", "source": {"kind": "interface"}}]}')
    yield places
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody(readable: Places) -> Callable[[str], tuple[str, str]]:
    """Ask for a page as another account."""
    python = next(filter(None, (may_run(path) for path in (sys.executable, "/usr/bin/python3"))), None)
    if python is None:
        pytest.skip("no Python of this version that another account may run")
    account = {"user": NOBODY.pw_uid, "group": NOBODY.pw_gid, "extra_groups": []}
    import_path = import_path_for_all(Path(readable.links_file).parent)
    return lambda path: run(readable, path, python=python, import_path=import_path, cwd="/", **account)[:2]


@only_root
def test_page_when_its_account_may_only_read_then_is_shown_and_nothing_is_written(
    readable: Places, as_nobody: Callable[[str], tuple[str, str]]
) -> None:
    def files() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in (readable.store_dir, *readable.store_dir.iterdir())}

    before = files()
    for path in ("/links/", "/links/uplink"):
        head, body = as_nobody(path)
        assert head.startswith("Status: 200 OK")
        assert "50.0 Mbps" in body
    assert files() == before


@only_root
def test_page_when_checks_write_meanwhile_then_is_shown(
    make: SimpleNamespace, readable: Places, as_nobody: Callable[[str], tuple[str, str]]
) -> None:
    more, over = make.readings(make.samples([60.0] * 4000))[101:], threading.Event()

    def write() -> None:
        for reading in more:
            if over.is_set():
                break
            with Store(readable.store_dir, "uplink") as store:  # a check each
                store.add_reading(reading, {})

    with ThreadPoolExecutor() as pool:
        written = pool.submit(write)
        heads = [as_nobody("/links/uplink")[0].splitlines()[0] for _ in range(10)]
        over.set()
        written.result()
    assert heads == ["Status: 200 OK"] * 10


@only_root
def test_page_when_its_account_may_not_even_read_then_is_503(
    readable: Places, as_nobody: Callable[[str], tuple[str, str]]
) -> None:
    for path in readable.store_dir.iterdir():
        path.chmod(0o600)
    head, body = as_nobody("/links/uplink")
    assert head.startswith("Status: 503 Service Unavailable")
    assert "The store of uplink cannot be read" in body


def may_run(python: str) -> str | None:
    """A Python that another account may run, if it is one of this version."""
    code = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        done = subprocess.run([python, "-c", code], user=NOBODY.pw_uid, group=NOBODY.pw_gid, check=False, env={})
    except OSError:
        return None
    return python if done.returncode == 0 else None


def test_package_when_built_then_has_the_templates_and_a_changed_one_is_seen(tmp_path: Path) -> None:
    wheel = flit_core.wheel.make_wheel_in(PLUGINS / "pyproject.toml", tmp_path).file
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {
        f"nagios_plugins/page/templates/{path.name}"
        for path in (PLUGINS / "src/nagios_plugins/page/templates").iterdir()
    }
    assert wanted
    assert wanted <= packed
    (find,) = (task for task in yaml.safe_load(ROLE.read_text()) if "ansible.builtin.find" in task)
    patterns = find["ansible.builtin.find"]["patterns"]
    unseen = {name for name in packed if not any(fnmatch(Path(name).name, pattern) for pattern in patterns)}
    assert unseen == {"nagios_plugins/py.typed"}  # an empty file


def test_entry_point_when_installed_then_is_the_pages() -> None:
    scripts = tomllib.loads((PLUGINS / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts["qos_page"] == "nagios_plugins.page.cgi:main"

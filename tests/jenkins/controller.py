"""Stand-in for Jenkins' controller: what the role asks of it, and how it refuses. Standard library only.

It reads the environment of the unit, the configuration and its values; of JCasC and Job DSL it knows names alone.
"""

import base64
import hashlib
import json
import os
import re
import signal
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

HOME = Path("/var/lib/jenkins")
AGENT_JAR = Path("/usr/share/jenkins/agent.jar")
ROOT_KEYS = {"jenkins", "security", "unclassified", "credentials", "jobs"}
NEEDED_PLUGINS = ("configuration-as-code", "job-dsl")
AGENT_IS_GONE_SECONDS = 10
JOB = re.compile(r"^(?:job|pipelineJob|multibranchPipelineJob)\('([^']+)'\)", re.MULTILINE)


class RefusedError(Exception):
    """The configuration cannot be applied."""


class Controller:
    """What Jenkins knows after it has read its configuration."""

    def __init__(self) -> None:
        self.message, self.user, self.password = "", "", ""
        self.seed_log = HOME / "jobs/seed/built"
        self.agent_seen = 0.0
        self.key = self._key()
        self.load()  # what the seed queues now, Jenkins forgets as it loads its queue

    @staticmethod
    def _key() -> bytes:
        """The key of its secrets, made at the first start."""
        file = HOME / "secrets/master.key"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        if not file.exists():
            file.write_bytes(os.urandom(32).hex().encode())
        return file.read_bytes()

    def load(self) -> None:
        """Read the configuration; on an error what was known before stays."""
        if missing := [name for name in NEEDED_PLUGINS if not (HOME / f"plugins/{name}.jpi").exists()]:
            raise RefusedError(f"No configurator for root element: plugins {', '.join(missing)} are not installed")
        files = sorted(Path(os.environ["CASC_JENKINS_CONFIG"]).glob("*.yaml"))
        texts = [file.read_text() for file in files]
        for file, text in zip(files, texts, strict=True):
            for key in re.findall(r"^(\S+):", text, re.MULTILINE):
                if key not in ROOT_KEYS:
                    raise RefusedError(f"{file.name}: No configurator for root element <{key}>")
        if "numExecutors: -1" in "\n".join(texts):
            raise RefusedError("jenkins: numExecutors must not be negative")
        values = Path(os.environ["SECRETS"])
        for name in re.findall(r"\$\{(?:\w+:\$\{)?(\w+)\}", "\n".join(texts)):
            if not (values / name).exists():
                raise RefusedError(f"no value for ${{{name}}}")
        message = re.search(r'systemMessage: "([^"]+)"', "\n".join(texts))
        self.message = message[1] if message else ""
        self.user, self.password = ((values / name).read_text() for name in ("ADMIN_USER", "ADMIN_PASSWORD"))
        self.live = files[0].resolve().parent.parent
        (HOME / "jobs/seed").mkdir(parents=True, exist_ok=True)

    def run_seed(self) -> None:
        """Make the jobs that the scripts name, and delete the others."""
        scripts = [self.live / "seed.groovy", *sorted((self.live / "jobs").glob("*.groovy"))]
        wanted = {name for script in scripts for name in JOB.findall(script.read_text())}
        for name in wanted | set(self.jobs):
            folder = HOME / "jobs" / name
            if name in wanted:
                folder.mkdir(exist_ok=True)
            else:
                folder.rmdir()
        self.seed_log.touch()

    @property
    def jobs(self) -> list[str]:
        """Names of all jobs."""
        return sorted(folder.name for folder in (HOME / "jobs").iterdir())

    @property
    def agent_secret(self) -> str:
        """The secret of the agent, as its key and name make it."""
        return hashlib.sha256(self.key + b"server").hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers as Jenkins does."""

    controller: Controller
    protocol_version = "HTTP/1.1"

    def answer(self, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def is_admin(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Basic ")
        return base64.b64decode(given).decode() == f"{self.controller.user}:{self.controller.password}"

    def do_POST(self) -> None:
        url, controller = urlsplit(self.path), self.controller
        if url.path == "/reload-configuration-as-code/":
            if parse_qs(url.query).get("casc-reload-token") != [os.environ["CASC_RELOAD_TOKEN"]]:
                return self.answer(401)
            try:
                controller.load()
            except RefusedError as error:  # the original answers 200, too
                print(f"SEVERE: {error}", flush=True)
                return self.answer(200, json.dumps({"status": "error", "message": str(error)}).encode())
            controller.run_seed()
            return self.answer(200)
        if url.path == "/wsagents/" and self.headers.get("Node-Secret") == controller.agent_secret:
            controller.agent_seen = time.monotonic()
            return self.answer(200)
        return self.answer(403)

    def do_GET(self) -> None:
        url, controller = urlsplit(self.path), self.controller
        if url.path == "/login":
            return self.answer(200, b"Sign in to Jenkins", "text/html")
        if url.path == "/jnlpJars/agent.jar":
            return self.answer(200, AGENT_JAR.read_bytes(), "application/java-archive")
        if not self.is_admin():
            return self.answer(401 if self.headers.get("Authorization") else 403)
        if url.path == "/api/json":
            jobs = [{"name": name} for name in controller.jobs]
            return self.answer(200, json.dumps({"description": controller.message, "jobs": jobs}).encode())
        if url.path == "/job/seed/api/json":
            last = {"building": False, "result": "SUCCESS"} if controller.seed_log.exists() else None
            return self.answer(200, json.dumps({"inQueue": False, "lastBuild": last}).encode())
        if url.path == "/computer/server/jenkins-agent.jnlp":
            told = "".join(f"<argument>{each}</argument>" for each in (controller.agent_secret, "server"))
            text = f"<jnlp><application-desc>{told}</application-desc></jnlp>"
            return self.answer(200, text.encode(), "application/x-java-jnlp-file")
        if url.path == "/computer/server/api/json":
            offline = time.monotonic() - controller.agent_seen > AGENT_IS_GONE_SECONDS
            return self.answer(200, json.dumps({"offline": offline}).encode())
        return self.answer(404)

    def do_HEAD(self) -> None:
        self.do_GET()


def main() -> None:
    """Entry point."""
    Path("/proc/self/comm").write_text("java")  # as the original is called among the processes
    with (HOME / "starts").open("a") as starts:  # the tests count them
        starts.write(f"{time.time()}\n")
    try:
        Handler.controller = Controller()
    except RefusedError as error:
        print(f"SEVERE: {error}", flush=True)
        if not (HOME / "boot-failure.groovy").exists():
            signal.pause()  # up, with nothing but an error page
        sys.exit(1)
    for folder in ("workspace/release", "caches"):  # what a backup leaves out
        (HOME / folder).mkdir(parents=True, exist_ok=True)
        (HOME / folder / "large").touch()
    address = os.environ["JENKINS_LISTEN_ADDRESS"], int(os.environ["JENKINS_PORT"])
    server = ThreadingHTTPServer(address, Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
        notify.send(b"READY=1")
    server.serve_forever()


main()

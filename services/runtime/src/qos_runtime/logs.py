"""Logs as JSON lines on stderr, each with the id of the request it belongs to."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from qos_runtime.context import current

_access_logger = logging.getLogger("access")


class JsonFormatter(logging.Formatter):
    """One record, one line: time, level, logger, message; a request's ids and those of its trace; exception."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := current.get():
            for name in ("request_id", "trace_id", "span_id"):
                line[name] = getattr(request, name).decode()
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure_logs(level: str) -> None:
    """Send everything that is logged, uvicorn's lines included, to stderr as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)


def log_access(method: str, route: str, status: int, seconds: float) -> None:
    """Log that a request was answered; `route` is its template, so that no path a client made up gets into the log."""
    facts = {"method": method, "route": route, "status": status, "ms": round(1000 * seconds, 3)}
    _access_logger.info("answered", extra={"facts": facts})

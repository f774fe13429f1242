"""Templates made into pages: everything is escaped, and the browser is told to load and run nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from nagios_plugins.links.words import percent as chance
from nagios_plugins.page import words

TEMPLATES = Path(__file__).with_name("templates")
STYLE = (TEMPLATES / "style.css").read_text(encoding="utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = "; ".join([
    "default-src 'none'",
    f"style-src 'sha256-{STYLE_HASH}'",  # the one style sheet, which stands in the page itself
    "img-src data:",  # the icon, likewise
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",  # Nagios shows its pages in frames
])  # fmt: skip


FILTERS = (
    *("between", "change", "clock", "duration", "figure", "gain", "moment"),
    *("part", "percent", "plain", "plain_rate", "rate", "signed"),
)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        optimized=False,  # a template is used once in a process
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in FILTERS:
        environment.filters[name] = getattr(words, name)
    environment.filters["chance"] = chance
    environment.filters["segment"] = lambda text: quote(text, safe="")
    return environment


def render(template: str, **facts: Any) -> str:
    """A page of a template's."""
    style = Markup(STYLE)  # noqa: S704  the package's own file
    return _environment().get_template(template).render(style=style, **facts)

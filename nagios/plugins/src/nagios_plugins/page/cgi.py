"""Entry point `qos_page`: one page, asked for as a CGI."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from wsgiref.handlers import CGIHandler

from nagios_plugins.page.application import Places, application


def main() -> None:
    """Answer what Apache asks, from the places that its configuration names."""
    gc.disable()  # one page and the process ends: looking for garbage in what was read takes as long as reading it
    places = Places(
        links_file=os.environ.get("QOS_LINKS_FILE", ""),
        store_dir=Path(os.environ.get("QOS_STORE_DIR", "")),
        runbooks_dir=Path(os.environ.get("QOS_RUNBOOKS_DIR", "")),
        nagios_cgi_url=os.environ.get("QOS_NAGIOS_CGI_URL", ""),
    )
    CGIHandler().run(application(places))

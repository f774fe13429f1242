"""https: a certificate that can be renewed while the service runs."""

import logging
import ssl
import sys
from pathlib import Path

from qos_runtime.lifecycle import Reload
from qos_runtime.settings import EXIT_WRONG_SETTING, ServiceSettings

logger = logging.getLogger(__name__)


class CertificateError(Exception):
    """A certificate or key that cannot be used; the sentence names the variable."""


class Certificate:
    """A service's certificate and key, in files that may be replaced."""

    def __init__(self, settings: ServiceSettings, certificate_file: Path, key_file: Path) -> None:
        """Load the files into a new context. Raises CertificateError."""
        self._files = {"tls_certificate_file": certificate_file, "tls_key_file": key_file}
        self._settings = settings
        self.context = self._load()

    async def reload(self) -> None:
        """Load the files again, for new connections; files that cannot be used are logged, and the old ones stay."""
        try:
            self._load()  # into another context first: one that refuses a key has lost its old one
            self._load_into(self.context)
        except CertificateError as error:
            logger.error("the certificate stays as it was: %s", error)  # noqa: TRY400 - a sentence, no defect
        else:
            logger.info("the certificate was read again")

    def _load(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)  # TLS 1.2 at least
        self._load_into(context)
        return context

    def _load_into(self, context: ssl.SSLContext) -> None:
        for name, file in self._files.items():
            try:
                file.open("rb").close()  # OpenSSL does not say which one it cannot read
            except OSError as error:
                raise CertificateError(f"{self._settings.variable(name)}: {file}: {error.strerror}") from None
        certificate_file, key_file = self._files.values()
        try:
            # An empty password, or OpenSSL asks for one on the terminal.
            context.load_cert_chain(certificate_file, key_file, password="")
        except (ssl.SSLError, OSError) as error:
            variables = " and ".join(map(self._settings.variable, self._files))
            reason = getattr(error, "reason", None) or "not PEM, or a key with a password"
            raise CertificateError(f"{variables}: no certificate with its key: {reason}") from None


def load_tls(settings: ServiceSettings, reload: Reload) -> ssl.SSLContext | None:
    """Return the context of the certificate that the settings name, renewed at every reload; None: plain http.

    A certificate that cannot be used is said in one line on stderr, and the process exits with status 2.
    """
    if settings.tls_certificate_file is None or settings.tls_key_file is None:
        return None
    try:
        certificate = Certificate(settings, settings.tls_certificate_file, settings.tls_key_file)
    except CertificateError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(EXIT_WRONG_SETTING) from None
    reload.add(certificate.reload)
    return certificate.context

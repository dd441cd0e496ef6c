"""The endpoints: which path does what, and how a refusal looks. Reading is for everybody, signing takes a token.

==========================================  =======================================================================
``POST /api/v2/signingCert``                Fulcio: a certificate for a token and a key that is proven to be held
``POST /api/v1/log/entries``                Rekor v1: log a signature
``POST /api/v2/log/entries``                Rekor v2: the same
``POST /api/v1/timestamp``                  RFC 3161: when something was signed
``GET  /api/v1/log``                        size, root and a signed checkpoint
``GET  /api/v1/log/entries?logIndex=N``     one entry with its promise and its proof
``GET  /api/v1/log/entries/UUID``           the same by the entry's leaf hash
``GET  /api/v1/log/proof?firstSize&lastSize``  that the log only grew
``GET  /ct/v1/…``                           the certificate log, as RFC 6962 has it
``GET  /api/v2/trustBundle``                Fulcio: the chain above every certificate
``GET  /trusted-root.json``                 what verifiers need
``GET  /trust-config.json``                 what clients need
``GET  /healthz``                           200 while certificates can be issued
==========================================  =======================================================================
"""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from theodore_loader.errors import LoaderError
from theodore_plugin.signing.local.service import RejectedError, stated_token
from theodore_plugin.signing.service.certificate_log import CertificateLog
from theodore_plugin.signing.service.desk import Desk, TooOften
from theodore_plugin.signing.service.messages import Request, Response
from theodore_plugin.signing.service.rates import Rate, is_among, network_of, plain
from theodore_plugin.signing.service.service_table import Network

CREATED = 201
_TIMESTAMP_REPLY = "application/timestamp-reply"
_CT = "/ct/v1/"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Routes requests to the desk; what goes wrong becomes an answer and a line in the log."""

    desk: Desk
    hosts: frozenset[str]
    proxies: tuple[Network, ...]
    addresses: Rate
    documents: Mapping[str, bytes]

    def handle(self, request: Request) -> Response:
        """Answer one request; raises nothing."""
        address = _client(request, self.proxies)
        try:
            return self._answer(request, address)
        except TooOften as refusal:
            wait = {"Retry-After": str(max(1, round(refusal.seconds)))}
            return self._refused(request, address, refusal.status, str(refusal), wait)
        except RejectedError as refusal:
            return self._refused(request, address, refusal.status, str(refusal))
        except LoaderError as problem:
            return self._failed(request, address, problem.message)
        except Exception as error:  # a request must not end the service; what it was is in the log
            return self._failed(request, address, f"{type(error).__name__}: {error}")

    def _answer(self, request: Request, address: str) -> Response:
        # A page in a browser can reach this port under a name of its own (DNS rebinding); only our names count.
        if request.headers.get("host", "").lower() not in self.hosts:
            raise RejectedError(421, "this service answers to its own names only")
        if request.path == "/healthz":
            return self._health()
        wait = self.addresses.take(network_of(address))
        if wait:
            raise TooOften(wait, "too many requests from this address")
        if request.method == "POST":
            return self._post(request, address)
        if request.method == "GET":
            return self._get(request)
        raise RejectedError(405, "only GET and POST are answered")

    def _post(self, request: Request, address: str) -> Response:
        desk, body = self.desk, request.body
        routes: Mapping[str, Callable[[], Response]] = {
            "/api/v2/signingCert": lambda: Response.of(desk.certificate(_bearer(request), body, address), CREATED),
            "/api/v1/log/entries": lambda: Response.of(desk.entry(body, address), CREATED),
            "/api/v2/log/entries": lambda: Response.of(desk.entry_v2(body, address), CREATED),
            "/api/v1/timestamp": lambda: Response(CREATED, desk.timestamp(body, address), _TIMESTAMP_REPLY),
        }
        if request.path not in routes:
            raise RejectedError(404, "no such endpoint")
        return routes[request.path]()

    def _get(self, request: Request) -> Response:
        service = self.desk.service
        entries = "/api/v1/log/entries"
        if request.path in self.documents:
            return Response(200, self.documents[request.path])
        if request.path == "/api/v1/log":
            return Response.of(service.tree_head())
        if request.path == "/api/v1/log/proof":
            return Response.of(service.consistency(request.number("firstSize"), request.number("lastSize")))
        if request.path == entries:
            return Response.of(service.logged(request.number("logIndex")))
        if request.path.startswith(f"{entries}/"):
            return Response.of(service.logged(self._index_of(request.path.removeprefix(f"{entries}/"))))
        if request.path.startswith(_CT):
            return Response.of(CertificateLog(service).answer(request.path.removeprefix(_CT), request))
        raise RejectedError(404, "no such endpoint")

    def _index_of(self, uuid: str) -> int:
        digits = uuid[-64:]
        if len(uuid) not in {64, 80} or not set(digits) <= set(string.hexdigits):
            raise RejectedError(400, "an entry's UUID has 64 or 80 hex digits")
        rekor = self.desk.service.rekor
        index = rekor.log.find(rekor.name, bytes.fromhex(digits))
        if index is None:
            raise RejectedError(404, "no such entry")
        return index

    def _health(self) -> Response:
        self.desk.check()
        return Response.of({"status": "ok"})

    def _refused(
        self, request: Request, address: str, status: int, reason: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        return self._noted("refused", request, address, status, reason, Response.problem(status, reason, headers))

    def _failed(self, request: Request, address: str, reason: str) -> Response:
        answer = Response.problem(503, "the service cannot do this now; its log says why")
        return self._noted("failed", request, address, 503, reason, answer)

    def _noted(
        self, event: str, request: Request, address: str, status: int, reason: str, answer: Response
    ) -> Response:
        try:
            self.desk.journal.write(
                event, address=address, method=request.method, path=request.path, status=status, reason=reason
            )
        except OSError:  # nobody reads the log; the answer says no already
            return answer
        return answer


def _bearer(request: Request) -> str:
    """Return the token, from the header or, as sigstore-js and cosign send it, from the body."""
    if "authorization" not in request.headers and (stated := stated_token(request.body)):
        return stated
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.isascii():
        raise RejectedError(401, "a bearer token is required")
    return token


def _client(request: Request, proxies: tuple[Network, ...]) -> str:
    """Return whose request it is: what a trusted proxy appended last, or who is connected."""
    forwarded = plain(request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip())
    return str(forwarded) if forwarded and is_among(request.address, proxies) else request.address


def pretty(document: object) -> bytes:
    """Serialise a document for people and programs."""
    return json.dumps(document, indent=2, sort_keys=True).encode() + b"\n"

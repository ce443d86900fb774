"""From what a client sends to the internal token that services trust."""

import asyncio
import hmac
import math
import time
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

import structlog

from rotunda_gateway.access.api_keys.secret import PREFIX as API_KEY_PREFIX
from rotunda_gateway.access.api_keys.secret import key_id_of
from rotunda_gateway.access.principals import API_KEY, SESSION, USER, Credential, note_use, read_credentials
from rotunda_gateway.auth.oidc.access_tokens import AccessTokens
from rotunda_gateway.auth.secrets import digest_of
from rotunda_gateway.auth.security_log import asking
from rotunda_gateway.http.rate_limits import RateLimits
from rotunda_kit.access.permissions import Permission
from rotunda_kit.errors import InvalidArgument, PermissionDenied, RotundaError, Unauthenticated
from rotunda_kit.identity import LIFETIME, Principal, TokenIssuer, TokenVerifier
from rotunda_kit.runtime import Runtime

log = structlog.get_logger()

ACT_AS = Permission("access.users", "actAs")
ON_BEHALF_OF = "rotunda-on-behalf-of"
# Seconds. An internal token is minted once a caller and half its life.
MINT_EVERY = LIFETIME / 2
# What is known of callers is read again so often, all of it at once;
LOOK_EVERY = 0.5
LOOK_TIMEOUT = 5.0
# while that fails it holds for so long; and who does not call for so long is forgotten.
TRUSTED = 30.0
MOST = 10_000

# The use of a credential is noted so often at most.
NOTE_EVERY = 60.0


class Key(NamedTuple):
    """A kind of credential and its id, and on whose behalf it is used, if it is."""

    kind: str
    id: str
    on_behalf_of: str

    @property
    def ids(self) -> Iterator[UUID]:
        """What is to be read about it."""
        return (UUID(each) for each in self[1:] if each)


class Caller:
    """Who sends a request.

    Args:
        credential: what he showed.
        principal: whose rights count.
        checked: when it was read (monotonic clock).
        issuer: mints his token.
    """

    __slots__ = ("_issuer", "_minted", "checked", "credential", "current", "noted", "principal", "token", "used")

    def __init__(self, credential: Credential, principal: Principal, checked: float, issuer: TokenIssuer) -> None:
        self._issuer = issuer
        self.credential = credential
        self.principal = principal
        self.checked = self.used = checked
        # Whether nothing has changed about him since.
        self.current = True
        # When his use was last written down.
        self.noted = -math.inf
        self._mint()

    def _mint(self) -> None:
        self._minted = time.monotonic()
        self.token = self._issuer.mint_internal(self.principal)

    def use(self, at: float) -> "Caller":
        """Note a use; his token is then good for half its life at least."""
        self.used = at
        if at - self._minted >= MINT_EVERY:
            self._mint()
        return self


class Callers:
    """Knows who calls.

    What it knows of a caller it keeps in memory. A task reads all who called lately again, twice a second and in one
    statement, so that whatever is taken from somebody is gone everywhere within a second, and no request waits for the
    database but a caller's first. While the database does not answer, callers that are known stay so for 30 seconds.

    Args:
        runtime: of access. Its database is read, its control decides who may act on behalf of others, and the task
            ends with it.
        issuer: signs.
        tokens: verifies the gateway's access tokens.
        foreign: tokens of the organisation's identity provider, if it has one.
        limits: how many requests he may send; as many as he likes, if omitted.
    """

    def __init__(
        self,
        runtime: Runtime,
        issuer: TokenIssuer,
        tokens: TokenVerifier,
        foreign: AccessTokens | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        self._limits = limits or RateLimits({}, burst=1)
        self._foreign = foreign
        self._runtime = runtime
        self._database = runtime.database
        self._control = runtime.control
        self._issuer = issuer
        self._tokens = tokens
        self._known: OrderedDict[Key, Caller] = OrderedDict()
        self._watch: asyncio.Task[None] | None = None

    async def authenticate(self, headers: Mapping[str, str]) -> str:
        """The internal token of whoever sends a request; raises as `caller` does."""
        return (await self.caller(headers)).token

    async def caller(self, headers: Mapping[str, str]) -> Caller:
        """Whoever sends a request.

        Raises:
            Unauthenticated: TOKEN_MISSING, TOKEN_INVALID, TOKEN_EXPIRED, SESSION_ENDED; API_KEY_INVALID.
            Unavailable: OIDC_UNAVAILABLE.
            PermissionDenied: he may not act on behalf of the one whom he names.
            InvalidArgument: he names nobody.
            TooManyRequests: RATE_LIMITED.
        """
        key, caller = await self._present(headers)
        self._limits.admit(key.id)
        asking.set(caller.principal)
        return caller

    async def still(self, headers: Mapping[str, str]) -> Caller:
        """Whoever sent a request that is still being answered; raises as `caller` does, but is no further request."""
        return (await self._present(headers))[1]

    async def _present(self, headers: Mapping[str, str]) -> tuple[Key, Caller]:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip()
        if not token or scheme.lower() != "bearer":
            raise Unauthenticated("TOKEN_MISSING", "Sign in first, and send: Authorization: Bearer <access token>.")
        on_behalf_of = headers.get(ON_BEHALF_OF, "")
        kind, credential_id, digest = await self._recognise(token)
        key = Key(kind, credential_id, _user_id(on_behalf_of) if on_behalf_of else "")
        at = time.monotonic()
        known = self._known.get(key)
        if known is None or at - known.checked > TRUSTED:
            known = await self._meet(key, digest)
        elif known.credential.digest != digest:
            raise _refusal(kind)
        return key, known.use(at)

    async def _recognise(self, token: str) -> tuple[str, str, bytes]:
        """The kind of a credential, its id, and what must be kept of it."""
        if token.startswith(API_KEY_PREFIX):
            key_id = key_id_of(token)
            if key_id is None:
                raise _refusal(API_KEY)
            return API_KEY, key_id, digest_of(token)
        if self._foreign is not None and self._foreign.are_meant(token):
            return USER, str(await self._foreign.user(token)), b""
        return SESSION, self._tokens.verify(token).session, b""

    def forget(self, credential_id: str) -> None:
        """Read a credential again before it is next used: something was changed about it."""
        for key in [key for key in self._known if key.id == credential_id]:
            self._drop(key)

    def forget_user(self, user_id: str) -> None:
        """Read all credentials of a user again before they are next used."""
        for key in [key for key, caller in self._known.items() if caller.credential.principal.subject == user_id]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._known.pop(key).current = False

    async def _meet(self, key: Key, digest: bytes) -> Caller:
        at = time.monotonic()
        caller = Caller(*self._accept(key, await self._read([key])), at, self._issuer)
        if not hmac.compare_digest(caller.credential.digest, digest):
            raise _refusal(key.kind)
        if key in self._known:
            self._drop(key)
        self._known[key] = caller
        if len(self._known) > MOST:
            self._drop(next(iter(self._known)))
        if self._watch is None or self._watch.done():
            self._watch = self._runtime.start(self._keep_watch())
        return caller

    async def _read(self, keys: Iterable[Key]) -> dict[str, Credential]:
        ids = {each for key in keys for each in key.ids}
        async with asyncio.timeout(LOOK_TIMEOUT), self._database.reading() as connection:
            return await read_credentials(connection, ids)

    def _accept(self, key: Key, credentials: Mapping[str, Credential]) -> tuple[Credential, Principal]:
        credential = credentials.get(key.id)
        if credential is None or credential.kind != key.kind:
            raise _refusal(key.kind)
        if not key.on_behalf_of:
            return credential, credential.principal
        actor = credential.principal
        if not self._control.of(actor).allows(ACT_AS, owned=False):
            raise PermissionDenied("ACTING_NOT_ALLOWED", "None of your roles lets you act on behalf of others.")
        subject = credentials.get(key.on_behalf_of)
        if subject is None or subject.kind != USER:
            raise PermissionDenied("ACTING_FOR_NOBODY", "There is no such user, or he may not sign in any more.")
        if subject.principal.administrator and not actor.administrator:
            raise PermissionDenied("ACTING_FOR_ADMINISTRATOR", "Only administrators may act on behalf of one.")
        # An API key's limits hold for whomever it speaks.
        acting = replace(subject.principal, session=actor.session, actor=actor.subject, limits=actor.limits)
        return credential, acting

    async def _keep_watch(self) -> None:
        failing = False
        while self._known:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
                await self._note_uses(time.monotonic())
                failing = False
            except Exception as error:  # the database may come back before what is known gets too old
                if not failing:
                    log.warning("callers not read", error=type(error).__name__)
                failing = True

    async def look(self) -> None:
        """Read all who called lately again, and forget the others."""
        at = time.monotonic()
        for key in [key for key, caller in self._known.items() if at - caller.used > TRUSTED]:
            self._drop(key)
        asked = list(self._known)
        credentials = await self._read(asked)
        for key in asked:
            known = self._known.get(key)
            # One that was met meanwhile is known better.
            if known is not None and known.checked <= at:
                self._check(key, known, credentials, at)

    async def _note_uses(self, at: float) -> None:
        due = [
            (key, caller)
            for key, caller in self._known.items()
            if caller.used > caller.noted and at - caller.noted >= NOTE_EVERY
        ]
        if not due:
            return
        async with asyncio.timeout(LOOK_TIMEOUT), self._database.transaction() as transaction:
            await note_use(transaction, {UUID(key.id) for key, _ in due})
        for _, caller in due:
            caller.noted = at

    def _check(self, key: Key, known: Caller, credentials: Mapping[str, Credential], at: float) -> None:
        try:
            unchanged = self._accept(key, credentials) == (known.credential, known.principal)
        except RotundaError:
            unchanged = False
        if unchanged:
            known.checked = at
        else:
            # Whoever it is is read anew when he calls, and told why he is refused.
            self._drop(key)


def _refusal(kind: str) -> Unauthenticated:
    if kind == API_KEY:
        return Unauthenticated("API_KEY_INVALID", "The API key is not valid, or not any more.")
    if kind == USER:
        return Unauthenticated("USER_INACTIVE", "The user may not sign in any more.")
    return Unauthenticated("SESSION_ENDED", "The session has ended. Sign in again.")


def _user_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise InvalidArgument.of("Rotunda-On-Behalf-Of", "must be the id of a user") from None

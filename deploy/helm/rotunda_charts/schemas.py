"""Writes the schemas by which Helm refuses wrong values: `make golden`.

Helm can't have one schema refer to another file, and the charts must not drift apart; so the schemas come from here.
They require nothing: `helm lint` does not see the library's defaults. What was set to null the library refuses.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

CHARTS = Path(__file__).parents[1]
SERVICES = ("customers", "sales", "service-desk", "marketing", "sync", "gateway")


def strict(properties: Schema, **further: Any) -> Schema:
    """An object with these properties, and no other."""
    return {"type": "object", "additionalProperties": False, "properties": properties, **further}


def text(pattern: str = "", **further: Any) -> Schema:
    """A string, all of which matches a pattern."""
    return {"type": "string", **({"pattern": f"^({pattern})$"} if pattern else {}), **further}


def whole(least: int, most: int | None = None) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most})}


def share() -> Schema:
    """A number from 0 to 1."""
    return {"type": "number", "minimum": 0, "maximum": 1}


def one_of(*values: str) -> Schema:
    """One of some words."""
    return {"type": "string", "enum": list(values)}


def lists(items: Schema) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": items}


def where(condition: Schema, then: Schema) -> Schema:
    """What must be true of some properties where it is of others."""
    return {
        "if": {"properties": condition, "required": sorted(condition)},
        "then": {"properties": then},
    }


YES = {"const": True}
FLAG: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "exclusiveMinimum": 0}
RATE: Schema = {"type": "number", "minimum": 0}
PORT = whole(1, 65535)
# A name of Kubernetes', or none.
NAME = text("([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?")
KEY = text("[-._a-zA-Z0-9]+")
HTTP_URL = "https?://[^ ]+"
STRINGS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
RESOURCES = strict(
    {
        part: {
            "type": "object",
            "additionalProperties": {"type": ["string", "number"], "pattern": r"^[0-9.]+[a-zA-Z]*$"},
        }
        for part in ("requests", "limits")
    }
)
PEERS = lists(
    {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {kind: {"type": "object"} for kind in ("podSelector", "namespaceSelector", "ipBlock")},
    }
)
MAX_UNAVAILABLE: Schema = {"oneOf": [whole(1), text("[1-9][0-9]?%|100%")]}


def secret() -> Schema:
    """A key of a Secret."""
    return strict({"name": NAME, "key": KEY})


def global_values() -> Schema:
    """The values that all services share."""
    nothing = {"const": ""}
    return strict(
        {
            # With what comes behind it, the longest name has 63 characters.
            "instance": text("[a-z]([-a-z0-9]{0,29}[a-z0-9])?"),
            "image": strict(
                {
                    "registry": text("[a-z0-9]([-a-z0-9._:/]*[a-z0-9])?"),
                    "pullPolicy": one_of("Always", "IfNotPresent", "Never"),
                    "pullSecrets": lists(NAME | {"minLength": 1}),
                }
            ),
            "user": whole(1, 2**32 - 2),
            "tokenKeys": strict({"configMap": NAME, "key": KEY}),
            "tls": strict(
                {
                    "enabled": FLAG,
                    "clientAuth": FLAG,
                    "certManager": strict(
                        {"enabled": FLAG, "issuer": NAME, "issuerKind": one_of("Issuer", "ClusterIssuer")},
                        **where({"enabled": YES}, {"issuer": {"minLength": 1}}),
                    ),
                },
                allOf=[
                    where({"clientAuth": YES}, {"enabled": YES}),
                    where({"certManager": {"properties": {"enabled": YES}}}, {"enabled": YES}),
                ],
            ),
            "telemetry": strict(
                {
                    "otlpEndpoint": text("(https?://[^ :/]+:[0-9]+)?"),
                    "otlpPeers": PEERS,
                    "traceSampleRatio": share(),
                }
            ),
            "monitoring": strict(
                {
                    "podMonitor": FLAG,
                    "interval": text("[1-9][0-9]*[sm]"),
                    "labels": STRINGS,
                    "alerts": FLAG,
                    "runbooks": text(f"({HTTP_URL})?"),
                },
                **where({"alerts": YES}, {"runbooks": {"minLength": 1}}),
            ),
            "networkPolicy": strict(
                {
                    "enabled": FLAG,
                    "dns": PEERS,
                    "postgres": strict({"port": PORT, "peers": PEERS}),
                    "nats": strict({"port": PORT, "peers": PEERS}),
                    "metrics": PEERS,
                }
            ),
            "nats": strict({"account": text("[^ ]+"), "monitoring": {"anyOf": [text("[^ :/]+:[0-9]+"), nothing]}}),
            "spread": strict({over: one_of("ScheduleAnyway", "DoNotSchedule") for over in ("zones", "hosts")}),
        }
    )


def component(autoscaling: Schema) -> Schema:
    """The values of the API or of the worker."""
    bounds = {"minReplicas": whole(1), "maxReplicas": whole(1), "cpuPercent": whole(1, 100)}
    return strict(
        {
            "replicas": whole(1),
            "databasePoolSize": whole(1),
            "autoscaling": strict(bounds | autoscaling),
            "maxUnavailable": MAX_UNAVAILABLE,
            "resources": RESOURCES,
        }
    )


def service(secrets: Schema, further: Schema) -> Schema:
    """The values of a service's chart: those of all, and further ones."""
    schema = strict(
        {
            "global": global_values(),
            "image": strict(
                {
                    "repository": text("([a-z0-9]([-a-z0-9._/]*[a-z0-9])?)?"),
                    # It is a label's value, too.
                    "tag": text("([a-zA-Z0-9]([-a-zA-Z0-9._]{0,61}[a-zA-Z0-9])?)?"),
                    "digest": text("(sha256:[0-9a-f]{64})?"),
                }
            ),
            "secrets": strict(
                {
                    **{name: secret() for name in ("database", "nats", "auditKeys")},
                    "tls": strict({"name": NAME}),
                    **secrets,
                }
            ),
            "logLevel": one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
            "reconcileInterval": SECONDS,
            "recycleBinDays": whole(1),
            "stop": strict({"delay": whole(0), "grace": whole(1)}),
            "maxInFlight": whole(1),
            "env": {
                "type": "object",
                "additionalProperties": False,
                "patternProperties": {"^ROTUNDA_[A-Z0-9_]+$": {"type": ["string", "number", "boolean"]}},
            },
            "api": component({"enabled": FLAG}),
            "worker": component({"by": one_of("none", "cpu", "lag"), "lagPerReplica": whole(1)}),
            "migrations": strict({"job": FLAG, "deadline": whole(1), "wait": whole(1), "resources": RESOURCES}),
            "serviceAccount": strict({"create": FLAG, "name": NAME, "annotations": STRINGS}),
            "alerts": strict(
                {
                    "consumerLag": whole(1),
                    "outboxAge": SECONDS,
                    "auditAge": SECONDS,
                    "callSeconds": SECONDS,
                    "callErrors": share(),
                    "poolInUse": share(),
                    "shedPerSecond": RATE,
                }
            ),
            "podAnnotations": STRINGS,
            "podLabels": STRINGS,
            "nodeSelector": STRINGS,
            "tolerations": lists({"type": "object"}),
            "affinity": {"type": "object"},
            "priorityClassName": NAME,
            **further,
        }
    )
    # The library's own values, and the umbrella's condition.
    schema["properties"] |= {"lib": {"type": "object"}, "enabled": FLAG}
    return schema


def gateway() -> Schema:
    """The values of the gateway's chart."""
    secrets = {name: secret() for name in ("signingKey", "encryptionKey", "smtp", "oidcClientSecret")}
    http = strict(
        {
            "service": strict(
                {"type": one_of("ClusterIP", "NodePort", "LoadBalancer"), "port": PORT, "annotations": STRINGS}
            ),
            "peers": PEERS,
            "trustedProxies": lists(text("[0-9a-fA-F.:]+(/[0-9]+)?")),
            "bodyLimit": whole(1),
            "viewDeadline": SECONDS,
            "sessionLifetime": SECONDS,
            "rateLimits": strict({"read": RATE, "write": RATE, "batch": RATE, "burst": SECONDS}),
        }
    )
    ingress = strict(
        {
            "enabled": FLAG,
            "className": NAME,
            "annotations": STRINGS,
            "host": text(r"((\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?"),
            "tlsSecret": NAME,
        },
        **where({"enabled": YES}, {"host": {"minLength": 1}}),
    )
    mail = strict(
        {
            "enabled": FLAG,
            "from": text(".*[^ @]+@[^ @]+"),
            "passwordResetUrl": text(f"({HTTP_URL})?"),
            "port": PORT,
            "peers": PEERS,
        }
    )
    oidc = strict(
        {
            "enabled": FLAG,
            "issuer": text(f"({HTTP_URL})?"),
            "clientId": text(minLength=1),
            "redirectUrl": text(f"({HTTP_URL}/v1/auth/oidc/callback)?"),
            "scope": text("(.* )?openid( .*)?"),
            "audience": text(minLength=1),
            "algorithms": lists(one_of("RS256", "PS256", "ES256", "EdDSA", "Ed25519")) | {"minItems": 1},
            "groupsClaim": text(minLength=1),
            "provision": FLAG,
            "linkByEmail": FLAG,
            "peers": PEERS,
        },
        **where({"enabled": YES}, {"issuer": {"minLength": 1}, "redirectUrl": {"minLength": 1}}),
    )
    further = {"http": http, "ingress": ingress, "mail": mail, "oidc": oidc}
    return service(secrets, further)


def umbrella() -> Schema:
    """The values of the umbrella; those of a service are checked by its own schema."""
    enabled = {"type": "object", "required": ["enabled"], "properties": {"enabled": FLAG}}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "global": global_values(),
            "dashboards": strict({"enabled": FLAG, "labels": STRINGS | {"minProperties": 1}}),
            **dict.fromkeys(SERVICES, enabled),
        },
    }


def schemas() -> Iterator[tuple[Path, str]]:
    """Each file, and what belongs into it."""
    written = {
        # Links lead there from the charts of the services that have nothing else.
        "lib/service.schema.json": service({}, {}),
        "gateway/values.schema.json": gateway(),
        "rotunda/values.schema.json": umbrella(),
    }
    for file, schema in written.items():
        content = {"$schema": "http://json-schema.org/draft-07/schema#", **schema}
        yield CHARTS / file, json.dumps(content, indent=1, sort_keys=True) + "\n"

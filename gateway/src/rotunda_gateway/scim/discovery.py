"""What the service says of itself (RFC 7643, 5 to 7)."""

from typing import Any

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    Filter,
    Meta,
    Pagination,
    Patch,
    Resource,
    ResourceType,
    ServiceProviderConfig,
    Sort,
)

from rotunda_gateway.scim.resources import Group, User

MOST_RESULTS = 200
"""Most resources of a page."""
DEFAULT_RESULTS = 100


def service_provider_config(base: str) -> ServiceProviderConfig:
    """What of the protocol is spoken."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST_RESULTS),
        change_password=ChangePassword(supported=True),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(cursor=False, index=True, default_page_size=DEFAULT_RESULTS, max_page_size=MOST_RESULTS),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="The same credentials as for the rest of the API, in the header Authorization (RFC 6750).",
                primary=True,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{base}/ServiceProviderConfig"),
    )


def resource_types(base: str) -> list[Resource[Any]]:
    """What there is."""
    found: list[Resource[Any]] = []
    for model in (User, Group):
        described = ResourceType.from_resource(model)
        described.meta = Meta(resource_type="ResourceType", location=f"{base}/ResourceTypes/{described.id}")
        found.append(described)
    return found


def schemas(base: str) -> list[Resource[Any]]:
    """What it looks like."""
    found: list[Resource[Any]] = []
    for model in (User, Group):
        described = model.to_schema()
        for attribute in described.attributes or []:
            # Of a name only the whole is kept.
            if attribute.name == "name":
                attribute.sub_attributes = [part for part in attribute.sub_attributes or [] if part.name == "formatted"]
        described.meta = Meta(resource_type="Schema", location=f"{base}/Schemas/{described.id}")
        found.append(described)
    return found

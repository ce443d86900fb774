"""Users and groups as SCIM sees them: the attributes of RFC 7643, 4, that the platform keeps."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Mutability,
    Reference,
    Required,
    Resource,
    Returned,
    ScimPolicy,
    Uniqueness,
)

EXTERNAL_SYSTEM = "scim"
"""Whose name in `externalIds` is the `externalId` of SCIM."""

# What identity providers send beyond this is taken and left aside, and Entra ID's and Okta's dialects are understood.
TOLERANT = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


class Name(ComplexAttribute):
    """The parts of a name. The platform keeps the whole, which they make where nothing else does."""

    formatted: Annotated[str | None, CaseExact.true] = Field(default=None, description="The same as displayName.")
    family_name: Annotated[str | None, Mutability.write_only, Returned.never] = Field(
        default=None, description="With givenName the displayName, where none is given."
    )
    given_name: Annotated[str | None, Mutability.write_only, Returned.never] = Field(
        default=None, description="With familyName the displayName, where none is given."
    )


class Email(ComplexAttribute):
    """An e-mail address. A user has one: the primary, else the one of type `work`, else the first."""

    value: Annotated[str | None, CaseExact.true] = Field(default=None, description="The address.")
    type: str | None = Field(default=None, description="Always work.", examples=["work"])
    primary: bool | None = Field(default=None, description="Always true.")


class GroupMembership(ComplexAttribute):
    """A group that a user is in."""

    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = Field(default=None, description="Its id.")
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        default=None, serialization_alias="$ref", validation_alias="$ref", description="Where it is."
    )
    display: Annotated[str | None, Mutability.read_only] = Field(default=None, description="Its name.")
    type: Annotated[str | None, Mutability.read_only] = Field(
        default=None, description="Always direct.", examples=["direct"]
    )


class User(Resource[Any]):
    """A user account."""

    __schema__: ClassVar[URN] = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = Field(
        default=None, description="What the user signs in with; kept in lower case."
    )
    name: Name | None = Field(default=None, description="The name.")
    display_name: Annotated[str | None, CaseExact.true] = Field(default=None, description="First and last name.")
    preferred_language: str | None = Field(
        default=None, description="A language tag, for example de-AT.", examples=["en"]
    )
    timezone: str | None = Field(
        default=None, description="An IANA time zone, for example Europe/Vienna.", examples=["UTC"]
    )
    active: bool | None = Field(default=None, description="Whether the user may sign in.")
    password: Annotated[str | None, Mutability.write_only, Returned.never, CaseExact.true] = Field(
        default=None, description="At least 12 characters."
    )
    emails: list[Email] | None = Field(default=None, description="The e-mail address.")
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = Field(
        default=None, description="The groups that the user is in; changed by way of the groups."
    )

    @field_validator("user_name")
    @classmethod
    def _in_lower_case(cls, name: str | None) -> str | None:
        """The same name in other letters is no change."""
        return name and name.lower()


class GroupMember(ComplexAttribute):
    """A user in a group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = Field(
        default=None, description="The id of the user."
    )
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        default=None, serialization_alias="$ref", validation_alias="$ref", description="Where the user is."
    )
    display: Annotated[str | None, Mutability.read_only] = Field(default=None, description="The name of the user.")
    type: Annotated[str | None, Mutability.immutable] = Field(
        default=None, description="Always User.", examples=["User"]
    )


class Group(Resource[Any]):
    """Users who have something in common."""

    __schema__: ClassVar[URN] = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true, CaseExact.true] = Field(default=None, description="Its name.")
    members: list[GroupMember] | None = Field(default=None, description="The users in it.")

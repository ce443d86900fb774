"""The lists that every service has a part of."""

from collections.abc import Mapping

from rotunda_gateway.contracts.merge import MergedList
from rotunda_kit.access.shares import listing as shares
from rotunda_kit.audit import listing as audit
from rotunda_kit.custom_fields import listing as custom_fields
from rotunda_kit.dead_letters import listing as dead_letters

LISTS: Mapping[str, MergedList] = {
    audit.METHOD: MergedList(audit.list_fields(""), audit.NEWEST_FIRST),
    custom_fields.METHOD: MergedList(custom_fields.list_fields(), custom_fields.NEWEST_FIRST),
    shares.METHOD: MergedList(shares.list_fields(), shares.NEWEST_FIRST),
    dead_letters.METHOD: MergedList(dead_letters.list_fields(""), dead_letters.NEWEST_FIRST),
}

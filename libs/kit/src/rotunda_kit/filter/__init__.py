"""The one filter language (AIP-160): parsed into a tree, which back ends turn into conditions."""

from rotunda_kit.filter.parse import parse
from rotunda_kit.filter.sql import compile_filter, condition

__all__ = ["compile_filter", "condition", "parse"]

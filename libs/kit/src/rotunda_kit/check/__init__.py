"""The check that every request passes before a service looks at it, compiled once a message type from its proto."""

from rotunda_kit.check.messages import check_and_normalise

__all__ = ["check_and_normalise"]

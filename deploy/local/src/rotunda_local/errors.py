"""What can go wrong here, in sentences for the one who typed the command."""


class PlatformError(Exception):
    """The platform can not do what was asked; the text says why, and what helps."""

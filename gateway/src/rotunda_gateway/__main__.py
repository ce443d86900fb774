"""`python -m rotunda_gateway serve | work | migrate | create-administrator`."""

from rotunda_gateway.main import cli

cli()

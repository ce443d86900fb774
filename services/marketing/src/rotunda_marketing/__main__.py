"""`python -m rotunda_marketing serve | work | migrate`."""

from rotunda_kit.main import command_line
from rotunda_marketing.app import app

command_line(app)()

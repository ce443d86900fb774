"""`python -m rotunda_sync serve | work | migrate`."""

from rotunda_kit.main import command_line
from rotunda_sync.app import app

command_line(app)()

"""`python -m rotunda_service_desk serve | work | migrate`."""

from rotunda_kit.main import command_line
from rotunda_service_desk.app import app

command_line(app)()

"""`python -m rotunda_customers serve | work | migrate`."""

from rotunda_customers.app import app
from rotunda_kit.main import command_line

command_line(app)()

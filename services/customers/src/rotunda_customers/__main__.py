"""`python -m rotunda_customers serve | work | migrate`."""

from rotunda_kit.main import command_line

from rotunda_customers.app import app

command_line(app)()

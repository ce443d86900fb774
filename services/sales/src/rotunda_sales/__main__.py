"""`python -m rotunda_sales serve | work | migrate`."""

from rotunda_kit.main import command_line
from rotunda_sales.app import app

command_line(app)()

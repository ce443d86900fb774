"""Writes the schemas, the dashboard and the golden files anew: `make golden`."""

from rotunda_charts.dashboards import dashboards
from rotunda_charts.rendering import golden
from rotunda_charts.schemas import schemas

for path, content in (*schemas(), *dashboards()):
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
# Only now, since Helm looks at the schemas.
for path, content in golden().items():
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)

"""PostgreSQL: engines, the kit's own tables, the unit of work, migrations."""

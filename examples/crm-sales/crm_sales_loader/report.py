"""What the loader tells at its end."""

from collections import Counter
from collections.abc import Iterable, Mapping

from rich.table import Table

from crm_sales_loader.findings import Findings
from crm_sales_loader.verification import Figure

OUTCOMES = ("CREATED", "UPDATED", "UNCHANGED")


def findings_table(findings: Findings) -> Table:
    """What was mended, how often and how."""
    table = Table("File", "Found", "Times", "Mended", title="What the data set lacks, and what became of it")
    table.columns[2].justify = "right"
    for finding, count in findings:
        table.add_row(finding.file, finding.what, f"{count:,}", finding.how)
    return table


def counts_table(counts: Mapping[str, Counter[str]]) -> Table:
    """What was loaded."""
    table = Table("Records", *(outcome.capitalize() for outcome in OUTCOMES), title="Loaded")
    for column in table.columns[1:]:
        column.justify = "right"
    for title, outcomes in counts.items():
        table.add_row(title, *(f"{outcomes[outcome]:,}" for outcome in OUTCOMES))
    return table


def figures_table(figures: Iterable[Figure]) -> Table:
    """Whether the platform agrees with the set."""
    table = Table("Opportunities", "Data set", "Platform", "", title="Counted again through the API")
    for column in table.columns[1:3]:
        column.justify = "right"
    for figure in figures:
        table.add_row(
            figure.name, f"{figure.expected:,}", f"{figure.found:,}", "agrees" if figure.agrees else "DIFFERS"
        )
    return table

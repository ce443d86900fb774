"""Reading and mending the data set."""

from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from crm_sales_loader import source
from crm_sales_loader.source import DataSet, DealStage, SourceError

DIRECTORY = Path(__file__).parents[1]

FILES = {
    source.ACCOUNTS: "account,sector,year_established,revenue,employees,office_location,subsidiary_of\n"
    "Small,technolgy,2001,1.5,10,Philipines,Large\nLarge,retail,1990,20,100,Korea,\n",
    source.PRODUCTS: "product,series,sales_price\nGTX Pro,GTX,4821\n",
    source.TEAMS: "sales_agent,manager,regional_office\nAnna Snelling,Dustin Brinkmann,Central\n",
    source.PIPELINE: "opportunity_id,sales_agent,product,account,deal_stage,engage_date,close_date,close_value\n"
    "A1,Anna Snelling,GTXPro,Small,Won,10/20/2016,3/1/2017,4800\n",
}


@pytest.fixture(scope="module")
def data() -> DataSet:
    return source.read(DIRECTORY)


def written(directory: Path, **more_lines: str) -> Path:
    """The small set above in a directory, with lines added to files."""
    for name, content in FILES.items():
        (directory / name).write_text(content + more_lines.get(name.removesuffix(".csv"), ""))
    return directory


class TestTheWholeSet:
    def test_nothing_is_dropped(self, data: DataSet) -> None:
        assert (len(data.accounts), len(data.products), len(data.agents), len(data.deals)) == (85, 7, 35, 8800)

    def test_stages_are_as_many_as_known(self, data: DataSet) -> None:
        stages = Counter(deal.stage for deal in data.deals)
        assert stages == {"Won": 4238, "Lost": 2473, "Engaging": 1589, "Prospecting": 500}

    def test_what_was_won_adds_up(self, data: DataSet) -> None:
        won = sum((deal.value or Decimal(0) for deal in data.deals if deal.stage is DealStage.WON), Decimal(0))
        assert won == Decimal("10005534.00")

    def test_every_oddity_is_counted(self, data: DataSet) -> None:
        findings = data.findings
        assert findings[source.WITHOUT_ACCOUNT] == 1425
        assert findings[source.WITHOUT_ENGAGE_DATE] == 500
        assert findings[source.WITHOUT_CLOSE_DATE] == 2089
        assert findings[source.PRODUCT_MISSPELT] == 1480
        assert findings[source.SECTOR_MISSPELT] == 12
        assert findings[source.COUNTRY_MISSPELT] == 1
        assert findings[source.COUNTRY_AMBIGUOUS] == 1
        assert findings[source.PARENT_LATER] == 6
        assert findings[source.AGENT_WITHOUT_OPPORTUNITY] == 5
        assert findings[source.OLDER_THAN_ACCOUNT] == 5
        assert findings[source.LOST_WITHOUT_VALUE] == 2473
        assert findings[source.WITHOUT_REASON] == findings[source.WITHOUT_STAGE] == 4238 + 2473

    def test_parents_stand_before_their_subsidiaries(self, data: DataSet) -> None:
        position = {account.name: at for at, account in enumerate(data.accounts)}
        subsidiaries = [account for account in data.accounts if account.parent]
        assert len(subsidiaries) == 15
        assert all(position[account.parent or ""] < position[account.name] for account in subsidiaries)

    def test_every_product_is_in_the_catalogue(self, data: DataSet) -> None:
        assert {deal.product for deal in data.deals} == set(data.prices)


class TestMending:
    def test_spellings_units_and_dates_are_mended(self, tmp_path: Path) -> None:
        data = source.read(written(tmp_path))
        large, small = data.accounts
        assert (small.sector, small.country, small.revenue) == ("technology", "PH", Decimal(1_500_000))
        assert (large.sector, large.country, large.parent) == ("retail", "KR", None)
        (deal,) = data.deals
        assert (deal.product, deal.engaged, deal.closed) == ("GTX Pro", date(2016, 10, 20), date(2017, 3, 1))

    def test_a_lost_opportunity_has_no_value(self, tmp_path: Path) -> None:
        data = source.read(written(tmp_path, sales_pipeline="A2,Anna Snelling,GTXPro,,Lost,10/20/2016,3/1/2017,0\n"))
        assert data.deals[1].value is None

    def test_empty_fields_are_unknown(self, tmp_path: Path) -> None:
        data = source.read(written(tmp_path, sales_pipeline="A2,Anna Snelling,GTXPro,,Prospecting,,,\n"))
        deal = data.deals[1]
        assert (deal.account, deal.engaged, deal.closed, deal.value) == (None, None, None, None)


class TestRefusing:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("A2,Anna Snelling,GTXPro,Small,Gewonnen,10/20/2016,3/1/2017,4800\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Won,20/10/2016,3/1/2017,4800\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Won,10/20/2016,,\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Won,10/20/2016,3/1/2016,4800\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Lost,10/20/2016,3/1/2017,7\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Engaging,,,\n", "line 3"),
            ("A2,Anna Snelling,GTXPro,Small,Prospecting,,3/1/2017,\n", "line 3"),
            ("A2,Anna Snelling,GTX\n", "line 3"),
            ("A2,Anna Snelling,GTX Max,Small,Prospecting,,,\n", "unknown product: GTX Max"),
            ("A2,Anna Snelling,GTXPro,Tiny,Prospecting,,,\n", "unknown account: Tiny"),
            ("A2,Nobody,GTXPro,Small,Prospecting,,,\n", "unknown agent: Nobody"),
            ("A1,Anna Snelling,GTXPro,Small,Prospecting,,,\n", "'A1' is empty or stands there twice"),
        ],
    )
    def test_what_no_rule_covers_is_not_guessed(self, tmp_path: Path, line: str, said: str) -> None:
        with pytest.raises(SourceError, match=said):
            source.read(written(tmp_path, sales_pipeline=line))

    def test_every_bad_line_is_named(self, tmp_path: Path) -> None:
        bad = "A2,Anna Snelling,GTXPro,,Odd,,,\nA3,Anna Snelling,GTXPro,,Even,,,\n"
        with pytest.raises(SourceError, match=r"(?s)line 3.*line 4"):
            source.read(written(tmp_path, sales_pipeline=bad))

    def test_an_unknown_country_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="Atlantis"):
            source.read(written(tmp_path, accounts="Third,retail,1990,20,100,Atlantis,\n"))

    def test_subsidiaries_in_a_circle_are_refused(self, tmp_path: Path) -> None:
        circle = "B,retail,1990,20,100,Korea,C\nC,retail,1990,20,100,Korea,B\n"
        with pytest.raises(SourceError, match="in a circle: B, C"):
            source.read(written(tmp_path, accounts=circle))

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        (written(tmp_path) / source.TEAMS).unlink()
        with pytest.raises(SourceError, match=source.TEAMS):
            source.read(tmp_path)

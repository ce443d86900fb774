"""The people at the accounts."""

from dataclasses import dataclass

from crm_sales_loader.generated.chance import chance, people
from crm_sales_loader.generated.customers import Customer
from crm_sales_loader.wire import Json, external_ids, slug

COUNTS = (2, 8)

LANGUAGES = {
    "BE": "nl-BE", "BR": "pt-BR", "CN": "zh-CN", "DE": "de-DE", "IT": "it-IT", "JO": "ar-JO", "JP": "ja-JP",
    "KE": "en-KE", "KR": "ko-KR", "NO": "nb-NO", "PA": "es-PA", "PH": "en-PH", "PL": "pl-PL", "RO": "ro-RO",
    "US": "en-US",
}  # fmt: skip
JOB_TITLES = (
    "Head of Purchasing", "Purchasing Manager", "Chief Executive Officer", "Chief Financial Officer",
    "Chief Technology Officer", "Office Manager", "IT Manager", "Operations Manager", "Plant Manager",
    "Quality Manager", "Controller",
    "Project Manager", "Assistant to the Board", "Logistics Manager", "Head of Research", "Systems Engineer",
)  # fmt: skip
SALUTATIONS = (None, None, None, "Dr.", "Prof.")
# Numbers 555-0100 to 555-0199 of every North American area code are kept free for made-up ones.
AREA_CODES = (206, 212, 213, 303, 305, 312, 404, 415, 512, 602, 617, 713)


@dataclass(frozen=True, slots=True)
class Contact:
    """Someone at an account. Phone and address are made up for the United States only."""

    key: str
    account: str
    agent: str
    first_name: str
    last_name: str
    salutation: str | None
    job_title: str
    email: str
    language: str
    phones: tuple[Json, ...]
    address: Json

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    def body(self, account_id: str, owner_id: str) -> Json:
        """As the API takes it."""
        salutation = {"salutation": self.salutation} if self.salutation else {}
        return salutation | {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "jobTitle": self.job_title,
            "accountId": account_id,
            "ownerId": owner_id,
            "email": self.email,
            "phones": list(self.phones),
            "addresses": [self.address],
            "language": self.language,
            "externalIds": external_ids(self.key),
        }


def contacts(customer: Customer) -> tuple[Contact, ...]:
    """Two to eight people, with different names."""
    rng = chance(customer.name, "contacts")
    fake = people(customer.name, "contacts")
    country = customer.account.country
    american = country == "US"
    names: dict[tuple[str, str], None] = {}
    wanted = rng.randint(*COUNTS)
    while len(names) < wanted:
        names[fake.first_name(), fake.last_name()] = None
    street = {
        "street": fake.street_address(),
        "city": fake.city(),
        "region": fake.state(),
        "postalCode": fake.postcode(),
    }
    address = {"kind": "OFFICE"} | (street if american else {}) | {"countryCode": country}
    return tuple(
        Contact(
            key=f"{customer.name}/contact/{number}",
            account=customer.name,
            agent=rng.choice(customer.agents[:3]),
            first_name=first,
            last_name=last,
            salutation=rng.choice(SALUTATIONS),
            job_title=rng.choice(JOB_TITLES),
            email=f"{slug(first)}.{slug(last)}@{slug(customer.name)}.example.com",
            language=LANGUAGES[country],
            phones=({"number": f"+1{rng.choice(AREA_CODES)}55501{rng.randrange(100):02}", "kind": "WORK"},)
            if american
            else (),
            address=address,
        )
        for number, (first, last) in enumerate(names, start=1)
    )

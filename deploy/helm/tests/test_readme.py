"""What the README says to do beforehand is what the charts need."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from rotunda_charts.rendering import manifests, merged
from rotunda_charts.schemas import CHARTS, SERVICES
from rotunda_gateway.auth.encryption import Encryption
from rotunda_kit.audit.chain import Signer
from rotunda_kit.identity import Principal, TokenIssuer, TokenVerifier

from .charts import containers, everything, of_kind, pods

README = (CHARTS / "README.md").read_text()
# Stands in for kubectl: notes what it is told, and what is in the files.
KUBECTL = """#!{python}
import sys
from pathlib import Path

with open("{notes}", "a") as notes:
    notes.write(" ".join(sys.argv[1:]) + "\\n")
for argument in sys.argv:
    if argument.startswith("--from-file="):
        assert Path(argument.partition("=")[2]).stat().st_size
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the README's preparation was done."""
    folder = tmp_path_factory.mktemp("installation")
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL.format(python=sys.executable, notes=folder / "notes"))
    kubectl.chmod(0o700)
    (folder / "deploy").symlink_to(CHARTS.parent)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (folder / ".venv" / "bin" / "python").chmod(0o700)
    commands = re.search(r"```sh\n(.*?)```", README, re.DOTALL)
    assert commands
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands[1]], cwd=folder, env=environment, check=True)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> set[tuple[str, str]]:
    """The keys of the Secrets and ConfigMaps that were made, with the names of these."""
    found = set()
    for line in (folder / "notes").read_text().splitlines():
        words = line.split()
        assert words[-1].startswith("--from-file=") or words == ["create", "namespace", "crm"]
        name = words[3] if words[1] == "secret" else words[2]
        for word in words:
            option, _, value = word.partition("=")
            if option == "--from-literal":
                found.add((name, value.partition("=")[0]))
            elif option == "--from-file":
                found.add((name, Path(value).name))
    return found


def needed(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that pods refer to, with the names of what holds them."""
    for _, _, pod in pods(manifests("rotunda", values)):
        for container in containers(pod):
            for variable in container.get("env", []):
                if "valueFrom" in variable:
                    reference = variable["valueFrom"]["secretKeyRef"]
                    yield reference["name"], reference["key"]
        for volume in pod["volumes"]:
            for source in volume.get("projected", {}).get("sources", []):
                (reference,) = source.values()
                yield from ((reference["name"], item["key"]) for item in reference["items"])


class TestPreparation:
    def test_it_makes_what_the_charts_refer_to_and_nothing_else(self, made: set[tuple[str, str]]) -> None:
        assert made == set(needed({}))

    def test_what_mail_and_provider_need_beyond_is_said(self, made: set[tuple[str, str]]) -> None:
        more = {"gateway": {key: everything("gateway")[key] for key in ("mail", "oidc")}}
        beyond = set(needed(more)) - made
        assert {name for name, _ in beyond} == {"rotunda-gateway"}
        for _, key in beyond:
            assert f"`{key}`" in README

    def test_the_product_takes_the_keys(self, folder: Path) -> None:
        keys = folder / "keys"
        for service in SERVICES:
            signer = Signer.from_file(keys / service / "audit-keys.json")
            assert signer.is_right(service, 1, bytes(32), signer.sign(service, 1, bytes(32)))
        encryption = Encryption.from_file(keys / "gateway" / "encryption-key")
        assert encryption.decrypt(encryption.encrypt(b"secret", b"user"), b"user") == b"secret"
        issuer = TokenIssuer.from_file(keys / "gateway" / "signing-key.json")
        verifier = TokenVerifier.from_file(keys / "token-keys.json")
        token = issuer.mint_internal(Principal("0197a000-0000-7000-8000-000000000000"))
        assert verifier.verify(token).subject == "0197a000-0000-7000-8000-000000000000"

    def test_keys_that_are_there_are_kept(self, folder: Path) -> None:
        before = {path: path.read_bytes() for path in (folder / "keys").rglob("*") if path.is_file()}
        environment = os.environ | {"PYTHONPATH": str(CHARTS)}
        again = [sys.executable, "-m", "rotunda_charts.keys", str(folder / "keys")]
        subprocess.run(again, env=environment, check=True)
        assert before == {path: path.read_bytes() for path in (folder / "keys").rglob("*") if path.is_file()}
        assert {path.stat().st_mode & 0o077 for path in before} == {0}


class TestValues:
    def test_values_that_are_named_exist(self) -> None:
        shared = yaml.safe_load((CHARTS / "lib" / "values.yaml").read_text())["defaults"]
        further = [yaml.safe_load((CHARTS / chart / "values.yaml").read_text()) for chart in ("rotunda", "gateway")]
        gateway = merged(shared, *further)
        table = README.partition("## Values that matter")[2].partition("\n## ")[0]
        firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
        assert firsts
        for name in re.findall(r"`([a-zA-Z.]+)`", " ".join(firsts)):
            value: Any = gateway
            for key in name.removeprefix("gateway.").split("."):
                assert key in value, name
                value = value[key]

    def test_names_that_are_said_are_those_of_the_charts(self) -> None:
        certified = manifests("rotunda", {"global": everything("sales")["global"]})
        for certificate in of_kind(certified, "Certificate"):
            chart = certificate["metadata"]["labels"]["app.kubernetes.io/name"]
            assert certificate["spec"]["secretName"] == f"rotunda-{chart}-tls"
            host = "access" if chart == "gateway" else chart
            assert certificate["spec"]["dnsNames"][0] == f"rotunda-{host}"
        names = {deployment["metadata"]["name"] for deployment in of_kind(manifests("rotunda"), "Deployment")}
        assert set(re.findall(r"deployment/([a-z-]+)", README)) <= names

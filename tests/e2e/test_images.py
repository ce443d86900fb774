"""What is in our images, and what is not."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from testcontainers.core.container import DockerContainer

from rotunda_local.programs import rotunda

from .containers import IMAGES, confined

pytestmark = pytest.mark.containers

SBOM = "/opt/rotunda/sbom.cdx.json"
# Of all that is beyond the base image.
MEGABYTES = 200


@pytest.fixture(scope="module", params=[program.name for program in rotunda().programs])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def container(name: str) -> Iterator[DockerContainer]:
    """One that does nothing, so that it can be looked into."""
    with confined(IMAGES.format(name), entrypoint=["sleep", "infinity"]) as container:
        yield container


def ask(container: DockerContainer, *command: str) -> str:
    """What a program in the container answers."""
    result = container.exec(list(command))
    assert result.exit_code == 0, result.output.decode()
    return result.output.decode()


def python(container: DockerContainer, program: str) -> Any:
    """What a line of Python, evaluated in the container, gives."""
    return json.loads(ask(container, "python", "-c", f"import json; print(json.dumps({program}))"))


class TestImage:
    def test_its_user_is_a_number_that_owns_nothing(self, container: DockerContainer) -> None:
        assert python(container, "[__import__('os').getuid(), __import__('os').getgid()]") == [10001, 10001]
        assert ask(container, "find", "/opt", "-writable", "!", "-type", "l") == ""

    def test_has_its_own_program_alone(self, name: str, container: DockerContainer) -> None:
        modules = python(container, "[module.name for module in __import__('pkgutil').iter_modules()]")
        ours = {module for module in modules if module.startswith("rotunda_")}
        assert ours == {"rotunda_kit", "rotunda_protos", f"rotunda_{name.replace('-', '_')}"}

    def test_has_nothing_that_builds_or_installs(self, container: DockerContainer) -> None:
        programs = ("pip", "pip3", "uv", "cc", "gcc", "g++", "make")
        assert python(container, f"[p for p in {programs} if __import__('shutil').which(p)]") == []
        modules = ("pip", "ensurepip", "setuptools", "pytest", "grpc_tools")
        assert python(container, f"[m for m in {modules} if __import__('importlib.util').util.find_spec(m)]") == []

    def test_says_what_is_in_it(self, container: DockerContainer) -> None:
        document = json.loads(ask(container, "cat", SBOM))
        assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
        told = {
            (part["name"], part["version"]) for part in (*document["components"], document["metadata"]["component"])
        }
        query = "[[d.name, d.version] for d in __import__('importlib.metadata').metadata.distributions(path=[p])]"
        found = python(container, f"[{query} for p in __import__('sys').path if p.startswith('/opt/rotunda')][0]")
        assert told == {(name, version) for name, version in found}

    def test_is_small(self, container: DockerContainer) -> None:
        assert int(ask(container, "du", "--summarize", "--block-size=1M", "/opt/rotunda").split()[0]) < MEGABYTES

    def test_its_modules_are_compiled(self, container: DockerContainer) -> None:
        program = "[str(f) for f in __import__('pathlib').Path('/opt/rotunda/lib').rglob('rotunda_*/**/*.py')"
        cached = "__import__('importlib.util').util.cache_from_source(str(f))"
        assert python(container, f"{program} if not __import__('os').path.exists({cached})]") == []

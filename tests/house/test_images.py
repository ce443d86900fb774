"""What images can be built, and of what: the same that is there to be run."""

import re
from pathlib import Path

from docker.utils import exclude_paths

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/docker/Dockerfile").read_text()
# The last stage of an image, and how it is begun.
STAGE = re.compile(
    r'^FROM runtime AS rotunda-([a-z-]+)\n(?:EXPOSE .*\n)?ENTRYPOINT (\[.*\])\nCMD \["serve"\]$', re.MULTILINE
)


def programs() -> dict[str, str]:
    """The modules that can be run in an installation, by the folders of their packages."""
    found = [*ROOT.glob("services/*/src/*/__main__.py"), *ROOT.glob("gateway/src/*/__main__.py")]
    return {file.parents[2].name: file.parent.name for file in found}


def context() -> set[str]:
    """The files of which images are made."""
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    kept = exclude_paths(str(ROOT), [line for line in patterns if line and not line.startswith("#")])
    return {file for file in kept if (ROOT / file).is_file()}


class TestDockerfile:
    def test_has_an_image_for_every_program_and_begins_it(self) -> None:
        begun = {name: f'["python", "-m", "{module}"]' for name, module in programs().items()}
        assert dict(STAGE.findall(DOCKERFILE)) == begun

    def test_make_builds_them_all(self) -> None:
        (names,) = re.findall(r"^IMAGES := \$\(or \$\(ARGS\),(.*)\)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(names.split()) == set(programs())


class TestContext:
    def test_is_sources_alone(self) -> None:
        files = context()
        parts = {part for file in files for part in Path(file).parts}
        assert not parts & {".git", ".venv", ".rotunda", "tests", "__pycache__", "docs", "examples"}
        assert not [file for file in files if "_pb2" in file or file.endswith("descriptors.binpb")]

    def test_has_every_package_whole(self) -> None:
        files = context()
        for project in (ROOT / "gateway", *ROOT.glob("services/*"), *ROOT.glob("libs/*")):
            assert str((project / "pyproject.toml").relative_to(ROOT)) in files
        for source in ROOT.glob("**/migrations/**/*.py"):
            if ".venv" not in source.parts:
                assert str(source.relative_to(ROOT)) in files
        assert {"pyproject.toml", "uv.lock", "deploy/local/pyproject.toml", "libs/protos/generate.py"} <= files

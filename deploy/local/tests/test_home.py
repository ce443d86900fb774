import stat
from pathlib import Path

import pytest

from rotunda_local.errors import PlatformError
from rotunda_local.home import Home


class TestOpen:
    def test_makes_a_private_directory(self, tmp_path: Path) -> None:
        Home(tmp_path / "home").open()
        assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700

    def test_refuses_a_directory_with_other_things_in_it(self, tmp_path: Path) -> None:
        (tmp_path / "thesis.txt").write_text("")
        tmp_path.chmod(0o755)
        with pytest.raises(PlatformError, match=r"thesis\.txt"):
            Home(tmp_path).open()
        assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755

    def test_refuses_a_name_that_configuration_files_can_not_hold(self, tmp_path: Path) -> None:
        with pytest.raises(PlatformError, match="choose another"):
            Home(tmp_path / 'a "quoted" one').open()


class TestExclusive:
    def test_keeps_out_another_command(self, tmp_path: Path) -> None:
        Home(tmp_path / "home").open()
        with (
            Home(tmp_path / "home").exclusive(),
            pytest.raises(PlatformError, match="Another command"),
            Home(tmp_path / "home").exclusive(),
        ):
            pass


class TestSecrets:
    def test_are_made_once(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        home.open()
        home.make_keys()
        key, password = home.signing_key_file.read_text(), home.database_password("sales")
        home.make_keys()
        assert (home.signing_key_file.read_text(), home.database_password("sales")) == (key, password)
        assert password != home.database_password("customers")

    def test_access_follows_the_address_and_keeps_the_password(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        home.open()
        before = home.write_access("http://127.0.0.1:8080")
        after = home.write_access("http://127.0.0.1:9090")
        assert (after.url, after.password) == ("http://127.0.0.1:9090", before.password)


class TestDelete:
    def test_spares_what_is_not_the_platforms(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        home.open()
        home.remember_ports({"gateway": 8080})
        (tmp_path / "home" / "thesis.txt").write_text("")
        home.delete()
        assert [entry.name for entry in (tmp_path / "home").iterdir()] == ["thesis.txt"]

    def test_follows_no_link_out_of_the_directory(self, tmp_path: Path) -> None:
        home = Home(tmp_path / "home")
        home.directory.mkdir()
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "thesis.txt").write_text("")
        home.postgres.symlink_to(tmp_path / "elsewhere")
        home.delete()
        assert (tmp_path / "elsewhere" / "thesis.txt").exists()
        assert not home.directory.exists()

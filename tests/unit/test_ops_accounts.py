"""Where state and code are kept, and which folders are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops import accounts
from ops.errors import OperatorError


def test_foreign_folders_are_refused(tmp_path: Path) -> None:
    """Only an empty or absent folder, or an instance, is taken."""
    accounts.refuse_foreign(tmp_path / "absent")
    accounts.refuse_foreign(tmp_path)
    (tmp_path / "letter.txt").touch()
    with pytest.raises(OperatorError, match="not empty"):
        accounts.refuse_foreign(tmp_path)
    with pytest.raises(OperatorError, match="is a file"):
        accounts.refuse_foreign(tmp_path / "letter.txt")
    (tmp_path / "instance.json").touch()
    accounts.refuse_foreign(tmp_path)


def test_slugs_differ_and_are_short() -> None:
    """Paths that look alike get different names."""
    paths = [Path("/home/a b"), Path("/home/a-b"), Path("/"), Path("/home/" + "x" * 300)]
    slugs = [accounts.slug(path) for path in paths]
    assert len(set(slugs)) == len(slugs)
    assert all(len(slug) < 50 and "/" not in slug for slug in slugs)


def test_copy_of_the_code_follows_the_checkout(tmp_path: Path) -> None:
    """The copy is made once, refreshed on a change, readable to all, without caches and without gone files."""
    checkout, copy = tmp_path / "checkout", tmp_path / "lib" / "code"
    (checkout / "ops" / "__pycache__").mkdir(parents=True)
    (checkout / "ops" / "a.py").write_text("1")
    (checkout / "ops" / "b.py").write_text("1")
    (checkout / "ops" / "__pycache__" / "a.pyc").touch()
    (checkout / "README.md").touch()
    (checkout / "ops" / "a.py").chmod(0o600)
    assert accounts.refresh_copy(checkout, copy)
    assert not accounts.refresh_copy(checkout, copy)
    assert (copy / "ops" / "a.py").stat().st_mode & 0o044 == 0o044
    assert not (copy / "ops" / "__pycache__").exists()
    assert not (copy / "README.md").exists()
    (checkout / "ops" / "a.py").write_text("two")
    (checkout / "ops" / "b.py").unlink()
    assert accounts.refresh_copy(checkout, copy)
    assert (copy / "ops" / "a.py").read_text() == "two"
    assert not (copy / "ops" / "b.py").exists()


def test_unwritable_state_is_a_sentence(tmp_path: Path) -> None:
    """A folder that cannot be made is told with the way out."""
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="STATE="):
        accounts.make_folder(tmp_path / "file" / "state")

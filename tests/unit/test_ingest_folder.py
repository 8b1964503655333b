# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file below a collection's folder is found once or has a sentence; nothing outside is touched unless allowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import CollectionError
from ingest.folder import Folder, Found, begins_like_fits, document_kind, document_mime

NO_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "collection"
    folder.mkdir()
    return folder


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def find(root: Path, *outside: str | Path) -> Found:
    return Folder(root, tuple(map(str, outside))).find()


def problems(found: Found) -> dict[str, tuple[str, str]]:
    assert all(sentence.endswith(".") for _, _, sentence in found.problems)
    return {path: (severity, sentence) for path, severity, sentence in found.problems}


def test_files_are_found_at_any_depth(root: Path) -> None:
    put(root / "a.fits", b"12345")
    put(root / "data/2020/b.fits.gz")
    put(root / "README.md")
    found = find(root)
    assert set(found.files) == {"a.fits", "data/2020/b.fits.gz", "README.md"}
    assert found.problems == []
    file = found.files["a.fits"]
    assert (file.path, file.size, file.mtime_ns) == (root / "a.fits", 5, (root / "a.fits").stat().st_mtime_ns)


def test_folders_in_folders_in_folders(root: Path) -> None:
    deep = root
    for _ in range(600):
        deep = deep / "d"
        deep.mkdir()
    (deep / "a.fits").write_bytes(b"x")
    assert list(find(root).files) == ["d/" * 600 + "a.fits"]


NAMES = [
    "with blank.fits",
    "[1](2){3}.fits",
    "a+b=c&d.fits",
    "été ☃ 𝄞.fits",
    "a'b\"c.fits",
    "tab\there\nnewline.fits",
    "%41.fits",
    "back\\slash.fits",
    "-x.fits",
    "~a~.fits",
    "x" * 250 + ".fits",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_may_hold_anything_that_is_text(root: Path, name: str) -> None:
    put(root / "a b" / name)
    found = find(root)
    assert list(found.files) == [f"a b/{name}"]
    assert found.problems == []
    located = Folder(root).locate(f"a b/{name}")
    assert located is not None and located.relpath == f"a b/{name}"


def test_names_that_are_no_text_are_refused_with_their_content(root: Path) -> None:
    put(root / "good.fits")
    for raw in (b"bad\xff.fits", b"folder\xe9/a.fits"):
        put(root / os.fsdecode(raw))
    found = find(root)
    assert list(found.files) == ["good.fits"]
    refused = {os.fsencode(path): severity for path, (severity, _) in problems(found).items()}
    assert refused == {b"bad\xff.fits": "error", b"folder\xe9": "error"}
    assert all("UTF-8" in sentence for _, _, sentence in found.problems)


def test_hidden_files_are_left_out_and_named(root: Path) -> None:
    put(root / ".hidden.fits")
    put(root / ".git/config")
    (root / ".lock").symlink_to("user@host.1234")  # a dangling link, as editors make them
    found = find(root)
    assert found.files == {}
    assert problems(found) == dict.fromkeys((".git", ".hidden.fits", ".lock"), ("info", "hidden files are left out."))


# -- links


def test_a_link_to_a_file_of_the_collection_is_the_same_file(root: Path) -> None:
    put(root / "z.fits")
    (root / "a.fits").symlink_to("z.fits")
    (root / "b.fits").symlink_to("a.fits")
    found = find(root)
    assert list(found.files) == ["z.fits"]
    assert {path: severity for path, (severity, _) in problems(found).items()} == {"a.fits": "info", "b.fits": "info"}
    assert "z.fits" in problems(found)["a.fits"][1]


def test_a_link_to_a_folder_of_the_collection_is_not_followed(root: Path) -> None:
    put(root / "zzz/x.fits")
    (root / "aaa").symlink_to("zzz")
    put(root / "nested/y.fits")
    (root / "nested/zzz").symlink_to("../zzz")
    found = find(root)
    assert set(found.files) == {"zzz/x.fits", "nested/y.fits"}
    assert {path: severity for path, (severity, _) in problems(found).items()} == {"aaa": "info", "nested/zzz": "info"}


def test_links_into_a_hidden_store_are_files(root: Path) -> None:
    """The way git-annex and DataLad keep files."""
    put(root / ".git/annex/objects/1", b"content")
    (root / "a.fits").symlink_to(".git/annex/objects/1")
    (root / "b.fits").symlink_to(".git/annex/objects/1")
    found = find(root)
    assert list(found.files) == ["a.fits"]
    assert found.files["a.fits"].size == 7
    assert problems(found)["b.fits"][0] == "info"


@pytest.mark.parametrize("target", [".", "..", "loop", "sub/../loop", "../collection"])
def test_loops_of_links_end(root: Path, target: str) -> None:
    put(root / "sub/a.fits")
    (root / "loop").symlink_to(target)
    (root / "sub/up").symlink_to("..")
    found = find(root)
    assert list(found.files) == ["sub/a.fits"]
    assert set(problems(found)) == {"loop", "sub/up"}
    folder = Folder(root)
    assert folder.locate("loop/loop/a.fits") is None
    folder.contains("loop/x")


def test_links_that_lead_nowhere(root: Path) -> None:
    (root / "a.fits").symlink_to("gone.fits")
    (root / "b.fits").symlink_to("/nowhere/at/all.fits")
    found = find(root)
    assert found.files == {}
    assert {severity for severity, _ in problems(found).values()} == {"error"}
    assert set(problems(found)) == {"a.fits", "b.fits"}


def test_links_that_lead_out_are_refused_unless_allowed(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "store/a.fits")
    put(tmp_path / "store/sub/b.fits")
    put(tmp_path / "secret/c.fits")
    (tmp_path / "store/sub/out").symlink_to("../../secret")
    (root / "file.fits").symlink_to(tmp_path / "store/a.fits")
    (root / "folder").symlink_to(tmp_path / "store/sub")
    refused = find(root)
    assert refused.files == {}
    assert set(problems(refused)) == {"file.fits", "folder"}
    assert all(severity == "error" and "'outside'" in sentence for severity, sentence in problems(refused).values())
    allowed = find(root, tmp_path / "store")
    assert set(allowed.files) == {"file.fits", "folder/b.fits"}
    assert set(problems(allowed)) == {"folder/out"}


def test_what_two_links_lead_to_outside_is_taken_once(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "store/sub/a.fits")
    (root / "one").symlink_to(tmp_path / "store")
    (root / "two").symlink_to(tmp_path / "store/sub")
    found = find(root, tmp_path / "store")
    assert len(found.files) == 1
    assert len(found.problems) == 1


def test_a_folder_beside_with_the_same_beginning_is_outside(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "collection2/a.fits")
    (root / "a.fits").symlink_to("../collection2/a.fits")
    assert set(problems(find(root))) == {"a.fits"}
    assert not Folder(root).contains("../collection2/a.fits")


def test_the_folder_itself_may_be_a_link(tmp_path: Path, root: Path) -> None:
    put(root / "a.fits")
    (tmp_path / "link").symlink_to(root)
    assert list(find(tmp_path / "link").files) == ["a.fits"]


# -- what is not a readable file


def test_what_is_no_regular_file_has_a_sentence(root: Path) -> None:
    os.mkfifo(root / "pipe.fits")
    (root / "device.fits").symlink_to("/dev/zero")
    found = find(root)
    assert found.files == {}
    assert problems(found)["pipe.fits"] == ("error", "this is not a regular file.")
    assert problems(found)["device.fits"][0] == "error"
    assert Folder(root).locate("pipe.fits") is None


@NO_ROOT
def test_what_may_not_be_read_has_a_sentence(root: Path) -> None:
    put(root / "a.fits").chmod(0)
    put(root / "closed/b.fits")
    (root / "closed").chmod(0)
    try:
        found = find(root)
    finally:
        (root / "closed").chmod(0o700)
    assert found.files == {}
    assert {path.rstrip("/"): severity for path, (severity, _) in problems(found).items()} == {
        "a.fits": "error",
        "closed": "error",
    }


@NO_ROOT
def test_a_folder_behind_a_closed_one_is_a_sentence(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "closed/inner/a.fits")
    (tmp_path / "closed").chmod(0)
    try:
        with pytest.raises(CollectionError, match="does not exist"):
            Folder(tmp_path / "closed/inner")
        with pytest.raises(CollectionError, match="outside"):
            Folder(root, (str(tmp_path / "closed/inner"),))
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_missing_folder_is_a_sentence(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "file")
    (tmp_path / "broken").symlink_to("nowhere")
    for path in (tmp_path / "none", tmp_path / "file", tmp_path / "broken", tmp_path / "file/below"):
        with pytest.raises(CollectionError, match=r"does not exist.*\.$"):
            Folder(path)
        with pytest.raises(CollectionError, match=r"'outside'.*\.$"):
            Folder(root, (str(path),))
    with pytest.raises(CollectionError, match=r"'outside'"):
        Folder(root, ("a\0b",))


def test_an_empty_folder_has_no_files(root: Path) -> None:
    assert find(root).files == {} and find(root).problems == []


def test_allowed_folders_are_relative_to_the_collection(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "shared/irf.fits")
    folder = Folder(root, ("../shared",))
    located = folder.locate("../shared/irf.fits")
    assert located is not None
    assert (located.relpath, located.path) == ("outside/0/irf.fits", tmp_path / "shared/irf.fits")


# -- paths of index tables


def test_paths_of_an_index_stay_inside(tmp_path: Path, root: Path) -> None:
    put(root / "data/a.fits", b"123")
    put(tmp_path / "secret.fits")
    folder = Folder(root)
    for inside in (
        "data/a.fits",
        "index/../data/a.fits",
        "./data//a.fits",
        "../collection/data/a.fits",
        str(root / "data/a.fits"),
    ):
        located = folder.locate(inside)
        assert located is not None, inside
        assert (located.relpath, located.size) == ("data/a.fits", 3)
        assert folder.contains(inside)
    for outside in (
        "../secret.fits",
        "../../etc/passwd",
        "/etc/passwd",
        "data/../../secret.fits",
        str(tmp_path / "secret.fits"),
    ):
        assert folder.locate(outside) is None, outside
        assert not folder.contains(outside)


def test_paths_of_an_index_that_are_no_files(root: Path) -> None:
    put(root / "data/a.fits")
    folder = Folder(root)
    for path in ("data", "data/b.fits", "data/a.fits/x", "", ".", "x" * 5000, "d/" * 3000):
        assert folder.locate(path) is None
    assert folder.contains("data/b.fits")


def test_a_link_out_is_not_followed_for_an_index_either(tmp_path: Path, root: Path) -> None:
    put(tmp_path / "secret/a.fits")
    (root / "link").symlink_to("../secret")
    assert Folder(root).locate("link/a.fits") is None
    assert not Folder(root).contains("link/a.fits")


# -- kinds by name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.fits", "fits"),
        ("A.FITS.GZ", "fits"),
        ("a.fit", "fits"),
        ("a.fts.gz", "fits"),
        ("a.fits.fz", "fits"),
        ("obs-index.fits.gz", "index"),
        ("hdu-index-table-GP-Crab.fits.gz", "index"),
        ("README", "document"),
        ("README.HESS-DL3-DR1.txt", "document"),
        ("readme.md", "document"),
        ("LICENSE", "document"),
        ("notes.rst", "document"),
        ("index.html", "document"),
        ("master.json", "document"),
        ("events.root", "other"),
        ("a.fits.bak", "other"),
        ("a.gz", "other"),
        ("noname", "other"),
    ],
)
def test_kinds(root: Path, name: str, kind: str) -> None:
    put(root / name)
    assert find(root).files[name].kind == kind


def test_documents(tmp_path: Path) -> None:
    assert document_mime(Path("README.md")) == "text/markdown"
    assert document_mime(Path("LICENSE")) == "text/plain"
    assert document_mime(Path("a.fits")) is None
    assert document_kind(Path("LICENSE.txt")) == "terms"
    assert document_kind(Path("readme.rst")) == "readme"
    assert document_kind(Path("notes.md")) == "documentation"


def test_fits_without_the_suffix_is_recognised(tmp_path: Path) -> None:
    assert begins_like_fits(put(tmp_path / "a", b"SIMPLE  =                    T"))
    assert not begins_like_fits(put(tmp_path / "b", b"SIMPLE"))
    assert not begins_like_fits(tmp_path / "none")

"""Templates, links into the code, and what is published."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from analysis.settings import Settings, SlurmSettings, load_settings
from ops import analysis_env, cluster, resources, site
from ops.errors import OperatorError
from ops.instance import Instance, Memory
from ops.links import link, mirror

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """Return an instance with folders and a tiny code folder, without a database."""
    code = tmp_path / "code"
    (code / "inputs/cta/collections").mkdir(parents=True)
    (code / "inputs/cta/q.rd").write_text("<resource schema='cta'/>")
    (code / "inputs/cta/collections/shipped.toml").write_text("title = 'shipped'")
    (code / "rd").mkdir()
    state = tmp_path / "state"
    state.mkdir()
    made = Instance(state, code, Memory(port=18999))
    made.prepare_folders()
    return made


def test_fill_replaces_known_names_and_leaves_other_braces() -> None:
    """Only lower-case names in braces are placeholders."""
    assert site.fill("{a} {{}} {B} {1}", {"a": "x"}, "t") == "x {{}} {B} {1}"


def test_fill_names_the_unknown() -> None:
    """A typo in a template is told with what is known."""
    with pytest.raises(OperatorError, match=r"t asks for \{b\}.*known are a"):
        site.fill("{b}", {"a": ""}, "t")


@pytest.mark.parametrize("name", ["gavorc.template", "defaultmeta.template.txt", "jobs.toml.template"])
def test_shipped_templates_are_complete(instance: Instance, name: str) -> None:
    """Every placeholder of the shipped templates is known."""
    text = site.fill((CHECKOUT / "config" / name).read_text(), site.placeholders(instance, 8000), name)
    assert not re.search(r"\{[a-z_]+\}", text)


def test_settings_of_the_jobs_can_be_read(instance: Instance) -> None:
    """The template gives settings that the jobs take, and tells each of them with its default."""
    template = CHECKOUT / "config" / "jobs.toml.template"
    path = instance.etc / "jobs.toml"
    path.write_text(site.fill(template.read_text(), site.placeholders(instance, 8000), template.name))
    found = load_settings(path)
    assert found == Settings(folder=instance.jobs, python=str(analysis_env.program(instance)))
    uncommented = re.sub(r"^# (?=[a-z_]+ = )", "", path.read_text(), flags=re.MULTILINE)
    path.write_text(uncommented)
    assert load_settings(path) == found
    told = tomllib.loads(uncommented)
    assert set(told) == {item.name for item in fields(Settings)}
    assert set(told["slurm"]) == {item.name for item in fields(SlurmSettings)}


def test_paths_in_the_settings_of_the_jobs_are_quoted(tmp_path: Path) -> None:
    """A folder with quotes in its name does not break the file."""
    folder = tmp_path / 'a "b" \\c é'
    values = site.placeholders(Instance(folder, CHECKOUT, Memory()), 8000)
    assert tomllib.loads(f'folder = "{values["jobs"]}"') == {"folder": str(folder / "jobs")}


def test_edited_settings_of_the_jobs_follow_the_environment(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator's edits stay, but for the path of the archive's own environment, which changes with its content."""
    config = instance.code / "config"
    config.mkdir()
    for name in ("gavorc.template", "defaultmeta.template.txt"):
        (config / name).touch()
    (config / "jobs.toml.template").write_text('python = "{analysis_python}"\n')
    monkeypatch.setattr(analysis_env, "program", lambda _: Path("/a/analysis-0123456789abcdef/bin/cta-python"))
    site.render(instance)
    path = instance.etc / "jobs.toml"
    path.write_text(path.read_text() + "slots = 7\n")
    monkeypatch.setattr(analysis_env, "program", lambda _: Path("/a/analysis-fedcba9876543210/bin/cta-python"))
    site.render(instance)
    assert path.read_text() == 'python = "/a/analysis-fedcba9876543210/bin/cta-python"\nslots = 7\n'
    path.write_text('python = "/opt/mine/bin/python"\n')
    site.render(instance)
    assert path.read_text() == 'python = "/opt/mine/bin/python"\n'


def test_rendering_respects_the_operator(instance: Instance) -> None:
    """Files the operator has edited stay; the others follow the templates and the port."""
    config = instance.code / "config"
    config.mkdir()
    (config / "gavorc.template").write_text("port {port}")
    (config / "defaultmeta.template.txt").write_text("one {url}")
    (config / "userconfig.rd").write_text("<resource schema='__system'/>")
    site.render(instance)
    assert (instance.etc / "gavorc").read_text() == "port 18999"
    assert (instance.etc / "userconfig.rd").is_symlink()
    instance.memory.port = 18998
    site.render(instance)
    assert "18998" in (instance.etc / "gavorc").read_text()
    assert "18998" in (instance.etc / "defaultmeta.txt").read_text()
    (instance.etc / "defaultmeta.txt").write_text("mine")
    (instance.etc / "site.rc").write_text("mine")
    instance.memory.port = 18997
    site.render(instance)
    assert (instance.etc / "defaultmeta.txt").read_text() == "mine"
    assert (instance.etc / "site.rc").read_text() == "mine"


def test_vocabularies_are_seeded(instance: Instance) -> None:
    """DaCHS finds each vocabulary under the name its cache uses."""
    cache = instance.dachs / "cache"
    site.seed_vocabularies(cache, CHECKOUT / "config" / "vocabularies")
    assert (cache / "http:=2F=2Fwww.ivoa.net=2Frdf=2Fproduct-type").exists()
    assert (cache / "http:=2F=2Fwww.ivoa.net=2Frdf=2Fdatalink=2Fcore").exists()


def test_inputs_show_code_and_own_collections(instance: Instance) -> None:
    """The code's files are links; an instance's own collection file has precedence and stays."""
    own = instance.resource_dir / "collections"
    own.mkdir(parents=True)
    (own / "mine.toml").write_text("title = 'mine'")
    site.link_inputs(instance)
    assert (instance.resource_dir / "q.rd").readlink() == instance.code / "inputs/cta/q.rd"
    assert (instance.inputs / "rd").readlink() == instance.code / "rd"
    assert (own / "shipped.toml").is_symlink()
    (own / "shipped.toml").unlink()
    (own / "shipped.toml").write_text("title = 'changed'")
    site.link_inputs(instance)
    assert (own / "shipped.toml").read_text() == "title = 'changed'"
    assert (own / "mine.toml").read_text() == "title = 'mine'"
    assert (instance.resource_dir / "data").is_dir()


def test_links_follow_the_code(tmp_path: Path) -> None:
    """A file gone from the code loses its link; a moved code folder moves the links; own files stay."""
    old, new, room = tmp_path / "old", tmp_path / "new", tmp_path / "room"
    for folder in (old, new):
        folder.mkdir()
        (folder / "kept.rd").write_text(folder.name)
    (old / "gone.rd").write_text("")
    mirror(room, old, copies=False)
    (room / "own.rd").write_text("own")
    mirror(room, new, copies=False)
    (old / "gone.rd").unlink()
    mirror(room, new, copies=False)
    assert (room / "kept.rd").read_text() == "new"
    assert not (room / "gone.rd").is_symlink()
    assert (room / "own.rd").read_text() == "own"


def test_link_to_nothing(tmp_path: Path) -> None:
    """No dangling link is left when the target does not exist."""
    assert not link(tmp_path / "a", tmp_path / "absent")
    assert not (tmp_path / "a").is_symlink()


def test_wrappers_name_the_instance(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrapper quotes what a shell would take apart."""
    monkeypatch.setattr(cluster, "programs", lambda _: Path("/usr/lib/postgresql/15/bin"))
    instance.state = instance.state.parent / "with space"
    instance.bin.mkdir(parents=True)
    site.write_wrappers(instance)
    text = (instance.bin / "dachs").read_text()
    assert f"GAVOSETTINGS='{instance.etc}/gavorc'" in text
    assert (instance.bin / "dachs").stat().st_mode & 0o111


def test_resources_need_their_rd(instance: Instance) -> None:
    """DaCHS's own RDs are always there, ours when their file is."""
    by_name = {resource.rd: resource for resource in resources.RESOURCES}
    assert resources.is_present(by_name["//obscore"], instance.code)
    assert resources.is_present(by_name["cta/q"], instance.code)
    assert not resources.is_present(by_name["rd/obscore_hea"], instance.code)


def test_fingerprint_sees_content_and_salt(tmp_path: Path) -> None:
    """A changed file or list asks for a new publication."""
    path = tmp_path / "a"
    absent = resources.fingerprint([path])
    path.write_text("1")
    assert len({absent, resources.fingerprint([path]), resources.fingerprint([path], "salt")}) == 3


def test_cluster_settings(instance: Instance) -> None:
    """No TCP; memory in bounds; a test instance does not wait for the disk."""
    text = cluster.settings(instance, 64 * 1024 * 1024)
    assert "listen_addresses = ''" in text
    assert "shared_buffers = 2048MB" in text
    assert "fsync" not in text
    instance.memory.fast = True
    assert "fsync = off" in cluster.settings(instance, 1024)


def test_find_bin_takes_the_newest_with_pg_sphere(tmp_path: Path) -> None:
    """A newer PostgreSQL without the extension is passed over."""
    for version, has in (("15", True), ("17", True), ("18", False)):
        (tmp_path / "lib" / version / "bin").mkdir(parents=True)
        (tmp_path / "lib" / version / "bin" / "initdb").touch()
        (tmp_path / "share" / version / "extension").mkdir(parents=True)
        if has:
            (tmp_path / "share" / version / "extension" / "pg_sphere.control").touch()
    assert cluster.find_bin(tmp_path / "lib", tmp_path / "share") == tmp_path / "lib/17/bin"
    with pytest.raises(OperatorError, match="install.sh"):
        cluster.find_bin(tmp_path / "absent", tmp_path / "share")

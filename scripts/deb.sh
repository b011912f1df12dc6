#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Debian packages of the sources as they are here, into build/deb; lintian has to be content with them.
#
#     scripts/deb.sh
set -eu
cd "$(dirname "$0")/.."
command -v dh >/dev/null || {
	echo "deb.sh: there is no debhelper (scripts/setup.sh deb)" >&2
	exit 77
}
version=$(sed -n 's/^project(flowtap VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)${FT_DEB_REVISION:-}
out=${FT_DEB_OUT:-$PWD/build/deb}
tree=$out/flowtap-$version
rm -rf "$out"
mkdir -p "$tree"
for part in CHANGELOG.md CMakeLists.txt LICENSE README.md SECURITY.md cmake deploy docs examples include packaging src tools; do
	cp -a "$part" "$tree"
done
mv "$tree/packaging/debian" "$tree/debian"
find "$tree" -name __pycache__ -prune -exec rm -rf {} +
cat >"$tree/debian/changelog" <<END
flowtap ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- flowtap maintainers <maintainers@flowtap.example>  $(date -R -u -d "@${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}")
END
(cd "$tree" && DEB_BUILD_OPTIONS="parallel=${JOBS:-2}" dpkg-buildpackage -us -uc -b) >"$out/build.log" 2>&1 || {
	tail -30 "$out/build.log" >&2
	exit 1
}
rm -rf "$tree"
if command -v lintian >/dev/null; then
	lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$out"/*.changes
else
	echo "deb.sh: there is no lintian: not checked" >&2
fi
ls "$out"/*.deb

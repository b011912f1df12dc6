#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building (or testing) needs on Debian 12 and what is not there yet.
#
#     scripts/setup.sh build|test|servers|attacks|deb
set -eu
build="gcc cmake ninja-build make pkg-config libc6-dev libpcap-dev zlib1g-dev libzstd-dev libyaml-dev libseccomp-dev libssl-dev libcurl4-openssl-dev libxxhash-dev libmicrohttpd-dev librdkafka-dev libhiredis-dev libnats-dev libpq-dev libsqlite3-dev libcjson-dev"
test="$build g++ clang-14 clang-format-14 libclang-rt-14-dev llvm-14 python3 python3-venv python3-jsonschema iproute2 tshark tcpdump softflowd nfdump libcap2-bin zstd gzip mandoc bash iputils-ping strace kcat mmdb-bin"
# what the tests of outputs talk to; Debian starts them as services, so nobody gets them unasked
servers="redis-server nats-server postgresql prometheus default-jre-headless maven openssl gnutls-bin pmacct nfdump-sflow nginx-light"
# what the measure of detectors attacks namespaces with
attacks="python3 iproute2 procps iputils-ping tcpdump nmap hping3 iperf3 slowhttptest iodine curl"
deb="$build debhelper dpkg-dev lintian"
eval "wanted=\$${1:-build}"

command -v dpkg-query >/dev/null 2>&1 || exit 0 # another system: its own packages
missing=
have=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 2>/dev/null | sed -n 's/ installed$//p')
for p in $wanted; do
	printf '%s\n' "$have" | grep -qx "$p" || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=$(command -v sudo || true)
	if [ -z "$sudo" ]; then
		echo "setup: these packages are missing, and there is neither root nor sudo to install them:$missing" >&2
		exit 1
	fi
fi
echo "setup: installing$missing" >&2
$sudo apt-get update -qq
if [ "${1:-build}" = servers ] || [ "${1:-build}" = attacks ]; then # those that can be had; of the others it is said
	some=
	for p in $missing; do
		if apt-cache show "$p" >/dev/null 2>&1; then
			some="$some $p"
		else
			echo "setup: there is no package $p; what needs it is skipped" >&2
		fi
	done
	missing=$some
	[ -n "$missing" ] || exit 0
fi
echo 'wireshark-common wireshark-common/install-setuid boolean false' | $sudo debconf-set-selections 2>/dev/null || true
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Apache Kafka in KRaft mode, one broker on loopback, of its Maven artifacts: fetched once into the cache, outside the tree.
#
#     kafka.sh fetch                    77: it cannot be had, and why
#     kafka.sh run DIR PORT [FILE [ARG...]]   in the foreground; also listens on PORT + 1; FILE: more properties; ARG: of
#                                             StorageTool format, such as --add-scram
set -eu
version=4.4.0
cache=${FT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowtap}/kafka
lib=$cache/lib-$version

skip() {
	echo "kafka.sh: $1" >&2
	exit 77
}

fetch() {
	command -v java >/dev/null || skip "there is no java (Debian: default-jre-headless)"
	java -version 2>&1 | grep -Eq 'version "(1[7-9]|[2-9][0-9])' || skip "java is older than 17"
	[ ! -e "$lib/.whole" ] || return 0
	command -v mvn >/dev/null || skip "there is no mvn to fetch Kafka with (Debian: maven)"
	mkdir -p "$cache/pom"
	cat >"$cache/pom/pom.xml" <<-END
		<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
		<groupId>test</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging>
		<dependencies><dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId>
		<version>$version</version></dependency></dependencies></project>
	END
	(cd "$cache/pom" && timeout 300 mvn -q -B dependency:copy-dependencies -DoutputDirectory="$lib") >"$cache/mvn.log" 2>&1 ||
		skip "mvn could not fetch Kafka $version, see $cache/mvn.log"
	touch "$lib/.whole"
}

run() {
	dir=$1 port=$2 more=${3:-/dev/null}
	[ $# -lt 3 ] && shift 2 || shift 3
	if [ ! -e "$dir/server.properties" ]; then
		mkdir -p "$dir"
		cat >"$dir/server.properties" <<-END
			process.roles=broker,controller
			node.id=1
			controller.quorum.voters=1@127.0.0.1:$((port + 1))
			listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
			advertised.listeners=PLAINTEXT://127.0.0.1:$port
			controller.listener.names=CONTROLLER
			listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
			log.dirs=$dir/data
			num.partitions=4
			offsets.topic.replication.factor=1
			transaction.state.log.replication.factor=1
			transaction.state.log.min.isr=1
			share.coordinator.state.topic.replication.factor=1
			share.coordinator.state.topic.min.isr=1
			group.initial.rebalance.delay.ms=0
			auto.create.topics.enable=true
		END
		cat "$more" >>"$dir/server.properties"
		java -cp "$lib/*" kafka.tools.StorageTool format -t 4L6g3nShT-eMCtK--X86sw -c "$dir/server.properties" "$@" >"$dir/format.log" 2>&1
	fi
	exec java -Xms256m -Xmx512m -XX:+UseSerialGC -cp "$lib/*" kafka.Kafka "$dir/server.properties"
}

case ${1:-} in
fetch) fetch ;;
run) fetch && shift && run "$@" ;;
*) echo "usage: kafka.sh fetch | run DIR PORT [FILE]" >&2 && exit 2 ;;
esac

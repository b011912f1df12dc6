/* SPDX-License-Identifier: Apache-2.0 */
/* base: version and features. */
#include "flowtap/version.h"

const char *ft_schema_version(void)
{
    return "1.1";
}

const char *ft_version(void)
{
    return FT_VERSION;
}

const char *ft_features(void)
{
    return ""
#ifdef __linux__
           "af_packet"
#endif
#ifdef FT_HAVE_PCAP
           " libpcap"
#endif
#ifdef FT_HAVE_ZLIB
           " zlib"
#endif
#ifdef FT_HAVE_ZSTD
           " zstd"
#endif
#ifdef FT_HAVE_YAML
           " yaml"
#endif
#ifdef FT_HAVE_SECCOMP
           " seccomp"
#endif
#ifdef FT_HAVE_OPENSSL
           " openssl"
#endif
#ifdef FT_HAVE_CURL
           " libcurl"
#endif
#ifdef FT_HAVE_TLS
           " libssl"
#endif
#ifdef FT_HAVE_XXHASH
           " xxhash"
#endif
#ifdef FT_HAVE_MICROHTTPD
           " libmicrohttpd"
#endif
#ifdef FT_HAVE_RDKAFKA
           " librdkafka"
#endif
#ifdef FT_HAVE_HIREDIS
           " hiredis"
#endif
#ifdef FT_HAVE_NATS
           " libnats"
#endif
#ifdef FT_HAVE_PQ
           " libpq"
#endif
#ifdef FT_HAVE_STORE
           " store"
#endif
#ifdef FT_HAVE_SERVE
           " mcp"
#endif
        ;
}

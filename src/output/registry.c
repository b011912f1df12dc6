/* SPDX-License-Identifier: Apache-2.0 */
/* output: the sinks that -o can name. A new transport is a row here. */
#include "output/output.h"

const struct ft_sink_ops *const ft_sinks[] = {
    &ft_sink_file,   &ft_sink_http,  &ft_sink_https,    &ft_sink_kafka,
    &ft_sink_nats,   &ft_sink_natss, &ft_sink_postgres, &ft_sink_redis,
    &ft_sink_rediss, &ft_sink_s3,    &ft_sink_store,    &ft_sink_tcp,
    &ft_sink_tls,    &ft_sink_udp,   &ft_sink_unix,     NULL,
};

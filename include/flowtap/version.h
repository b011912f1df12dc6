/* SPDX-License-Identifier: Apache-2.0 */
/* What this library is. */
#ifndef FLOWTAP_VERSION_H
#define FLOWTAP_VERSION_H

#include "flowtap/macros.h"

#ifdef __cplusplus
extern "C" {
#endif

/* "0.1.0" */
FT_API const char *ft_version(void);

/* The optional parts that were built in, by name: "libpcap zlib zstd yaml seccomp openssl". */
FT_API const char *ft_features(void);

#ifdef __cplusplus
}
#endif

#endif

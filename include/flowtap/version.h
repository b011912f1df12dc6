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

/* Of the events' columns, "1.1". The minor number grows with columns that are added; what is there
 * keeps its name, type, unit, meaning and order for as long as the major number stays. */
FT_API const char *ft_schema_version(void);

/* The optional parts that were built in, by name: "libpcap zlib zstd yaml seccomp openssl". */
FT_API const char *ft_features(void);

#ifdef __cplusplus
}
#endif

#endif

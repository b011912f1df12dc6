/* SPDX-License-Identifier: Apache-2.0 */
/* serve: revisions of the Model Context Protocol, and numbers and names that they define.
 *
 * Theory of operation: a revision is a date. From 2026-07-28 on (modern) each request says its own
 * in params._meta and there is nothing before it; those before (legacy) begin with initialize. */
#ifndef FT_SERVE_ERAS_H
#define FT_SERVE_ERAS_H

#include <stdbool.h>
#include <stdint.h>

#define FT_META_PREFIX       "io.modelcontextprotocol/"
#define FT_META_VERSION      FT_META_PREFIX "protocolVersion"
#define FT_META_CAPABILITIES FT_META_PREFIX "clientCapabilities"
#define FT_META_SERVER       FT_META_PREFIX "serverInfo"
#define FT_META_SUBSCRIPTION FT_META_PREFIX "subscriptionId"

struct ft_era {
    const char *version;
    bool modern;
    bool annotated;  /* tools have annotations: 2025-03-26 */
    bool structured; /* outputSchema, structuredContent, title: 2025-06-18 */
};

enum { FT_ERAS = 5 };
extern const struct ft_era ft_eras[FT_ERAS]; /* the newest first */

const struct ft_era *ft_era_of(const char *version); /* NULL: it is not spoken here */
const struct ft_era *ft_era_modern(void);
const struct ft_era *ft_era_legacy(void); /* the newest that begins with initialize */

/* JSON-RPC 2.0 §5.1; MCP 2026-07-28, basic, error codes; FT_RPC_NO_RESOURCE: until 2025-11-25. */
enum {
    FT_RPC_PARSE = -32700,
    FT_RPC_REQUEST = -32600,
    FT_RPC_METHOD = -32601,
    FT_RPC_PARAMS = -32602,
    FT_RPC_INTERNAL = -32603,
    FT_RPC_NO_RESOURCE = -32002,
    FT_RPC_HEADERS = -32020,
    FT_RPC_VERSION = -32022
};

#endif

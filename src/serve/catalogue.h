/* SPDX-License-Identifier: Apache-2.0 */
/* serve: what an agent can ask for: tools, resources, prompts.
 *
 * Theory of operation: rpc.c speaks the protocol (Model Context Protocol: JSON-RPC 2.0) and knows
 * nothing of traffic; a desk knows the store and nothing of the protocol. A catalogue is between
 * them: rows, each with its words and a function. Words are paid for in an agent's tokens by every
 * conversation: manifest and instructions together stay below 2500. */
#ifndef FT_SERVE_CATALOGUE_H
#define FT_SERVE_CATALOGUE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "flowtap/errors.h"
#include "serve/text.h"

struct ft_desk; /* what the functions answer from (desk.h) */

/* Schemas are JSON Schema 2020-12, as JSON text: objects with type, properties, required,
 * additionalProperties false; each property with type, and may have enum, minimum, maximum,
 * maxLength, default. */
struct ft_tool {
    const char *name, *title, *description;
    const char *input_schema, *output_schema;
    /* Answers. args: an object that input_schema allows (types, required, enum, bounds were looked
     * at; defaults are not filled in); never NULL. Adds one JSON object, which output_schema
     * allows, to out. An error is the tool's (isError), err says what to do otherwise: FT_E_USAGE,
     * FT_E_NOT_FOUND, FT_E_RANGE (too long), FT_E_CORRUPT, FT_E_IO, FT_E_NOMEM. */
    int (*call)(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
};

struct ft_resource {
    const char *uri; /* with {name} in it: a template of URIs (RFC 6570, level 1) */
    const char *name, *title, *description, *mime;
    bool subscribable;
    /* Adds the text of uri, which is this row's, to out. FT_E_NOT_FOUND: there is none. */
    int (*read)(struct ft_desk *d, const char *uri, struct ft_text *out, struct ft_err *err);
    /* A number that becomes another when the text may have; for subscribable ones. What cannot be
     * looked at now is FT_VERSION_UNKNOWN, of which nobody is told. */
    uint64_t (*version)(struct ft_desk *d);
};

#define FT_VERSION_UNKNOWN UINT64_MAX

struct ft_prompt_argument {
    const char *name, *description;
    bool required;
};

enum { FT_PROMPT_ARGUMENTS = 4 };

struct ft_prompt {
    const char *name, *title, *description;
    struct ft_prompt_argument args[FT_PROMPT_ARGUMENTS]; /* up to the first without a name */
    /* Adds the text of a user's message to out. args: an object of texts, or NULL. */
    int (*get)(struct ft_desk *d, const cJSON *args, struct ft_text *out, struct ft_err *err);
};

struct ft_catalogue {
    const char *instructions; /* for the agent: what this is and how to go on */
    const struct ft_tool *tools;
    uint32_t n_tools;
    const struct ft_resource *resources;
    uint32_t n_resources;
    const struct ft_prompt *prompts;
    uint32_t n_prompts;
};

#endif

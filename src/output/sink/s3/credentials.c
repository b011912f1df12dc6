/* SPDX-License-Identifier: Apache-2.0 */
/* output/sink/s3: keys: credentials=, the environment, or the file of the AWS programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/secret.h"
#include "output/sink/s3/s3_parts.h"

/* One line "name = value" of the wanted section; true: out points into text, which is cut there. */
static bool take_value(char *line, const char *name, char **out)
{
    size_t len = strlen(name);

    line += strspn(line, " \t");
    if (strncmp(line, name, len) != 0) {
        return false;
    }
    line += len;
    line += strspn(line, " \t");
    if (*line != '=') {
        return false;
    }
    line++;
    line += strspn(line, " \t");
    line[strcspn(line, " \t\r")] = '\0';
    *out = line;
    return true;
}

/* "[default]", with or without spaces: is it the section? */
static bool is_section(const char *line, const char *section)
{
    size_t len = strlen(section);

    line += 1 + strspn(line + 1, " \t");
    return strncmp(line, section, len) == 0 && line[len + strspn(line + len, " \t")] == ']';
}

static int join(const char *id, const char *secret, const char *token, struct ft__s3_keys *out)
{
    size_t cap = strlen(id) + strlen(secret) + 2;
    struct ft__s3_keys k = {.text = ft_mem_alloc(1, cap)};
    bool whole = k.text != NULL;

    if (token != NULL && token[0] != '\0') {
        k.token = ft_mem_strdup(token);
        whole = whole && k.token != NULL;
    }
    if (!whole) {
        ft__s3_keys_fini(&k);
        return FT_E_NOMEM;
    }
    snprintf(k.text, cap, "%s:%s", id, secret);
    *out = k;
    return FT_OK;
}

/* A file as the AWS programs have it, or one line "ID:SECRET". FT_E_FORMAT: neither. */
static int read_keys(char *text, const char *section, struct ft__s3_keys *out)
{
    char *id = NULL, *secret = NULL, *token = NULL, *colon = strchr(text, ':');
    bool ours = true;

    if (strchr(text, '=') == NULL ||
        (colon != NULL && strchr(text, '\n') == NULL && strstr(text, "aws_") == NULL)) {
        if (colon == NULL || colon == text || colon[1] == '\0') {
            return FT_E_FORMAT;
        }
        *colon = '\0';
        return join(text, colon + 1, NULL, out);
    }
    for (char *line = text, *next; line != NULL; line = next) {
        next = strchr(line, '\n');
        if (next != NULL) {
            *next++ = '\0';
        }
        if (line[0] == '[') {
            ours = is_section(line, section);
        } else if (ours) {
            ft_ignore(take_value(line, "aws_access_key_id", &id) ||
                      take_value(line, "aws_secret_access_key", &secret) ||
                      take_value(line, "aws_session_token", &token));
        }
    }
    return id != NULL && secret != NULL && id[0] != '\0' && secret[0] != '\0'
               ? join(id, secret, token, out)
               : FT_E_FORMAT;
}

static const char *section_name(void)
{
    const char *profile = getenv("AWS_PROFILE");

    return profile != NULL && profile[0] != '\0' ? profile : "default";
}

/* name: "@FILE", or the keys themselves. */
static int from_text(const char *name, struct ft__s3_keys *out, struct ft_err *err)
{
    char *text;
    int rc = ft_secret_read(name, &text, err);

    if (rc != FT_OK) {
        return rc;
    }
    rc = read_keys(text, section_name(), out);
    ft_secret_forget(text);
    return rc == FT_OK ? rc
                       : ft_err_set(err, rc == FT_E_FORMAT ? FT_E_USAGE : rc,
                                    "%s: no aws_access_key_id and aws_secret_access_key%s, and no "
                                    "ID:SECRET",
                                    name[0] == '@' ? name + 1 : "credentials=",
                                    name[0] == '@' ? " are in it" : "");
}

int ft__s3_keys_find(const char *credentials, struct ft__s3_keys *out, struct ft_err *err)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID"), *secret = getenv("AWS_SECRET_ACCESS_KEY");
    const char *file = getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = getenv("HOME");
    char path[4096];

    if (credentials != NULL) {
        return from_text(credentials, out, err);
    }
    if (id != NULL && secret != NULL && id[0] != '\0') {
        int rc = join(id, secret, getenv("AWS_SESSION_TOKEN"), out);

        return rc == FT_OK ? rc : ft_err_set(err, rc, "out of memory");
    }
    snprintf(path, sizeof path, file != NULL ? "@%s" : "@%s/.aws/credentials",
             file != NULL   ? file
             : home != NULL ? home
                            : "");
    if (from_text(path, out, err) == FT_OK) {
        return FT_OK;
    }
    return ft_err_set(err, FT_E_USAGE,
                      "no credentials: give credentials=@FILE, or set AWS_ACCESS_KEY_ID and "
                      "AWS_SECRET_ACCESS_KEY");
}

void ft__s3_keys_fini(struct ft__s3_keys *k)
{
    ft_secret_forget(k->text);
    ft_secret_forget(k->token);
    *k = (struct ft__s3_keys){NULL, NULL};
}

/* SPDX-License-Identifier: Apache-2.0 */
/* source/kafka: the URL, see kafka_parts.h. */
#include "source/kafka/kafka_parts.h"

#ifdef FT_HAVE_RDKAFKA

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/percent.h"

enum { PARAMS_MOST = 32 };

/* What is otherwise than librdkafka's default; the URL may change the first ones. */
static const struct ft_kafka_pair ours[] = {
    {"group.id", "flowtap"},
    {"auto.offset.reset", "earliest"}, /* a group that is new misses nothing */
    {"queued.max.messages.kbytes", "65536"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
};

static const struct ft_kafka_pair refused[] = {
    {"group.id", "group= says it"},
    {"enable.auto.", "offsets are committed when the events went on"},
    {"auto.commit.", "offsets are committed when the events went on"},
};

/* What stands behind the "?", decoded. */
struct params {
    struct ft_kafka_pair of[PARAMS_MOST];
    uint32_t n;
    char *text; /* owned: what they point into */
};

static int take_params(const char *url, struct params *p, struct ft_err *err)
{
    const char *s = strchr(url, '?');
    char *to = ft_mem_alloc(2, strlen(url) + 1); /* each part, and a NUL */

    *p = (struct params){.text = to};
    if (to == NULL) {
        return ft_err_set(err, FT_E_NOMEM, "listen: '%.80s': out of memory", url);
    }
    for (s = s != NULL ? s + 1 : ""; *s != '\0';) {
        size_t len = strcspn(s, "&");
        const char *eq = memchr(s, '=', len);

        if (eq == NULL || eq == s || eq + 1 == s + len || p->n == PARAMS_MOST) {
            return ft_err_set(err, FT_E_USAGE, "listen: '%.80s': '%.*s' is %s", url,
                              (int)(len < 60 ? len : 60), s,
                              p->n == PARAMS_MOST ? "one parameter too many" : "not key=value");
        }
        p->of[p->n].name = to;
        to += ft_percent_decode(s, (size_t)(eq - s), to) + 1;
        p->of[p->n++].value = to;
        to += ft_percent_decode(eq + 1, (size_t)(s + len - eq) - 1, to) + 1;
        s += len + (s[len] == '&');
    }
    return FT_OK;
}

/* A parameter that has a name of its own, into u or *out_group. */
static int sort_param(const char *url, const struct ft_kafka_pair *p, struct ft_kafka_url *u,
                      const char **out_group, struct ft_err *err)
{
    const struct {
        const char *name, **to;
    } texts[] = {{"group", out_group}, {"ca", &u->ca}, {"cert", &u->cert}, {"key", &u->key}};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (strcmp(p->name, texts[i].name) == 0) {
            *texts[i].to = p->value;
            u->tls |= i > 0;
            return FT_OK;
        }
    }
    if (strcmp(p->name, "verify") == 0 &&
        (strcmp(p->value, "true") == 0 || strcmp(p->value, "false") == 0)) {
        u->any = p->value[0] == 'f';
        u->tls = true;
        return FT_OK;
    }
    return strncmp(p->name, "kafka.", 6) == 0
               ? FT_OK
               : ft_err_set(err, FT_E_USAGE,
                            "listen: '%.80s': there is no parameter '%.60s' (there are: "
                            "group=NAME, ca=FILE, cert=FILE, key=FILE, verify=true|false, "
                            "kafka.SETTING=VALUE)",
                            url, p->name);
}

static int configure(const char *url, const struct params *p, struct ft__kafka_config *c,
                     struct ft_err *err)
{
    char whose[120];
    const char *group = NULL;
    struct ft_kafka_url u = {.whose = whose,
                             .param = p->of,
                             .n_params = p->n,
                             .shown = true,
                             .ours = ours,
                             .n_ours = sizeof ours / sizeof ours[0],
                             .refused = refused,
                             .n_refused = sizeof refused / sizeof refused[0]};
    int rc = FT_OK;

    snprintf(whose, sizeof whose, "listen: '%.80s'", url);
    for (uint32_t i = 0; i < p->n && rc == FT_OK; i++) {
        rc = sort_param(url, &p->of[i], &u, &group, err);
    }
    if (rc == FT_OK && ((u.key != NULL && u.cert == NULL) || (u.ca != NULL && u.any))) {
        rc = ft_err_set(err, FT_E_USAGE, "%s: %s", whose,
                        u.any ? "with verify=false nothing is checked by ca="
                              : "key= is the key of cert=, which is missing");
    }
    rc = rc == FT_OK ? ft_kafka_configure(&u, &c->of, err) : rc;
    return rc == FT_OK && group != NULL ? ft_kafka_set(&c->of, whose, "group.id", group, err) : rc;
}

static int bad_target(const char *url, struct ft_err *err)
{
    return ft_err_set(err, FT_E_USAGE,
                      "listen: '%.100s': write kafka://HOST:PORT[,HOST:PORT...]/TOPIC[,TOPIC...]; "
                      "a topic's name is of letters, digits, '.', '_' and '-', at most %d",
                      url, FT_KAFKA_TOPIC);
}

static int take_target(const char *url, struct ft__kafka_config *c, struct ft_err *err)
{
    const char *target = url + sizeof "kafka://" - 1, *end = target + strcspn(target, "?"), *at;

    if (!ft_kafka_split(target, (size_t)(end - target), c->brokers, &at)) {
        return bad_target(url, err);
    }
    while (at <= end) {
        size_t len = strcspn(at, ",?");
        char name[FT_KAFKA_TOPIC + 1];

        if (!ft_kafka_topic(at, len)) {
            return bad_target(url, err);
        }
        snprintf(name, sizeof name, "%.*s", (int)len, at);
        rd_kafka_topic_partition_list_add(c->topics, name, RD_KAFKA_PARTITION_UA);
        at += len + 1;
    }
    return FT_OK;
}

int ft__kafka_config(const char *url, struct ft__kafka_config *out, struct ft_err *err)
{
    struct ft__kafka_config c = {.topics = rd_kafka_topic_partition_list_new(1)};
    struct params params = {.n = 0};
    int rc = take_target(url, &c, err);

    rc = rc == FT_OK ? take_params(url, &params, err) : rc;
    rc = rc == FT_OK ? configure(url, &params, &c, err) : rc;
    ft_mem_free(params.text);
    if (rc != FT_OK) {
        ft__kafka_config_fini(&c);
        return rc;
    }
    *out = c;
    return FT_OK;
}

void ft__kafka_config_fini(struct ft__kafka_config *c)
{
    ft_kafka_config_fini(&c->of);
    if (c->topics != NULL) {
        rd_kafka_topic_partition_list_destroy(c->topics);
    }
}

#endif

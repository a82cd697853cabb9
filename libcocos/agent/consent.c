/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/consent.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "codec/hex.h"

#define MANIFESTS_MAX 1024 /* with anything to remember, within one boot */
#define ROOM          8192 /* of buffers for whole files */
#define PATH_LEN      (COCOS__STATE_DIR_MAX + 128)

/* STATE/parties/MANIFEST/0001, 0002, ... and runs. */
static void path_of(const cocos__consent *c, const char *name, char out[PATH_LEN])
{
    snprintf(out, PATH_LEN, "%s/%s", c->dir, name);
}

/* ---- Reading what is there ---- */

static int load_runs(cocos__consent *c, cocos_error **err)
{
    COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
    COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
    char path[PATH_LEN];

    cocos__buf_init(&b, ROOM);
    path_of(c, "runs", path);
    int r = cocos__read_file(path, 32, &b, &why);
    if (r == COCOS_ERR_NOT_FOUND)
        return COCOS_OK;
    const char *text = r == COCOS_OK ? cocos__buf_cstr(&b) : NULL;
    if (!text || sscanf(text, "%" SCNu64, &c->runs) != 1)
        return cocos__fail_cause(err, COCOS_ERR_MALFORMED, "agent.record", COCOS__STEAL(why),
                                 "the number of runs of this manifest cannot be read");
    return COCOS_OK;
}

static int append(cocos__consent *c, cocos_approval *a_take, cocos_error **err)
{
    cocos_approval **grown = realloc(c->all, (c->n + 1) * sizeof *grown);

    if (!grown) {
        cocos_approval_free(a_take);
        return cocos__fail_memory(err);
    }
    c->all = grown;
    c->all[c->n++] = a_take;
    return COCOS_OK;
}

static int load_signed(cocos__consent *c, cocos_error **err)
{
    char path[PATH_LEN];
    char name[16];

    for (;;) {
        COCOS__CLEANUP(cocos__buf_done) cocos__buf b;
        COCOS__CLEANUP(cocos__error_freep) cocos_error *why = NULL;
        cocos_approval *a = NULL;

        cocos__buf_init(&b, COCOS__APPROVAL_MAX + ROOM);
        snprintf(name, sizeof name, "%04zu", c->n + 1);
        path_of(c, name, path);
        int r = cocos__read_file(path, COCOS__APPROVAL_MAX, &b, &why);
        if (r == COCOS_ERR_NOT_FOUND)
            return COCOS_OK;
        if (r == COCOS_OK)
            r = cocos__approval_parse((cocos__span){b.data, b.len}, 1, &a, &why);
        if (r < 0)
            return cocos__fail_cause(err, r, "agent.record", COCOS__STEAL(why),
                                     "a stored approval cannot be read");
        r = append(c, a, err);
        if (r < 0)
            return r;
    }
}

static int check_room(const char *dir, cocos_error **err)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    if (n >= MANIFESTS_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "agent.manifests",
                           "this boot has seen %d manifests already", MANIFESTS_MAX);
    return COCOS_OK;
}

static int make_dir(cocos__consent *c, const char *state_dir, cocos_error **err)
{
    char hex[65];
    struct stat st;

    snprintf(c->dir, sizeof c->dir, "%s/parties", state_dir);
    cocos__hex_encode(cocos_manifest_digest(c->manifest), COCOS_DIGEST_SIZE, hex);
    size_t n = strlen(c->dir);
    snprintf(c->dir + n, sizeof c->dir - n, "/%s", hex);
    if (stat(c->dir, &st) == 0)
        return COCOS_OK;
    c->dir[n] = '\0';
    int r = check_room(c->dir, err);
    c->dir[n] = '/';
    return r < 0 ? r : cocos__mkdirs(c->dir, 0700, err);
}

int cocos__consent_open(const char *state_dir,
                        const uint8_t instance[16],
                        const cocos_manifest *m,
                        cocos__consent **ret,
                        cocos_error **err)
{
    cocos__consent *c = calloc(1, sizeof *c);

    if (!c)
        return cocos__fail_memory(err);
    c->manifest = m;
    c->instance = instance;
    int r = make_dir(c, state_dir, err);
    if (r == COCOS_OK)
        r = cocos__manifest_required(m, &c->required, &c->n_required, err);
    if (r == COCOS_OK)
        r = load_runs(c, err);
    if (r == COCOS_OK)
        r = load_signed(c, err);
    if (r < 0) {
        cocos__consent_close(c);
        return r;
    }
    *ret = c;
    return COCOS_OK;
}

void cocos__consent_close(cocos__consent *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        cocos_approval_free(c->all[i]);
    free(c->all);
    free(c->required);
    free(c);
}

/* ---- What comes ---- */

int cocos__consent_read(const cocos__consent *c,
                        cocos__span data,
                        cocos_approval **ret,
                        cocos_error **err)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = NULL;
    const cocos__start start = {.instance = c->instance, .time_s = COCOS__NEVER};

    int r = cocos__approval_parse(data, 0, &a, err);
    if (r == COCOS_OK)
        r = cocos__approval_check(a, c->manifest, err);
    if (r == COCOS_OK)
        r = cocos__approval_holds(a, &start, err); /* the instance: run 0 is within every number */
    if (r == COCOS_OK)
        *ret = COCOS__STEAL(a);
    return r;
}

static int same_signer(const cocos_approval *a, const cocos_approval *b)
{
    return memcmp(cocos_approval_signer(a), cocos_approval_signer(b), 32) == 0;
}

/* A withdrawal is final for its manifest and boot: which of two signatures came later only the host
 * could tell. */
static int check_new(const cocos__consent *c, const cocos_approval *a, cocos_error **err)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->all[i]->says.withdrawal && same_signer(c->all[i], a))
            return cocos__fail(err, COCOS_ERR_DENIED, "approval.withdrawn",
                               "this party has withdrawn from this manifest until the next boot");
    }
    if (c->n >= COCOS__CONSENT_MAX)
        return cocos__fail(err, COCOS_ERR_EXHAUSTED, "approval.count",
                           "there are %d approvals already", COCOS__CONSENT_MAX);
    return COCOS_OK;
}

int cocos__consent_add(cocos__consent *c, cocos_approval *a_take, cocos_error **err)
{
    COCOS__CLEANUP(cocos__approval_freep) cocos_approval *a = a_take;
    char path[PATH_LEN];
    char name[16];

    for (size_t i = 0; i < c->n; i++) {
        if (memcmp(c->all[i]->is.digest, a->is.digest, sizeof a->is.digest) == 0)
            return COCOS_OK;
    }
    int r = check_new(c, a, err);
    if (r < 0)
        return r;
    snprintf(name, sizeof name, "%04zu", c->n + 1);
    path_of(c, name, path);
    r = cocos__write_file(path, a->encoded, a->len, 0600, err);
    return r < 0 ? r : append(c, COCOS__STEAL(a), err);
}

/* ---- What it comes to ---- */

const cocos_approval *cocos__consent_withdrawal(const cocos__consent *c)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->all[i]->says.withdrawal)
            return c->all[i];
    }
    return NULL;
}

const cocos_approval *cocos__consent_answer(const cocos__consent *c, size_t i)
{
    /* A guest's clock belongs to its host: times are for those who read the statement. */
    const cocos__start start = {c->instance, c->run ? c->run : c->runs + 1, COCOS__NEVER};

    for (size_t k = 0; k < c->n; k++) {
        if (cocos__approval_answers(c->all[k], &c->required[i]) &&
            cocos__approval_holds(c->all[k], &start, NULL) == COCOS_OK)
            return c->all[k];
    }
    return NULL;
}

int cocos__consent_given(const cocos__consent *c)
{
    return cocos__consent_missing(c, NULL, 0) == 0;
}

static size_t tell(char (*out)[COCOS__CONSENT_TEXT],
                   size_t max,
                   size_t n,
                   const char *what,
                   const uint8_t signer[32])
{
    char hex[65];

    if (n >= max)
        return n + 1;
    cocos__hex_encode(signer, 32, hex);
    snprintf(out[n], COCOS__CONSENT_TEXT, "%s%s%s", what, *what ? " " : "", hex);
    return n + 1;
}

size_t cocos__consent_missing(const cocos__consent *c, char (*out)[COCOS__CONSENT_TEXT], size_t max)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n_required; i++) {
        if (!cocos__consent_answer(c, i))
            n = tell(out, max, n, c->required[i].role ? c->required[i].role : "",
                     c->required[i].signer);
    }
    for (size_t i = 0; i < c->n; i++) {
        if (c->all[i]->says.withdrawal)
            n = tell(out, max, n, "withdrawn by", cocos_approval_signer(c->all[i]));
    }
    return n;
}

int cocos__consent_count(cocos__consent *c, uint64_t run, cocos_error **err)
{
    char path[PATH_LEN];
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRIu64 "\n", run);

    c->runs = c->run = run;
    path_of(c, "runs", path);
    return cocos__write_file(path, text, (size_t)n, 0600, err);
}

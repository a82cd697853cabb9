/* SPDX-License-Identifier: Apache-2.0 */
/* cocos keys: a key pair in private.pem and public.pem, the file names that users know
 * (protocol.md 5.3). */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int key_type(const char *name)
{
    if (name && strcmp(name, "ecdsa") == 0)
        return COCOS_KEY_P256;
    return name && strcmp(name, "ed25519") == 0 ? COCOS_KEY_ED25519 : COCOS_KEY_RSA;
}

static int write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno != EINTR)
            return -1;
        text += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd);
}

/*
 * Written under another name, then linked (which never replaces) or, with --force, renamed: nobody
 * ever sees half a key, and a key that is there is not lost.
 */
static int write_new(tool *t, const char *path, const char *text, mode_t mode, int force)
{
    char temporary[4200];

    snprintf(temporary, sizeof temporary, "%s.%ld.new", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return tool_fail(t, errno == EACCES ? COCOS_ERR_DENIED : COCOS_ERR_IO, "io.create",
                         "%s: %s", temporary, strerror(errno));

    int r = fchmod(fd, mode) < 0 || write_all(fd, text) < 0 ? -1
            : force                                         ? rename(temporary, path)
                                                            : link(temporary, path);
    int number = errno;

    close(fd);
    if (r < 0 || !force)
        unlink(temporary);
    if (r < 0 && number == EEXIST)
        return tool_report(
            t, &(tool_problem){.status = COCOS_ERR_USAGE,
                               .code = "keys.exist",
                               .message = "a key of that name is there already",
                               .found = path,
                               .hint =
                                   "choose another directory with -o, or replace it with --force"});
    if (r < 0)
        return tool_fail(t, COCOS_ERR_IO, "io.write", "%s: %s", path, strerror(number));
    return 0;
}

static int report(tool *t,
                  const cocos_key *key,
                  const char *type,
                  const char *private_path,
                  const char *public_path)
{
    char thumbprint[TOOL_HEX_SIZE];

    tool_hex(thumbprint, cocos_key_thumbprint(key), 32);
    if (t->json) {
        tool_emit(t, json_pack("{s:s, s:o, s:o, s:s}", "type", type, "private",
                               tool_json_text(private_path), "public", tool_json_text(public_path),
                               "thumbprint", thumbprint));
        return 0;
    }
    tool_say(t, "Successfully generated public/private key pair of type: %s", type);
    tool_print(t, "%s\n%s\n", private_path, public_path);
    return 0;
}

int cli_keys(tool *t)
{
    const char *type = tool_args_get(t->args, "key-type");
    const char *dir = tool_args_get(t->args, "output-dir");
    int force = tool_args_count(t->args, "force") > 0;
    TOOL_CLEANUP(cli_key_freep) cocos_key *key = NULL;
    TOOL_CLEANUP(cli_text_freep) char *private_pem = NULL;
    TOOL_CLEANUP(cli_text_freep) char *public_pem = NULL;
    char private_path[4096], public_path[4096];
    struct stat st;
    cocos_error *err = NULL;
    int code;

    if (dir && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return tool_fail(t, errno == EACCES ? COCOS_ERR_DENIED : COCOS_ERR_IO, "io.create", "%s: %s",
                         dir, strerror(errno));
    snprintf(private_path, sizeof private_path, "%s/private.pem", dir ? dir : ".");
    snprintf(public_path, sizeof public_path, "%s/public.pem", dir ? dir : ".");
    if (!force && lstat(public_path, &st) == 0)
        return tool_report(
            t, &(tool_problem){.status = COCOS_ERR_USAGE,
                               .code = "keys.exist",
                               .message = "a key of that name is there already",
                               .found = public_path,
                               .hint =
                                   "choose another directory with -o, or replace it with --force"});
    if (cocos_key_generate(key_type(type), &key, &err) < 0 ||
        cocos_key_to_pem(key, 1, &private_pem, &err) < 0 ||
        cocos_key_to_pem(key, 0, &public_pem, &err) < 0)
        return tool_fail_error(t, err);
    if ((code = write_new(t, private_path, private_pem, 0600, force)) != 0 ||
        (code = write_new(t, public_path, public_pem, 0644, force)) != 0)
        return code;

    return report(t, key, type ? type : "rsa", private_path, public_path);
}

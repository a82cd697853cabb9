/* SPDX-License-Identifier: Apache-2.0 */
/* The client against a server that does what no honest agent would. The real agent is met in
 * tests/integration. */
#include "compute/client.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "cocos/v1/agent.pb-c.h"
#include "crypto/digest.h"
#include "suite.h"

#define MIB (1u << 20)

/* What the server does and what it has seen. */
static struct {
    size_t instance_len;
    const char *state;
    const char *computation_id;
    uint8_t instance_first;
    /* download */
    const uint8_t *result;
    size_t size, stated, sent;
    uint8_t digest[32];
    int verdict;
    const char *code;
    atomic_ullong asked_offset;
    atomic_int downloads;
    /* upload */
    uint64_t received; /* what UploadStatus says */
    uint64_t really;   /* what Upload finds */
    int complete;
    size_t stop_after; /* refuses with verdict and code after so many bytes */
    uint8_t uploaded[8 * MIB];
    atomic_size_t uploaded_len;
    atomic_int uploads;
    uint8_t nonces[16][16];
    atomic_int n_nonces;
} server;

static char dir[64];
static cocos__rpc_server *rpc;
static cocos_agent_conn *conn;
static cocos_key *key;
static uint8_t data[5 * MIB + 12345];

/* Every signed request parses, names its method, and has a nonce of its own. */
static void judge(cocos__rpc_call *call, const char *method)
{
    cocos__signed_request *s = NULL;
    size_t len = 0;
    const uint8_t *auth = cocos__rpc_metadata(call, COCOS__AUTH_KEY, &len);

    ck_assert_ptr_nonnull(auth);
    ck_assert_int_eq(cocos__signed_request_parse(auth, len, &s, NULL), COCOS_OK);
    const cocos__request *v = cocos__signed_request_view(s);
    ck_assert_str_eq(v->method, method);
    ck_assert_int_eq(v->local, 1);
    ck_assert_str_eq(v->computation_id, "c-1");
    ck_assert_mem_eq(cocos__signed_request_kid(s), cocos_key_thumbprint(key), 32);
    int n = atomic_fetch_add(&server.n_nonces, 1);
    for (int i = 0; i < n && i < 16; i++)
        ck_assert_mem_ne(server.nonces[i], v->nonce, 16);
    if (n < 16)
        memcpy(server.nonces[n], v->nonce, 16);
    cocos__signed_request_free(s);
}

static int serve_describe(cocos__rpc_call *call, void *user, cocos_error **err)
{
    static uint8_t bytes[32];
    Cocos__V1__DescribeResponse d = COCOS__V1__DESCRIBE_RESPONSE__INIT;
    cocos__rpc_msg *msg = NULL;

    (void)user;
    int r = cocos__rpc_recv(call, &msg, err);
    cocos__rpc_msg_free(msg);
    if (r < 0)
        return r;
    bytes[0] = server.instance_first;
    d.instance_id.data = bytes;
    d.instance_id.len = server.instance_len;
    d.state = (char *)server.state;
    d.version = (char *)"9.9.9";
    d.computation_id = (char *)server.computation_id;
    d.manifest_digest.data = bytes;
    d.manifest_digest.len = *server.computation_id ? 32 : 0;
    return cocos__rpc_send_pb(call, &d.base, err);
}

static int serve_download(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__ResultHeader header = COCOS__V1__RESULT_HEADER__INIT;
    Cocos__V1__DownloadResponse response = COCOS__V1__DOWNLOAD_RESPONSE__INIT;
    ProtobufCMessage *request = NULL;

    (void)user;
    judge(call, COCOS__AGENT_DOWNLOAD);
    int r = cocos__rpc_recv_pb(call, &cocos__v1__download_request__descriptor, &request, err);
    if (r < 0)
        return r;
    uint64_t offset = ((Cocos__V1__DownloadRequest *)request)->offset;
    server.asked_offset = offset;
    server.downloads++;
    protobuf_c_message_free_unpacked(request, NULL);
    if (server.verdict < 0 && server.sent == 0)
        return cocos__fail_remote(err, server.verdict, server.code, "refused");

    header.size = server.stated;
    header.digest.data = server.digest;
    header.digest.len = 32;
    response.part_case = COCOS__V1__DOWNLOAD_RESPONSE__PART_HEADER;
    response.header = &header;
    r = cocos__rpc_send_pb(call, &response.base, err);
    response.part_case = COCOS__V1__DOWNLOAD_RESPONSE__PART_DATA;
    for (uint64_t at = offset; r == COCOS_OK && at < server.sent; at += MIB) {
        response.data.data = (uint8_t *)server.result + at;
        response.data.len = server.sent - at < MIB ? server.sent - at : MIB;
        r = cocos__rpc_send_pb(call, &response.base, err);
    }
    if (r == COCOS_OK && server.verdict < 0)
        return cocos__fail_remote(err, server.verdict, server.code, "refused");
    return r;
}

static int serve_status(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__UploadStatusResponse response = COCOS__V1__UPLOAD_STATUS_RESPONSE__INIT;
    cocos__rpc_msg *msg = NULL;

    (void)user;
    judge(call, COCOS__AGENT_UPLOAD_STATUS);
    int r = cocos__rpc_recv(call, &msg, err);
    cocos__rpc_msg_free(msg);
    response.received = server.received;
    response.complete = server.complete;
    return r < 0 ? r : cocos__rpc_send_pb(call, &response.base, err);
}

static int recv_upload(cocos__rpc_call *call, cocos_error **err)
{
    for (;;) {
        COCOS__CLEANUP(cocos__rpc_msg_freep) cocos__rpc_msg *msg = NULL;
        cocos__span part;
        int r = cocos__rpc_recv(call, &msg, err);

        if (r < 0 || !msg)
            return r;
        ck_assert_int_eq(cocos__pb_only_bytes(cocos__rpc_msg_bytes(msg), 2, &part), 1);
        ck_assert_uint_le(part.len, MIB);
        memcpy(server.uploaded + server.uploaded_len, part.data, part.len);
        server.uploaded_len += part.len;
        if (server.stop_after && server.uploaded_len >= server.stop_after)
            return cocos__fail_remote(err, server.verdict, server.code, "refused");
    }
}

static int serve_upload(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__UploadResponse response = COCOS__V1__UPLOAD_RESPONSE__INIT;
    ProtobufCMessage *first = NULL;

    (void)user;
    judge(call, COCOS__AGENT_UPLOAD);
    server.uploads++;
    int r = cocos__rpc_recv_pb(call, &cocos__v1__upload_request__descriptor, &first, err);
    if (r < 0)
        return r;
    uint64_t offset = ((Cocos__V1__UploadRequest *)first)->header->offset;
    protobuf_c_message_free_unpacked(first, NULL);
    if (offset != server.really) {
        char text[24];

        snprintf(text, sizeof text, "%llu", (unsigned long long)server.really);
        cocos__rpc_add_trailer(call, "cocos-received", text, strlen(text));
        return cocos__fail_remote(err, COCOS_ERR_STATE, "upload.offset", "another offset");
    }
    server.uploaded_len = offset;
    r = recv_upload(call, err);
    response.received = server.uploaded_len;
    response.complete = 1;
    return r < 0 ? r : cocos__rpc_send_pb(call, &response.base, err);
}

static int serve_watch(cocos__rpc_call *call, void *user, cocos_error **err)
{
    Cocos__V1__WatchEvent e = COCOS__V1__WATCH_EVENT__INIT;
    ProtobufCMessage *request = NULL;

    (void)user;
    judge(call, COCOS__AGENT_WATCH);
    int r = cocos__rpc_recv_pb(call, &cocos__v1__watch_request__descriptor, &request, err);
    if (r < 0)
        return r;
    e.sequence = ((Cocos__V1__WatchRequest *)request)->since;
    protobuf_c_message_free_unpacked(request, NULL);
    e.state = (char *)"Running";
    e.what = (char *)"step";
    e.ok = 1;
    for (int i = 0; r == COCOS_OK && i < 5; i++) {
        e.sequence++;
        r = cocos__rpc_send_pb(call, &e.base, err);
    }
    return r < 0 ? r : cocos__fail_remote(err, COCOS_ERR_ABORTED, "computation.stopped", "stopped");
}

static const cocos__rpc_method methods[] = {
    {COCOS__AGENT_DESCRIBE, serve_describe, NULL, 0},
    {COCOS__AGENT_DOWNLOAD, serve_download, NULL, 0},
    {COCOS__AGENT_UPLOAD_STATUS, serve_status, NULL, 0},
    {COCOS__AGENT_UPLOAD, serve_upload, NULL, 2 * MIB},
    {COCOS__AGENT_WATCH, serve_watch, NULL, 0},
};

static void serve(void)
{
    cocos__rpc_server_options o = {.methods = methods, .n_methods = COCOS__ARRAY_LEN(methods)};
    char address[96];
    cocos_error *err = NULL;

    strcpy(dir, "/tmp/cocos-client-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    server.instance_len = 16;
    server.instance_first = 7;
    server.state = "ReceivingData";
    server.computation_id = "c-1";
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 31 + i / 4096);
    server.result = data;
    server.size = server.stated = server.sent = sizeof data;
    assert_ok(cocos__digest(COCOS__SHA3_256, data, sizeof data, server.digest, &err), err);
    assert_ok(cocos_key_generate(COCOS_KEY_ED25519, &key, &err), err);
    assert_ok(cocos__rpc_server_new(&o, &rpc, &err), err);
    snprintf(address, sizeof address, "unix:%s/agent.sock", dir);
    assert_ok(cocos__rpc_server_listen(rpc, address, NULL, NULL, &err), err);
}

static int open_conn(cocos_error **err)
{
    cocos_agent_options *o = NULL;
    char address[96];

    snprintf(address, sizeof address, "unix:%s/agent.sock", dir);
    ck_assert_int_eq(cocos_agent_options_new(&o, NULL), COCOS_OK);
    ck_assert_int_eq(cocos_agent_options_set_address(o, address, NULL), COCOS_OK);
    cocos_agent_options_set_insecure_no_attestation(o, 1);
    int r = cocos_agent_connect(o, cocos_deadline_in(5000000000), NULL, &conn, err);
    cocos_agent_options_free(o);
    return r;
}

static void begin(void)
{
    cocos_error *err = NULL;

    serve();
    assert_ok(open_conn(&err), err);
}

static void end(void)
{
    cocos_agent_conn_close(conn);
    cocos__rpc_server_shutdown(rpc, cocos_deadline_in(1000000000));
    cocos__rpc_server_free(rpc);
    cocos_key_free(key);
    ck_assert_int_eq(cocos__remove_tree(dir, 0, NULL), COCOS_OK);
}

static char *in_dir(const char *name)
{
    static char paths[4][128];
    static int next;

    next = (next + 1) % 4;
    snprintf(paths[next], sizeof paths[next], "%s/%s", dir, name);
    return paths[next];
}

static int download(cocos_error **err)
{
    return cocos_agent_download(conn, 0, in_dir("r"), key, NULL, NULL,
                                cocos_deadline_in(20000000000), NULL, NULL, err);
}

static void file_is(const char *name, const uint8_t *want, size_t len)
{
    cocos__buf b;

    cocos__buf_init(&b, 64 * MIB);
    ck_assert_int_eq(cocos__read_file(in_dir(name), 64 * MIB, &b, NULL), COCOS_OK);
    ck_assert_uint_eq(b.len, len);
    ck_assert_mem_eq(b.data, want, len);
    cocos__buf_done(&b);
}

static void write_to(const char *name, const uint8_t *bytes, size_t len)
{
    ck_assert_int_eq(cocos__write_file(in_dir(name), bytes, len, 0600, NULL), COCOS_OK);
}

static int exists(const char *name)
{
    struct stat st;

    return lstat(in_dir(name), &st) == 0;
}

static void agent_describes_itself_as(size_t instance_len, const char *state, const char *id)
{
    cocos_error *err = NULL;

    server.instance_len = instance_len;
    server.state = state;
    server.computation_id = id;
    assert_fails(open_conn(&err), COCOS_ERR_MALFORMED, "agent.describe", err);
}

START_TEST(refuses_descriptions_of_the_wrong_size)
{
    char text[70];

    memset(text, 'x', sizeof text);
    text[69] = '\0';
    serve();
    agent_describes_itself_as(15, "Idle", "c-1");
    agent_describes_itself_as(0, "Idle", "c-1");
    agent_describes_itself_as(16, text, "c-1");
    agent_describes_itself_as(16, "Idle", text);
    end();
}
END_TEST

START_TEST(notices_that_another_machine_answers_on_its_connection)
{
    cocos_agent_info *info = NULL;
    cocos_error *err = NULL;

    begin();
    server.instance_first = 8;
    assert_fails(cocos_agent_describe(conn, NULL, 0, NULL, &info, &err), COCOS_ERR_STATE,
                 "agent.instance", err);
    end();
}
END_TEST

START_TEST(signs_for_no_other_manifest_than_the_one_that_was_named)
{
    static const uint8_t other[32] = {1};
    uint8_t right[32];
    cocos_error *err = NULL;
    cocos_agent_info *info = NULL;
    int nonces;

    begin();
    memcpy(right, conn->manifest_digest, 32);
    assert_fails(cocos_agent_confirm_manifest(conn, other, &err), COCOS_ERR_STATE,
                 "agent.manifest.other", err);
    err = NULL;
    assert_ok(cocos_agent_describe(conn, key, cocos_deadline_in(5000000000), NULL, &info, &err),
              err);
    cocos_agent_info_free(info);
    nonces = server.n_nonces; /* one for the description */
    assert_fails(download(&err), COCOS_ERR_STATE, "agent.manifest.other", err);
    ck_assert_int_eq(server.n_nonces, nonces);
    err = NULL;
    assert_ok(cocos_agent_confirm_manifest(conn, right, &err), err);
    assert_ok(download(&err), err);
    ck_assert_int_eq(server.n_nonces, nonces + 1);
    end();
}
END_TEST

START_TEST(sends_nothing_without_a_reason_for_trust)
{
    cocos_agent_options *o = NULL;
    cocos_error *err = NULL;

    assert_ok(cocos_agent_options_new(&o, &err), err);
    assert_ok(cocos_agent_options_set_address(o, "localhost:1", &err), err);
    assert_fails(cocos_agent_connect(o, 0, NULL, &conn, &err), COCOS_ERR_USAGE, "agent.policy.none",
                 err);
    err = NULL;
    cocos_agent_options_set_insecure_no_attestation(o, 1);
    assert_fails(cocos_agent_connect(o, 0, NULL, &conn, &err), COCOS_ERR_USAGE, "agent.trust", err);
    err = NULL;
    assert_fails(cocos_agent_options_set_pin(o, "sha256:00", &err), COCOS_ERR_USAGE, "agent.pin",
                 err);
    cocos_agent_options_free(o);
}
END_TEST

START_TEST(signs_nothing_before_there_is_a_manifest)
{
    cocos_error *err = NULL;

    serve();
    server.computation_id = "";
    assert_ok(open_conn(&err), err);
    assert_fails(download(&err), COCOS_ERR_STATE, "agent.manifest.none", err);
    err = NULL;
    server.computation_id = "c-1";
    assert_ok(download(&err), err);
    end();
}
END_TEST

START_TEST(gives_the_result_its_name_only_when_it_is_right)
{
    struct stat st;
    cocos_error *err = NULL;

    begin();
    server.digest[0] ^= 1;
    assert_fails(download(&err), COCOS_ERR_MALFORMED, "result.digest", err);
    ck_assert(!exists("r") && !exists("r.part"));
    server.digest[0] ^= 1;
    err = NULL;
    assert_ok(download(&err), err);
    file_is("r", data, sizeof data);
    ck_assert_int_eq(stat(in_dir("r"), &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert(!exists("r.part"));
    end();
}
END_TEST

START_TEST(takes_an_empty_result)
{
    cocos_error *err = NULL;

    begin();
    server.stated = server.sent = 0;
    assert_ok(cocos__digest(COCOS__SHA3_256, "", 0, server.digest, &err), err);
    assert_ok(download(&err), err);
    file_is("r", data, 0);
    end();
}
END_TEST

START_TEST(refuses_more_than_was_stated_and_keeps_less_for_later)
{
    cocos_error *err = NULL;

    begin();
    server.stated = MIB;
    assert_fails(download(&err), COCOS_ERR_MALFORMED, "agent.answer", err);
    ck_assert(!exists("r"));
    unlink(in_dir("r.part"));

    server.stated = sizeof data;
    server.sent = 2 * MIB;
    err = NULL;
    assert_fails(download(&err), COCOS_ERR_MALFORMED, "agent.answer", err);
    file_is("r.part", data, 2 * MIB);

    server.sent = sizeof data;
    err = NULL;
    assert_ok(download(&err), err);
    ck_assert_uint_eq(server.asked_offset, 2 * MIB);
    file_is("r", data, sizeof data);
    end();
}
END_TEST

START_TEST(begins_anew_where_the_partial_file_is_of_another_result)
{
    static uint8_t other[sizeof data + 10];
    cocos_error *err = NULL;

    begin();
    write_to("r.part", other, 1000);
    assert_ok(download(&err), err);
    file_is("r", data, sizeof data);
    ck_assert_int_eq(server.downloads, 2);
    ck_assert_uint_eq(server.asked_offset, 0);

    write_to("r.part", other, sizeof other);
    assert_ok(download(&err), err);
    file_is("r", data, sizeof data);
    end();
}
END_TEST

START_TEST(leaves_nothing_of_a_refused_download_and_passes_the_reason_on)
{
    cocos_error *err = NULL;

    begin();
    server.verdict = COCOS_ERR_STATE;
    server.code = "result.early";
    server.sent = 0;
    assert_fails(download(&err), COCOS_ERR_STATE, "result.early", err);
    ck_assert(!exists("r") && !exists("r.part"));
    end();
}
END_TEST

START_TEST(saves_the_result_of_a_failed_job_and_still_fails)
{
    cocos_error *err = NULL;

    begin();
    server.verdict = COCOS_ERR_STATE;
    server.code = "job.failed";
    assert_fails(download(&err), COCOS_ERR_STATE, "job.failed", err);
    file_is("r", data, sizeof data);
    ck_assert(!exists("r.part"));
    end();
}
END_TEST

START_TEST(writes_through_no_link_and_beside_no_other_download)
{
    cocos_error *err = NULL;

    begin();
    ck_assert_int_eq(symlink(in_dir("elsewhere"), in_dir("r.part")), 0);
    ck_assert_int_lt(download(&err), 0);
    cocos_error_free(err);
    ck_assert(!exists("elsewhere") && !exists("r"));
    unlink(in_dir("r.part"));

    write_to("r.part", data, 10);
    ck_assert_int_eq(link(in_dir("r.part"), in_dir("second")), 0);
    err = NULL;
    assert_fails(download(&err), COCOS_ERR_DENIED, "result.partial", err);
    unlink(in_dir("second"));

    int fd = open(in_dir("r.part"), O_RDWR | O_CLOEXEC);
    ck_assert_int_eq(flock(fd, LOCK_EX), 0);
    err = NULL;
    assert_fails(download(&err), COCOS_ERR_BUSY, "result.busy", err);
    close(fd);
    end();
}
END_TEST

static int upload(const uint8_t *digest, cocos_progress_fn fn, void *user, cocos_error **err)
{
    cocos_upload *u = NULL;

    ck_assert_int_eq(cocos_upload_new(COCOS_ASSET_DATASET, 3, &u, NULL), COCOS_OK);
    ck_assert_int_eq(cocos_upload_set_path(u, in_dir("asset"), NULL), COCOS_OK);
    cocos_upload_set_progress(u, fn, user);
    if (digest)
        cocos_upload_set_digest(u, digest);
    int r = cocos_agent_upload(conn, u, key, cocos_deadline_in(20000000000), NULL, err);
    cocos_upload_free(u);
    return r;
}

static void all_arrived(void)
{
    ck_assert_uint_eq(server.uploaded_len, sizeof data);
    ck_assert_mem_eq(server.uploaded, data, sizeof data);
}

START_TEST(sends_every_byte_once_and_in_order)
{
    cocos_error *err = NULL;

    begin();
    write_to("asset", data, sizeof data);
    assert_ok(upload(NULL, NULL, NULL, &err), err);
    all_arrived();
    ck_assert_int_eq(server.uploads, 1);
    end();
}
END_TEST

START_TEST(sends_only_what_the_agent_lacks)
{
    cocos_error *err = NULL;

    begin();
    write_to("asset", data, sizeof data);
    server.received = server.really = 3 * MIB + 7;
    memcpy(server.uploaded, data, 3 * MIB + 7);
    assert_ok(upload(server.digest, NULL, NULL, &err), err);
    all_arrived();

    server.complete = 1;
    server.received = sizeof data;
    assert_ok(upload(server.digest, NULL, NULL, &err), err);
    ck_assert_int_eq(server.uploads, 1);
    end();
}
END_TEST

START_TEST(goes_on_where_the_agent_says_but_not_for_ever)
{
    cocos_error *err = NULL;

    begin();
    write_to("asset", data, sizeof data);
    server.really = MIB;
    memcpy(server.uploaded, data, MIB);
    assert_ok(upload(server.digest, NULL, NULL, &err), err);
    all_arrived();
    ck_assert_int_eq(server.uploads, 2);

    server.really = sizeof data + 1; /* more than there is: not an offset to go on from */
    assert_fails(upload(server.digest, NULL, NULL, &err), COCOS_ERR_STATE, "upload.offset", err);
    end();
}
END_TEST

START_TEST(passes_on_why_the_agent_refused_in_the_middle)
{
    cocos_error *err = NULL;

    begin();
    write_to("asset", data, sizeof data);
    server.stop_after = 1;
    server.verdict = COCOS_ERR_DENIED;
    server.code = "auth.right";
    assert_fails(upload(server.digest, NULL, NULL, &err), COCOS_ERR_DENIED, "auth.right", err);
    end();
}
END_TEST

/* What a caller's reader gives: the asset, up to an end, from where it was left. */
typedef struct tape {
    uint64_t at, end;
    size_t most; /* a read gives */
    uint64_t breaks_at;
    int reads, seeks;
} tape;

static int tape_read(void *user, uint8_t *to, size_t len, size_t *got)
{
    tape *t = user;

    t->reads++;
    if (t->breaks_at && t->at >= t->breaks_at)
        return COCOS_ERR_DENIED;
    size_t n = t->end - t->at < len ? (size_t)(t->end - t->at) : len;
    *got = t->most && n > t->most ? t->most : n;
    memcpy(to, data + t->at, *got);
    t->at += *got;
    return 0;
}

static int tape_seek(void *user, uint64_t offset)
{
    tape *t = user;

    t->at = offset;
    t->seeks++;
    return 0;
}

static cocos_upload *reading(tape *t, cocos_seek_fn seek, uint64_t size)
{
    cocos_upload *u = NULL;

    ck_assert_int_eq(cocos_upload_new(COCOS_ASSET_DATASET, 3, &u, NULL), COCOS_OK);
    ck_assert_int_eq(cocos_upload_set_reader(u, tape_read, seek, t, size, NULL), COCOS_OK);
    cocos_upload_set_digest(u, server.digest);
    return u;
}

static int send_tape(const cocos_upload *u, cocos_error **err)
{
    return cocos_agent_upload(conn, u, key, cocos_deadline_in(20000000000), NULL, err);
}

START_TEST(sends_what_a_reader_gives_in_pieces_of_any_size)
{
    tape t = {.end = sizeof data, .most = 100003};
    cocos_error *err = NULL;

    begin();
    cocos_upload *u = reading(&t, NULL, sizeof data);
    assert_ok(send_tape(u, &err), err);
    all_arrived();
    ck_assert_int_ge(t.reads, (int)(sizeof data / t.most));
    cocos_upload_free(u);
    end();
}
END_TEST

START_TEST(passes_over_what_the_agent_has_by_seeking_or_by_reading)
{
    tape seeks = {.end = sizeof data}, reads = {.end = sizeof data};
    cocos_error *err = NULL;

    begin();
    server.received = server.really = 3 * MIB + 7;
    memcpy(server.uploaded, data, 3 * MIB + 7);
    cocos_upload *u = reading(&seeks, tape_seek, sizeof data);
    assert_ok(send_tape(u, &err), err);
    all_arrived();
    ck_assert_int_eq(seeks.seeks, 1);
    cocos_upload_free(u);

    memset(server.uploaded + 3 * MIB + 7, 0, sizeof data - 3 * MIB - 7);
    u = reading(&reads, NULL, sizeof data);
    assert_ok(send_tape(u, &err), err);
    all_arrived();
    cocos_upload_free(u);
    end();
}
END_TEST

START_TEST(goes_back_by_seeking_and_says_so_when_it_cannot)
{
    tape t = {.end = sizeof data};
    cocos_error *err = NULL;

    begin();
    server.received =
        2 * MIB; /* it finds less when the upload begins: an agent that was restarted */
    server.really = MIB;
    memcpy(server.uploaded, data, 2 * MIB);
    cocos_upload *u = reading(&t, tape_seek, sizeof data);
    assert_ok(send_tape(u, &err), err);
    all_arrived();
    ck_assert_int_eq(server.uploads, 2);
    cocos_upload_free(u);

    t = (tape){.end = sizeof data};
    u = reading(&t, NULL, sizeof data);
    assert_fails(send_tape(u, &err), COCOS_ERR_STATE, "asset.rewind", err);
    cocos_upload_free(u);
    end();
}
END_TEST

START_TEST(tells_whoever_cannot_go_back_that_a_lost_connection_ends_the_upload)
{
    tape t = {.end = sizeof data};
    cocos_error *err = NULL;

    begin();
    server.stop_after = MIB;
    server.verdict = COCOS_ERR_IO;
    server.code = "rpc.gone";
    cocos_upload *u = reading(&t, NULL, sizeof data);
    ck_assert_int_eq(send_tape(u, &err), COCOS_ERR_IO);
    ck_assert_str_eq(cocos_error_code(err), "asset.rewind");
    ck_assert_str_eq(cocos_error_code(cocos_error_cause(err)), "rpc.gone");
    cocos_error_free(err);
    err = NULL;
    ck_assert_int_eq(send_tape(u, NULL), COCOS_ERR_STATE);
    cocos_upload_free(u);

    t = (tape){.end = sizeof data};
    u = reading(&t, tape_seek, sizeof data);
    assert_fails(send_tape(u, &err), COCOS_ERR_IO, "rpc.gone", err);
    server.stop_after = 0;
    server.received = server.really = server.uploaded_len;
    err = NULL;
    assert_ok(send_tape(u, &err), err);
    all_arrived();
    cocos_upload_free(u);
    end();
}
END_TEST

static int gives_too_much(void *user, uint8_t *to, size_t len, size_t *got)
{
    (void)user;
    (void)to;
    *got = len + 1;
    return 0;
}

START_TEST(ends_at_once_when_a_reader_breaks_ends_early_or_lies)
{
    tape broken = {.end = sizeof data, .breaks_at = MIB}, cut = {.end = 2 * MIB};
    cocos_error *err = NULL;

    begin();
    cocos_upload *u = reading(&broken, NULL, sizeof data);
    assert_fails(send_tape(u, &err), COCOS_ERR_DENIED, "asset.read", err);
    cocos_upload_free(u);

    err = NULL;
    u = reading(&cut, NULL, sizeof data);
    ck_assert_int_eq(send_tape(u, &err), COCOS_ERR_MALFORMED);
    ck_assert_str_eq(cocos_error_code(err), "asset.size");
    ck_assert_str_eq(cocos_error_found(err), "2097152");
    cocos_error_free(err);

    err = NULL;
    ck_assert_int_eq(cocos_upload_set_reader(u, gives_too_much, NULL, NULL, 10, NULL), COCOS_OK);
    assert_fails(send_tape(u, &err), COCOS_ERR_USAGE, "asset.read", err);
    cocos_upload_free(u);
    end();
}
END_TEST

START_TEST(takes_no_reader_without_size_when_the_manifest_is_not_shown)
{
    tape t = {.end = sizeof data};
    cocos_error *err = NULL;

    begin();
    cocos_upload *u = reading(&t, NULL, COCOS_SIZE_UNKNOWN);
    assert_fails(send_tape(u, &err), COCOS_ERR_STATE, "agent.manifest.none", err);
    ck_assert_int_eq(t.reads, 0);
    cocos_upload_free(u);
    end();
}
END_TEST

static int change_the_file(void *user, uint64_t done, uint64_t total)
{
    (void)total;
    if (done == 0) {
        int fd = open(in_dir("asset"), O_WRONLY | O_APPEND | O_CLOEXEC);
        ck_assert_int_eq(write(fd, "x", 1), 1);
        close(fd);
    }
    (*(int *)user)++;
    return 0;
}

START_TEST(notices_that_the_file_changes_under_it)
{
    cocos_error *err = NULL;
    int calls = 0;

    begin();
    write_to("asset", data, sizeof data);
    assert_fails(upload(server.digest, change_the_file, &calls, &err), COCOS_ERR_STATE,
                 "asset.changed", err);
    ck_assert_int_ge(calls, 1);
    end();
}
END_TEST

static int want_no_more(void *user, uint64_t done, uint64_t total)
{
    (void)user;
    (void)done;
    (void)total;
    return 1;
}

START_TEST(ends_when_the_progress_callback_wants_no_more)
{
    cocos_error *err = NULL;

    begin();
    write_to("asset", data, sizeof data);
    assert_fails(upload(server.digest, want_no_more, NULL, &err), COCOS_ERR_CANCELLED,
                 "progress.cancelled", err);
    end();
}
END_TEST

static int count_calls(void *user, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    (*(int *)user)++;
    return 0;
}

START_TEST(tells_progress_ten_times_a_second_at_most)
{
    cocos__meter m = {.fn = count_calls, .total = 1000000};
    int64_t until = cocos__clock_mono_ns() + 350 * COCOS__NS_PER_MS;
    int calls = 0;

    m.user = &calls;
    for (uint64_t i = 1; cocos__clock_mono_ns() < until; i = i % 999999 + 1)
        ck_assert_int_eq(cocos__meter_update(&m, i, NULL), COCOS_OK);
    ck_assert_int_ge(calls, 3);
    ck_assert_int_le(calls, 5);
    ck_assert_int_eq(cocos__meter_update(&m, 1000000, NULL), COCOS_OK);
    ck_assert_uint_eq(m.told, 1000000);
}
END_TEST

static int on_event(void *user,
                    uint64_t sequence,
                    int64_t time_ns,
                    const char *state,
                    const char *what,
                    uint64_t bytes,
                    int ok,
                    uint64_t lost)
{
    uint64_t *last = user;

    (void)time_ns;
    (void)bytes;
    ck_assert_str_eq(state, "Running");
    ck_assert_str_eq(what, "step");
    ck_assert(ok && !lost && sequence == *last + 1);
    *last = sequence;
    return sequence == 42;
}

START_TEST(follows_events_until_it_has_enough_or_the_agent_ends)
{
    cocos_error *err = NULL;
    uint64_t last = 40;

    begin();
    assert_ok(cocos_agent_watch(conn, key, 40, on_event, &last, cocos_deadline_in(5000000000), NULL,
                                &err),
              err);
    ck_assert_uint_eq(last, 42);
    last = 100;
    assert_fails(cocos_agent_watch(conn, key, 100, on_event, &last, cocos_deadline_in(5000000000),
                                   NULL, &err),
                 COCOS_ERR_ABORTED, "computation.stopped", err);
    ck_assert_uint_eq(last, 105);
    end();
}
END_TEST

TEST_MAIN(client,
          refuses_descriptions_of_the_wrong_size,
          notices_that_another_machine_answers_on_its_connection,
          signs_for_no_other_manifest_than_the_one_that_was_named,
          sends_nothing_without_a_reason_for_trust,
          signs_nothing_before_there_is_a_manifest,
          gives_the_result_its_name_only_when_it_is_right,
          takes_an_empty_result,
          refuses_more_than_was_stated_and_keeps_less_for_later,
          begins_anew_where_the_partial_file_is_of_another_result,
          leaves_nothing_of_a_refused_download_and_passes_the_reason_on,
          saves_the_result_of_a_failed_job_and_still_fails,
          writes_through_no_link_and_beside_no_other_download,
          sends_every_byte_once_and_in_order,
          sends_only_what_the_agent_lacks,
          goes_on_where_the_agent_says_but_not_for_ever,
          passes_on_why_the_agent_refused_in_the_middle,
          sends_what_a_reader_gives_in_pieces_of_any_size,
          passes_over_what_the_agent_has_by_seeking_or_by_reading,
          goes_back_by_seeking_and_says_so_when_it_cannot,
          tells_whoever_cannot_go_back_that_a_lost_connection_ends_the_upload,
          ends_at_once_when_a_reader_breaks_ends_early_or_lies,
          takes_no_reader_without_size_when_the_manifest_is_not_shown,
          notices_that_the_file_changes_under_it,
          ends_when_the_progress_callback_wants_no_more,
          tells_progress_ten_times_a_second_at_most,
          follows_events_until_it_has_enough_or_the_agent_ends)

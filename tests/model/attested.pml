/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attested channel and the calls that yield evidence (doc/guide, cocos-v1 sections 1 and 3,
 * RFC 9261), with an intruder that owns the network, the host, and a sibling enclave of another
 * measurement. Cryptography is perfect: what the intruder cannot make it must have been given.
 *
 *   client    connects, judges the authenticator and the evidence, then sends its secret under a
 *             signed request; in a second role it is itself an enclave that attests as a client
 *   enclave   the genuine one: evidence for its own connections, and for whoever asks by rpc or by
 *             the stream of the computation-management server, with any challenge they like
 *   sibling   any evidence of any claims, with its own measurement
 *
 * A value of the exporter is the number of its connection: nobody has it but the two ends. Each
 * check of the client can be left out by a macro WITHOUT_...; then the model must find an attack,
 * which shows that the check is needed and that the model can see one (run.sh).
 */

#define NONE 0

/* Measurements, purposes, keys (leaf of TLS), instances. */
#define GOOD 1
#define BAD  2

#define SERVER    1
#define CLIENT    2
#define RPC       3
#define CVMS      4
#define STATEMENT 5

#define KEY_ENCLAVE  1
#define KEY_INTRUDER 2
#define KEY_CLIENT   3

#define BOOT_OLD 1
#define BOOT_NOW 2

/* Connections: 1 the client's; 2 the intruder's to the enclave; 3 an earlier one of the client to
 * the enclave before its last boot. Whoever is at the far end of 1 is the intruder's choice. */
#define CONN    1
#define RELAY   2
#define EARLIER 3

#define END_UNKNOWN  0
#define END_ENCLAVE  1
#define END_INTRUDER 2

typedef evidence {
    byte measurement, purpose, challenge, leaf, boot
}

/* The evidence that the intruder presents. It can have any piece that anybody makes for it. */
evidence shown;

byte far_end = END_UNKNOWN;  /* of CONN */
bool accepted = false;       /* the client believes in CONN */
bool sent = false;           /* its secret has left */
bool careless = false;       /* a client that skips the judgement (--insecure-no-attestation) */
byte uploaded_on = NONE;     /* connection by which the enclave took the client's signed request */
byte signed_on = NONE;       /* connection for which the client signed it */
bool self_signed = false;    /* the client, attesting itself, has answered on CONN */
bool no_self = false;        /* or will not */

/* To the client: role of the authenticator, its leaf, beside `shown`; bare: no chain, no evidence. */
chan answer = [0] of { byte, byte, bool };
/* To the enclave: the connection by which a signed request comes, and the one it was signed for. */
chan request = [0] of { byte, byte };

inline present(m, p, c, l, b)
{
    d_step {
        shown.measurement = m;
        shown.purpose = p;
        shown.challenge = c;
        shown.leaf = l;
        shown.boot = b
    }
}

/*
 * Everything that can be had. The genuine enclave signs for anybody, but only with its own claims:
 * as a server or client for connections that end at it, with its own key; with any challenge by
 * rpc and on the stream; for its statement. The sibling signs whatever it likes.
 */
inline obtain(c)
{
    if
    :: far_end == END_ENCLAVE -> present(GOOD, SERVER, CONN, KEY_ENCLAVE, BOOT_NOW)
    :: present(GOOD, SERVER, RELAY, KEY_ENCLAVE, BOOT_NOW)
    :: present(GOOD, SERVER, EARLIER, KEY_ENCLAVE, BOOT_OLD)
    :: present(GOOD, CLIENT, RELAY, KEY_ENCLAVE, BOOT_NOW)
    :: select(c : CONN .. EARLIER); present(GOOD, RPC, c, NONE, BOOT_NOW)
    :: select(c : CONN .. EARLIER); present(GOOD, CVMS, c, NONE, BOOT_NOW)
    :: present(GOOD, STATEMENT, NONE, NONE, BOOT_NOW)
    :: select(c : CONN .. EARLIER); present(BAD, SERVER, c, KEY_INTRUDER, BOOT_NOW)
    :: select(c : CONN .. EARLIER); present(BAD, CLIENT, c, KEY_CLIENT, BOOT_NOW)
    /* the client's own, when it attests itself on this connection */
    :: self_signed && far_end == END_INTRUDER -> present(GOOD, CLIENT, CONN, KEY_CLIENT, BOOT_NOW)
    fi
}

/* ---- The genuine enclave, as far as it is more than a maker of evidence ---- */
active proctype enclave()
{
    byte via, binding;

    do
    :: request ? via, binding ->
        if
#ifndef WITHOUT_BINDING
        :: via == binding -> uploaded_on = via
        :: else
#else
        :: uploaded_on = via
#endif
        fi
    :: timeout -> break
    od
}

/* ---- The client ---- */

inline judge(role, leaf, bare)
{
    /* An authenticator without a chain is no evidence (RFC 9261 section 5.2.3 leaves it to us). */
#ifndef WITHOUT_BARE_CHECK
    if
    :: bare -> goto refused
    :: else
    fi;
#else
    if
    :: bare -> goto believed
    :: else
    fi;
#endif
#ifndef WITHOUT_ROLE
    if
    :: role != SERVER -> goto refused
    :: else
    fi;
#endif
    if
#ifndef WITHOUT_MEASUREMENT
    :: shown.measurement != GOOD -> goto refused
#endif
#ifndef WITHOUT_PURPOSE
    :: shown.purpose != SERVER -> goto refused
#endif
#ifndef WITHOUT_CHALLENGE
    :: shown.challenge != CONN -> goto refused
#endif
#ifndef WITHOUT_LEAF
    :: shown.leaf != leaf -> goto refused
#endif
    :: else
    fi
}

active proctype client()
{
    byte role, leaf;
    bool bare;

    far_end != END_UNKNOWN;
    /* In its second role it attests itself on the same connection; the far end sees that. */
    if
    :: self_signed = true
    :: no_self = true
    fi;
#ifdef WITHOUT_ORDER
    sent = true;
#endif
    if
    :: careless = true; signed_on = CONN; goto done /* signs, but has no secret to lose */
    :: answer ? role, leaf, bare
    fi;
    judge(role, leaf, bare);
believed:
    accepted = true;
    sent = true;
    signed_on = CONN;
    goto done;
refused:
    skip;
done:
    skip
}

/* ---- The intruder ---- */

/* What may be sent on CONN by whoever ends it: the authenticator's MAC needs the exporter, its
 * signature the private key of the leaf. */
active proctype network()
{
    byte c;

    if
    :: far_end = END_ENCLAVE  /* passes bytes on: it can only watch */
    :: far_end = END_INTRUDER
    fi;
    /* Which authenticators hold on CONN: the MAC needs the exporter, hence one of its two ends; the
     * signature needs the private key of the leaf. */
    if
    :: far_end == END_ENCLAVE ->
        present(GOOD, SERVER, CONN, KEY_ENCLAVE, BOOT_NOW);
        if
        :: answer ! SERVER, KEY_ENCLAVE, false
        :: timeout
        fi
    :: far_end == END_INTRUDER ->
        (self_signed || no_self);
        obtain(c);
        if
        :: answer ! SERVER, KEY_INTRUDER, false
        :: answer ! CLIENT, KEY_INTRUDER, false
        /* the client's own, sent back: it holds, for the client's role */
        :: self_signed -> answer ! CLIENT, KEY_CLIENT, false
        :: answer ! SERVER, NONE, true
        :: timeout
        fi
    fi;
    /* A signed request of the client goes where its connection ends, or where the intruder likes. */
    if
    :: far_end == END_ENCLAVE && signed_on == CONN -> request ! CONN, CONN
    :: far_end == END_INTRUDER && signed_on == CONN -> request ! RELAY, CONN
    :: timeout
    fi
}

/* Nothing is sent before proof; what is believed is the genuine enclave, so that nobody else gets
 * the secret; a signed request counts only on the connection that it was signed for. */
ltl order { [] (sent -> accepted) }
ltl peer { [] (accepted -> far_end == END_ENCLAVE) }
ltl binding { [] (uploaded_on != NONE -> uploaded_on == signed_on) }
/* The model is not empty: it can come to an upload. run.sh wants this one to break. */
ltl never_works { [] !(uploaded_on == CONN && accepted) }

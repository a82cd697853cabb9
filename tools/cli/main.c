/* SPDX-License-Identifier: Apache-2.0 */
/* cocos: the program of data owners, algorithm owners and result consumers. Its whole command line
 * is this table. */
#include "cli.h"

#include <string.h>

const tool_setting cli_settings[] = {
    {"agent_grpc_url", "AGENT_GRPC_URL", "agent-url", "localhost:7001",
     "address of the agent: host:port or unix:/path"},
    {"agent_grpc_pin", "AGENT_GRPC_PIN", "agent-pin", NULL,
     "sha256:HEX of the agent's key: trust exactly this one"},
    {"agent_grpc_server_ca_certs", "AGENT_GRPC_SERVER_CA_CERTS", "agent-ca", NULL,
     "PEM file: trust what these roots certify"},
    {"agent_grpc_client_cert", "AGENT_GRPC_CLIENT_CERT", "agent-cert", NULL,
     "PEM file: certificate to present to the agent"},
    {"agent_grpc_client_key", "AGENT_GRPC_CLIENT_KEY", "agent-key", NULL,
     "PEM file: key of that certificate"},
    {"agent_grpc_timeout", "AGENT_GRPC_TIMEOUT", NULL, "60s",
     "for connecting to the agent and for short questions"},
    {"agent_grpc_attestation_policy", "AGENT_GRPC_ATTESTATION_POLICY", "policy", NULL,
     "JSON file: evidence of the agent that is accepted, cocos-policy(5)"},
    {"agent_grpc_attestation_bundle", "AGENT_GRPC_ATTESTATION_BUNDLE", "bundle", NULL,
     "what 'cocos collateral bundle' wrote for that evidence"},
    {"agent_grpc_attested_tls", "AGENT_GRPC_ATTESTED_TLS", NULL, "true",
     "old; false does not switch attestation off"},
    {"manager_grpc_url", "MANAGER_GRPC_URL", "manager-url", NULL,
     "address of the manager (default: its Unix socket)"},
    {"manager_grpc_server_ca_certs", "MANAGER_GRPC_SERVER_CA_CERTS", "manager-ca", NULL,
     "PEM file: roots for the manager"},
    {"manager_grpc_client_cert", "MANAGER_GRPC_CLIENT_CERT", "manager-cert", NULL,
     "PEM file: certificate to present to the manager"},
    {"manager_grpc_client_key", "MANAGER_GRPC_CLIENT_KEY", "manager-key", NULL,
     "PEM file: key of that certificate"},
    {"manager_grpc_timeout", "MANAGER_GRPC_TIMEOUT", NULL, "60s",
     "for connecting to the manager and for short questions"},
    {NULL, NULL, NULL, NULL, NULL},
};

#define END                                                                                        \
    {                                                                                              \
        NULL, 0, NULL, NULL, 0, NULL                                                               \
    }

static const tool_option globals[] = {TOOL_GLOBAL_OPTIONS, END};

static const tool_option agent_options[] = {
    {"agent-url", 0, "ADDRESS", "the agent: host:port or unix:/path (AGENT_GRPC_URL)", 0, NULL},
    {"agent-pin", 0, "PIN", "trust exactly the key with this sha256:HEX (AGENT_GRPC_PIN)", 0, NULL},
    {"agent-ca", 0, "FILE", "trust what these roots certify (AGENT_GRPC_SERVER_CA_CERTS)", 0, NULL},
    {"agent-cert", 0, "FILE", "certificate to present (AGENT_GRPC_CLIENT_CERT)", 0, NULL},
    {"agent-key", 0, "FILE", "its key (AGENT_GRPC_CLIENT_KEY)", 0, NULL},
    {"policy", 0, "FILE", "which evidence is accepted (AGENT_GRPC_ATTESTATION_POLICY)", 0, NULL},
    {"bundle", 0, "FILE", "collateral for it: what 'cocos collateral bundle' wrote", 0, NULL},
    {"manifest-digest", 0, "HEX",
     "the manifest that is meant, as 'cocos manifest digest' prints it", 0, NULL},
    {"insecure-no-attestation", 0, NULL, "NOT CONFIDENTIAL: connect without evidence", 0, NULL},
    {"insecure-no-verify", 0, NULL, "without evidence: trust whoever answers; for trials only", 0,
     NULL},
    END,
};

static const tool_option manager_options[] = {
    {"manager-url", 0, "ADDRESS", "the manager: host:port or unix:/path (MANAGER_GRPC_URL)", 0,
     NULL},
    {"manager-ca", 0, "FILE", "roots for the manager (MANAGER_GRPC_SERVER_CA_CERTS)", 0, NULL},
    {"manager-cert", 0, "FILE", "certificate to present (MANAGER_GRPC_CLIENT_CERT)", 0, NULL},
    {"manager-key", 0, "FILE", "its key (MANAGER_GRPC_CLIENT_KEY)", 0, NULL},
    END,
};

static const tool_option keys_options[] = {
    {"key-type", 'k', "TYPE", "kind of key (default: rsa, 4096 bits)", 0, "rsa|ecdsa|ed25519"},
    {"output-dir", 'o', "DIR", "where to write; made when missing (default: here)", 0, NULL},
    {"force", 0, NULL, "replace keys that are there", 0, NULL},
    END,
};

static const tool_option checksum_options[] = {
    {"manifest", 'm', NULL, "the file is a manifest: print its digest", 0, NULL},
    {"base64", 'b', NULL, "base64 instead of hex", 0, NULL},
    END,
};

static const tool_option manifest_new_options[] = {
    {"id", 0, "ID", "id of the computation (default: random)", 0, NULL},
    {"name", 0, "TEXT", "name of the computation", 0, NULL},
    {"description", 0, "TEXT", "what it is for", 0, NULL},
    {"algorithm", 0, "FILE", "the algorithm", 0, NULL},
    {"algorithm-key", 0, "KEY", "public key of its owner", 0, NULL},
    {"algo-type", 'a', "TYPE", "how it runs (default: bin)", 0, "bin|python|wasm|docker"},
    {"args", 0, "TEXT", "one argument of the algorithm", TOOL_REPEAT, NULL},
    {"requirements", 'r', "FILE", "its requirements", 0, NULL},
    {"data", 0, "PATH", "a data set: file or directory", TOOL_REPEAT, NULL},
    {"data-key", 0, "KEY",
     "public key of its owner: one for each data set in the same order, or one for all",
     TOOL_REPEAT, NULL},
    {"decompress", 'd', "NAME", "the data set of this file name is an archive to be unpacked",
     TOOL_REPEAT, NULL},
    {"consumer", 0, "KEY", "public key of one who may fetch the result", TOOL_REPEAT, NULL},
    {"approval", 0, "WHO",
     "who must sign before the job starts: algorithm-provider, data-provider, consumer, or the thumbprint of a key",
     TOOL_REPEAT, NULL},
    {"attested-tls", 0, NULL, "the agent takes calls on attested connections only", 0, NULL},
    {"job-output", 0, "WHO", "who gets stdout and stderr of the job (default: consumers)", 0,
     "consumers|parties|none"},
    {"memory", 0, "SIZE", "memory of the job, e.g. 512M", 0, NULL},
    {"cpu", 0, "CORES", "processor cores of the job", 0, NULL},
    {"processes", 0, "COUNT", "processes of the job", 0, NULL},
    {"disk", 0, "SIZE", "what the job may write, e.g. 1G", 0, NULL},
    {"deadline", 0, "DURATION", "how long the job may run, e.g. 10m", 0, NULL},
    {"output", 'o', "FILE", "write there instead of to stdout", 0, NULL},
    END,
};

static const tool_option approve_options[] = {
    {"role", 0, "ROLE", "in which role (default: one that the key has in the manifest)", 0,
     "algorithm-provider|data-provider|consumer|approver"},
    {"not-after", 0, "TIME", "until when a run may start, e.g. 2026-01-31T12:00:00Z", 0, NULL},
    {"max-runs", 0, "N", "how many runs of one boot", 0, NULL},
    {"policy", 0, "FILE", "name the policy that you used", 0, NULL},
    {"instance", 0, "HEX", "only this instance of the agent", 0, NULL},
    {"withdraw", 0, NULL, "take an approval back", 0, NULL},
    {"output", 'o', "FILE", "the file to write", 0, NULL},
    END,
};

static const tool_option case_make_options[] = {
    {"evidence", 0, "FILE", "evidence that came with the statement", 0, NULL},
    {"approval", 0, "FILE", "an approval or withdrawal", TOOL_REPEAT, NULL},
    {"closure", 0, "FILE", "the closure", 0, NULL},
    {"bundle", 0, "FILE", "what 'cocos collateral bundle' wrote for the evidence", 0, NULL},
    {"cert", 0, "FILE", "certificates, DER or PEM", TOOL_REPEAT, NULL},
    {"cert-table", 0, "FILE", "AMD certificate table (auxblob)", 0, NULL},
    {"crl", 0, "FILE", "revocation list, DER or PEM", TOOL_REPEAT, NULL},
    {"tcb-info", 0, "FILE", "Intel's TDX TCB info, as served", 0, NULL},
    {"qe-identity", 0, "FILE", "Intel's TD QE identity, as served", 0, NULL},
    {"tcb-chain", 0, "FILE", "issuer chain of both, PEM", 0, NULL},
    {"output", 'o', "FILE", "the case file to write", 0, NULL},
    END,
};

static const tool_option case_anchor_options[] = {
    {"tsa", 0, "URL", "ask this time-stamp authority", 0, NULL},
    {"ca", 0, "FILE", "roots for https (default: the system's)", 0, NULL},
    {"patience", 0, "SECONDS", "for an authority that asks to come back later (default: 120)", 0,
     NULL},
    {"request", 0, "FILE", "write what to send to a time-stamp authority", 0, NULL},
    {"reply", 0, "FILE", "put the authority's answer into the case", 0, NULL},
    {"output", 'o', "FILE", "write the case there (default: over itself)", 0, NULL},
    END,
};

static const tool_option case_verify_options[] = {
    {"policy", 0, "FILE", "what is accepted: cocos-policy(5)", 0, NULL},
    {"result", 0, "FILE", "the result file at hand", 0, NULL},
    {"tsa-roots", 0, "FILE", "believe time-stamps that end at these certificates", TOOL_REPEAT,
     NULL},
    {"at", 0, "TIME", "judge the evidence as of this time (default: when it was signed)", 0, NULL},
    END,
};

static const tool_option algo_options[] = {
    {"algorithm", 'a', "TYPE", "kind that the manifest must state", 0, "bin|python|wasm|docker"},
    {"args", 0, "TEXT", "argument that the manifest must state, in order", TOOL_REPEAT, NULL},
    {"requirements", 'r', "FILE", "upload this as the requirements too", 0, NULL},
    {"python-runtime", 0, "NAME", "old; only python3", TOOL_HIDDEN, "python3"},
    END,
};

static const tool_option data_options[] = {
    {"decompress", 'd', NULL, "insist that the manifest has this data set unpacked", 0, NULL},
    {"index", 0, "N",
     "number of the data set in the manifest, from 0 (default: found by digest, key, name)", 0,
     NULL},
    END,
};

static const tool_option result_options[] = {
    {"output-dir", 'o', "DIR", "where to write (default: here)", 0, NULL},
    {"filename", 'f', "NAME", "file name (default: results.zip)", 0, NULL},
    {"part", 0, "PART", "what to fetch (default: result)", 0, "result|output"},
    {"case", 0, "FILE", "also write the case file, by which the result can be checked years later", 0, NULL},
    END,
};

static const tool_option statement_options[] = {
    {"output", 'o', "FILE", "where to write the case file (default: results.case)", 0, NULL},
    END,
};

static const tool_option attestation_options[] = {
    {"nonce", 0, "HEX", "8 to 64 bytes to be vouched for (default: random, printed)", 0, NULL},
    {"output", 'o', "FILE", "where to write the evidence", 0, NULL},
    END,
};

static const tool_option watch_options[] = {
    {"since", 0, "N", "begin after the event of this number", 0, NULL},
    {"until", 0, "STATE", "end once this state is reached", 0, NULL},
    END,
};

static const tool_option create_options[] = {
    {"server-url", 0, "ADDRESS", "the computation-management server that the guest asks for work",
     0, NULL},
    {"server-ca", 0, "FILE", "roots for that server", 0, NULL},
    {"client-crt", 0, "FILE", "certificate for the guest to present to that server", 0, NULL},
    {"client-key", 0, "FILE", "its key", 0, NULL},
    {"log-level", 0, "LEVEL", "what the agent logs (default: info)", 0, "debug|info|warn|error"},
    {"ttl", 0, "DURATION", "destroy the virtual machine after this time", 0, NULL},
    {"memory", 0, "SIZE", "e.g. 2G (default: the manager's)", 0, NULL},
    {"vcpus", 0, "COUNT", "virtual processors (default: the manager's)", 0, NULL},
    {"platform", 0, "NAME", "kind of virtual machine: vtpm measures its boot (default: plain)", 0,
     NULL},
    {"image", 0, "NAME", "guest image (default: the manager's)", 0, NULL},
    {"request-id", 0, "HEX", "32 hex digits: the same request again gives the same virtual machine",
     0, NULL},
    {"no-wait", 0, NULL, "do not wait until the agent answers", 0, NULL},
    {"ca-url", 0, "URL", "old", TOOL_HIDDEN, NULL},
    {"aws-access-key-id", 0, "TEXT", "old", TOOL_HIDDEN, NULL},
    {"aws-secret-access-key", 0, "TEXT", "old", TOOL_HIDDEN, NULL},
    {"aws-endpoint-url", 0, "URL", "old", TOOL_HIDDEN, NULL},
    {"aws-region", 0, "TEXT", "old", TOOL_HIDDEN, NULL},
    {"aa-kbs-params", 0, "TEXT", "old", TOOL_HIDDEN, NULL},
    END,
};

static const tool_option console_options[] = {
    {"follow", 'F', NULL, "wait for more until the virtual machine ends", 0, NULL},
    {"raw", 0, NULL, "write control characters to a terminal as they are", 0, NULL},
    END,
};

static const tool_option destroy_options[] = {
    {"dry-run", 0, NULL, "only show what would be destroyed", 0, NULL},
    {"yes", 'y', NULL, "do not ask", 0, NULL},
    {"record", 0, "FILE", "write the host's record of what it removed", 0, NULL},
    END,
};

static const tool_option kind_options[] = {
    {"kind", 0, "KIND", "kind of evidence (default: recognised by its content)", 0,
     "snp|tdx|vtpm|envelope"},
    END,
};

static const tool_option verify_options[] = {
    {"policy", 0, "FILE", "what is accepted: cocos-policy(5)", 0, NULL},
    {"at", 0, "TIME", "judge as of this time, e.g. 2026-01-31T12:00:00Z (default: now)", 0, NULL},
    {"nonce", 0, "HEX",
     "what makes it fresh: report data, the TPM's nonce, the challenge of an envelope", 0, NULL},
    {"purpose", 0, "WORD", "what an envelope was made for", 0,
     "channel-server|channel-client|rpc|cvms|statement"},
    {"instance", 0, "HEX", "instance id that an envelope must claim", 0, NULL},
    {"manifest", 0, "HEX", "digest of the manifest that an envelope must claim", 0, NULL},
    {"statement-key", 0, "HEX", "thumbprint of the statement key that an envelope must claim", 0,
     NULL},
    {"claims", 0, "FILE", "claims whose hash the guest was asked to put in", 0, NULL},
    {"cert", 0, "FILE", "certificates, DER or PEM", TOOL_REPEAT, NULL},
    {"cert-table", 0, "FILE", "AMD certificate table (auxblob)", 0, NULL},
    {"crl", 0, "FILE", "revocation list, DER or PEM", TOOL_REPEAT, NULL},
    {"tcb-info", 0, "FILE", "Intel's TDX TCB info, as served", 0, NULL},
    {"qe-identity", 0, "FILE", "Intel's TD QE identity, as served", 0, NULL},
    {"tcb-chain", 0, "FILE", "issuer chain of both, PEM", 0, NULL},
    {"bundle", 0, "FILE", "what 'cocos collateral bundle' wrote", 0, NULL},
    END,
};

static const tool_option tpm_options[] = {
    {"event-log", 0, "FILE", "event log of the firmware, beside TPM quotes or a TDX quote (CCEL)", 0, NULL},
    {"ima-log", 0, "FILE", "measurement list of Linux IMA", 0, NULL},
    {"tpm-public", 0, "FILE", "TPMT_PUBLIC of the key that signed a single TPMS_ATTEST", 0, NULL},
    {"tpm-signature", 0, "FILE", "TPMT_SIGNATURE of a single TPMS_ATTEST", 0, NULL},
    {"tpm-pcrs", 0, "FILE", "PCR values of a single TPMS_ATTEST, JSON", 0, NULL},
    {"tee-report", 0, "FILE", "SNP report or TDX quote that names the TPM's key", 0, NULL},
    {"hcl-report", 0, "FILE", "Azure: contents of NV index 0x01400001", 0, NULL},
    {"svsm-manifest", 0, "FILE", "services manifest of an SVSM (manifestblob)", 0, NULL},
    {"ak-certified", 0, "FILE", "certification of the TPM's key by its endorsement key (CertifiedBlob)", 0, NULL},
    END,
};

static const tool_option policy_new_options[] = {
    {"measurement", 0, "HEX", "launch measurement of KIND, or any", TOOL_REPEAT, NULL},
    {"product", 0, "NAME", "AMD's product line or Intel's FMSPC, or any", TOOL_REPEAT, NULL},
    {"covered-by", 0, "REGISTER",
     "register that covers kernel, command line, initial file system and agent, or any", 0, NULL},
    {"set", 0, "RULE=VALUE", "set a rule; again with the same rule: one more value", TOOL_REPEAT,
     NULL},
    {"root", 0, "FILE", "trust these roots and no others (default: the vendors')", TOOL_REPEAT,
     NULL},
    END,
};

static const tool_option boot_options[] = {
    {"kernel", 0, "FILE", "the kernel that QEMU is given", 0, NULL},
    {"initrd", 0, "FILE", "its initial file system", 0, NULL},
    {"cmdline", 0, "TEXT", "its command line, as QEMU is given it", 0, NULL},
    {"memory", 0, "SIZE",
     "memory that the machine may have, e.g. 512M: QEMU up to 9.2 writes into the kernel",
     TOOL_REPEAT, NULL},
    {"boot-log", 0, "FILE", "event log of a machine whose firmware is to be accepted", TOOL_REPEAT,
     NULL},
    END,
};

static const tool_option bank_options[] = {
    {"bank", 0, "BANK", "PCR bank of the digests (default: sha256)", 0, "sha256|sha384|sha512"},
    END,
};

static const tool_option collateral_options[] = {
    {"output", 'o', "FILE", "the bundle to write", 0, NULL},
    {"offline", 0, NULL, "only what the cache has", 0, NULL},
    {"cert", 0, "FILE", "certificates that came with the evidence", TOOL_REPEAT, NULL},
    {"cert-table", 0, "FILE", "AMD certificate table that came with the evidence", 0, NULL},
    {"root", 0, "FILE", "take what ends at these roots, instead of the vendors'", TOOL_REPEAT,
     NULL},
    END,
};

static const tool_option service_options[] = {
    {"kds", 0, "URL", "AMD's key distribution service, or a mirror", 0, NULL},
    {"pcs", 0, "URL", "Intel's provisioning certification service, or a PCCS", 0, NULL},
    {"root-crl", 0, "URL", "the revocation list of Intel's root", 0, NULL},
    {"cache", 0, "DIR", "cache directory, '' for none (default: $XDG_CACHE_HOME/cocos)", 0, NULL},
    {"ca", 0, "FILE", "roots for https (default: the system's)", 0, NULL},
    {"patience", 0, "SECONDS", "for services that ask to come back later (default: 120)", 0, NULL},
    END,
};

static const tool_option config_options[] = {
    {"origin", 0, NULL, "tell where each value comes from", 0, NULL},
    END,
};

#define NONE                                                                                       \
    {                                                                                              \
        NULL, NULL, NULL                                                                           \
    }
#define ONE(a)                                                                                     \
    {                                                                                              \
        a, NULL, NULL                                                                              \
    }
#define TWO(a, b)                                                                                  \
    {                                                                                              \
        a, b, NULL                                                                                 \
    }

#define CREATE_TEXT                                                                                           \
    "Prints COCOS_VM_ID, AGENT_GRPC_URL and AGENT_GRPC_PIN as NAME=value lines for the environment of later " \
    "commands. The pin was seen by the manager's readiness probe: it is claimed by the host."

static const tool_command commands[] = {
    {"keys", "", 0, 0, "Make a key pair: private.pem and public.pem",
     "private.pem is readable by its owner only. Files that are there are not replaced without --force.",
     ONE(keys_options), cli_keys, 0},
    {"checksum", "PATH", 1, 1, "Print the SHA3-256 of a file or directory",
     "A directory has the digest of its deterministic zip. With -m the manifest digest, for the old form of "
     "manifests its old digest.",
     ONE(checksum_options), cli_checksum, 0},
    {"manifest new", "", 0, 0, "Write a manifest",
     "Digests and sizes are taken from the files, keys are put in as PEM.",
     ONE(manifest_new_options), cli_manifest_new, 0},
    {"manifest check", "FILE", 1, 1, "Check a manifest and list every defect", NULL, NONE,
     cli_manifest_check, 0},
    {"manifest digest", "FILE", 1, 1, "Print the manifest digest and its fingerprint",
     "The fingerprint, on stderr, is for comparing aloud: eight groups of five digits.", NONE,
     cli_manifest_digest, 0},
    {"manifest approve", "MANIFEST KEY", 2, 2, "Sign an approval of exactly this manifest",
     "KEY is your private key. Needs no network; anyone may send what it writes. With --withdraw it takes an "
     "approval back.",
     ONE(approve_options), cli_manifest_approve, 0},
    {"case make", "MANIFEST STATEMENT", 2, 2, "Put all that makes a result checkable into one file",
     NULL, ONE(case_make_options), cli_case_make, 0},
    {"case anchor", "FILE", 1, 1, "Have the time of a case certified",
     "--tsa asks an authority (RFC 3161). A machine without network does it in two steps: --request writes what to "
     "send, --reply takes the answer.",
     ONE(case_anchor_options), cli_case_anchor, 0},
    {"case verify", "FILE", 1, 1, "Judge a case by a policy",
     "Prints the verdict, one row a check. Exit code 0: sound, and the result file, if one is named, is the one; "
     "3: refused, 4: undecided or unreadable. Reads files only, never the network.",
     ONE(case_verify_options), cli_case_verify, 0},
    {"case explain", "FILE", 1, 1, "Say in plain words what a case shows and what it does not",
     "With --policy it is judged too, and the exit code is that of 'case verify'.",
     ONE(case_verify_options), cli_case_explain, 0},
    {"algo", "FILE KEY", 2, 2, "Upload the algorithm",
     "KEY is the private key of its owner. The file's digest is compared with the manifest before anything is "
     "sent; an interrupted upload goes on where it stopped when the command is repeated.",
     TWO(algo_options, agent_options), cli_algo, 0},
    {"data", "PATH KEY", 2, 2, "Upload a data set",
     "PATH is a file, or a directory that is sent as its deterministic zip; KEY the private key of its owner. The "
     "entry of the manifest is found by digest, then by key, then by file name.",
     TWO(data_options, agent_options), cli_data, 0},
    {"result", "KEY", 1, 1, "Fetch the result",
     "KEY is the private key of a result consumer. The file appears under its name only when complete and "
     "checked; an interrupted download goes on where it stopped.",
     TWO(result_options, agent_options), cli_result, 0},
    {"agent describe", "[KEY]", 0, 1, "Ask an agent what it is and does",
     "With the private key of a party also the manifest and what has arrived.", ONE(agent_options),
     cli_agent_describe, 0},
    {"agent approve", "FILE", 1, 1, "Bring an approval or withdrawal to an agent",
     "FILE was made offline by 'cocos manifest approve'; whoever has it may bring it. A withdrawal is final until "
     "the virtual machine boots anew, and ends a job that runs.",
     ONE(agent_options), cli_agent_approve, 0},
    {"agent statement", "KEY", 1, 1, "Fetch what the agent testifies, as a case file",
     "KEY is the private key of a party. The case file holds manifest, approvals, statement, its evidence and the "
     "collateral of --bundle, and the closure once every consumer has the result. 'cocos case verify' judges it.",
     TWO(statement_options, agent_options), cli_agent_statement, 0},
    {"attestation get", "", 0, 0, "Ask an agent for fresh evidence over a nonce",
     "Anyone may ask. Show and judge it with 'cocos evidence'.", TWO(attestation_options, agent_options),
     cli_attestation_get, 0},
    {"ima-measurements", "[FILE]", 0, 1, "Fetch what Linux IMA has measured in the guest, and check it",
     "Writes the list to FILE (default: ima_measurements). The list is replayed against PCR 10 of the quote, which "
     "is believed when --policy accepts the evidence.",
     ONE(agent_options), cli_ima_measurements, 0},
    {"agent watch", "KEY", 1, 1, "Follow the events of a computation", NULL,
     TWO(watch_options, agent_options), cli_agent_watch, 0},
    {"vm create", "", 0, 0, "Start a virtual machine with an agent", CREATE_TEXT,
     TWO(create_options, manager_options), cli_vm_create, 0},
    {"vm list", "", 0, 0, "List the virtual machines", NULL, ONE(manager_options), cli_vm_list, 0},
    {"vm show", "ID", 1, 1, "Show one virtual machine", NULL, ONE(manager_options), cli_vm_show, 0},
    {"vm watch", "[ID]", 0, 1, "Follow lifecycle events", NULL, TWO(watch_options, manager_options),
     cli_vm_watch, 0},
    {"vm console", "ID", 1, 1, "Print the console of a virtual machine",
     "What it holds comes from the guest and may be anything; control characters are shown as '?' on a terminal.",
     TWO(console_options, manager_options), cli_vm_console, 0},
    {"vm destroy", "ID", 1, 1, "Destroy a virtual machine and all that belongs to it", NULL,
     TWO(destroy_options, manager_options), cli_vm_destroy, 0},
    {"create-vm", "", 0, 0, "Old name of 'vm create'", CREATE_TEXT,
     TWO(create_options, manager_options), cli_vm_create, 0},
    {"remove-vm", "ID", 1, 1, "Old name of 'vm destroy', which does not ask", NULL,
     TWO(destroy_options, manager_options), cli_vm_destroy, 0},
    {"evidence show", "FILE", 1, 1, "Decode evidence field by field", "Nothing of it is verified.",
     ONE(kind_options), cli_evidence_show, 0},
    {"evidence verify",
     "FILE",
     1,
     1,
     "Judge evidence by a policy",
     "Prints the verdict, one row a check. Exit code 0: accepted, 3: rejected, 4: undecided or unreadable. Reads "
     "files only, never the network.",
     {verify_options, tpm_options, kind_options},
     cli_evidence_verify,
     0},
    {"measure", "", 0, 0, "Print what the event log of a machine will hold",
     "From the files that it boots with OVMF and a TPM. PCR 0 of firmware depends on the machine's shape and comes "
     "from --boot-log.",
     ONE(boot_options), cli_measure, 0},
    {"policy new",
     "[KIND]",
     0,
     1,
     "Write a policy",
     "KIND is snp or tdx. Measurement and product must be stated, as a value or as the word any, which says that "
     "they are not checked. Rules without an option: --set, cocos-policy(5).",
     {policy_new_options, boot_options, bank_options},
     cli_policy_new,
     0},
    {"policy check", "FILE", 1, 1, "List every defect of a policy", NULL, NONE, cli_policy_check,
     0},
    {"policy explain", "FILE", 1, 1, "Say in words what a policy demands", NULL, NONE,
     cli_policy_explain, 0},
    {"collateral bundle",
     "EVIDENCE",
     1,
     1,
     "Fetch all that evidence needs to be judged, as one file",
     "Everything is checked before it is written. Where the cache has it, nothing is fetched.",
     {collateral_options, service_options, kind_options},
     cli_collateral_bundle,
     0},
    {"collateral show", "BUNDLE", 1, 1, "List what a bundle holds", "Nothing of it is verified.",
     NONE, cli_collateral_show, 0},
    {"config show", "", 0, 0, "Show the settings in force", NULL,
     TWO(config_options, agent_options), cli_config_show, 0},
    {"completion", "SHELL", 1, 1, "Print completions for bash, zsh or fish", NULL, NONE,
     cli_completion, 0},
    {"help", "[COMMAND]", 0, 2, "Show what a command does", NULL, NONE, cli_help, 0},
    {NULL, NULL, 0, 0, NULL, NULL, NONE, NULL, 0},
};

static const tool_hint hints[] = {
    {"agent.policy.none",
     "name what is accepted with --policy FILE (see 'cocos policy new'), or type --insecure-no-attestation, "
     "which is NOT CONFIDENTIAL"},
    {"agent.policy.conflict", "leave out --policy or --insecure-no-attestation"},
    {"agent.manifest.",
     "name the manifest that is meant: --manifest-digest with what 'cocos manifest digest' prints"},
    {"agent.trust",
     "set AGENT_GRPC_PIN (printed by 'cocos create-vm') or AGENT_GRPC_SERVER_CA_CERTS; for trials --insecure-no-verify"},
    {"auth.right",
     "use the private key whose public key the manifest names for this asset or as consumer"},
    {"auth.", "check key and manifest: 'cocos agent describe KEY'"},
    {"asset.digest", "compare 'cocos checksum FILE' with the manifest"},
    {"asset.tie", "name the data set with --index"},
    {"asset.none", "see the data sets with 'cocos agent describe KEY', or name one with --index"},
    {"result.early",
     "the computation has not ended: 'cocos agent watch KEY --until ConsumingResults'"},
    {"job.failed", "its output tells why: 'cocos result KEY --part output -f output.zip'"},
    {"rpc.connect", "check address and that the program there runs"},
    {"upload.fenced", "another upload of the same asset took over; let it end"},
    {"enclave.unknown", "see 'cocos vm list'"},
    {"key.private", "use private.pem, not public.pem"},
    {"collateral.offline", "run it once without --offline, with the same cache"},
    {"collateral.busy", "wait, or allow more with --patience"},
    {"collateral.tls", "a proxy or mirror of one's own needs its root: --ca FILE"},
    {NULL, NULL},
};

static const tool_program program = {
    .name = "cocos",
    .summary = "Upload algorithms and data to a confidential computation and fetch its result.",
    .text =
        "Exit codes: 0 done, 1 failure, 2 usage, 3 evidence rejected, 4 no decision, 5 connection or timeout, "
        "6 permission, 130 interrupted. 'cocos help COMMAND' tells more.",
    .globals = globals,
    .commands = commands,
    .hints = hints,
};

int cli_help(tool *t)
{
    char name[128];
    const tool_args *a = t->args;

    snprintf(name, sizeof name, "%s%s%s", a->n_operands > 0 ? a->operands[0] : "",
             a->n_operands > 1 ? " " : "", a->n_operands > 1 ? a->operands[1] : "");
    const tool_command *c = tool_command_find(&program, name);

    if (a->n_operands == 0)
        tool_help_program(&program, stdout);
    else if (c)
        tool_help_command(&program, c, stdout);
    else if (tool_help_group(&program, name, stdout) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.command", "unknown command '%s'", name);
    return 0;
}

int cli_completion(tool *t)
{
    const char *shell = t->args->operands[0];

    if (strcmp(shell, "options") == 0) {
        tool_dump_options(&program,
                          stdout); /* for the test that compares the man pages with this table */
        return 0;
    }
    if (tool_complete(&program, shell, stdout) < 0)
        return tool_fail(t, COCOS_ERR_USAGE, "usage.arguments",
                         "completions exist for bash, zsh and fish, not '%s'", shell);
    return 0;
}

int main(int argc, char **argv)
{
    return tool_main(&program, cli_settings, argc, argv);
}

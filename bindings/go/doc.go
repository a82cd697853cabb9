// SPDX-License-Identifier: Apache-2.0

// Package cocos moves data into confidential computations, and only there: it judges the evidence of
// the machine at the other end before anything is sent, uploads assets, fetches results and checks
// what is said about them, all through the C library libcocos.
//
// # What to install
//
// The package is built with cgo and pkg-config: install libcocos-dev (headers, libcocos.pc), a C
// compiler and pkg-config. Where the library was built from source, "meson install" puts the same
// files in place; elsewhere than in the system's folders name them by PKG_CONFIG_PATH at build time
// and LD_LIBRARY_PATH at run time. Programs need libcocos0 to run.
//
// # Order
//
// [Connect] with a policy judges the evidence of whoever answers, on this very connection. The
// manifest that is meant is named by [Options].ManifestDigest or confirmed by
// [Agent.ConfirmManifest]; nothing but Describe is signed before. Then [Agent.Upload],
// [Agent.Result], [Agent.Statement]. Evidence and case files at hand are judged without network by
// [Verifier.Verify] and [Case.Verify].
//
// # Errors
//
// Every failure of the library is an [*Error] with a stable dotted code (doc/errors.md). Its kind is
// asked for by errors.Is:
//
//	errors.Is(err, cocos.ErrRejected)  // judged and refused
//
// Only ErrRejected means that evidence was judged and refused. Every other error means that no
// decision was reached, and a caller must refuse too.
//
// # Objects
//
// Keys, policies, evidence and so on own memory outside of Go. Close frees it; a finalizer does what
// was forgotten. All may be used from many goroutines; Close waits for calls under way. After Close
// methods fail with ErrUsage, and those that return no error give zero values. Blocking calls take a
// context first; what is under way ends when it is done.
package cocos

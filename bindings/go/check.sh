#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Vet and test the Go binding against an installed tree of the build folder, without network.
#
#   bindings/go/check.sh [go test arguments]     (default: -race ./...)
#
# $GO names the compiler (default: Debian's, else the first in PATH), $COCOS_BUILD_ROOT the build
# folder (default: build). Go's pointer rules between Go and C are checked at their strictest.
set -eu

here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
build=${COCOS_BUILD_ROOT:-$here/../../build}
build=$(cd "$build" && pwd)
go=${GO:-/usr/bin/go}
[ -x "$go" ] || go=go
[ $# -gt 0 ] || set -- -race ./...

# Always the same folder, as Go's cache does not see what pkg-config answers, nor the headers: those
# are in CGO_CPPFLAGS by their digest.
tree=$build/go/tree
rm -rf "$tree"
mkdir -p "$tree"
meson install -C "$build" --no-rebuild --quiet --destdir "$tree" >"$build/go/log" 2>&1 || { cat "$build/go/log" >&2; exit 1; }
pc=$(find "$tree" -name libcocos.pc)
pc=${pc%/*}
headers=$(find "$tree" -name '*.h' -exec cat {} + | sha256sum | cut -c 1-32)

export GO="$go"
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOSUMDB=off GOTELEMETRY=off CGO_ENABLED=1 GOWORK=off
export GOCACHE="${GOCACHE:-$build/go/cache}" GOPATH="$build/go/path" CGO_CPPFLAGS="-DCOCOS_HEADERS=$headers"
PKG_CONFIG_LIBDIR=$pc:$(pkg-config --variable=pc_path pkg-config)
export PKG_CONFIG_SYSROOT_DIR="$tree" PKG_CONFIG_LIBDIR LD_LIBRARY_PATH="${pc%/pkgconfig}" COCOS_BUILD_ROOT="$build"

# Until 1.20 a setting of the run time, since then one of the compiler.
case $("$go" env GOVERSION) in
    go1.19* | go1.20*) export GODEBUG=cgocheck=2 ;;
    *) export GOEXPERIMENT=cgocheck2 ;;
esac

cd "$here"
"$go" vet ./...
"$go" test "$@"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # $work: the sourcing script's temporary folder
#
# Sourced by build.sh and update-lock.sh: kernel packages, fetched but never installed. The machine's
# own apt configuration is read, never written: backports come through a private list in $work.

say()
{
    printf 'eos: %s\n' "$*" >&2
}

die()
{
    say "$*"
    exit 1
}

sha256_of()
{
    sha256sum "$1" | cut -d ' ' -f 1
}

# The archive this machine takes bookworm from, with the option that names its key.
bookworm_archive()
{
    # shellcheck disable=SC2016 # apt expands these
    apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI) $(SIGNED_BY)' \
        'Created-By: Packages' |
        while read -r codename component uri key; do
            [ "$codename $component" = 'bookworm main' ] || continue
            case $key in
                /*) printf '[signed-by=%s] %s\n' "$key" "$uri" ;;
                *) printf '%s\n' "$uri" ;;
            esac
            break
        done
}

# apt_begin SUITE: from here on apt-get and apt-cache look at this suite only. "bookworm" is the
# machine's own configuration, security updates included.
apt_begin()
{
    unset APT_CONFIG
    [ "$1" != bookworm ] || return 0
    archive=$(bookworm_archive)
    [ -n "$archive" ] || die "this machine's apt does not know bookworm: no archive to take $1 from"

    mkdir -p "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    printf 'deb %s %s main\n' "$archive" "$1" >"$work/apt/sources.list"
    cat >"$work/apt/apt.conf" <<EOF
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
APT::Sandbox::User "root";
EOF
    APT_CONFIG=$work/apt/apt.conf
    export APT_CONFIG
    apt-get -q -q -o Acquire::Retries=3 update >"$work/apt/log" 2>&1 || {
        cat "$work/apt/log" >&2
        return 1
    }
}

# Newest kernel that the suite of apt_begin has: "package version architecture".
newest_kernel()
{
    meta=$(apt-cache show --no-all-versions linux-image-amd64 2>/dev/null |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p')
    [ -n "$meta" ] || return 1
    apt-cache show --no-all-versions "$meta" |
        awk -v p="$meta" '$1 == "Version:" { v = $2 } $1 == "Architecture:" { a = $2 } END { if (v) print p, v, a }'
}

# fetch_deb PACKAGE VERSION: leaves $work/kernel.deb.
fetch_deb()
{
    mkdir -p "$work/deb"
    (cd "$work/deb" && apt-get -q -q -o Acquire::Retries=3 download "$1=$2") >"$work/deb.log" 2>&1 || {
        cat "$work/deb.log" >&2
        return 1
    }
    mv "$work"/deb/*.deb "$work/kernel.deb"
}

# Unpack a module as shipped: stripping would drop its signature.
unpack_module()
{
    case $1 in
        *.xz) xz -d -c "$1" >"$2" ;;
        *.zst) zstd -q -d -c "$1" >"$2" ;;
        *) cat "$1" >"$2" ;;
    esac
}

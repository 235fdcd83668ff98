# SPDX-License-Identifier: MIT
# Unpacked packages of Debian that are too young for this system, for scripts to source; programs of theirs
# start through their own C library. They lie in ${DSVK_DRIVER_TREES:-~/.cache/ds-vk/drivers} and come from the
# mirror that apt is set to. Fetching needs root and mmdebstrap.
trees=${DSVK_DRIVER_TREES:-${XDG_CACHE_HOME:-$HOME/.cache}/ds-vk/drivers}

die() { echo "${0##*/}: $*" >&2; exit 2; }
wanted() { # PACKAGE...: installs those that are missing
    dpkg -s "$@" >/dev/null 2>&1 && return
    [ "$(id -u)" = 0 ] || die "as root: apt-get install $*"
    apt-get install -y -q --no-install-recommends "$@" >&2
}

mirror() {
    local url
    url=$(cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null |
        grep -v '^ *#' | grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
    [ -n "$url" ] || die "apt's sources name no mirror of Debian to take packages from"
    echo "$url"
}

unpack() { # TREE trixie|sid PACKAGES: unpacks them into $trees/TREE; PACKAGES are joined by commas
    local from tree=$1 suite=$2 packages=$3 options=()
    [ ! -e "$trees/$tree/.done" ] || return 0
    wanted mmdebstrap
    from=("deb $(mirror) $suite main")
    if [ "$suite" = trixie ]; then
        from+=("deb $(mirror) trixie-backports main")
    else
        options=(--aptopt='Acquire::Check-Valid-Until "false"') # for mirrors that stand still
    fi
    rm -rf "${trees:?}/$tree"
    mkdir -p "$trees"
    mmdebstrap --quiet --variant=extract --aptopt='Apt::Install-Recommends "false"' "${options[@]}" \
        --include="$packages" "$suite" "$trees/$tree" "${from[@]}" >&2
    touch "$trees/$tree/.done"
}

# Mesa's drivers and the loader. By the newest driver that is needed: NVIDIA's Ada is in unstable's only.
unpack_drivers() { # trixie|sid
    local suffix=''
    [ "$1" = sid ] || suffix=/trixie-backports
    unpack "$1" "$1" "mesa-vulkan-drivers$suffix,mesa-drm-shim$suffix,libvulkan1"
}

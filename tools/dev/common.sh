# Shared by the scripts behind `./dev`: sourced, never run.
#
# Sets the working directory to the root of the tree and offers the few steps that several commands
# take: configure and build a preset, and run programs under the sanitizers. Every build uses all
# processors unless MCPGW_JOBS says otherwise.
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export LC_ALL=C.UTF-8 HOME="${HOME:-/root}"
jobs="${MCPGW_JOBS:-$(nproc)}"
# Compilations are found again in ccache from any checkout, not only from the one they were made in.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1

# The folder of a preset, as CMakePresets.json has it.
build_folder() {
    if [ "$1" = release ]; then echo build; else echo "build/$1"; fi
}

# configure PRESET: quiet unless it fails.
configure() {
    local output
    if ! output=$(cmake --preset "$1" 2>&1); then
        printf '%s\n' "$output" >&2
        return 1
    fi
}

# build PRESET [TARGET...]
build() {
    local preset=$1 target
    shift
    local options=()
    for target in "$@"; do options+=(--target "$target"); done
    configure "$preset"
    cmake --build "$(build_folder "$preset")" -j "$jobs" "${options[@]}"
}

# The executables that people use and those that they start; everything else is tests.
executables() {
    cmake --build "$(build_folder "$1")" --target help | sed -n 's/^\(mcp-gateway[a-z-]*\): .*/\1/p'
}

# Sanitizer runtimes of g++ 12 cannot place their shadow memory under the wide address
# randomisation of newer kernels; without randomisation they can. Where the switch is forbidden
# (some containers) the kernel may still be an old one, so the program is run as it is.
without_randomisation() {
    if setarch -R true 2>/dev/null; then setarch -R "$@"; else "$@"; fi
}

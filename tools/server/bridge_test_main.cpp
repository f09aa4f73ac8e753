// The bridge as a program of its own, for tests that kill it.
#include "tools/server/bridge.h"

int main(int argc, char** argv) {
    return mcpgw::server::run_bridge(argc, argv);
}

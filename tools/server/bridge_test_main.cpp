// The bridge as a program of its own, for tests that kill it. People get it as a verb of the
// mcp-gateway command, which calls the same function.
#include "tools/server/bridge.h"

int main(int argc, char** argv) {
    return mcpgw::server::run_bridge(argc, argv);
}

// Blocked signals and sigwait: no handler runs at a bad moment.
#include "tools/server/signals.h"

#include "common/check.h"

namespace mcpgw::server {
namespace {

sigset_t end_set() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
}

}  // namespace

EndSignals::EndSignals() {
    sigset_t set = end_set();
    sigaddset(&set, SIGPIPE);
    check(pthread_sigmask(SIG_BLOCK, &set, &before_) == 0, "signals can be blocked");
}

EndSignals::~EndSignals() {
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int EndSignals::wait() {
    const sigset_t set = end_set();
    int signal = 0;
    check(sigwait(&set, &signal) == 0, "the set is valid");
    return signal;
}

}  // namespace mcpgw::server

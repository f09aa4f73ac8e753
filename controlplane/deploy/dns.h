// One look into the hosts file and DNS that also tells how long the answer is good, by c-ares.
//
// Blocks, for as long as the name servers take; for a thread that has nothing else to do. The
// configuration of the machine (resolv.conf, the line `hosts` of nsswitch.conf) is read anew each
// time, so that a laptop that moves is not stuck with the name servers of another place.
#pragma once

#include <string>
#include <vector>

#include <sys/socket.h>

#include "controlplane/deploy/resolver.h"

namespace mcpgw::deploy {

// `dns_servers` as for Resolver::open.
[[nodiscard]] Resolution look_up_dns(const std::string& host, const std::string& dns_servers);

// Adds the address as text, unless it is there already, or has no place in a snapshot because of
// its scope (fe80::1%eth0).
void add_address(std::vector<std::string>& addresses, const sockaddr* address, socklen_t size);

}  // namespace mcpgw::deploy

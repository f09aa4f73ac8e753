// Finds processes by a mark in their environment.
//
// A process group can be left (setsid), a parent can be lost; the environment is inherited all the
// same, unless somebody empties it. A mark is an assignment, `NAME=VALUE`, and a process carries it
// if one of its variables begins with it. Only system calls and no memory of our own, because the
// guarding process (process_guard) uses it too. Stateless.
#pragma once

#include <string_view>

#include <sys/types.h>

namespace mcpgw::server {

// In the environment of every child of a bridge: "<bridge>.<number of the child>."
inline constexpr std::string_view kChildMark = "MCP_GATEWAY_BRIDGE_CHILD=";

// False also if there is no such process, it has ended, or it may not be looked at.
[[nodiscard]] bool carries_mark(pid_t pid, std::string_view mark);

// The process is on its way out: it has given back its memory, and with it its mark.
[[nodiscard]] bool is_ending(pid_t pid);

// SIGKILL to every process that carries the mark, again and again until none can be left, not even
// a child of one that ended while it was looked for (or after about a second, if some will not go).
void kill_marked(std::string_view mark);

}  // namespace mcpgw::server

// Kubernetes quantities of an adapter's resources (model/adapter.h) as numbers.
//
// Pure. The text has passed model/rules.h, so it is well formed; an empty one says nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mcpgw::systemd {

// Thousandths of a processor: "0.5" and "500m" are 500. Rounded up, at least 1.
[[nodiscard]] std::optional<std::uint64_t> cpu_millis(std::string_view quantity);

// "256Mi", "1.5G", "1000": bytes, rounded up.
[[nodiscard]] std::optional<std::uint64_t> memory_bytes(std::string_view quantity);

}  // namespace mcpgw::systemd

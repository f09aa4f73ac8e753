// A local server under a shim of its own (shim/shim.h).
//
// Invariant: whenever it is not idle, a shim holds the lock of the directory, and (except in
// unknown) its pidfd is watched. Everything else about its lives is in local_instance.h.
#pragma once

#include <map>
#include <string>

#include "controlplane/deploy/instance_directory.h"
#include "controlplane/deploy/local_instance.h"
#include "controlplane/shim/run_files.h"

namespace mcpgw::deploy {

class ProcessInstance final : public LocalInstance {
  public:
    using LocalInstance::LocalInstance;

    void adopt(Nanos now) override;
    [[nodiscard]] bool delete_remains(const LocalInstance* heir) override;

  protected:
    [[nodiscard]] Result<> begin(const ServerSpec& spec,
                                 const std::map<std::string, std::string>& variables) override;
    void ask_to_end() override;
    void force_end() override;
    void take_run_event(Nanos now) override;
    void identify(Nanos now) override;
    void end_unknown() override;

  private:
    void take_over(const shim::RunState& state, Descriptor shim_fd, Nanos now);

    Descriptor shim_fd_;
};

}  // namespace mcpgw::deploy

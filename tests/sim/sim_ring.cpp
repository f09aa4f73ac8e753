// The ring on a simulated kernel: the second body of dataplane/io/ring.h.
//
// Nothing happens here; every call is handed to the Kernel of the present run. Only the size of the
// receive buffers is the kernel's own choice, so that small pools can be tried with the production
// worker above.
#include <netinet/in.h>

#include "dataplane/io/ring.h"
#include "tests/sim/kernel.h"

namespace mcpgw::io {

struct Ring::State {
    explicit State(sim::Kernel& the_kernel)
        : kernel(the_kernel), pool(kernel.temper().buffers, kernel.temper().buffer_bytes) {
        kernel.use(pool);
    }
    sim::Kernel& kernel;
    BufferPool pool;
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::~Ring() = default;

Result<std::unique_ptr<Ring>> Ring::open(const RingOptions&) {
    return std::unique_ptr<Ring>(new Ring(std::make_unique<State>(sim::Kernel::current())));
}

std::string Ring::engine() const {
    return "simulation";
}
BufferPool& Ring::buffers() {
    return state_->pool;
}
Nanos Ring::now() const {
    return state_->kernel.world().now();
}
std::uint64_t Ring::unix_seconds() const {
    return state_->kernel.world().unix_seconds();
}
Result<int> Ring::open_socket(const sockaddr&) {
    return state_->kernel.open_socket();
}
std::string Ring::peer_address(int socket) {
    return state_->kernel.peer_address(socket);
}
void Ring::accept(Operation& operation, int) {
    state_->kernel.accept(operation);
}
void Ring::receive(Operation& operation, int socket, std::size_t bytes_max) {
    state_->kernel.receive(operation, socket, bytes_max);
}
void Ring::send(Operation& operation, int socket, const msghdr& message) {
    state_->kernel.send(operation, socket, message);
}
void Ring::send_patiently(Operation& operation, int socket, const msghdr& message) {
    state_->kernel.send_patiently(operation, socket, message);
}
void Ring::connect(Operation& operation, int socket, const sockaddr* address, socklen_t) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    check(v4->sin_family == AF_INET, "simulated servers have IPv4 addresses");
    state_->kernel.connect(operation, socket, ntohs(v4->sin_port));
}
void Ring::read(Operation& operation, int descriptor, std::span<std::byte> into) {
    state_->kernel.read_mail(operation, descriptor, into);
}
void Ring::poll_readable(Operation& operation, int socket) {
    state_->kernel.poll_readable(operation, socket);
}
void Ring::poll_writable(Operation& operation, int socket) {
    state_->kernel.poll_writable(operation, socket);
}
Result<Pipe> Ring::open_pipe() {
    return state_->kernel.open_pipe();
}
void Ring::close_pipe(Pipe& pipe) {
    state_->kernel.close_pipe(pipe);
}
std::int64_t Ring::splice_in(int socket, const Pipe& pipe, std::size_t bytes_max) {
    return state_->kernel.splice_in(socket, pipe, bytes_max);
}
std::int64_t Ring::splice_out(const Pipe& pipe, int socket, std::size_t bytes_max) {
    return state_->kernel.splice_out(pipe, socket, bytes_max);
}
void Ring::cancel(Operation& target) {
    state_->kernel.cancel(target);
}
void Ring::shutdown_write(int socket) {
    state_->kernel.shutdown_write(socket);
}
void Ring::close(int descriptor) {
    state_->kernel.close(descriptor);
}
unsigned Ring::wait(Nanos deadline) {
    return state_->kernel.wait(deadline);
}

}  // namespace mcpgw::io

#include "http/server.h"

#include <arpa/inet.h>

#include "bafa/error.h"
#include "base/log.h"

namespace bafa::http {
namespace {

constexpr int kNoAdminPort = -1;

std::vector<ApiKey> keys_of(const ListenConfig& config) {
  return config.keys_file.empty() ? std::vector<ApiKey>() : load_keys(config.keys_file);
}

void require_safe_bind(const ListenConfig& config, const std::string& option,
                       const std::string& host) {
  if (is_loopback(host) || !config.keys_file.empty() || config.insecure) return;
  throw Error(ErrorCode::invalid_config,
              option + " " + host +
                  " can be reached from other machines: give API keys (--keys FILE), or --insecure "
                  "to serve everybody.",
              option);
}

}  // namespace

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == 127;
  return host == "::1" || host == "localhost";
}

class Server::Impl {
 public:
  Impl(const ServerOptions& options, const ServerParts& parts)
      : keys_file_(options.listen.keys_file),
        guards_(options.listen, options.listen.host),
        admin_guards_(options.listen, options.listen.admin_host),
        proxies_(options.listen.trusted_proxies),
        authenticator_(keys_of(options.listen), parts.clock),
        no_keys_({}, parts.clock) {
    const ListenConfig& listen = options.listen;
    require_safe_bind(listen, "listen.host", listen.host);
    main_ = std::make_unique<Listener>(
        ListenerOptions{
            .name = "main", .host = listen.host, .port = listen.port, .limits = options.transport},
        ListenerParts{parts.routes, guards_, authenticator_, proxies_, parts.clock,
                      parts.on_answer});
    if (listen.admin_port == kNoAdminPort) return;
    require_safe_bind(listen, "listen.admin_host", listen.admin_host);
    // The operator's own machine needs no key for the operator's port.
    Authenticator& keys = is_loopback(listen.admin_host) ? no_keys_ : authenticator_;
    admin_ = std::make_unique<Listener>(ListenerOptions{.name = "admin",
                                                        .host = listen.admin_host,
                                                        .port = listen.admin_port,
                                                        .limits = options.transport},
                                        ListenerParts{parts.admin_routes, admin_guards_, keys,
                                                      proxies_, parts.clock, parts.on_answer});
  }

  void start() {
    main_->start();
    if (admin_) admin_->start();
  }

  void reload_keys() {
    if (!keys_file_.empty()) authenticator_.replace_keys(load_keys(keys_file_));
  }

  // The operator's port answers until the public one has drained.
  void stop(std::chrono::milliseconds grace) {
    main_->stop(grace);
    if (admin_) admin_->stop(std::chrono::milliseconds(0));
  }

  int port() const { return main_->port(); }
  int admin_port() const { return admin_ ? admin_->port() : kNoAdminPort; }

  ListenerStats stats() const {
    ListenerStats sum = main_->stats();
    if (!admin_) return sum;
    const ListenerStats admin = admin_->stats();
    return {.open_connections = sum.open_connections + admin.open_connections,
            .handling = sum.handling + admin.handling,
            .waiting = sum.waiting + admin.waiting};
  }

 private:
  const std::string keys_file_;
  const Guards guards_;
  const Guards admin_guards_;
  const TrustedProxies proxies_;
  Authenticator authenticator_;
  Authenticator no_keys_;
  std::unique_ptr<Listener> main_;
  std::unique_ptr<Listener> admin_;
};

Server::Server(const ServerOptions& options, const ServerParts& parts)
    : impl_(std::make_unique<Impl>(options, parts)) {}
Server::~Server() = default;

void Server::start() { impl_->start(); }
void Server::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }
void Server::reload_keys() { impl_->reload_keys(); }
int Server::port() const { return impl_->port(); }
int Server::admin_port() const { return impl_->admin_port(); }
ListenerStats Server::stats() const { return impl_->stats(); }

}  // namespace bafa::http

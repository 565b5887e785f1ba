#include "http/response_writer.h"

#include <httplib.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "base/log.h"
#include "http/guards.h"
#include "http/line_reader.h"
#include "http/socket.h"

namespace bafa::http {
namespace {

constexpr std::uint64_t kSlowestBytesPerSecond = 64 << 10;  // a reader of a long body is no slower
constexpr std::chrono::milliseconds kPatience{100};         // between two looks at the clock

std::string http_date(std::chrono::system_clock::time_point now) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

bool is_field_value(std::string_view value) {
  return std::none_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

bool has_no_body(int status) { return status == 204 || status == 304; }

// A header whose name or value would break the message is left out, and said so in the log.
void add_headers(httplib::Response& out, const HttpResponse& response, const AnswerContext& context,
                 std::chrono::system_clock::time_point now) {
  for (const auto& [name, value] : response.headers) {
    if (is_token(name) && is_field_value(value)) {
      out.set_header(name, value);
    } else {
      spdlog::error("header_dropped status={} request_id={}", response.status, context.request_id);
    }
  }
  if (!response.headers.find("Cache-Control")) out.set_header("Cache-Control", "no-store");
  out.set_header("X-Content-Type-Options", "nosniff");
  out.set_header("X-Request-Id", context.request_id);
  out.set_header("Date", http_date(now));
}

}  // namespace

// The socket as the library sees it. It reads no request from there: the listener has read the
// request under its own, stricter rules, and hands over its first line in canonical form.
class ResponseWriter::LibraryStream final : public httplib::Stream {
 public:
  LibraryStream(ResponseWriter& writer, std::string request)
      : writer_(writer), request_(std::move(request)) {}

  ssize_t read(char* bytes, size_t size) override {
    const std::size_t count = request_.copy(bytes, size, read_bytes_);
    read_bytes_ += count;
    return static_cast<ssize_t>(count);
  }

  ssize_t write(const char* bytes, size_t size) override {
    broken_ = broken_ || !writer_.write({bytes, size});
    return broken_ ? -1 : static_cast<ssize_t>(size);
  }

  bool is_readable() const override { return read_bytes_ < request_.size(); }
  bool wait_readable() const override { return is_readable(); }
  bool wait_writable() const override { return !broken_; }
  // A client that has closed its sending side still gets its answer.
  bool is_peer_alive() const override { return !broken_; }
  socket_t socket() const override { return writer_.socket_; }
  time_t duration() const override { return 0; }
  void get_remote_ip_and_port(std::string&, int&) const override {}  // the listener knows them
  void get_local_ip_and_port(std::string&, int&) const override {}

  bool broken() const { return broken_; }

 private:
  ResponseWriter& writer_;
  const std::string request_;
  std::size_t read_bytes_ = 0;
  bool broken_ = false;
};

class ResponseWriter::StreamSink final : public BodySink {
 public:
  StreamSink(httplib::DataSink& sink, const LibraryStream& stream) : sink_(sink), stream_(stream) {}

  bool write(std::string_view bytes) override {
    return bytes.empty() ? !stream_.broken() : sink_.write(bytes.data(), bytes.size());
  }
  bool client_connected() const override {
    return !stream_.broken() && peer_is_connected(stream_.socket());
  }

 private:
  httplib::DataSink& sink_;
  const LibraryStream& stream_;
};

// One request and answer within the library, without its sockets, threads and routes.
class ResponseWriter::LibraryCall final : private httplib::Server {
 public:
  LibraryCall(ResponseWriter& writer, HttpResponse response, const AnswerContext& context)
      : writer_(writer), response_(std::move(response)), context_(context) {
    svr_sock_ = writer.socket_;  // "not shutting down": it would cut streams
    set_pre_routing_handler([this](const httplib::Request&, httplib::Response& out) {
      fill(out);
      return HandlerResponse::Handled;
    });
    set_post_routing_handler(
        [this](const httplib::Request&, httplib::Response& out) { set_connection_headers(out); });
  }

  // False when not all could be sent.
  bool run() {
    const std::string version = context_.http_1_0 ? "1.0" : "1.1";
    stream_.emplace(writer_, context_.method + " / HTTP/" + version +
                                 "\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    bool closed = false;
    const bool answered =
        process_request(*stream_, "", 0, "", 0, !context_.keep_alive, closed, nullptr);
    return answered && !stream_->broken();
  }

 private:
  void fill(httplib::Response& out) {
    out.status = response_.status;
    add_headers(out, response_, context_, writer_.clock_.wall_now());
    if (has_no_body(response_.status)) return;
    const std::string type = out.get_header_value("Content-Type");
    if (response_.stream || response_.shared_body)
      out.headers.erase("Content-Type");  // added below
    if (response_.stream) {
      fill_stream(out, type);
    } else if (const auto& shared = response_.shared_body) {
      out.set_content_provider(shared->size(), type,
                               [shared](size_t offset, size_t size, httplib::DataSink& sink) {
                                 return sink.write(shared->data() + offset, size);
                               });
    } else {
      out.body = std::move(response_.body);
    }
  }

  void fill_stream(httplib::Response& out, const std::string& type) {
    auto provider = [this](size_t, httplib::DataSink& sink) {
      StreamSink body(sink, *stream_);
      response_.stream(body);
      sink.done();
      return !stream_->broken();
    };
    if (context_.http_1_0) {
      out.set_content_provider(type, std::move(provider));
    } else {
      out.set_chunked_content_provider(type, std::move(provider));
    }
  }

  // The library closes after every error and knows nothing of the listener's own reasons.
  void set_connection_headers(httplib::Response& out) const {
    for (const char* own : {"Connection", "Keep-Alive", "Accept-Ranges"}) out.headers.erase(own);
    out.set_header("Connection", context_.keep_alive ? "keep-alive" : "close");
    if (has_no_body(response_.status)) out.headers.erase("Content-Length");
  }

  ResponseWriter& writer_;
  HttpResponse response_;
  const AnswerContext& context_;
  std::optional<LibraryStream> stream_;
};

bool ResponseWriter::send(HttpResponse response, const AnswerContext& context) {
  if (!context.cors_origin.empty()) add_cors_headers(response, context.cors_origin);
  begun_ = true;
  return LibraryCall(*this, std::move(response), context).run();
}

bool ResponseWriter::write(std::string_view bytes) {
  const std::chrono::seconds for_length(bytes.size() / kSlowestBytesPerSecond);
  const MonotonicTime deadline = clock_.now() + timeout_ + for_length;
  while (!bytes.empty()) {
    const std::optional<std::size_t> sent = send_some(socket_, bytes, {});
    if (!sent) return false;
    sent_bytes_ += *sent;
    bytes.remove_prefix(*sent);
    if (*sent > 0) continue;
    if (timeout_ == std::chrono::milliseconds(0) || clock_.now() >= deadline) return false;
    wait_writable(socket_, static_cast<int>(kPatience.count()));
  }
  return true;
}

}  // namespace bafa::http

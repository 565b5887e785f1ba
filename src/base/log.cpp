#include "base/log.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "bafa/error.h"
#include "base/json.h"
#include "base/log_file.h"
#include "base/text.h"

namespace bafa {
namespace {

constexpr std::string_view kLevels = "trace, debug, info, warn, error, off";

struct LevelName {
  spdlog::level::level_enum level;
  std::string_view name;
};

constexpr std::array kLevelNames = {
    LevelName{spdlog::level::trace, "trace"}, LevelName{spdlog::level::debug, "debug"},
    LevelName{spdlog::level::info, "info"},   LevelName{spdlog::level::warn, "warn"},
    LevelName{spdlog::level::err, "error"},   LevelName{spdlog::level::critical, "fatal"},
    LevelName{spdlog::level::off, "off"},
};

std::string_view name_of(spdlog::level::level_enum level) {
  return std::ranges::find(kLevelNames, level, &LevelName::level)->name;
}

spdlog::level::level_enum level_of(const std::string& name) {
  const auto known = std::ranges::find(kLevelNames, name, &LevelName::name);
  if (known != kLevelNames.end() && known->level != spdlog::level::critical) return known->level;
  throw Error(ErrorCode::invalid_config,
              "log.level must be one of " + std::string(kLevels) + ", not " + printable(name),
              "log.level");
}

std::string utc_time(spdlog::log_clock::time_point time) {
  const auto since_epoch = time.time_since_epoch();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count() % 1000;
  const std::time_t seconds = spdlog::log_clock::to_time_t(time);
  std::tm calendar{};
  gmtime_r(&seconds, &calendar);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", calendar.tm_year + 1900,
                     calendar.tm_mon + 1, calendar.tm_mday, calendar.tm_hour, calendar.tm_min,
                     calendar.tm_sec, ms);
}

// One line an event, whatever the message holds: a line break in it cannot forge a second event.
class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    const std::string_view level_name = name_of(message.level);
    const std::string line = json_ ? json_line(message, level_name, text)
                                   : fmt::format("{} {:<5} {}\n", utc_time(message.time),
                                                 level_name, printable(text, text.size()));
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(json_);
  }

 private:
  static std::string json_line(const spdlog::details::log_msg& message, std::string_view level,
                               std::string_view text) {
    const auto members = json_members(text);
    return fmt::format("{{\"time\":\"{}\",\"level\":\"{}\",{}}}\n", utc_time(message.time), level,
                       members ? *members : "\"message\":" + json_string(text));
  }

  static std::string json_string(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  bool json_;
};

class FileSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit FileSink(LogFileOptions options) : file_(std::move(options)) {}

  void reopen() {
    const std::lock_guard<std::mutex> lock(mutex_);
    file_.reopen();
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    file_.write({line.data(), line.size()});
  }
  void flush_() override {}  // nothing is held back

 private:
  LogFile file_;
};

spdlog::sink_ptr make_sink(const LogConfig& config) {
  if (config.file.empty()) return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  return std::make_shared<FileSink>(LogFileOptions{
      .path = config.file, .max_bytes = config.max_bytes, .max_files = config.max_files});
}

}  // namespace

void init_log(const LogConfig& config) {
  const auto level = level_of(config.level);
  auto sink = make_sink(config);
  sink->set_formatter(std::make_unique<LineFormatter>(config.json));
  auto logger = std::make_shared<spdlog::logger>("bafa", std::move(sink));
  logger->set_level(level);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void reopen_log() {
  for (const auto& sink : spdlog::default_logger()->sinks()) {
    if (auto* const file = dynamic_cast<FileSink*>(sink.get())) file->reopen();
  }
}

}  // namespace bafa

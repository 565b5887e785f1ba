#include "app/measurement.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/bytes.h"

namespace bafa::app {
namespace {

double rounded(double ms) { return std::round(ms * 1000) / 1000; }

std::string row(const char* name, const std::string& value) {
  std::string line = name;
  return line + std::string(line.size() < 16 ? 16 - line.size() : 1, ' ') + value + "\n";
}

std::string in_ms(double ms) {
  char text[32];
  std::snprintf(text, sizeof(text), "%10.2f ms", ms);
  return text;
}

std::string in_mib(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof(text), "%10.1f MiB", static_cast<double>(bytes) / (1 << 20));
  return text;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double smallest(const std::vector<double>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  return *std::ranges::min_element(values);
}

std::string as_json(const Measurement& m) {
  const nlohmann::ordered_json line = {{"model", m.model},
                                       {"size", m.size},
                                       {"steps", m.steps},
                                       {"batch", m.batch},
                                       {"dtype", m.dtype},
                                       {"device", m.device},
                                       {"threads", m.threads},
                                       {"load_ms", rounded(m.load_ms)},
                                       {"first_image_ms", rounded(m.first_image_ms)},
                                       {"encode_ms", rounded(m.encode_ms)},
                                       {"forward_ms", rounded(m.forward_ms)},
                                       {"forward_min_ms", rounded(m.forward_min_ms)},
                                       {"decode_ms", rounded(m.decode_ms)},
                                       {"png_ms", rounded(m.png_ms)},
                                       {"total_ms", rounded(m.total_ms)},
                                       {"peak_bytes", m.peak_bytes},
                                       {"rss_bytes", m.rss_bytes},
                                       {"level", m.level},
                                       {"budget_bytes", m.budget_bytes},
                                       {"device_peak_bytes", m.device_peak_bytes},
                                       {"version", m.version}};
  return line.dump();
}

std::string as_table(const std::vector<MemoryRow>& rows, std::uint64_t budget_bytes) {
  std::string text = "| | peak | predicted | ms a picture | time | jobs within " +
                     shown_bytes(budget_bytes) + " |\n|---|---|---|---|---|---|\n";
  for (const MemoryRow& row : rows) {
    char numbers[64];
    std::snprintf(numbers, sizeof(numbers), "%.0f | %.2f", row.image_ms,
                  row.image_ms / rows.at(1).image_ms);
    text += "| " + row.name + " | " + shown_bytes(row.peak_bytes) + " | " +
            shown_bytes(row.predicted_bytes) + " | " + numbers + " | " + std::to_string(row.jobs) +
            " |\n";
  }
  return text;
}

std::string as_table(const Measurement& m) {
  return m.model + ", " + m.size + ", " + std::to_string(m.steps) + " steps, batch " +
         std::to_string(m.batch) + ", " + m.dtype + " on " + m.device + " with " +
         std::to_string(m.threads) + " threads, bafa " + m.version + "\n" +
         row("load", in_ms(m.load_ms)) + row("first image", in_ms(m.first_image_ms)) +
         row("encode", in_ms(m.encode_ms)) + row("forward", in_ms(m.forward_ms)) +
         row("forward, least", in_ms(m.forward_min_ms)) + row("decode", in_ms(m.decode_ms)) +
         row("PNG", in_ms(m.png_ms)) + row("total", in_ms(m.total_ms)) +
         row("peak memory", in_mib(m.peak_bytes)) + row("memory", in_mib(m.rss_bytes)) +
         row("device, peak", in_mib(m.device_peak_bytes) + ", " + m.level);
}

}  // namespace bafa::app

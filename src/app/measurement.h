// Figures of `bafa bench`: what was timed, and how it is written. Pure but for the clock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bafa::app {

// Middle value; the lower one of two. NaN of none.
double median(std::vector<double> values);
double smallest(const std::vector<double>& values);

struct Measurement {
  std::string model;
  std::string size;  // "256x256"
  int steps = 0;
  int batch = 0;
  std::string dtype;
  std::string device;
  int threads = 0;
  double load_ms = 0;
  double first_image_ms = 0;  // the first run, which also warms up
  double encode_ms = 0;       // medians of the timed runs from here on
  double forward_ms = 0;      // one denoiser call for the batch, with its sampler step
  double forward_min_ms = 0;
  double decode_ms = 0;
  double png_ms = 0;                    // all pictures of the batch
  double total_ms = 0;                  // from the prompt to the PNG files
  std::uint64_t peak_bytes = 0;         // most memory the process has held
  std::uint64_t rss_bytes = 0;          // memory it holds in the end
  std::string level;                    // of the memory plan
  std::uint64_t budget_bytes = 0;       // 0: none
  std::uint64_t device_peak_bytes = 0;  // the most that was counted on the device
  std::string version;
};

std::string as_json(const Measurement& measurement);  // one line
std::string as_table(const Measurement& measurement);

// One way to keep a model in less memory, for `bafa bench memory`.
struct MemoryRow {
  std::string name;
  std::uint64_t predicted_bytes = 0;  // peak on the denoiser's device, as planned
  std::uint64_t peak_bytes = 0;       // and as counted
  double image_ms = 0;
  std::uint64_t jobs = 0;  // pictures that fit the budget together
};

// In Markdown; times are told beside those of the second row.
std::string as_table(const std::vector<MemoryRow>& rows, std::uint64_t budget_bytes);

}  // namespace bafa::app

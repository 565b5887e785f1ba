#include "app/progress_bar.h"

#include <unistd.h>

#include <string_view>

namespace bafa::app {
namespace {

constexpr int kWidth = 32;
constexpr std::string_view kLineStart = "\r\x1b[K";  // clears what the line holds

}  // namespace

ProgressBar::ProgressBar(int descriptor, int steps)
    : descriptor_(descriptor), steps_(steps), visible_(::isatty(descriptor) == 1) {
  advance(0);
}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() { write(std::string(kLineStart)); }

void ProgressBar::advance(int steps_done) {
  write(std::string(kLineStart) + drawn_bar(steps_done, steps_));
}

// A terminal that takes nothing is no reason to stop painting.
void ProgressBar::write(const std::string& text) const {
  if (visible_) [[maybe_unused]]
    const auto written = ::write(descriptor_, text.data(), text.size());
}

std::string drawn_bar(int steps_done, int steps) {
  const int filled = steps == 0 ? kWidth : steps_done * kWidth / steps;
  const std::string total = std::to_string(steps);
  const std::string done = std::to_string(steps_done);
  return "[" + std::string(static_cast<std::size_t>(filled), '#') +
         std::string(static_cast<std::size_t>(kWidth - filled), '-') + "] " +
         std::string(total.size() - done.size(), ' ') + done + "/" + total;
}

}  // namespace bafa::app

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/output_files.h"
#include "app/painting.h"
#include "app/progress_bar.h"
#include "bafa/error.h"
#include "base/files.h"
#include "base/log.h"
#include "image/encode.h"
#include "pipeline/trace.h"

namespace bafa::app {
namespace {

void warn(const std::string& text) { std::fprintf(stderr, "bafa: %s\n", text.c_str()); }

void write_standard_output(const std::string& bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
                       std::fflush(stdout) == 0;
  if (!written) throw Error(ErrorCode::io_error, "cannot write to standard output", "-o");
}

void check_output(const GenerateCommand& command, int count) {
  if (command.output == kStandardOutput && count > 1) {
    throw Error(ErrorCode::invalid_value, "-o - takes one picture; name a file for --count", "-o");
  }
  if (command.quality && format_of(command.output) == image::Format::png) {
    throw Error(ErrorCode::invalid_value, "--quality is for JPEG and WebP; PNG is lossless",
                "--quality");
  }
}

// Saves the pictures as they come and tells the seed of each: it is what paints them again.
void save(const GenerateCommand& command, const GenerationParams& params, int index,
          const Image& image) {
  const std::string bytes =
      image::encode(image, {.format = format_of(command.output), .compression = command.quality});
  if (command.output == kStandardOutput) return write_standard_output(bytes);
  const auto file = output_file(command.output,
                                {.index = index, .count = params.count, .first_seed = params.seed});
  write_file(file, bytes);
  std::printf("%s seed %s\n", file.c_str(), std::to_string(params.seed + index).c_str());
}

void describe(pipeline::Trace& trace, const pipeline::LoadOptions& options) {
  trace.describe("version", std::string(version()));
  trace.describe("device", options.device);
  trace.describe("dtype", pipeline::resolved_dtype(options));
}

}  // namespace

int run(const GenerateCommand& command) {
  init_log({.level = command.config.memory.explain ? "info" : "warn"});
  check_output(command, 1);
  pipeline::Trace trace;
  pipeline::LoadOptions options = load_options(command.config);
  if (!command.trace.empty()) options.trace = &trace;
  const auto pipeline = pipeline::load(options);
  const ValidRequest request =
      validate(command.request, pipeline->capabilities(), random_seed(), field_names());
  const GenerationParams& params = request.params();
  check_output(command, params.count);
  if (command.request.negative_prompt && !params.negative_prompt) {
    warn("--negative is not used: it needs --guidance and a model that knows it");
  }
  PaintingReport report;
  {
    ProgressBar bar(STDERR_FILENO, params.count * pipeline->cost(request).steps);
    report = paint({.pipeline = *pipeline,
                    .request = request,
                    .max_batch = command.config.queue.max_batch,
                    .on_step = [&](int steps_done) { bar.advance(steps_done); },
                    .on_image =
                        [&](int index, const Image& image) {
                          bar.clear();
                          save(command, params, index, image);
                        }});
  }
  if (command.output == kStandardOutput) warn("seed " + std::to_string(params.seed));
  if (report.prompt_truncated) {
    warn("the prompt was cut after " + std::to_string(report.prompt_tokens) +
         " tokens, which is all that the model takes");
  }
  if (!command.trace.empty()) {
    describe(trace, options);
    trace.write(command.trace);
  }
  return kOk;
}

}  // namespace bafa::app

#include <cstdio>
#include <exception>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/model_path.h"
#include "bafa/error.h"

namespace bafa::app {

int run(const Answer& answer) {
  std::fputs(answer.text.c_str(), answer.exit_code == kOk ? stdout : stderr);
  return answer.exit_code;
}

text::TokenizerOptions tokenizer_options(const Config& config) {
  const bool plain = config.text.special_tokens == "plain";
  return {.special_tokens = plain ? text::SpecialTokens::plain : text::SpecialTokens::match};
}

namespace {

// Used only when weights leave the device, which may be long after the start.
void require_folder(const std::string& folder, const std::string& option) {
  std::error_code failed;
  if (folder.empty() || std::filesystem::is_directory(folder, failed)) return;
  throw Error(ErrorCode::invalid_config, option + ": " + folder + " is not a folder", option);
}

}  // namespace

pipeline::LoadOptions load_options(const Config& config) {
  require_folder(config.memory.host_folder, "memory.host_folder");
  return {.path = find_model(config.model.path, model_roots()),
          .device = config.model.device,
          .device_map = config.model.device_map,
          .dtype = config.model.dtype,
          .threads = config.model.threads,
          .limits = config.limits,
          .tokenizer = tokenizer_options(config),
          .memory = config.memory};
}

std::int64_t random_seed() { return std::random_device{}(); }

namespace {

int report(const char* message, int exit_code) {
  std::fprintf(stderr, "bafa: %s\n", message);
  return exit_code;
}

}  // namespace
}  // namespace bafa::app

int main(int argc, char** argv) {
  using namespace bafa::app;
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    return std::visit([](const auto& command) { return run(command); },
                      parse_command_line(arguments));
  } catch (const bafa::Error& error) {
    return report(error.what(), exit_code_of(error.code()));
  } catch (const std::exception& error) {
    return report(error.what(), kFailed);
  }
}

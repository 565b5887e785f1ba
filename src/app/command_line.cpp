#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <sstream>
#include <utility>

#include "app/exit_code.h"
#include "app/manual.h"
#include "app/options.h"
#include "bafa/error.h"
#include "base/bytes.h"
#include "base/text.h"

namespace bafa::app {
namespace {

// The options of Config as a subcommand takes them. Collected as text and applied in the end:
// defaults, then the file, then --set, then the flags of their own.
struct ConfigFlags {
  std::string file;
  std::vector<std::string> sets;
  std::vector<std::pair<std::string, std::string>> flags;  // path, text
  bool print = false;

  Config apply() const {
    Config config;
    if (!file.empty()) read_config_file(config, file);
    for (const std::string& set : sets) {
      const std::size_t equals = set.find('=');
      if (equals == std::string::npos) {
        throw Error(ErrorCode::invalid_config, "--set takes key=value, such as queue.capacity=8",
                    "--set");
      }
      assign(config, set.substr(0, equals), std::string_view(set).substr(equals + 1));
    }
    for (const auto& [path, text] : flags) assign(config, path, text);
    return config;
  }
};

// "number format ...: auto, fp32, bf16 or fp16"
std::string described(const Option& option) {
  std::string text(option.description);
  for (std::size_t i = 0; i < option.choices.size(); ++i) {
    const bool last = i + 1 == option.choices.size();
    text += i == 0 ? ": " : last ? " or " : ", ";
    text += option.choices[i];
  }
  return text;
}

// Which options get flags of their own.
enum class Scope { everything, model_and_memory, model_and_devices, model };

bool is_in(Scope scope, std::string_view path) {
  return scope == Scope::everything || path.starts_with("model.") ||
         (scope == Scope::model_and_memory && path.starts_with("memory.")) ||
         (scope == Scope::model_and_devices && path == "memory.device_budgets");
}

void add_config_flags(CLI::App& app, ConfigFlags& into, Scope scope) {
  Config defaults;
  for (const Option& option : options_of(defaults)) {
    if (option.flag.empty()) continue;
    if (!is_in(scope, option.path)) continue;
    const std::string flag(option.flag);
    const std::string path(option.path);
    const std::string description = described(option) + " [" + path + "]";
    if (std::holds_alternative<bool*>(option.target)) {
      app.add_flag_callback(
          flag, [&into, path] { into.flags.emplace_back(path, "true"); }, description);
      continue;
    }
    app.add_option_function<std::string>(
           flag, [&into, path](const std::string& text) { into.flags.emplace_back(path, text); },
           description)
        ->default_str(shown(option));
  }
  app.add_option("--config", into.file, "file with any of these options, as --print-config shows");
  app.add_option("--set", into.sets, "KEY=VALUE, any option of the configuration file")
      ->allow_extra_args(false);
  app.add_flag("--print-config", into.print, "print the configuration in force and stop");
}

struct Limits {
  std::int64_t min = INT64_MIN;
  std::int64_t max = INT64_MAX;
};

// The library would take 9223372036854775808 for the largest integer, and 010 for eight.
template <typename Integer>
CLI::Option* add_integer(CLI::App& app, const std::string& flag, std::optional<Integer>& into,
                         const std::string& description, Limits limits = {}) {
  const auto read = [&into, flag, limits](const std::string& text) {
    std::int64_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || stopped != end || value < limits.min || value > limits.max) {
      throw Error(ErrorCode::invalid_value,
                  flag + " must be an integer from " + std::to_string(limits.min) + " to " +
                      std::to_string(limits.max),
                  flag);
    }
    into = static_cast<Integer>(value);
  };
  return app.add_option_function<std::string>(flag, read, description)->type_name("INT");
}

// "WxH" in plain digits.
void read_size(const std::string& text, GenerateRequest& request) {
  const char* at = text.data();
  const char* const end = at + text.size();
  const auto number = [&](std::optional<std::int64_t>& pixels) {
    const auto [stopped, error] = std::from_chars(at, end, pixels.emplace());
    at = stopped;
    return error == std::errc();
  };
  const bool read =
      number(request.width) && at != end && *at++ == 'x' && number(request.height) && at == end;
  if (!read) {
    throw Error(ErrorCode::unsupported_size, "--size takes WIDTHxHEIGHT, such as 256x256",
                "--size");
  }
}

void add_request_flags(CLI::App& app, GenerateRequest& request) {
  app.add_option_function<std::string>(
      "--size", [&request](const std::string& text) { read_size(text, request); },
      "WIDTHxHEIGHT in pixels (default: the model's)");
  add_integer(app, "--steps", request.steps, "denoising steps (default: the model's)");
  app.add_option("--guidance", request.guidance_scale,
                 "guidance scale; up to 1, with Z-Image 0: none");
  app.add_option("--guidance-rescale", request.guidance_rescale,
                 "share of guidance's contrast that is taken back, 0 to 1");
  app.add_option("--cfg-normalization", request.cfg_normalization,
                 "Z-Image: the most that guidance may lengthen a prediction, times; 0: any");
  app.add_option("--cfg-truncation", request.cfg_truncation,
                 "Z-Image: clean share of the picture beyond which guidance is left out, 0 to 1");
  add_integer(app, "--clip-skip", request.clip_skip,
              "layers left out at the text encoder's end (default: the model's)");
}

struct Serve {
  ConfigFlags config;

  void declare(CLI::App& app) { add_config_flags(app, config, Scope::everything); }
  Command command() const { return ServeCommand{config.apply()}; }
};

struct Generate {
  ConfigFlags config;
  GenerateCommand value;

  void declare(CLI::App& app) {
    GenerateRequest& request = value.request;
    app.add_option("prompt", request.prompt, "what to paint, in any language the model knows")
        ->required();
    app.add_option("-o,--output", value.output,
                   "file to write, .png, .jpg or .webp; \"-\": standard output (default: "
                   "bafa-SEED.png); several pictures are numbered before the ending");
    add_request_flags(app, request);
    add_integer(app, "--seed", request.seed, "of the first picture (default: drawn and printed)");
    add_integer(app, "--count", request.count, "pictures; picture i gets the seed plus i");
    app.add_option("--negative", request.negative_prompt,
                   "what to keep out; needs guidance and a model that knows it");
    app.add_option("--sampler", request.sampler, "denoising solver (default: the model's)");
    add_integer(app, "--quality", value.quality, "of JPEG and WebP, 0 to 100", {0, 100});
    app.add_option("--trace", value.trace, "safetensors file for every stage of the first picture");
    add_config_flags(app, config, Scope::model_and_memory);
  }
  Command command() const {
    GenerateCommand command = value;
    command.config = config.apply();
    return command;
  }
};

struct Models {
  ModelsCommand value;

  void declare(CLI::App& app) {
    app.add_option("folders", value.folders, "model folders (default: those that ship with bafa)");
    app.add_flag("--json", value.json, "one JSON object a line");
  }
  Command command() const { return value; }
};

struct Tokenize {
  ConfigFlags config;
  bool second = false;

  void declare(CLI::App& app) {
    app.add_flag("--second", second, "the model's second tokenizer");
    add_config_flags(app, config, Scope::model);
  }
  Command command() const { return TokenizeCommand{config.apply(), second}; }
};

struct Bench {
  ConfigFlags config;
  BenchCommand value;
  std::string what;
  std::optional<int> repeat;

  void declare(CLI::App& app) {
    app.add_option("what", what,
                   "memory: what each way to need less of it saves and costs, side by side; "
                   "--budget is then what jobs are counted for")
        ->check(CLI::IsMember({"memory"}));
    add_request_flags(app, value.request);
    add_integer(app, "--batch", value.request.count, "pictures painted together (default: 1)");
    add_integer(app, "--repeat", repeat, "timed runs after the first", {1, 10'000})
        ->default_str(std::to_string(value.repeat));
    app.add_flag("--json", value.json, "one JSON line instead of a table");
    add_config_flags(app, config, Scope::model_and_memory);
  }
  Command command() const {
    BenchCommand command = value;
    command.config = config.apply();
    command.repeat = repeat.value_or(value.repeat);
    command.memory = what == "memory";
    return command;
  }
};

std::uint64_t read_bytes(const std::string& flag, std::string_view text,
                         const std::string& example) {
  const std::optional<std::int64_t> bytes = parse_bytes(text);
  if (bytes && *bytes > 0) return static_cast<std::uint64_t>(*bytes);
  throw Error(ErrorCode::invalid_value, flag + " takes a whole amount, such as " + example, flag);
}

double read_bandwidth(const std::string& text) {
  std::string_view amount = text;
  if (amount.ends_with("/s")) amount.remove_suffix(2);
  return static_cast<double>(read_bytes("--device-bandwidth", amount, "12GB/s"));
}

memory::Level read_level(const std::string& name) {
  std::string known;
  for (const memory::Level level : memory::kLevels) {
    known += (known.empty() ? "" : ", ") + std::string(to_string(level));
  }
  if (const auto level = memory::parse_level(name)) return *level;
  throw Error(ErrorCode::invalid_value,
              "--level must be one of " + known + ", not " + printable(name), "--level");
}

struct Plan {
  ConfigFlags config;
  PlanCommand value;

  void declare(CLI::App& app) {
    const auto budget = [this](const std::string& text) {
      value.budget_bytes = read_bytes("--budget", text, "8GiB");
    };
    app.add_option_function<std::string>(
        "--budget", budget, "device memory, such as 8GiB (default: what holds everything)");
    add_request_flags(app, value.request);
    add_integer(app, "--batch", value.request.count, "pictures painted together (default: 1)");
    app.add_option_function<std::string>(
           "--device-bandwidth",
           [this](const std::string& text) { value.bytes_per_second = read_bandwidth(text); },
           "how fast weights reach the device")
        ->default_str("12GB/s");
    app.add_option_function<std::string>(
        "--level", [this](const std::string& text) { value.level = read_level(text); },
        "make these sacrifices and no more: resident, turns, sliced, partial or streamed (default: "
        "the first that fits)");
    app.add_flag("--json", value.json, "one JSON line instead of a table");
    add_config_flags(app, config, Scope::model_and_devices);
  }
  Command command() const {
    PlanCommand command = value;
    command.config = config.apply();
    return command;
  }
};

// All subcommands and the library's parser over them.
class Parser {
 public:
  Parser() {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", "bafa " + std::string(version()));
    app_.footer("Each command answers --help.\n\n" + exit_codes_text());
    declare("serve", "answer requests over HTTP until SIGTERM or SIGINT", serve_);
    declare("generate", "paint a prompt into a file", generate_);
    declare("models", "describe model folders", models_);
    declare("tokenize", "JSON strings on standard input to lines of token ids", tokenize_);
    declare("bench", "time the model on this machine", bench_);
    declare("plan", "how a model would keep within a memory budget, from its headers alone", plan_);
  }

  Command parse(std::vector<std::string> arguments) {
    // For the package's build, not for people.
    if (arguments == std::vector<std::string>{"--man-page"}) {
      return Answer{kOk, man_page(app_, exit_codes_text())};
    }
    if (arguments == std::vector<std::string>{"--bash-completion"}) {
      return Answer{kOk, bash_completion(app_)};
    }
    std::ranges::reverse(arguments);  // the library takes them from the back
    app_.parse(std::move(arguments));
    if (app_.got_subcommand("serve")) return finish(serve_, serve_.config);
    if (app_.got_subcommand("generate")) return finish(generate_, generate_.config);
    if (app_.got_subcommand("tokenize")) return finish(tokenize_, tokenize_.config);
    if (app_.got_subcommand("bench")) return finish(bench_, bench_.config);
    if (app_.got_subcommand("plan")) return finish(plan_, plan_.config);
    return models_.command();
  }

  Answer answer(const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream mistakes;
    const int code = app_.exit(error, out, mistakes);
    return {code == 0 ? kOk : kUsage, out.str() + mistakes.str()};
  }

 private:
  template <typename Subcommand>
  void declare(const std::string& name, const std::string& description, Subcommand& subcommand) {
    CLI::App* const app = app_.add_subcommand(name, description);
    subcommand.declare(*app);
  }

  template <typename Subcommand>
  static Command finish(const Subcommand& subcommand, const ConfigFlags& flags) {
    if (flags.print) return Answer{kOk, to_json(flags.apply())};
    return subcommand.command();
  }

  CLI::App app_{"bafa paints pictures from prompts, on this machine.", "bafa"};
  Serve serve_;
  Generate generate_;
  Models models_;
  Tokenize tokenize_;
  Bench bench_;
  Plan plan_;
};

}  // namespace

Command parse_command_line(const std::vector<std::string>& arguments) {
  Parser parser;
  try {
    return parser.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return parser.answer(error);
  }
}

FieldNames field_names() {
  return {.prompt = "prompt",
          .negative_prompt = "--negative",
          .width = "--size",
          .height = "--size",
          .steps = "--steps",
          .guidance_scale = "--guidance",
          .guidance_rescale = "--guidance-rescale",
          .cfg_normalization = "--cfg-normalization",
          .cfg_truncation = "--cfg-truncation",
          .clip_skip = "--clip-skip",
          .seed = "--seed",
          .count = "--count",
          .sampler = "--sampler"};
}

std::string_view version() { return BAFA_VERSION; }

}  // namespace bafa::app

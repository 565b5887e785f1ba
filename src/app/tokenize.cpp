#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "app/commands.h"
#include "app/exit_code.h"
#include "app/model_path.h"
#include "bafa/error.h"
#include "base/json.h"

namespace bafa::app {
namespace {

std::string text_of(const std::string& line, int number) {
  const std::string source = "line " + std::to_string(number);
  const Json text = parse_json(line, {.source = source});
  if (!text.is_string()) {
    throw Error(ErrorCode::invalid_value, source + " of standard input is not a JSON string",
                source);
  }
  return text.get<std::string>();
}

}  // namespace

int run(const TokenizeCommand& command) {
  const auto choice =
      command.second ? pipeline::TokenizerChoice::second : pipeline::TokenizerChoice::first;
  const auto tokenizer =
      pipeline::open_tokenizer(find_model(command.config.model.path, model_roots()), choice,
                               tokenizer_options(command.config));
  int number = 0;
  for (std::string line; std::getline(std::cin, line);) {
    const text::Tokens tokens = tokenizer->encode(text_of(line, ++number));
    std::cout << Json(tokens.ids).dump() << '\n';
  }
  if (!std::cout.flush()) throw Error(ErrorCode::io_error, "cannot write to standard output");
  return kOk;
}

}  // namespace bafa::app
